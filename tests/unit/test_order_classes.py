"""Bracket, OCO and OTO in the core: what is sent, what wakes when, what ends what, and what is held meanwhile."""

from collections.abc import Iterable
from decimal import Decimal

import pytest
from hypothesis import given

from gateway.core.state import GatewayState
from gateway.core.validation import shape_problems
from gateway.domain.capabilities import Holdings, IdReuse, Reach, VenueCapabilities
from gateway.domain.enums import (
    ExecType,
    Mode,
    OrderClass,
    OrdStatus,
    OrdType,
    Route,
    Side,
    SubmitStatus,
    TimeInForce,
    TradingState,
)
from gateway.domain.events import AdmissionsAbandoned, GatewayStarted, LookupCompleted, ReportsReceived, SubmitCompleted
from gateway.domain.executions import ExecutionReport
from gateway.domain.order_class import StopLoss, TakeProfit
from gateway.domain.orders import NewOrderSingle, Order
from gateway.domain.reasons import RejectCode
from gateway.service.views import story_of
from tests.naive import assert_books_add_up
from tests.properties.streams import Step, live_through, operations
from tests.world import ALLOW, DENY, D, Limits, World, trading_config

BUY, SELL = Side.BUY, Side.SELL
BRACKET, OCO, OTO = OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO
FILLED = OrdStatus.FILLED


@pytest.fixture
def world() -> World:
    return World(trading_config(Mode.LIVE))


def legs(world: World, parent: Order) -> list[Order]:
    """What is sent, then its exits."""
    return [world.state.orders[leg_id] for leg_id in parent.leg_ids]


def closing(world: World, order: Order) -> Decimal:
    return world.state.cycles[order.position_key].of(order.route).closing_qty


def statuses(orders: Iterable[Order]) -> list[str]:
    return [order.ord_status.value for order in orders]


# --- what is sent --------------------------------------------------------------------------------------


def test_a_bracket_leaves_as_one_request_with_its_exits(world: World) -> None:
    """Sent one by one, a fill of the entry could be left without its stop."""
    parent = world.place_class(BRACKET)
    entry, profit, loss = legs(world, parent)
    sent = [ticket for ticket in world.sent if not ticket.is_twin]
    assert [ticket.order_id for ticket in sent] == [entry.order_id]
    assert [one.order_id for one in sent[0].exits] == [profit.order_id, loss.order_id]
    assert (profit.side, profit.ord_type, profit.limit_px) == (SELL, OrdType.LIMIT, D(198))
    assert (loss.side, loss.ord_type, loss.stop_px) == (SELL, OrdType.STOP, D(162))
    assert profit.is_closing
    assert loss.is_closing
    assert profit.route is loss.route is Route.LIVE
    assert [one.is_armed for one in sent[0].exits] == [False, False]
    assert sent[0].exits[0].sibling_id == loss.order_id


def test_each_of_its_twins_leaves_with_exits_of_its_own(world: World) -> None:
    """A twin without exits would show what the simulator makes of another order than the live one."""
    parent = world.place_class(BRACKET)
    twins = [ticket for ticket in world.sent if ticket.is_twin]
    assert [len(ticket.exits) for ticket in twins] == [2, 2]
    assert all(one.is_twin and one.route is Route.SHADOW for ticket in twins for one in ticket.exits)
    assert all(leg.twin is not None for leg in legs(world, parent))


def test_an_order_class_that_the_policy_denies_leaves_no_exits_behind(world: World) -> None:
    """Exits of an order that was never sent would hold up a cycle for ever."""
    world.policy = lambda document: DENY
    parent = world.place_class(BRACKET)
    assert parent.ord_status is OrdStatus.DENIED
    assert world.sent == []
    assert not world.state.open_orders()


def test_the_policy_is_told_the_class_and_asked_once(world: World) -> None:
    """A policy that wants no market orders without a stop must be able to see that there is one."""
    asked: list[str] = []
    allow = world.policy
    world.policy = lambda document: asked.append(document["order"]["order_class"]) or allow(document)
    world.place_class(OTO)
    assert set(asked) == {"oto"}


def test_an_exit_off_the_tick_denies_the_whole(world: World) -> None:
    """Refused by the venue after the entry has filled, it would leave the position without its stop."""
    parent = world.place(BUY, 10, order_class=OTO, stop_loss=StopLoss(D("150.005")))
    assert parent.reject is not None
    assert parent.reject.code == RejectCode.PRICE_OFF_TICK
    assert "150.005 (stop_loss)" in parent.reject.text


def test_a_fat_fingered_exit_denies_the_whole() -> None:
    """A sell limit far under the stop that triggers it sells at any price."""
    world = World(trading_config(Mode.LIVE, limits=Limits(price_collar=D("0.05"))))
    parent = world.place(BUY, 10, order_class=OTO, stop_loss=StopLoss(D(150), D(100)))
    assert parent.reject is not None
    assert parent.reject.code == RejectCode.PRICE_COLLAR
    assert parent.reject.text.startswith("stop_loss: ")


@pytest.mark.parametrize(
    ("side", "limit", "profit", "is_taken"),
    [
        (BUY, 160, 165, True),  # the market is at 180 now, and at 160 when the exit wakes
        (SELL, 200, 195, True),
        (BUY, None, 165, False),  # wakes at once, and would sell for less than the market pays
        (SELL, None, 195, False),
        (BUY, 189, 190, True),
    ],
)
def test_an_exit_is_held_to_the_market_that_it_wakes_in(
    side: Side, limit: int | None, profit: int, is_taken: bool
) -> None:
    """Without this, no bracket whose entry waits away from the market would get by the collar."""
    world = World(trading_config(Mode.LIVE, limits=Limits(price_collar=D("0.05"))))
    px = None if limit is None else D(limit)
    parent = world.place(side, 10, limit=px, order_class=OTO, take_profit=TakeProfit(D(profit)))
    reject = None if parent.reject is None else parent.reject.text.split()[0]
    assert reject == (None if is_taken else "take_profit:")


def test_a_class_that_the_venue_does_not_have_is_refused_on_every_route() -> None:
    """What SHADOW would play and the venue never could is no evidence for anything."""
    can = VenueCapabilities(
        adapter="test",
        id_reuse=IdReuse.ALWAYS_REFUSED,
        lookup=Reach.ALL,
        executions=Reach.ALL,
        holdings=Holdings.NONE,
        order_types=tuple(OrdType),
        times_in_force=tuple(TimeInForce),
        order_classes=(OTO,),
    )
    world = World(trading_config(Mode.SHADOW, capabilities={"alpha": can}))
    parent = world.place_class(BRACKET)
    assert parent.reject is not None
    assert parent.reject.code == RejectCode.ORDER_CLASS_UNSUPPORTED
    assert world.place_class(OTO).reject is None


def test_the_entry_of_a_bracket_must_open(world: World) -> None:
    """Its exits would otherwise open what nobody asked for, once it had closed the position."""
    world.open_live(10)
    parent = world.place_class(BRACKET, SELL)
    assert parent.reject is not None
    assert parent.reject.code == RejectCode.ORDER_CLASS_UNFIT
    assert world.place_class(BRACKET, SELL, 20).reject is not None  # a part of it would close


def test_an_oco_must_close_in_full(world: World) -> None:
    """Beyond the position it would open one the other way, with a stop that makes it larger."""
    world.open_live(10)
    for qty, is_taken in ((11, False), (10, True)):
        reject = world.place_class(OCO, SELL, qty).reject
        assert (reject is None) is is_taken
        assert is_taken or (reject is not None and reject.code == RejectCode.ORDER_CLASS_UNFIT)


# --- what wakes, what ends -----------------------------------------------------------------------------


def test_exits_count_as_closing_as_far_as_the_entry_has_filled(world: World) -> None:
    """Else another order could close the same units, and the exit then sells what is not there."""
    parent = world.place_class(BRACKET)
    entry, profit, _loss = legs(world, parent)
    assert closing(world, entry) == 0
    world.fill(entry, 4)
    assert closing(world, entry) == 4
    world.fill(entry)
    assert closing(world, entry) == 10  # not 20: only one of the pair can
    world.fill(profit, 3)
    assert closing(world, entry) == 7
    other = world.place(SELL, 5)
    assert not other.is_closing


def test_the_sibling_counts_until_it_has_ended_too(world: World) -> None:
    """Between the end of one exit and that of the other, the other may still fill."""
    parent = world.place_class(BRACKET)
    entry, profit, loss = legs(world, parent)
    world.fill(entry)
    world.report(profit, ExecType.CANCELED)
    assert closing(world, entry) == 10
    world.report(loss, ExecType.CANCELED)
    assert closing(world, entry) == 0
    assert parent.ord_status is FILLED
    assert not world.state.open_orders()


def test_a_profit_taken_ends_the_group_and_leaves_nothing_held(world: World) -> None:
    """Invariant 6: exposure is back at zero when all is terminal."""
    parent = world.place_class(BRACKET)
    entry, profit, loss = legs(world, parent)
    world.fill(entry)
    world.fill(profit, px=D(198))
    assert parent.is_open  # the venue has yet to say that the stop is gone
    world.report(loss, ExecType.CANCELED)
    assert statuses([parent, entry, profit, loss]) == ["filled", "filled", "filled", "canceled"]
    assert world.position(Route.LIVE) == 0
    assert world.state.books[Route.LIVE].gateway.held == 0
    assert world.state.books[Route.LIVE].gateway.open_orders == 0


@pytest.mark.parametrize("filled", [0, 4])
def test_exits_end_with_an_entry_that_ends_before_it_filled_whole(world: World, filled: int) -> None:
    """The venue never wakes them, and does not always say so."""
    parent = world.place_class(BRACKET)
    entry, profit, loss = legs(world, parent)
    if filled:
        world.fill(entry, filled)
    world.report(entry, ExecType.CANCELED)
    assert statuses([parent, profit, loss]) == ["canceled"] * 3
    assert closing(world, entry) == 0
    assert world.place(SELL, 4).is_closing is bool(filled)


def test_their_own_ends_told_in_the_same_breath_are_no_news(world: World) -> None:
    """The same end booked twice would count exposure down twice."""
    parent = world.place_class(BRACKET)
    orders = legs(world, parent)
    told = tuple(
        ExecutionReport(order_id=one.order_id, exec_type=ExecType.CANCELED, transact_ns=world.tick())
        for one in (*orders, *reversed(orders))
    )
    decision = world.send(ReportsReceived(ts_ns=world.now_ns, reports=told))
    assert len(decision.facts) == 3
    assert world.state.books[Route.LIVE].gateway.open_orders == 0


def test_a_rejected_entry_takes_its_exits_with_it(world: World) -> None:
    """Nothing would ever tell of exits that the venue never had."""
    for kind in (BRACKET, OTO):
        parent = world.place_class(kind)
        entry, *exits = legs(world, parent)
        world.send(
            SubmitCompleted(ts_ns=world.tick(), order_id=entry.order_id, status=SubmitStatus.REJECTED, text="no")
        )
        assert parent.ord_status is OrdStatus.REJECTED
        assert set(statuses(exits)) == {"canceled"}


def test_an_oco_that_was_never_there_ends_whole(world: World) -> None:
    """The stop of it went with the same request."""
    world.open_live(10)
    parent = world.place_class(OCO, SELL)
    profit, loss = legs(world, parent)
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=profit.order_id, status=SubmitStatus.UNKNOWN, text="?"))
    assert profit.is_in_doubt
    assert closing(world, profit) == 10
    world.send(LookupCompleted(ts_ns=world.tick(), order_id=profit.order_id, is_known=False))
    assert statuses([profit, loss]) == ["canceled", "canceled"]
    assert closing(world, profit) == 0


def test_exits_are_in_doubt_though_their_entry_was_heard_of(world: World) -> None:
    """The answer that names them was lost, and the stream tells of them under ids that nobody knows."""
    parent = world.place_class(BRACKET)
    entry, profit, loss = legs(world, parent)
    world.fill(entry)
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=entry.order_id, status=SubmitStatus.UNKNOWN, text="?"))
    assert [order.is_in_doubt for order in (entry, profit, loss)] == [False, True, True]
    assert {one.order_id for one in world.looked_up} == {profit.order_id, loss.order_id}


def test_a_stop_of_an_oco_that_fills_while_its_profit_ends_is_booked_once(world: World) -> None:
    """The end of one says nothing about the other until the venue does."""
    world.open_live(10)
    parent = world.place_class(OCO, SELL)
    profit, loss = legs(world, parent)
    world.report(profit, ExecType.CANCELED)
    assert loss.is_open
    assert closing(world, profit) == 10
    world.fill(loss, px=D(162))
    assert story_of(parent, [profit, loss]).order.ord_status is FILLED
    assert parent.ord_status is FILLED
    assert world.position(Route.LIVE) == 0


def test_what_its_exits_fill_is_not_what_the_order_filled(world: World) -> None:
    """The client asked for ten; told of twenty filled, it would hedge ten too many."""
    parent = world.place_class(BRACKET)
    entry, profit, _loss = orders = legs(world, parent)
    world.fill(entry, px=D(180))
    world.fill(profit, px=D(198))
    seen = story_of(parent, orders).order
    assert (seen.cum_qty, seen.avg_px, seen.ord_status, seen.route) == (D(10), D(180), FILLED, Route.LIVE)


def test_an_oco_stands_whatever_changed_while_the_policy_thought(world: World) -> None:
    """Invariant 3: no change of mode may keep a live position from being closed."""
    world.open_live(10)
    world.asks_outside = True
    world.policy = lambda document: None  # type: ignore[assignment,return-value]
    parent = world.place_class(OCO, SELL)
    world.load(trading_config(Mode.SHADOW))
    world.answer_policy(world.asked.pop(), ALLOW)
    profit, loss = legs(world, parent)
    assert profit.is_admitted
    assert profit.route is loss.route is Route.LIVE


# --- commands ------------------------------------------------------------------------------------------


def test_each_leg_and_the_whole_can_be_canceled(world: World) -> None:
    """A cancel always passes; of the whole it asks for the end of all that is open."""
    parent = world.place_class(BRACKET)
    entry, profit, loss = legs(world, parent)
    world.fill(entry)
    world.cancel(profit)
    assert [one.order_id for one in world.canceled if not one.is_twin] == [profit.order_id]
    world.canceled.clear()
    world.cancel(parent)
    assert [one.order_id for one in world.canceled if not one.is_twin] == [profit.order_id, loss.order_id]


def test_terms_are_fixed(world: World) -> None:
    """A change is a cancel and a new order at the venue: for a moment the position would have no stop."""
    parent = world.place_class(BRACKET)
    for order in (parent, *legs(world, parent)):
        refusal = world.replace(order, order_qty=D(5)).refusal
        assert refusal is not None
        assert refusal.code == RejectCode.ORDER_HAS_CLASS


def test_a_flatten_cancels_the_exits_before_it_closes(world: World) -> None:
    """With the stop still working, the position would be sold twice."""
    parent = world.place_class(BRACKET)
    entry, profit, loss = legs(world, parent)
    world.fill(entry)
    flatten = world.flatten(Route.LIVE)
    assert profit.is_cancel_requested
    assert loss.is_cancel_requested
    assert world.closing(flatten) == []
    for order in (profit, loss):
        world.report(order, ExecType.CANCELED)
    world.pursue()
    assert [order.order_qty for order in world.closing(flatten)] == [D(10)]


def test_the_kill_switch_ends_the_exits_too(world: World) -> None:
    """Halted means that nothing of ours works any more."""
    parent = world.place_class(BRACKET)
    entry, profit, loss = legs(world, parent)
    world.fill(entry)
    world.halt(TradingState.HALTED)
    assert profit.is_cancel_requested
    assert loss.is_cancel_requested


def test_after_a_demotion_the_exits_stay_live(world: World) -> None:
    """Invariants 3 and 5: a live position can always be closed, by the orders that were placed for it."""
    parent = world.place_class(BRACKET)
    entry, profit, loss = legs(world, parent)
    world.fill(entry)
    world.load(trading_config(Mode.SHADOW))
    assert profit.is_open
    assert loss.is_open
    world.fill(loss, px=D(162))
    assert world.position(Route.LIVE) == 0
    world.report(profit, ExecType.CANCELED)
    assert world.place_class(BRACKET).leg_ids
    assert world.position(Route.SHADOW) == 0


def test_a_restart_asks_about_every_leg_with_what_it_needs(world: World) -> None:
    """An exit has no id of ours at the venue: without its entry it could not be found again."""
    parent = world.place_class(BRACKET)
    entry, profit, loss = legs(world, parent)
    world.report(entry, ExecType.NEW, venue_order_id="v-1")
    world.fill(entry)
    world.looked_up.clear()
    world.send(GatewayStarted(ts_ns=world.tick(), version="test"))
    asked = {one.order_id: one for one in world.looked_up if not one.is_twin}
    assert set(asked) == {profit.order_id, loss.order_id}
    assert {one.entry_id for one in asked.values()} == {entry.order_id}
    assert all(one.is_armed for one in asked.values())


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.SHADOW])
def test_a_restart_tells_of_an_exit_how_the_other_one_stood(mode: Mode) -> None:
    """The simulator forgets, and nobody asks about an exit that is over. Without this, a kill between the fill of one
    and the cancel of the other let both close the position, in SHADOW and of a twin."""
    world = World(trading_config(mode))
    entry, profit, loss = legs(world, world.place_class(BRACKET))
    world.fill(entry)
    world.fill(profit, 4)
    for second in (False, True) if mode is Mode.LIVE else ():
        filled = {"last_qty": D(3), "last_px": D(198), "is_twin": True, "is_second_twin": second}
        world.report(profit, ExecType.TRADE, exec_id=f"t{second}", **filled)
    world.send(GatewayStarted(ts_ns=world.tick(), version="test"))
    asked = [one for one in world.looked_up if one.order_id == loss.order_id]
    told = [(one.sibling_cum_qty, one.is_group_over) for one in asked]
    assert told == ([(D(4), False), (D(3), False), (D(3), False)] if mode is Mode.LIVE else [(D(4), False)])
    world.fill(profit)
    world.looked_up.clear()
    world.send(GatewayStarted(ts_ns=world.tick(), version="test"))
    ended = next(one for one in world.looked_up if one.order_id == loss.order_id and not one.is_twin)
    assert (ended.sibling_cum_qty, ended.is_group_over) == (D(10), True)


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.SHADOW])
def test_a_restart_tells_what_was_being_canceled(mode: Mode) -> None:
    """Killed just after the kill switch was pressed: without this, the simulator takes up again what was halted."""
    world = World(trading_config(mode))
    entry, profit, loss = legs(world, world.place_class(BRACKET))
    world.fill(entry)
    world.report(profit, ExecType.NEW)
    world.send(GatewayStarted(ts_ns=world.tick(), version="test"))
    told = {one.order_id: (one.is_working, one.is_cancel_requested) for one in world.looked_up if not one.is_twin}
    assert told == {profit.order_id: (True, False), loss.order_id: (False, False)}
    world.halt(TradingState.HALTED)
    world.looked_up.clear()
    world.send(GatewayStarted(ts_ns=world.tick(), version="test"))
    asked = [one for one in world.looked_up if one.order_id != entry.order_id]  # whose twins play on
    assert {one.order_id for one in asked} == {profit.order_id, loss.order_id}
    assert all(one.is_cancel_requested for one in asked)


def test_controls_that_move_while_the_policy_thinks_void_the_whole(world: World) -> None:
    """What was approved under other rules is not sent."""
    world.asks_outside = True
    world.policy = lambda document: None  # type: ignore[assignment,return-value]
    parent = world.place_class(BRACKET)
    world.load(trading_config(Mode.SHADOW))
    question = world.asked.pop()
    world.policy = lambda document: DENY
    world.answer_policy(question, DENY)
    assert parent.ord_status is OrdStatus.DENIED


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.SHADOW])
def test_what_the_journal_never_held_is_taken_back_with_its_exits(mode: Mode) -> None:
    """A failing journal must leave nothing behind of an order that nobody was answered for."""
    world = World(trading_config(mode))
    parent = world.place_class(BRACKET)
    world.send(AdmissionsAbandoned(ts_ns=world.tick(), order_ids=(parent.order_id,), text="disk full"))
    assert not world.state.orders
    assert world.state.books[Route.LIVE].gateway.open_orders == 0
    evidence = world.state.rollouts["alpha"].evidence
    assert (evidence.shadow_orders, evidence.live_opened) == (0, 0)
    counted = world.state.statistics["orders"]
    assert {name: number for name, number in counted.items() if name not in ("received", "withdrawn") and number} == {}


# --- the twins -----------------------------------------------------------------------------------------


def test_a_twin_plays_on_when_the_live_exit_was_ended_by_its_sibling(world: World) -> None:
    """Canceled with the live stop, the twin of the profit would never be seen to fill."""
    parent = world.place_class(BRACKET)
    entry, profit, loss = legs(world, parent)
    world.fill(entry)
    world.fill(profit)
    world.canceled.clear()
    world.report(loss, ExecType.CANCELED)
    assert world.canceled == []


def test_a_twin_whose_entry_filled_is_taken_up_awake_after_a_restart(world: World) -> None:
    """Else it sleeps for ever, and with it what is compared."""
    parent = world.place_class(BRACKET)
    entry, profit, _ = legs(world, parent)
    world.fill(entry, is_twin=True)
    assert profit.twin is not None
    assert profit.twin.is_armed
    assert profit.second_twin is not None
    assert not profit.second_twin.is_armed


# --- shape ---------------------------------------------------------------------------------------------


def request(**fields: object) -> NewOrderSingle:
    terms: dict[str, object] = {
        "symbol": "AAPL",
        "side": BUY,
        "order_qty": D(10),
        "ord_type": OrdType.LIMIT,
        "limit_px": D(100),
        "order_class": BRACKET,
        "take_profit": TakeProfit(D(110)),
        "stop_loss": StopLoss(D(90)),
    }
    return NewOrderSingle(**(terms | fields))  # type: ignore[arg-type]


MARKET = {"ord_type": OrdType.MARKET, "limit_px": None}
AS_OCO = {"order_class": OCO, "side": SELL, "limit_px": None}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, []),
        (MARKET, []),
        (AS_OCO, []),
        ({"order_class": OTO, "stop_loss": None}, []),
        ({"side": SELL, "take_profit": TakeProfit(D(90)), "stop_loss": StopLoss(D(110), D(111))}, []),
        ({"order_class": OrderClass.SIMPLE}, ["take_profit", "stop_loss"]),
        ({"stop_loss": None}, ["stop_loss"]),
        ({"order_class": OTO}, ["take_profit"]),
        ({"order_class": OTO, "take_profit": None, "stop_loss": None}, ["take_profit"]),
        ({"take_profit": TakeProfit(D(100))}, ["take_profit.limit_price"]),
        ({"stop_loss": StopLoss(D(101))}, ["stop_loss.stop_price"]),
        ({"stop_loss": StopLoss(D(90), D(91))}, ["stop_loss.limit_price"]),
        ({"stop_loss": StopLoss(D(0))}, ["stop_loss.stop_price"]),
        ({"take_profit": TakeProfit(D("NaN"))}, ["take_profit.limit_price"]),
        (MARKET | {"take_profit": TakeProfit(D(80))}, ["take_profit.limit_price"]),
        ({"side": SELL}, ["take_profit.limit_price", "stop_loss.stop_price"]),
        (AS_OCO | {"side": BUY}, ["take_profit.limit_price"]),
        (AS_OCO | {"limit_px": D(110)}, ["limit_price"]),
        (AS_OCO | {"ord_type": OrdType.MARKET}, ["order_type"]),
        ({"ord_type": OrdType.STOP, "limit_px": None, "stop_px": D(99)}, ["order_type"]),
        ({"time_in_force": TimeInForce.IOC}, ["time_in_force"]),
        ({"execution_algorithm": "vwap"}, ["execution_algorithm"]),
    ],
)
def test_what_a_class_needs_and_where_its_exits_lie(fields: dict[str, object], wrong: list[str]) -> None:
    """An exit on the wrong side of its entry closes the position the moment it is open."""
    assert [one.field for one in shape_problems(request(**fields), 0)] == wrong


# --- in any order of things ----------------------------------------------------------------------------


def naive_closing(state: GatewayState, key: str, route: Route) -> Decimal:
    """What open closing orders may take, a pair of exits once: told from orders alone."""
    total, groups = D(0), dict[str, Decimal]()
    for order in state.orders.values():
        if order.position_key != key or order.route is not route or not order.is_open or not order.is_closing:
            continue
        left = (
            order.order_qty if order.pending_replace is None else max(order.order_qty, order.pending_replace.order_qty)
        )
        if order.entry_id and order.order_class is not OCO:
            left = min(left, state.orders[order.entry_id].cum_qty)
        left = max(left - order.cum_qty - order.broken_qty, D(0))
        if order.order_class is OrderClass.SIMPLE:
            total += left
        else:
            first = next(one for one in state.legs_of(state.orders[order.parent_id]) if one.is_open and one.is_closing)
            groups[order.parent_id] = left if first is order else groups.get(order.parent_id, D(0))
    return total + sum(groups.values(), D(0))


@given(steps=operations())
def test_aggregates_add_up_whatever_happens(steps: list[Step]) -> None:
    """Invariants 6 and 3: what is held and what may still be closed is what the orders themselves say."""

    def check(world: World) -> None:
        assert_books_add_up(world.state, list(world.state.orders.values()))
        for key, cycles in world.state.cycles.items():
            for route in (Route.LIVE, Route.SHADOW):
                assert cycles.of(route).closing_qty == naive_closing(world.state, key, route)

    world = World(trading_config(Mode.CANARY))
    live_through(world, steps, check)


@given(steps=operations())
def test_no_exit_outlives_its_group(steps: list[Step]) -> None:
    """When all that was sent is done and told, nothing is left open, held or counted."""
    world = World(trading_config(Mode.LIVE))
    live_through(world, steps)
    for order in world.state.open_orders():
        if order.is_open:
            world.cancel(order)
            world.report(order, ExecType.CANCELED)
    assert not world.state.open_orders()
    assert world.state.books[Route.LIVE].gateway.held == 0
    assert not [one for one in world.state.orders.values() if one.is_open]
