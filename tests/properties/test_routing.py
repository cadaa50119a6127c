"""Invariants 1 to 5: what may go live, and that what went live can always come home."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.identity import draw_bucket
from gateway.domain.breakers import BREAKER_DEFAULTS, BreakerAction
from gateway.domain.config import Limits
from gateway.domain.enums import ExecType, Mode, Route, Side, TradingState
from gateway.domain.facts import OrderAdmitted, OrderHeld
from tests.properties.streams import SCOPES, Step, live_through, operations
from tests.world import DENY, World, trading_config

D = Decimal


@given(steps=operations())
def test_inv_1_shadow_never_causes_a_venue_effect(steps: list[Step]) -> None:
    """Without this, a gateway that has only ever been in SHADOW could send an order to a real venue."""
    world = World(trading_config(Mode.SHADOW))
    live_through(world, [step for step in steps if step[0] != "mode"])
    for ticket in (*world.sent, *world.canceled, *(r.ticket for r in world.replaced), *world.looked_up):
        assert ticket.route is Route.SHADOW


@given(steps=operations())
def test_inv_2_every_sent_order_was_held_and_admitted_under_its_revision_and_sent_once(steps: list[Step]) -> None:
    """Without this, an order could skip the limits or the policy, or go out twice."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps)
    held = {f.order.order_id: f.order for r in world.records for f in r.facts if isinstance(f, OrderHeld)}
    admitted = {f.order_id for r in world.records for f in r.facts if isinstance(f, OrderAdmitted)}
    revisions = {r.event.config.revision for r in world.records if hasattr(r.event, "config")}
    sent = [ticket.order_id for ticket in world.sent if not ticket.is_twin]
    assert len(sent) == len(set(sent))
    for order_id in sent:
        assert order_id in admitted
        assert held[order_id].config_revision in revisions


@given(steps=operations())
def test_inv_2_a_policy_that_denies_lets_nothing_out(steps: list[Step]) -> None:
    """Without this, a denial could be recorded and the order sent all the same."""
    world = World(trading_config(Mode.LIVE))
    world.policy = lambda document: DENY
    live_through(world, steps)
    assert world.sent == []


@given(steps=operations(), symbol=st.sampled_from(["AAPL", "TSLA"]), extra=st.integers(0, 20))
def test_inv_3_a_live_position_can_always_be_closed(steps: list[Step], symbol: str, extra: int) -> None:
    """Without this, a demotion, a limit or a mode flip could leave someone holding a live position for good."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps)
    world.resume()
    for scope in SCOPES:
        world.halt(TradingState.REDUCING, *scope)
    for order in world.state.open_orders():
        world.report(order, ExecType.CANCELED)
    strangled = trading_config(Mode.SHADOW, limits=strangling_limits(), revision="strangled")
    world.load(strangled)
    for account in ("default", "second"):
        for strategy in ("s1", "s2"):
            _close_fully(world, symbol, account, strategy, extra)


def strangling_limits() -> Limits:
    """Limits that admit no new risk whatever."""
    tiny = D("0.000001")
    return Limits(
        max_position_size=tiny,
        max_position_value=tiny,
        max_concentration=tiny,
        max_leverage=tiny,
        daily_loss_limit=tiny,
        blocked_symbols=("AAPL", "TSLA"),
    )


def _close_fully(world: World, symbol: str, account: str, strategy: str, extra: int) -> None:
    position = world.position(Route.LIVE, symbol, account, strategy)
    if not position:
        return
    side = Side.SELL if position > 0 else Side.BUY
    order = world.place(side, abs(position) + extra, symbol, account=account, strategy=strategy)
    live = [leg for leg in world.legs(order) if leg.route is Route.LIVE]
    assert sum((leg.order_qty for leg in live), D(0)) == abs(position), "exactly the position goes live"
    assert all(leg.is_admitted and leg.is_closing for leg in live)
    for leg in live:
        world.fill(leg)
    assert world.position(Route.LIVE, symbol, account, strategy) == 0


@given(steps=operations())
def test_inv_3_no_order_takes_a_live_position_through_zero(steps: list[Step]) -> None:
    """Without this, closing a live position could open the opposite one under rules that were never asked."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps)
    for record in world.records:
        for fact in record.facts:
            if isinstance(fact, OrderHeld) and fact.order.is_closing:
                assert not fact.order.leg_ids


@given(steps=operations())
def test_inv_10_demotion_is_immediate(steps: list[Step]) -> None:
    """Without this, lowering the mode would let one more opening order go live."""
    world = World(trading_config(Mode.LIVE))
    live_through(world, steps)
    world.resume()
    world.load(trading_config(Mode.SHADOW, revision="demoted"))
    before = len(world.sent)
    for side in Side:
        for symbol in ("AAPL", "TSLA"):
            world.place(side, 50, symbol)
    for ticket in world.sent[before:]:
        if ticket.route is Route.LIVE:
            assert world.state.orders[ticket.order_id].is_closing


@given(
    parts=st.lists(st.text(max_size=20), min_size=1, max_size=5),
    salt=st.text(max_size=20),
    low=st.integers(0, 10_000),
    high=st.integers(0, 10_000),
)
def test_inv_4_raising_the_weight_never_moves_a_draw_out_of_live(
    parts: list[str], salt: str, low: int, high: int
) -> None:
    """Without this, widening a canary would strand cycles that were live under the smaller weight."""
    bucket = draw_bucket(salt, *parts)
    assert 0 <= bucket < 10_000
    if bucket < min(low, high):
        assert bucket < max(low, high)


def test_inv_4_draws_are_the_same_in_every_process_and_version() -> None:
    """Without this, a restart (another hash seed) or an upgrade would deal running cycles anew."""
    assert [draw_bucket("salt", "default", "s1", "alpha", "AAPL", str(n)) for n in range(1, 6)] == GOLDEN_BUCKETS


GOLDEN_BUCKETS = [4284, 107, 4090, 4249, 4654]


def test_inv_4_the_drawn_share_is_the_weight() -> None:
    """Without this, '5% live' could mean any other share. 20,000 draws: three standard deviations are 0.46%."""
    live = sum(draw_bucket("salt", "account", str(n)) < 500 for n in range(20_000))
    assert abs(live / 20_000 - 0.05) < 0.0047


@given(steps=operations())
def test_inv_4_a_cycle_keeps_the_route_that_was_drawn_for_it(steps: list[Step]) -> None:
    """Without this, an entry could be live and its exit simulated."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps)
    routes: dict[tuple[str, int], set[Route]] = {}
    for record in world.records:
        for fact in record.facts:
            if isinstance(fact, OrderHeld) and fact.order.route is not Route.SPLIT:
                routes.setdefault((fact.order.position_key, fact.order.cycle), set()).add(fact.order.route)
    assert all(len(found) == 1 for found in routes.values())


@given(steps=operations())
def test_inv_5_changes_follow_their_order(steps: list[Step]) -> None:
    """Without this, the cancel of a live order could be sent to the simulator, and the order stay at the venue."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps)
    sent = (one for ticket in world.sent for one in (ticket, *ticket.exits))
    routes = {ticket.order_id: ticket.route for ticket in sent if not ticket.is_twin}
    for ticket in (*world.canceled, *(replaced.ticket for replaced in world.replaced)):
        assert ticket.is_twin or ticket.route is routes[ticket.order_id]


@given(steps=operations(), state=st.sampled_from(list(TradingState)))
def test_inv_5_a_cancel_always_passes(steps: list[Step], state: TradingState) -> None:
    """Without this, the kill switch or a limit could keep people from getting out of an order."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps)
    world.halt(state)
    for order in world.state.open_orders():
        before = len(world.canceled)
        assert world.cancel(order).refusal is None
        assert world.canceled[before].order_id == order.order_id


@given(steps=operations(30))
def test_inv_3_no_breaker_but_a_halt_keeps_a_live_position_from_being_closed(steps: list[Step]) -> None:
    """Without this, the breaker that is there to reduce risk would be what holds it."""
    breakers = {
        kind.value: msgspec.structs.replace(
            config,
            threshold=D("0.000001"),
            min_count=1,
            action=BreakerAction.REDUCE_ONLY if config.action is BreakerAction.HALT else config.action,
            stops_both_books=True,
        )
        for kind, config in BREAKER_DEFAULTS.items()
    }
    world = World(trading_config(Mode.CANARY, weight_bp=10_000, limits=Limits(max_order_size=D(1_000))))
    live_through(world, steps)
    world.resume()
    world.load(
        trading_config(Mode.LIVE, limits=Limits(max_order_size=D(1_000)), circuit_breakers=breakers, revision="strict")
    )
    world.check(AAPL=100, TSLA=100)
    world.check(1, AAPL=100, TSLA=100)
    for order in world.state.open_orders():
        world.report(order, ExecType.CANCELED)
    for position in list(world.state.books[Route.LIVE].positions.values()):
        if position.qty:
            side = Side.SELL if position.qty > 0 else Side.BUY
            order = world.place(
                side, abs(position.qty), position.symbol, account=position.account, strategy=position.strategy_id
            )
            assert order.reject is None, order.reject
