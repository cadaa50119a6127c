"""Where orders go, told as the stories that hurt: flips, splits, demotions, caps."""

from decimal import Decimal

import pytest

from gateway.core.identity import draw_bucket
from gateway.domain.config import Limits, VenueMode
from gateway.domain.enums import CanaryUnit, ExecType, Mode, OrdStatus, Route, Side, TradingState
from gateway.domain.reasons import RejectCode, RouteReason
from gateway.domain.rollout import CanaryCaps, Rollout
from tests.world import ALLOW, MANUAL, World, trading_config

D = Decimal


@pytest.mark.parametrize(
    ("overall", "own", "effective"),
    [
        (Mode.SHADOW, Mode.LIVE, Mode.SHADOW),
        (Mode.CANARY, Mode.LIVE, Mode.CANARY),
        (Mode.LIVE, Mode.CANARY, Mode.CANARY),
        (Mode.LIVE, Mode.SHADOW, Mode.SHADOW),
        (Mode.LIVE, Mode.LIVE, Mode.LIVE),
    ],
)
def test_the_lower_mode_counts(overall: Mode, own: Mode, effective: Mode) -> None:
    """Without this, the global brake would not brake."""
    config = trading_config(global_mode=overall, venues={"alpha": VenueMode(mode=own, canary_weight_bp=1)})
    assert config.effective_mode("alpha") is effective
    assert config.effective_mode("never-configured") is Mode.SHADOW


def test_an_exit_goes_where_its_entry_went_after_a_demotion() -> None:
    """Without this, a demotion would strand the live position and sell a simulated one instead."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(10)
    world.load(trading_config(Mode.SHADOW, revision="demoted"))
    order = world.place(Side.SELL, 10)
    assert (order.route, order.route_reason) == (Route.LIVE, RouteReason.CLOSES_POSITION)


def test_an_exit_goes_where_its_entry_went_after_a_promotion() -> None:
    """Without this, going LIVE would send the exit of a simulated position to the venue: a real short."""
    world = World(trading_config(Mode.SHADOW))
    world.fill(world.place(qty=10))
    world.load(trading_config(Mode.LIVE, revision="promoted"))
    order = world.place(Side.SELL, 10)
    assert (order.route, order.is_closing) == (Route.SHADOW, True)
    world.fill(order)
    assert world.place(Side.BUY, 10).route is Route.LIVE


def test_adding_to_a_live_position_after_a_demotion_is_simulated() -> None:
    """Without this, a demoted venue would still take new live risk."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(10)
    world.load(trading_config(Mode.SHADOW, revision="demoted"))
    order = world.place(Side.BUY, 5)
    assert (order.route, order.route_reason) == (Route.SHADOW, RouteReason.DEMOTED_CYCLE)
    world.fill(order)
    exit_order = world.place(Side.SELL, 15)
    legs = {leg.route: leg.order_qty for leg in world.legs(exit_order)}
    assert legs == {Route.LIVE: D(10), Route.SHADOW: D(5)}


def test_an_order_larger_than_the_position_is_split() -> None:
    """Without this, the flip would be live as a whole, or the close would wait for the flip's permission."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(4)
    world.load(trading_config(Mode.SHADOW, revision="demoted"))
    order = world.place(Side.SELL, 10)
    close, rest = world.legs(order)
    assert (close.route, close.order_qty, close.is_closing) == (Route.LIVE, D(4), True)
    assert (rest.route, rest.order_qty, rest.is_closing) == (Route.SHADOW, D(6), False)
    assert rest.cycle == close.cycle + 1
    assert order.route is Route.SPLIT
    world.fill(close)
    world.fill(rest)
    assert order.ord_status is OrdStatus.FILLED
    assert (world.position(Route.LIVE), world.position(Route.SHADOW)) == (0, -6)


def test_the_closing_leg_stands_when_the_rest_is_denied() -> None:
    """Without this, a limit on shorts would keep a long from being closed."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(4)
    world.load(trading_config(Mode.LIVE, limits=Limits(max_position_size=D(5)), revision="tight"))
    order = world.place(Side.SELL, 10)
    close, rest = world.legs(order)
    assert close.is_admitted
    assert rest.ord_status is OrdStatus.DENIED
    world.fill(close)
    assert order.ord_status is OrdStatus.CANCELED
    assert world.position(Route.LIVE) == 0


def test_a_fat_finger_limit_sees_the_whole_of_a_split_order() -> None:
    """Without this, splitting would let an order through that is too large as a whole."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(5)
    world.load(trading_config(Mode.LIVE, limits=Limits(max_order_size=D(8)), revision="tight"))
    order = world.place(Side.SELL, 9)
    assert order.ord_status is OrdStatus.DENIED
    assert world.place(Side.SELL, 8).is_open


def test_two_closing_orders_cannot_close_more_than_there_is() -> None:
    """Without this, a second exit would go live as a close and open a short nobody allowed."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(10)
    world.load(trading_config(Mode.SHADOW, revision="demoted"))
    first = world.place(Side.SELL, 7)
    second = world.place(Side.SELL, 7)
    assert first.route is Route.LIVE
    assert {leg.route: leg.order_qty for leg in world.legs(second)} == {Route.LIVE: D(3), Route.SHADOW: D(4)}
    world.report(first, ExecType.CANCELED)
    assert world.place(Side.SELL, 7).route is Route.LIVE


def test_canceling_a_split_order_cancels_every_leg() -> None:
    """Without this, a client's cancel would leave half of his order working."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(4)
    world.load(trading_config(Mode.SHADOW, revision="demoted"))
    order = world.place(Side.SELL, 10, limit=D(200))
    world.cancel(order)
    assert {ticket.order_id for ticket in world.canceled} == set(order.leg_ids)


def test_a_canary_cycle_is_drawn_once_and_followed() -> None:
    """Without this, one position could be half live and half simulated."""
    world = World(trading_config(Mode.CANARY, weight_bp=5_000))
    for n in range(40):
        strategy = f"s{n}"
        entry = world.place(strategy=strategy)
        drawn = draw_bucket("test", "default", strategy, "alpha", "AAPL", "1") < 5_000
        assert entry.route is (Route.LIVE if drawn else Route.SHADOW)
        more = world.place(strategy=strategy)
        assert (more.route, more.cycle) == (entry.route, entry.cycle)
        world.fill(entry)
        world.fill(more)
        exit_order = world.place(Side.SELL, 20, strategy=strategy)
        assert exit_order.route is entry.route
        world.fill(exit_order)
        assert world.place(strategy=strategy).cycle == entry.cycle + 1


@pytest.mark.parametrize("unit", list(CanaryUnit))
def test_the_canary_unit_says_what_shares_a_draw(unit: CanaryUnit) -> None:
    """Without this, 'by strategy' would still deal single positions."""
    world = World(
        trading_config(Mode.CANARY, weight_bp=5_000, rollout=Rollout(salt="u", canary_unit=unit, promotions=MANUAL))
    )
    routes: dict[str, set[Route]] = {}
    for n in range(30):
        order = world.place(strategy=f"s{n % 10}", symbol=("AAPL", "TSLA", "ES")[n % 3], qty=1)
        routes.setdefault(order.strategy_id, set()).add(order.route)
    if unit is CanaryUnit.ACCOUNT:
        assert len({route for found in routes.values() for route in found}) == 1
    elif unit is CanaryUnit.STRATEGY:
        assert all(len(found) == 1 for found in routes.values())
        assert len({route for found in routes.values() for route in found}) == 2
    else:
        assert any(len(found) == 2 for found in routes.values())


@pytest.mark.parametrize(
    ("caps", "reason"),
    [
        (CanaryCaps(max_live_orders=2), RouteReason.CANARY_CAP_ORDERS),
        (CanaryCaps(max_live_orders=0), RouteReason.CANARY_CAP_ORDERS),
        (CanaryCaps(max_live_notional=D(4_000)), RouteReason.CANARY_CAP_NOTIONAL),
    ],
)
def test_what_would_break_a_canary_cap_is_simulated(caps: CanaryCaps, reason: RouteReason) -> None:
    """Without this, '1% of orders' could be one order of a million."""
    world = World(trading_config(Mode.CANARY, weight_bp=10_000, caps={"alpha": caps}))
    orders = [world.place(strategy=f"s{n}") for n in range(3)]
    allowed = 0 if caps.max_live_orders == 0 else 2
    assert [order.route for order in orders] == [Route.LIVE] * allowed + [Route.SHADOW] * (3 - allowed)
    assert orders[-1].route_reason is reason


def test_a_canary_that_lost_enough_takes_no_new_risk() -> None:
    """Without this, a canary's loss would be bounded by nothing."""
    caps = {"alpha": CanaryCaps(max_live_loss=D(100))}
    world = World(trading_config(Mode.CANARY, weight_bp=10_000, caps=caps))
    world.open_live(10)
    world.mark("AAPL", D("170"))
    order = world.place(strategy="s2")
    assert order.route_reason is RouteReason.CANARY_CAP_LOSS
    assert world.place(Side.SELL, 10).route is Route.LIVE


def test_reducing_admits_what_reduces_and_nothing_else() -> None:
    """Without this, 'reduce only' would either lock people in or let them in further."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(10)
    world.halt(TradingState.REDUCING)
    assert world.place(Side.SELL, 5).is_admitted
    denied = world.place(Side.BUY, 5)
    assert denied.reject is not None
    assert denied.reject.code == RejectCode.TRADING_REDUCING


def test_a_closing_leg_goes_out_whatever_moved_while_the_policy_thought() -> None:
    """Without this, a demotion at the wrong moment would swallow an exit."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(4)
    world.policy = lambda document: None
    order = world.place(Side.SELL, 10)
    world.load(trading_config(Mode.SHADOW, revision="demoted"))
    for effect in list(world.asked):
        world.answer_policy(effect, ALLOW)
    close, rest = world.legs(order)
    assert close.is_admitted
    assert rest.reject is not None
    assert rest.reject.code == RejectCode.CONTROLS_CHANGED
