"""What would have become of the past under other rules."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.candidates.overlay import Overlay, overlay_of
from gateway.core.state import GatewayState
from gateway.domain.candidates import DifferenceKind
from gateway.domain.config import Limits, TradingConfig
from gateway.domain.enums import Mode, Route, Side
from gateway.domain.events import PolicyVerdict
from gateway.domain.facts import OrderDenied
from gateway.domain.policy_input import PolicyDocument
from gateway.service.candidates.verdicts import Verdicts
from gateway.service.candidates.whatif import Question, WhatIf, what_if
from tests.properties.test_determinism import stream, written_and_read
from tests.world import ALLOW, DENY, D, World, trading_config

TIGHT = Limits(max_order_size=D(12))
POSITION = Limits(max_position_size=D(20))

#: One order of a strategy that sends the same whatever becomes of it: side, quantity, limit order, filled.
_ORDERS = st.lists(
    st.tuples(st.sampled_from(list(Side)), st.integers(1, 20), st.booleans(), st.booleans()), min_size=1, max_size=25
)
Sent = tuple[Side, int, bool, bool]


def trade(world: World, orders: list[Sent]) -> World:
    for number, (side, qty, is_limit, is_filled) in enumerate(orders):
        world._count = 1_000 * number  # the same ids in any world, whatever fills there
        order = world.place(side, qty, limit=world.prices["AAPL"] if is_limit else None)
        for leg in world.legs(order):
            if is_filled and leg.is_admitted and leg.is_open:
                world.fill(leg)
    return world


def denied(world: World) -> list[str]:
    ids = [fact.order_id for record in world.records for fact in record.facts if isinstance(fact, OrderDenied)]
    return sorted({order_id.partition("-")[0] for order_id in ids})


def edit_of(world: World, **changes: Any) -> Overlay:
    config: TradingConfig = trading_config(world.state.config.global_mode, **changes)
    return overlay_of(world.state.config, config)


async def asked(
    world: World, overlay: Overlay, policy: Any = None, *, since_ns: int = 0, is_candidate: bool = True
) -> WhatIf:
    def verdicts() -> Verdicts:
        return Verdicts(policy, is_candidate=is_candidate)

    question = Question(overlay, verdicts(), verdicts(), since_ns)
    return await what_if(stream(written_and_read(world.records)), GatewayState(), question)


@given(orders=_ORDERS)
async def test_a_tightened_order_limit_finds_exactly_what_a_fresh_gateway_would_have_denied(orders: list[Sent]) -> None:
    """Without this, people would tighten a limit on a list of orders that is not the one it would stop."""
    real, fresh = trade(World(), orders), trade(World(trading_config(limits=TIGHT)), orders)
    found = await asked(real, edit_of(real, limits=TIGHT))
    assert sorted(one.order_id for one in found.tally.examples) == sorted(found.folded_denied) == denied(fresh)
    assert {(one.kind, one.rules) for one in found.tally.examples} <= {(DifferenceKind.DENIES, ("MAX_ORDER_SIZE",))}


@given(orders=_ORDERS, mode=st.sampled_from([Mode.SHADOW, Mode.CANARY]))
async def test_the_folded_world_is_the_one_that_a_fresh_gateway_would_be_in(orders: list[Sent], mode: Mode) -> None:
    """Without this, exposure and P&L of a candidate would be those of no gateway that could ever have been.

    One denial leaves another position, so later orders open where they closed, or are divided otherwise.
    """
    real, fresh = (
        trade(World(trading_config(mode)), orders),
        trade(World(trading_config(mode, limits=POSITION)), orders),
    )
    found = await asked(real, edit_of(real, limits=POSITION))
    assert sorted(found.folded_denied) == denied(fresh)
    for change in found.books:
        use = fresh.state.books[change.book].gateway
        was = real.state.books[change.book].gateway
        assert (change.recorded.gross, change.recorded.earned) == (was.gross, was.pnl)
        assert (change.candidate.gross, change.candidate.net) == (use.gross, use.net)
        assert (change.candidate.earned, change.candidate.held) == (use.pnl, use.held)
    assert (found.unplaced, found.skipped, found.folded_problem) == (0, 0, "")


async def test_what_the_candidate_would_admit_is_counted_and_never_filled() -> None:
    """Without this, fills that nobody ever had would be in the books of the candidate."""
    world = World(trading_config(limits=TIGHT))
    order = world.place(qty=15)
    assert order.reject is not None
    found = await asked(world, edit_of(world, limits=Limits()), lambda document: ALLOW)
    (difference,) = found.tally.examples
    assert (difference.kind, difference.rules) == (DifferenceKind.ADMITS, ("MAX_ORDER_SIZE",))
    assert difference.notional == 15 * D("180.00")
    assert found.positions == ()
    assert all(change.recorded == change.candidate for change in found.books)


async def test_a_policy_nobody_has_is_taken_as_a_yes_and_counted() -> None:
    """Without this, an order would be called admitted by a policy that was never asked."""
    world = World(trading_config(limits=TIGHT))
    world.place(qty=15)
    found = await asked(world, edit_of(world, limits=Limits()))
    assert (found.tally.totals[DifferenceKind.ADMITS].orders, found.assumed) == (1, 1)


async def test_candidate_policies_deny_by_their_own_rules_and_take_positions_out() -> None:
    """Without this, a policy could only be judged by what it says and never by what it would have saved."""

    def no_tesla(document: PolicyDocument) -> PolicyVerdict:
        return DENY if document.order.symbol == "TSLA" else ALLOW

    world = World()
    world.fill(world.place(symbol="TSLA"))
    world.fill(world.place(symbol="AAPL"))
    world.mark("TSLA", D("240.00"))
    found = await asked(world, edit_of(world), no_tesla)
    (difference,) = found.tally.examples
    assert (difference.kind, difference.rules, difference.symbol) == (DifferenceKind.DENIES, ("TEST_RULE",), "TSLA")
    (position,) = found.positions
    assert (position.symbol, position.recorded_qty, position.candidate_qty) == ("TSLA", D(10), D(0))
    shadow = next(change for change in found.books if change.book is Route.SHADOW)
    assert (shadow.recorded.earned, shadow.candidate.earned) == (D(-100), D(0))


async def test_a_policy_that_raises_is_an_error_of_the_candidate_and_never_of_the_command() -> None:
    """Without this, one order that a policy cannot decide would end the whole command."""

    def broken(document: PolicyDocument) -> PolicyVerdict:
        raise RuntimeError("no")

    world = World()
    world.place()
    found = await asked(world, edit_of(world), broken)
    assert found.policy_errors == 1
    assert found.tally.by_rule()[0].rule == "POLICY_UNAVAILABLE"


async def test_another_mode_shows_as_another_route() -> None:
    """Without this, nobody could see beforehand what a larger share would send live."""
    world = World(trading_config(Mode.CANARY, weight_bp=0))
    world.fill(world.place())
    found = await asked(world, edit_of(world, weight_bp=10_000))
    (difference,) = found.tally.examples
    assert (difference.kind, difference.rules) == (DifferenceKind.ROUTES, ("CANARY_DRAWN_LIVE",))
    live = next(change for change in found.books if change.book is Route.LIVE)
    assert (live.recorded.gross, live.candidate.gross) == (D(0), D(1800))


async def test_only_what_the_edit_changes_is_laid_over_the_past() -> None:
    """Without this, every edit made since would show up as an effect of the one that is asked about."""
    world = World(trading_config(limits=Limits(max_order_size=D(5))))
    assert world.place(qty=10).reject is not None
    world.load(trading_config(limits=Limits(max_order_size=D(50)), revision="later"))
    same = await asked(world, overlay_of(world.state.config, world.state.config))
    other = await asked(world, edit_of(world, limits=Limits(max_order_size=D(50), max_position_size=D(1_000))))
    assert same.tally.differences == other.tally.differences == 0


async def test_what_was_before_the_window_is_folded_and_not_judged() -> None:
    """Without this, the first orders of a window would be measured against positions that were not there."""
    world = World()
    world.fill(world.place(qty=15))
    since_ns = world.tick()
    world.place(qty=10)
    found = await asked(world, edit_of(world, limits=POSITION), since_ns=since_ns)
    (difference,) = found.tally.examples
    assert (difference.order_qty, difference.rules) == (Decimal(10), ("MAX_POSITION_SIZE",))
