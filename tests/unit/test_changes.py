"""Cancels and replaces: what passes, what is checked again, what each answer means."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.domain.config import Limits
from gateway.domain.enums import ExecType, Mode, OrdStatus, OrdType, Route, Side, TradingState
from gateway.domain.facts import ReplaceAdmitted, ReplaceDenied, ReplaceHeld
from gateway.domain.reasons import RejectCode
from tests.world import DENY, World, trading_config

D = Decimal


def held(world: World, route: Route = Route.SHADOW) -> Decimal:
    return world.state.books[route].gateway.held


def test_a_smaller_order_is_replaced_without_asking_anyone() -> None:
    """Without this, reducing risk could be refused by a limit or a policy that is down."""
    world = World(trading_config(limits=Limits(max_order_size=D(10))))
    order = world.place(qty=10, limit=D(180))
    world.load(trading_config(limits=Limits(max_order_size=D(1)), revision="tight"))
    world.policy = lambda document: DENY
    world.replace(order, order_qty=D(5))
    assert [type(fact) for fact in world.records[-1].facts] == [ReplaceHeld, ReplaceAdmitted]
    assert held(world) == 1800, "the old terms hold until the venue answers"
    world.report(order, ExecType.REPLACED, order_qty=D(5))
    assert (order.order_qty, held(world)) == (5, 900)


def test_a_larger_order_is_checked_like_a_new_one() -> None:
    """Without this, a small order could grow past every limit."""
    world = World(trading_config(limits=Limits(max_position_size=D(15))))
    order = world.place(qty=10, limit=D(180))
    world.replace(order, order_qty=D(16))
    (denied,) = world.records[-1].facts
    assert isinstance(denied, ReplaceDenied)
    assert denied.reject.code == RejectCode.MAX_POSITION_SIZE
    assert order.pending_replace is None
    assert held(world) == 1800
    world.replace(order, order_qty=D(15))
    assert held(world) == 2700
    world.report(order, ExecType.REPLACED, order_qty=D(15))
    assert order.order_qty == 15


def test_new_terms_are_worth_what_the_instrument_asks_for() -> None:
    """Without this, a change would be sent that the venue refuses, or an order left that is too small to be one."""
    world = World()
    order = world.place(qty=D("0.001"), symbol="BTC/USDT", limit=D(50_000))
    world.report(order, ExecType.NEW)
    world.replace(order, order_qty=D("0.00009"))  # 4.50 where 5 is the least
    (denied,) = world.records[-1].facts
    assert isinstance(denied, ReplaceDenied)
    (breach,) = denied.reject.breaches
    assert (breach.code, breach.limit, breach.value) == (RejectCode.NOTIONAL_BELOW_MINIMUM, "5", "4.5")
    world.replace(order, order_qty=D("0.0001"))
    assert order.pending_replace is not None


def test_new_terms_that_the_policy_denies_leave_the_order_working() -> None:
    """Without this, a denied replace would kill the order, or let the new terms through."""
    world = World()
    order = world.place(qty=10, limit=D(180))
    world.policy = lambda document: DENY
    world.replace(order, order_qty=D(20))
    assert order.is_open
    assert (order.order_qty, held(world)) == (10, 1800)
    assert world.replaced == []


def test_a_venue_that_refuses_new_terms_leaves_the_old_ones() -> None:
    """Without this, exposure would stay held for terms that never came to be."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(qty=10, limit=D(180))
    world.replace(order, order_qty=D(20))
    world.report(order, ExecType.REPLACE_REJECTED, text="too late")
    assert (order.order_qty, held(world, Route.LIVE)) == (10, 1800)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"order_qty": D(10)}, RejectCode.REPLACE_UNCHANGED),
        ({"order_qty": D(4)}, RejectCode.REPLACE_BELOW_FILLED),
        ({"stop_px": D(170)}, RejectCode.ORDER_SHAPE_INVALID),
    ],
)
def test_terms_that_make_no_sense_are_refused_with_what_to_do(terms: dict[str, Any], code: RejectCode) -> None:
    """Without this, a client would get a venue's cryptic rejection, or silence."""
    world = World()
    order = world.place(qty=10, limit=D(180))
    world.fill(order, 4)
    decision = world.replace(order, **terms)
    assert decision.refusal is not None
    assert decision.refusal.code == code
    assert decision.facts == ()


def test_a_second_change_waits_for_the_first() -> None:
    """Without this, two replaces under way could cross, and nobody would know which terms hold."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(qty=10, limit=D(180))
    world.replace(order, order_qty=D(5))
    decision = world.replace(order, order_qty=D(4))
    assert decision.refusal is not None
    assert decision.refusal.code == RejectCode.REPLACE_PENDING


def test_a_finished_order_cannot_be_changed() -> None:
    """Without this, a cancel of a filled order would look as if it had worked."""
    world = World()
    order = world.place(qty=10)
    world.fill(order)
    for decision in (world.cancel(order), world.replace(order, order_qty=D(20))):
        assert decision.refusal is not None
        assert decision.refusal.code == RejectCode.ORDER_NOT_OPEN


def test_an_order_canceled_while_the_policy_thinks_is_never_sent() -> None:
    """Without this, a cancel that came in time would be overtaken by its own order."""
    world = World()
    world.policy = lambda document: None
    order = world.place(qty=10)
    world.cancel(order)
    assert order.ord_status is OrdStatus.CANCELED
    assert held(world) == 0
    world.answer_policy(world.asked[0], world.policy({}) or DENY)
    assert world.sent == []


def test_halted_lets_smaller_and_no_larger() -> None:
    """Without this, the kill switch would stop people from taking risk off."""
    world = World()
    order = world.place(qty=10, limit=D(180))
    world.halt(TradingState.REDUCING)
    world.replace(order, order_qty=D(20))
    assert order.pending_replace is None
    world.replace(order, order_qty=D(5))
    assert order.pending_replace is not None


def test_the_twin_is_changed_with_its_order() -> None:
    """Without this, a replaced live order would be compared with a twin of other terms."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(qty=10, limit=D(180))
    world.replace(order, order_qty=D(5))
    assert [effect.ticket.is_twin for effect in world.replaced] == [False, True, True]
    world.cancel(order)
    assert [ticket.is_twin for ticket in world.canceled] == [False, True, True]


def test_a_stop_is_valued_at_the_dearer_of_trigger_and_market() -> None:
    """Without this, a sell stop far below the market would hold far too little exposure."""
    world = World()
    world.place(Side.SELL, 10, ord_type=OrdType.STOP, stop_px=D(100))
    assert held(world) == 1800
    world.place(Side.BUY, 10, ord_type=OrdType.STOP, stop_px=D(200), strategy="s2")
    assert held(world) == 3800


@pytest.mark.parametrize(
    ("side", "trail", "unit"),
    [
        (Side.BUY, {"trailing_amount": D(100)}, 280),
        (Side.BUY, {"trailing_percent": D(50)}, 270),
        (Side.BUY, {"trailing_percent": D(50), "stop_px": D(200)}, 200),
        (Side.SELL, {"trailing_amount": D(100)}, 180),
    ],
)
def test_a_trailing_stop_is_valued_at_where_it_begins(side: Side, trail: dict[str, Any], unit: int) -> None:
    """Without this, a buy that only wakes far above the market would be held, and limited, at the market's price."""
    limits = Limits(max_order_value=D(12 * unit))
    world = World(trading_config(Mode.LIVE, limits=limits))
    order = world.place(side, 10, ord_type=OrdType.TRAILING_STOP, **trail)
    assert held(world, Route.LIVE) == 10 * unit
    assert not world.place(side, 13, ord_type=OrdType.TRAILING_STOP, strategy="s2", **trail).is_admitted
    world.report(order, ExecType.NEW)
    world.replace(order, order_qty=D(13))
    assert order.pending_replace is None
    world.replace(order, order_qty=D(12))
    world.report(order, ExecType.REPLACED, order_qty=D(12), stop_px=order.stop_px)
    assert held(world, Route.LIVE) == 12 * unit
    world.report(order, ExecType.REPLACED, order_qty=D(11), stop_px=order.stop_px)  # which nobody here asked for
    assert held(world, Route.LIVE) == 11 * unit


@pytest.mark.parametrize(
    ("qty", "px", "worst"),
    [
        (90, 200, 18_000),  # as much as before, at a dearer price: never 100 at 200
        (91, 200, 18_200),
        (50, 200, 18_000),  # the old terms may fill whole before the new ones are there
        (150, 100, 23_000),  # the same, and then 50 more
        (150, 190, 28_500),
    ],
)
@pytest.mark.parametrize("rule", ["max_open_order_value", "max_gross_exposure", "max_net_exposure"])
def test_new_terms_are_measured_at_what_they_may_come_to(rule: str, qty: int, px: int, worst: int) -> None:
    """Without this, an order that is made smaller at a better price would be refused for a value that it can never
    have, and one that is made larger at a lower price be measured at less than it may come to."""
    for limit, is_taken in ((worst, True), (worst - 1, False)):
        world = World(trading_config(Mode.LIVE))
        order = world.place(qty=100, limit=D(180))
        world.report(order, ExecType.NEW)
        world.load(trading_config(Mode.LIVE, limits=Limits(**{rule: D(limit)}), revision="limited"))
        world.replace(order, order_qty=D(qty), limit_px=D(px))
        assert (order.pending_replace is not None) == is_taken
        reject = next(
            (fact.reject for one in world.records for fact in one.facts if isinstance(fact, ReplaceDenied)), None
        )
        assert (reject is None) == is_taken
        assert reject is None or [breach.value for breach in reject.breaches] == [str(worst)]
