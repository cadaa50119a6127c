"""Closing positions by command: everything is canceled, then closed, and never more than what is held."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.core.order_classes import sibling_id_of
from gateway.domain.config import Limits, LimitTable
from gateway.domain.enums import (
    ExecType,
    Mode,
    OrderClass,
    OrdStatus,
    OrdType,
    Route,
    ScopeKind,
    Side,
    SubmitStatus,
    TimeInForce,
)
from gateway.domain.enums import TradingState as State
from gateway.domain.events import GatewayStarted, LookupCompleted, SubmitCompleted, VenueStatusChanged
from gateway.domain.flatten import Touch
from gateway.domain.reasons import RejectCode, RouteReason
from tests.properties.streams import Step, live_through, operations, sent_orders
from tests.world import DENY, INSTRUMENTS, D, World, trading_config


def live_world(**config: Any) -> World:
    return World(trading_config(Mode.LIVE, **config))


def test_it_halts_cancels_and_closes_everything() -> None:
    """Without this, somebody who wants out would be left with orders at work, positions, or new ones."""
    world = live_world()
    world.open_live(10)
    world.open_live(5, "TSLA", Side.SELL, strategy="s2")
    resting = world.place(qty=1, strategy="s3", limit=D(100))
    flatten = world.flatten(reason="fire")
    assert resting.is_cancel_requested
    assert [(o.symbol, o.side, o.order_qty, o.ord_type) for o in world.closing(flatten)] == [
        ("AAPL", Side.SELL, D(10), OrdType.MARKET),
        ("TSLA", Side.BUY, D(5), OrdType.MARKET),
    ]
    assert {order.route_reason for order in world.closing(flatten)} == {RouteReason.FLATTENS}
    assert world.place(qty=1).reject is not None
    for order in world.closing(flatten):
        world.fill(order)
    world.pursue()
    assert flatten.is_running  # the canceled order has not ended yet
    world.report(resting, ExecType.CANCELED)
    world.pursue()
    assert (flatten.is_flat, flatten.text) == (True, "flat")
    assert world.state.trading.gateway_state is State.HALTED
    assert world.position(Route.LIVE) == world.position(Route.LIVE, "TSLA", strategy="s2") == 0


def test_a_position_is_closed_only_after_what_was_open_on_it_has_ended() -> None:
    """Without this, an order that fills while its cancel is under way would make the flatten turn the position over."""
    world = live_world()
    world.open_live(10)
    closing = world.place(Side.SELL, 6, limit=D(200))
    flatten = world.flatten()
    assert world.closing(flatten) == []
    assert any(closing.order_id in text for text in flatten.waits)
    world.fill(closing, 4)  # it fills although its cancel is under way
    world.pursue()
    assert world.closing(flatten) == []
    world.report(closing, ExecType.CANCELED)
    world.pursue()
    assert [order.order_qty for order in world.closing(flatten)] == [D(6)]


def test_an_order_in_doubt_is_waited_for() -> None:
    """Without this, an order of which nobody knows whether it lives would be closed twice."""
    world = live_world()
    world.open_live(10)
    lost = world.place(Side.SELL, 10)
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=lost.order_id, status=SubmitStatus.UNKNOWN, text="timeout"))
    flatten = world.flatten()
    world.pursue(60)
    assert world.closing(flatten) == []
    assert "in doubt" in flatten.waits[0]
    world.send(LookupCompleted(ts_ns=world.tick(), order_id=lost.order_id, is_known=False))
    world.pursue()
    assert [order.order_qty for order in world.closing(flatten)] == [D(10)]


@pytest.mark.parametrize(("side", "rest"), [(Side.BUY, 10), (Side.SELL, 7)])
def test_an_order_in_doubt_keeps_nobody_in_what_it_cannot_close(side: Side, rest: int) -> None:
    """Without this, one small order that no venue answers for would hold the whole position until it is settled."""
    world = live_world()
    world.open_live(10)
    lost = world.place(side, 3)
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=lost.order_id, status=SubmitStatus.UNKNOWN, text="timeout"))
    flatten = world.flatten()
    [order] = world.closing(flatten)
    assert order.order_qty == rest
    world.fill(lost)
    world.pursue()
    world.fill(order)
    world.pursue()
    left = 3 if side is Side.BUY else 0
    assert [one.order_qty for one in world.closing(flatten)[1:]] == ([D(left)] if left else [])
    assert flatten.is_flat is not bool(left)


def test_what_a_market_order_left_is_sent_again_until_flat() -> None:
    """Without this, a market order that the venue filled in part and canceled would leave the rest for good."""
    world = live_world()
    world.open_live(10)
    flatten = world.flatten()
    first = world.closing(flatten)[0]
    world.fill(first, 3)
    world.report(first, ExecType.CANCELED)
    world.pursue()
    second = world.closing(flatten)[1]
    assert second.order_qty == D(7)
    world.fill(second)
    world.pursue()
    assert flatten.is_flat


def test_a_late_fill_that_leaves_a_closing_order_too_large_cancels_it() -> None:
    """Without this, a fill that came after its cancel was confirmed would let the closing order flip the position."""
    world = live_world()
    world.open_live(10)
    early = world.place(Side.SELL, 4, limit=D(200))
    world.report(early, ExecType.CANCELED)
    flatten = world.flatten()
    order = world.closing(flatten)[0]
    assert order.order_qty == D(10)
    world.fill(early, 4)
    assert early.ord_status is OrdStatus.CANCELED
    world.pursue()
    assert order.is_cancel_requested
    world.report(order, ExecType.CANCELED)
    world.pursue(1)
    assert [one.order_qty for one in world.closing(flatten)] == [D(10), D(6)]


def test_neither_policy_nor_limits_nor_a_disabled_instrument_stand_in_the_way() -> None:
    """Without this, the rule that was broken would be what keeps the position."""
    world = live_world()
    world.open_live(10)
    tiny = D("0.000001")
    config = trading_config(
        Mode.SHADOW,
        limits=Limits(max_position_size=tiny, max_leverage=tiny, daily_loss_limit=tiny, blocked_symbols=("AAPL",)),
    )
    world.load(config)
    world.policy = lambda document: DENY
    flatten = world.flatten()
    assert [(order.route, order.order_qty) for order in world.closing(flatten)] == [(Route.LIVE, D(10))]
    assert [ticket.route for ticket in world.sent[-3:]] == [Route.LIVE, Route.SHADOW, Route.SHADOW]  # and its twins


@pytest.mark.parametrize(
    ("limits", "qty"),
    [
        (Limits(max_order_size=D(4)), D(4)),
        (Limits(max_order_value=D(180 * 3) + 1), D(3)),
        (Limits(max_order_value=D(1)), D(1)),
        (Limits(max_order_size=D(100)), D(10)),
    ],
)
def test_the_limits_on_one_order_divide_it(limits: Limits, qty: Any) -> None:
    """Without this, the flatten would be the one way around the fat-finger limits, or be stopped by them."""
    world = live_world()
    world.open_live(10)
    world.load(trading_config(Mode.LIVE, limits=limits))
    flatten = world.flatten()
    for _ in range(12):
        for order in world.closing(flatten):
            if order.is_open:
                world.fill(order)
        world.pursue()
    assert world.closing(flatten)[0].order_qty == qty
    assert flatten.is_flat
    assert world.position(Route.LIVE) == 0


@pytest.mark.parametrize(
    "table",
    [
        LimitTable(accounts={"default": Limits(max_order_size=D(4))}),
        LimitTable(strategies={"s1": Limits(max_order_size=D(4))}),
        LimitTable(venues={"alpha": Limits(max_order_size=D(4))}),
        LimitTable(symbols={"AAPL": Limits(max_order_size=D(4))}),
        LimitTable(sectors={"tech": Limits(max_order_size=D(4))}),
        LimitTable(asset_classes={"equity": Limits(max_order_value=D(180 * 4))}),
        LimitTable(gateway=Limits(max_order_adv=D("0.04"))),
    ],
)
def test_the_limits_on_one_order_divide_it_in_whatever_scope_they_stand(table: LimitTable) -> None:
    """Without this, the limit of a venue, a sector or an asset class, or one that is a share of the daily volume, would
    stop a desk's own closing order and let the whole position through in one when a flatten or a breaker closes it."""
    apple = msgspec.structs.replace(INSTRUMENTS["AAPL"], sector="tech", average_daily_volume=D(100))
    world = live_world(instruments={**INSTRUMENTS, "AAPL": apple})
    world.open_live(10)
    world.load(trading_config(Mode.LIVE, table=table, instruments={**INSTRUMENTS, "AAPL": apple}, revision="limited"))
    assert world.place(Side.SELL, 5).reject is not None
    (order,) = world.closing(world.flatten())
    assert order.order_qty == 4


def test_limits_go_through_the_touch_and_what_has_no_price_goes_at_market() -> None:
    """Without this, a limit would rest behind the market, or wait for a price that never comes."""
    world = live_world()
    world.open_live(10)
    world.open_live(10, "TSLA", Side.SELL)
    world.open_live(1, "ES")
    world.touches = {"AAPL": Touch(D("180.00"), D("180.02")), "TSLA": Touch(D("249.90"), D("250.01"))}
    flatten = world.flatten(limit_offset_bps=D(10))
    orders = {order.symbol: order for order in world.closing(flatten)}
    assert (orders["AAPL"].limit_px, orders["TSLA"].limit_px) == (D("179.82"), D("250.27"))
    assert orders["AAPL"].time_in_force is TimeInForce.IOC
    assert (orders["ES"].ord_type, orders["ES"].limit_px) == (OrdType.MARKET, None)
    world.report(orders["AAPL"], ExecType.CANCELED)  # nothing traded at that price
    world.pursue()
    assert len(world.closing(flatten)) == 3  # not again in the same moment
    world.pursue(1)
    assert [order.symbol for order in world.closing(flatten)].count("AAPL") == 2


@pytest.mark.parametrize(
    ("scope", "closed"),
    [
        ((ScopeKind.SYMBOL, "AAPL"), {"AAPL"}),
        ((ScopeKind.STRATEGY, "s2"), {"TSLA"}),
        ((ScopeKind.ACCOUNT, "second"), {"BTC/USDT"}),
        ((ScopeKind.VENUE, "alpha"), {"AAPL", "TSLA"}),
    ],
)
def test_a_scope_is_flattened_and_nothing_else(scope: tuple[ScopeKind, str], closed: set[str]) -> None:
    """Without this, getting out of one strategy would close those of others."""
    world = live_world()
    world.open_live(1)
    world.open_live(1, "TSLA", strategy="s2")
    world.open_live(1, "BTC/USDT", account="second", strategy="s3")
    flatten = world.flatten(scope=scope[0], scope_id=scope[1])
    assert {order.symbol for order in world.closing(flatten)} == closed
    assert {stop.scope for stop in world.state.trading.all_stops()} == {scope[0]}


def test_the_live_book_unless_asked_otherwise() -> None:
    """Without this, simulated positions would be closed with real ones, or real ones not at all."""
    world = World(trading_config(Mode.SHADOW))
    world.fill(world.place(qty=3))
    flatten = world.flatten()
    assert world.closing(flatten) == []
    assert flatten.is_flat
    again = world.flatten(Route.SHADOW)
    assert [(order.route, order.order_qty) for order in world.closing(again)] == [(Route.SHADOW, D(3))]


def test_it_stops_and_says_so_while_the_venue_is_not_connected() -> None:
    """Without this, orders would be thrown at a line that is dead, or nobody would know why nothing happens."""
    world = live_world()
    world.open_live(10)
    world.send(VenueStatusChanged(ts_ns=world.tick(), venue="alpha", is_connected=False, text="line down"))
    flatten = world.flatten()
    world.pursue(30)
    assert world.closing(flatten) == []
    assert flatten.waits == ("live|default|s1|alpha|AAPL: venue alpha is not connected: line down",)
    records = len(world.records)
    world.pursue(30)
    assert len(world.records) == records  # told once, not every second
    world.send(VenueStatusChanged(ts_ns=world.tick(), venue="alpha", is_connected=True))
    world.pursue()
    assert [order.order_qty for order in world.closing(flatten)] == [D(10)]


def test_what_the_venue_refuses_is_tried_again_each_time_later() -> None:
    """Without this, a closed market would be asked every second, or never again."""
    world = live_world()
    world.open_live(10)
    flatten = world.flatten()
    tries = []
    for _ in range(5):
        order = world.closing(flatten)[-1]
        world.report(order, ExecType.REJECTED, text="market closed")
        waited = 0
        while len(world.closing(flatten)) == len(tries) + 1 and waited < 60:
            world.pursue(1)
            waited += 1
        tries.append(waited)
    assert tries == [2, 4, 8, 16, 30]


def refused(world: World, order: Any, text: str, *, is_too_small: bool = False) -> None:
    world.send(
        SubmitCompleted(
            ts_ns=world.tick(),
            order_id=order.order_id,
            status=SubmitStatus.REJECTED,
            text=text,
            is_too_small=is_too_small,
        )
    )


def test_what_is_too_little_for_the_venue_ends_it_with_a_statement() -> None:
    """Without this, a crumb would be sent to the venue every half minute for ever, and nobody would know that the rest
    is flat."""
    world = live_world()
    world.open_live(10)
    world.open_live(1, "TSLA")
    flatten = world.flatten()
    large, crumb = world.closing(flatten)
    refused(world, crumb, "value 1.98 is below 5 (alpha NOTIONAL)", is_too_small=True)
    assert crumb.reject is not None
    assert crumb.reject.context == {"too_small": "1"}
    world.pursue(60)
    assert flatten.is_running  # the other is still being closed
    assert len(world.closing(flatten)) == 2
    world.fill(large)
    world.pursue()
    assert (flatten.is_running, flatten.is_flat) == (False, False)
    assert "TSLA: 1 is too little for an order (value 1.98 is below 5 (alpha NOTIONAL))" in flatten.text
    world.pursue(600)
    assert len(world.closing(flatten)) == 2


def test_a_crumb_that_grows_is_closed_with_what_it_grew_by() -> None:
    """Without this, a late fill on top of what was too little would stay too."""
    world = live_world()
    world.open_live(1)
    world.open_live(10, "TSLA")  # keeps the flatten under way
    early = world.place(Side.BUY, 7, limit=D(170))
    flatten = world.flatten()
    world.report(early, ExecType.CANCELED)
    world.pursue()
    [crumb] = [order for order in world.closing(flatten) if order.symbol == "AAPL"]
    refused(world, crumb, "too little", is_too_small=True)
    world.fill(early, 7)
    world.pursue(3)
    assert [order.order_qty for order in world.closing(flatten) if order.symbol == "AAPL"] == [D(1), D(8)]


def test_what_the_instrument_calls_too_little_ends_it_when_the_venue_goes_on_refusing() -> None:
    """Without this, a venue that only has words for its refusal would be asked for ever; and one refusal, of a closed
    market, would leave what could be closed an hour later."""
    aapl = msgspec.structs.replace(INSTRUMENTS["AAPL"], min_notional=D(1_000))
    world = live_world()
    world.open_live(5)
    world.load(trading_config(Mode.LIVE, instruments={**INSTRUMENTS, "AAPL": aapl}))
    flatten = world.flatten()
    for tries in range(1, 6):
        assert len(world.closing(flatten)) == tries
        refused(world, world.closing(flatten)[-1], "order too small")
        world.pursue(31)
    assert not flatten.is_running
    assert "too little" in flatten.text


def test_enabling_ends_it_and_pressing_it_again_begins_anew() -> None:
    """Without this, trading would go on while something closes what it opens."""
    world = live_world()
    world.open_live(10)
    first = world.flatten(limit_offset_bps=D(1))
    second = world.flatten()
    assert (first.is_running, second.is_running) == (False, True)
    assert world.closing(first)[0].is_cancel_requested
    assert world.closing(second) == []
    world.halt(State.ACTIVE)
    assert (second.is_running, second.is_flat) == (False, False)
    world.report(world.closing(first)[0], ExecType.CANCELED)
    world.pursue()
    assert world.closing(second) == []
    assert world.place(Side.SELL, 10).reject is None


def test_a_restart_half_way_goes_on_and_sends_nothing_twice() -> None:
    """Without this, a crash would leave half the positions, or close some of them twice."""
    world = live_world()
    world.open_live(10)
    world.open_live(5, "TSLA")
    flatten = world.flatten()
    world.fill(world.closing(flatten)[1], 2)
    world.state = decode_snapshot(encode_snapshot(world.state))
    flatten = world.state.flattens[flatten.order.flatten_id]
    sent = len(world.sent)
    world.send(GatewayStarted(ts_ns=world.tick(), version="test"))
    world.pursue()
    assert len(world.sent) == sent
    assert {ticket.order_id for ticket in world.looked_up} >= {order.order_id for order in world.closing(flatten)}
    for order in world.closing(flatten):
        world.fill(order)
    world.pursue()
    assert flatten.is_flat


def test_part_of_each_position_can_be_kept_and_then_nothing_is_halted() -> None:
    """Without this, a reduction by a share would close everything, stop everyone, or lose its count to others."""
    world = live_world()
    world.open_live(9)
    adding = world.place(qty=5, limit=D(100))
    theirs = world.place(Side.SELL, 2, limit=D(200))
    flatten = world.flatten(keep_ratio=D("0.5"))
    assert adding.is_cancel_requested
    assert not theirs.is_cancel_requested
    assert [order.order_qty for order in world.closing(flatten)] == [D(5)]  # keeps 4, of which 2 may be sold later
    assert world.state.trading.gateway_state is State.ACTIVE
    world.fill(world.closing(flatten)[0])
    world.pursue()
    assert (flatten.is_flat, world.position(Route.LIVE), theirs.is_open) == (True, D(4), True)


def test_exits_far_from_the_market_do_not_stand_for_a_reduction() -> None:
    """Without this, positions with exits, which are nearly all, would not be reduced at all when a breaker says so; or
    what is left would be closed twice."""
    world = live_world()
    world.touches["AAPL"] = Touch(bid_px=D(180), ask_px=D(181))
    world.open_live(10)
    profit = world.place(Side.SELL, 6, limit=D(200))
    stop = world.place(Side.SELL, 4, ord_type=OrdType.STOP, stop_px=D(170))
    flatten = world.flatten(keep_ratio=D("0.5"))
    assert (profit.is_cancel_requested, stop.is_cancel_requested) == (True, False)
    assert world.closing(flatten) == []  # all ten may still be sold by those two
    world.report(profit, ExecType.CANCELED)
    world.pursue()
    assert [order.order_qty for order in world.closing(flatten)] == [D(5)]


def test_what_closes_at_once_counts_for_a_reduction() -> None:
    """Without this, an order that is just being filled would be closed a second time."""
    world = live_world()
    world.touches["AAPL"] = Touch(bid_px=D(180), ask_px=D(181))
    world.open_live(10)
    market, crossing = world.place(Side.SELL, 2), world.place(Side.SELL, 3, limit=D(180))
    flatten = world.flatten(keep_ratio=D("0.5"))
    assert (world.closing(flatten), flatten.is_running) == ([], True)
    world.fill(market)
    world.report(crossing, ExecType.CANCELED)  # it was not filled after all
    world.pursue()
    assert [order.order_qty for order in world.closing(flatten)] == [D(3)]


def test_the_exits_of_a_bracket_are_canceled_as_a_pair() -> None:
    """Without this, the exit that counts for none of the two would be left, and sell what is sold already."""
    world = live_world()
    entry, profit, loss = world.state.legs_of(world.place_class(OrderClass.BRACKET))
    world.fill(entry)
    flatten = world.flatten(keep_ratio=D("0.5"))
    assert profit.is_cancel_requested
    world.report(profit, ExecType.CANCELED)
    world.pursue()
    assert (loss.is_cancel_requested, world.closing(flatten)) == (True, [])  # it counts for itself now
    world.report(loss, ExecType.CANCELED)
    world.pursue()
    assert [order.order_qty for order in world.closing(flatten)] == [D(5)]


EXITS = ("far", "near", "stop", "market", "oco")


@given(
    held=st.integers(1, 30),
    side=st.sampled_from(Side),
    exits=st.lists(st.tuples(st.sampled_from(EXITS), st.integers(1, 30)), max_size=5),
    picks=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 30)), max_size=12),
    keep=st.sampled_from([D("0.1"), D("0.5"), D("0.9")]),
    bid=st.sampled_from([None, D(180)]),
)
def test_a_reduction_never_lets_more_be_closed_than_is_held_and_gets_there(
    held: int,
    side: Side,
    exits: list[tuple[str, int]],
    picks: list[tuple[int, int]],
    keep: Decimal,
    bid: Decimal | None,
) -> None:
    """Whatever rests, fills or is canceled around it: when it sends an order, all that may execute is within what is
    held; and it ends with no more than the part that is kept."""
    world = live_world()
    world.open_live(held, side=side)
    for kind, most in exits:
        free = held - sum(one.held_qty for one in world.state.open_orders())
        if free:
            place_exit(world, side, kind, min(D(most), free))
    if bid is not None:
        world.touches["AAPL"] = Touch(bid_px=bid, ask_px=bid + 1)
    flatten = world.flatten(keep_ratio=keep)
    [kept] = [line.keep_qty for line in flatten.lines.values()]
    for index, qty in [*picks, *[(0, 30), (0, 0)] * 20]:
        sent = len(world.closing(flatten))
        world.pursue(31)
        if len(world.closing(flatten)) > sent:
            closing = [one for one in world.state.open_orders() if one.is_closing]
            assert sum(one.held_qty for one in closing) <= abs(world.position(Route.LIVE))
        orders = sent_orders(world)
        if not flatten.is_running or not orders:
            break
        order = orders[index % len(orders)]
        if qty and order.held_qty:
            world.fill(order, min(D(qty), order.held_qty))
        else:
            world.report(order, ExecType.CANCELED)
        if not order.is_open and sibling_id_of(order):
            world.report(world.state.orders[sibling_id_of(order)], ExecType.CANCELED)  # as their venue does
    assert flatten.is_flat
    assert 0 <= world.position(Route.LIVE) * side.sign <= kept


def place_exit(world: World, side: Side, kind: str, qty: Decimal) -> None:
    """Something that may close a position on ``side`` at about 180, now or some time."""
    closes, away = (Side.SELL, 20) if side is Side.BUY else (Side.BUY, -20)
    match kind:
        case "oco":
            world.place_class(OrderClass.OCO, closes, int(qty))
        case "stop":
            world.place(closes, qty, ord_type=OrdType.STOP, stop_px=D(180 - away))
        case "market":
            world.place(closes, qty)
        case _:
            world.place(closes, qty, limit=D(180 + away) if kind == "far" else D(180 - away))


@given(steps=operations(40), picks=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 30)), max_size=40))
def test_a_flatten_never_turns_a_position_over_and_ends_flat(steps: list[Step], picks: list[tuple[int, int]]) -> None:
    """Whatever fills, in whatever order, around the command: each live position only goes towards zero from the moment
    nothing else is open on it, and all are flat at the end."""
    world = World(trading_config(Mode.CANARY, weight_bp=10_000))
    live_through(world, steps)
    flatten = world.flatten(Route.LIVE, Route.SHADOW)
    for index, qty in picks:
        orders = sent_orders(world)
        if orders:
            order = orders[index % len(orders)]
            closing_own = bool(order.flatten_id)
            before = signed(world, order)
            if qty:
                world.fill(order, min(D(qty), order.leaves_qty))
            else:
                world.report(order, ExecType.CANCELED)
            if closing_own:
                assert before * signed(world, order) >= 0
        world.pursue(1)
    for _ in range(200):
        for order in sent_orders(world):
            if order.flatten_id:
                world.fill(order)
            else:
                world.report(order, ExecType.CANCELED)
        world.pursue(31)
        if not flatten.is_running:
            break
    assert flatten.is_flat
    for book in world.state.books.values():
        assert all(not position.qty for position in book.positions.values())


def signed(world: World, order: Any) -> Any:
    position = world.state.books[order.route].positions.get(order.position_key)
    return D(0) if position is None else position.qty


def test_orders_stay_denied_with_the_reason_of_the_flatten() -> None:
    """Without this, a strategy would not know why it cannot trade."""
    world = live_world()
    world.flatten(reason="fire")
    order = world.place(qty=1)
    assert order.reject is not None
    assert (order.reject.code, order.reject.context["reason"]) == (RejectCode.TRADING_HALTED, "fire")
    assert INSTRUMENTS["AAPL"].enabled


def test_two_flattens_that_overlap_wait_for_each_other() -> None:
    """Without this, each would cancel the other's orders for ever, or both would close the same position."""
    world = live_world()
    world.open_live(10)
    narrow = world.flatten(scope=ScopeKind.STRATEGY, scope_id="s1")
    wide = world.flatten()
    world.pursue(1)
    (order,) = world.closing(narrow)
    assert order.is_cancel_requested  # pressing the wide one cancels all that is open, once
    world.report(order, ExecType.CANCELED)
    world.pursue(1)
    again = [*world.closing(narrow), *world.closing(wide)][-1]
    world.pursue(1)
    world.pursue(1)
    assert (again.order_qty, again.is_cancel_requested) == (D(10), False)
    assert len([*world.closing(narrow), *world.closing(wide)]) == 2
    world.fill(again)
    world.pursue()
    assert (narrow.is_flat, wide.is_flat, world.position(Route.LIVE)) == (True, True, D(0))


def test_a_flatten_of_the_other_book_leaves_one_that_is_under_way() -> None:
    """Without this, closing simulated positions would call off the closing of real ones."""
    world = live_world()
    world.open_live(10)
    live = world.flatten()
    world.flatten(Route.SHADOW)
    assert live.is_running


def test_who_calls_a_flatten_off_keeps_what_is_left() -> None:
    """Without this, a closing order that waits for the market to open would close in the morning what somebody decided
    in the evening to keep."""
    world = live_world()
    world.open_live(10)
    flatten = world.flatten()
    (order,) = world.closing(flatten)
    world.report(order, ExecType.NEW)
    world.halt(State.ACTIVE)
    assert not flatten.is_running
    assert order.is_cancel_requested
    assert world.canceled[-3:][0].order_id == order.order_id


@pytest.mark.parametrize("scope", [(ScopeKind.GATEWAY, ""), (ScopeKind.STRATEGY, "s1")])
def test_a_reduction_sends_nothing_where_a_person_has_halted_trading(scope: tuple[ScopeKind, str]) -> None:
    """Without this, orders would go out after the kill switch has answered, sent by nobody."""
    world = live_world()
    world.open_live(10)
    flatten = world.flatten(keep_ratio=D("0.5"))
    (order,) = world.closing(flatten)
    world.halt(State.HALTED, *scope)
    assert order.is_cancel_requested
    world.report(order, ExecType.CANCELED)
    world.pursue(31)
    later = world.flatten(keep_ratio=D("0.25"))  # what trips later sends nothing either
    assert (len(world.closing(flatten)), world.closing(later)) == (1, [])
    assert "halted by system" in later.waits[0]
    world.halt(State.ACTIVE, *scope)
    world.pursue(31)
    assert [one.order_qty for one in world.closing(later)] == [D(8)]
