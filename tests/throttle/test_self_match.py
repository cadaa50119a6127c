"""Self-match prevention: no order of ours may trade with another of ours."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.core.throttle.self_match import OpenPrices
from gateway.domain.enums import (
    ExecType,
    Mode,
    OrderClass,
    OrdStatus,
    OrdType,
    Route,
    SelfMatchPrevention,
    SelfMatchScope,
    Side,
    SubmitStatus,
)
from gateway.domain.events import SubmitCompleted
from gateway.domain.orders import Order
from gateway.domain.reasons import RejectCode
from gateway.domain.throttles import ThrottleTable
from tests.properties.streams import Step, live_through, operations
from tests.throttle.requests import D, Sender, throttled
from tests.world import ALLOW, World

NEWEST, OLDEST, BOTH = (
    SelfMatchPrevention.CANCEL_NEWEST,
    SelfMatchPrevention.CANCEL_OLDEST,
    SelfMatchPrevention.CANCEL_BOTH,
)


def preventing(
    prevention: SelfMatchPrevention = NEWEST,
    scope: SelfMatchScope = SelfMatchScope.ACCOUNT,
    mode: Mode = Mode.LIVE,
) -> Any:
    return throttled(mode, ThrottleTable(self_match_prevention=prevention, self_match_scope=scope))


def is_self_match(order: Order) -> bool:
    return order.reject is not None and order.reject.code == RejectCode.SELF_MATCH


#: What rests, what comes, and whether they could trade.
CROSSINGS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"side": Side.BUY, "limit": D(100)}, {"side": Side.SELL, "limit": D(101)}, False),
    ({"side": Side.BUY, "limit": D(100)}, {"side": Side.SELL, "limit": D(100)}, True),
    ({"side": Side.BUY, "limit": D(100)}, {"side": Side.SELL, "limit": D(99)}, True),
    ({"side": Side.SELL, "limit": D(100)}, {"side": Side.BUY, "limit": D(99)}, False),
    ({"side": Side.SELL, "limit": D(100)}, {"side": Side.BUY, "limit": D(100)}, True),
    ({"side": Side.BUY, "limit": D(100)}, {"side": Side.BUY, "limit": D(200)}, False),
    ({"side": Side.BUY, "limit": D(1)}, {"side": Side.SELL}, True),  # a market order meets every price
    ({"side": Side.SELL}, {"side": Side.BUY, "limit": D(1)}, True),  # and so does one that is under way
    ({"side": Side.SELL, "limit": D(500)}, {"side": Side.BUY, "ord_type": OrdType.MARKET_ON_CLOSE}, True),
    ({"side": Side.SELL, "ord_type": OrdType.STOP, "stop_px": D(90)}, {"side": Side.BUY, "limit": D(90)}, True),
    ({"side": Side.SELL, "ord_type": OrdType.STOP, "stop_px": D(90)}, {"side": Side.BUY, "limit": D(89)}, False),
    (
        {"side": Side.SELL, "ord_type": OrdType.STOP_LIMIT, "stop_px": D(90), "limit": D(88)},
        {"side": Side.BUY, "limit": D(88)},
        True,
    ),
    (
        {"side": Side.SELL, "ord_type": OrdType.STOP_LIMIT, "stop_px": D(90), "limit": D(88)},
        {"side": Side.BUY, "limit": D(87)},
        False,
    ),
    ({"side": Side.BUY, "ord_type": OrdType.STOP, "stop_px": D(190)}, {"side": Side.SELL, "limit": D(190)}, True),
    ({"side": Side.BUY, "ord_type": OrdType.STOP, "stop_px": D(190)}, {"side": Side.SELL, "limit": D(191)}, False),
    # the market is at 180: these wake at once, and trade at any price
    ({"side": Side.SELL, "limit": D(181)}, {"side": Side.BUY, "ord_type": OrdType.STOP, "stop_px": D(180)}, True),
    ({"side": Side.BUY, "limit": D(100)}, {"side": Side.SELL, "ord_type": OrdType.STOP, "stop_px": D(200)}, True),
    ({"side": Side.SELL, "ord_type": OrdType.STOP, "stop_px": D(200)}, {"side": Side.BUY, "limit": D(100)}, True),
    (
        {"side": Side.SELL, "limit": D(181)},
        {"side": Side.BUY, "ord_type": OrdType.STOP_LIMIT, "stop_px": D(100), "limit": D(101)},
        False,
    ),
    (  # the market is at 180: it begins at 170 and only rises from there
        {"side": Side.SELL, "ord_type": OrdType.TRAILING_STOP, "trailing_amount": D(10)},
        {"side": Side.BUY, "limit": D(170)},
        True,
    ),
    (
        {"side": Side.SELL, "ord_type": OrdType.TRAILING_STOP, "trailing_amount": D(10)},
        {"side": Side.BUY, "limit": D(169)},
        False,
    ),
    (
        {"side": Side.BUY, "ord_type": OrdType.TRAILING_STOP, "trailing_percent": D(5)},
        {"side": Side.SELL, "limit": D(189)},
        True,
    ),
    (
        {"side": Side.BUY, "ord_type": OrdType.TRAILING_STOP, "trailing_percent": D(5)},
        {"side": Side.SELL, "limit": D(190)},
        False,
    ),
]


@pytest.mark.parametrize(("resting", "coming", "could_trade"), CROSSINGS)
def test_the_newest_is_refused_when_it_could_trade_with_one_of_ours(
    resting: dict[str, Any], coming: dict[str, Any], could_trade: bool
) -> None:
    """Without this, two of our strategies would trade with each other, which is a wash trade."""
    sender = Sender(preventing())
    sender.send(strategy="s1", **resting)
    assert sender.last.is_admitted
    sender.send(strategy="s2", **coming)
    assert is_self_match(sender.last) == could_trade
    assert sender.last.is_admitted != could_trade
    if could_trade:
        assert sender.last.reject is not None
        assert sender.last.reject.context["order_id"] == "q1"
        assert "q1" in sender.last.reject.text


@pytest.mark.parametrize(
    ("scope", "account", "strategy", "could_trade"),
    [
        (SelfMatchScope.STRATEGY, "default", "s1", True),
        (SelfMatchScope.STRATEGY, "default", "s2", False),
        (SelfMatchScope.STRATEGY, "second", "s1", False),
        (SelfMatchScope.ACCOUNT, "default", "s2", True),
        (SelfMatchScope.ACCOUNT, "second", "s1", False),
        (SelfMatchScope.GATEWAY, "second", "s2", True),
    ],
)
def test_the_scope_says_whose_orders_may_not_meet(
    scope: SelfMatchScope, account: str, strategy: str, could_trade: bool
) -> None:
    """Without this, clients of one gateway would be kept from trading with each other, or wash trades let through."""
    sender = Sender(preventing(scope=scope))
    sender.send(limit=D(100))
    sender.send(Side.SELL, limit=D(100), account=account, strategy=strategy)
    assert is_self_match(sender.last) == could_trade


def test_orders_meet_on_their_own_route_symbol_and_venue_only() -> None:
    """Without this, a simulated order would keep a real one out."""
    sender = Sender(preventing(mode=Mode.SHADOW))
    sender.send(limit=D(100), strategy="s1")
    assert sender.last.route is Route.SHADOW
    sender.world.load(preventing(mode=Mode.LIVE))
    sender.send(Side.SELL, limit=D(100), strategy="s2")
    assert sender.last.route is Route.LIVE
    assert sender.last.is_admitted
    sender.send(limit=D(90), symbol="TSLA", strategy="s3")
    assert sender.last.is_admitted


def test_orders_in_doubt_and_orders_under_way_count_and_ended_ones_do_not() -> None:
    """Without this, an order that may be at the venue would be forgotten exactly when nobody knows about it."""
    sender = Sender(preventing())
    world = sender.world
    sender.send(limit=D(100), strategy="s1")
    doubtful = sender.last
    world.send(
        SubmitCompleted(ts_ns=world.tick(), order_id="q1", status=SubmitStatus.UNKNOWN, text="timeout"),
    )
    assert doubtful.is_in_doubt
    sender.send(Side.SELL, limit=D(100), strategy="s2")
    assert is_self_match(sender.last)
    world.cancel(doubtful)
    sender.send(Side.SELL, limit=D(100), strategy="s2")
    assert is_self_match(sender.last)  # a cancel that is under way is not an end
    world.report(doubtful, ExecType.CANCELED)
    sender.send(Side.SELL, limit=D(100), strategy="s2")
    assert sender.last.is_admitted


def test_the_oldest_goes_first_and_the_newest_comes_again() -> None:
    """Without this, the new order could reach the venue before the cancel does, and trade with the old one."""
    sender = Sender(preventing(OLDEST))
    world = sender.world
    sender.send(limit=D(100), strategy="s1")
    resting = sender.last
    put_off = sender.send(Side.SELL, limit=D(100), strategy="s2", cl_ord_id="mine")
    assert put_off.refusal is not None
    assert put_off.refusal.code == RejectCode.SELF_MATCH
    assert put_off.wait_ns > 0
    assert [ticket.order_id for ticket in world.canceled if not ticket.is_twin] == ["q1"]
    assert "q2" not in world.state.orders
    assert [ticket.order_id for ticket in world.sent if not ticket.is_twin] == ["q1"]
    assert world.state.books[Route.LIVE].gateway.held_sell == 0

    again = sender.send(Side.SELL, limit=D(100), strategy="s2", cl_ord_id="mine")
    assert again.wait_ns
    assert len([ticket for ticket in world.canceled if not ticket.is_twin]) == 1  # asked once
    world.report(resting, ExecType.CANCELED)
    assert not sender.send(Side.SELL, limit=D(100), strategy="s2", cl_ord_id="mine").wait_ns
    assert sender.last.is_admitted


def test_both_go() -> None:
    """Without this, cancel_both would leave one of them."""
    sender = Sender(preventing(BOTH))
    sender.send(limit=D(100), strategy="s1")
    sender.send(Side.SELL, limit=D(100), strategy="s2")
    assert is_self_match(sender.last)
    assert [ticket.order_id for ticket in sender.world.canceled if not ticket.is_twin] == ["q1"]


@pytest.mark.parametrize("prevention", [NEWEST, OLDEST, BOTH])
def test_a_close_goes_at_once_and_what_is_in_its_way_is_asked_to_go_before(prevention: SelfMatchPrevention) -> None:
    """Invariant 3. Without this, one's own resting order would lock one into a position, for ever if its cancel is
    never confirmed."""
    sender = Sender(preventing(prevention))
    world = sender.world
    world.open_live(10, strategy="s1")
    sender.send(limit=D(179), strategy="s2")
    resting = sender.last
    decision = sender.send(Side.SELL, 10, strategy="s1")
    assert sender.last.is_admitted
    assert sender.last.is_closing
    kinds = [type(effect).__name__ for effect in decision.effects]
    assert kinds.index("CancelOrder") < kinds.index("SubmitOrder")
    assert resting.is_cancel_requested
    assert world.canceled[0].order_id == resting.order_id


def test_what_rested_before_makes_way_when_exits_begin_to_work() -> None:
    """Without this, an exit that wakes, or the stop of an OCO, would trade with an order of ours that was there before
    it: nothing looks at either any more."""
    world = Sender(preventing()).world
    resting = world.place(limit=D(170), strategy="s2")
    parent = world.place_class(OrderClass.BRACKET)
    entry, _, loss = world.state.legs_of(parent)
    world.fill(entry, 4)
    assert (loss.stop_px, resting.is_cancel_requested) == (D(162), False)  # they sleep until it has filled whole
    world.fill(entry)
    assert resting.is_cancel_requested
    assert {ticket.order_id for ticket in world.canceled} == {resting.order_id}
    again = Sender(preventing()).world
    again.open_live(10, strategy="s1")
    resting = again.place(limit=D(170), strategy="s2")
    again.place_class(OrderClass.OCO, Side.SELL)
    assert resting.is_cancel_requested


@pytest.mark.parametrize("prevention", [NEWEST, OLDEST, BOTH])
def test_an_order_that_closes_is_never_canceled_for_another(prevention: SelfMatchPrevention) -> None:
    """Without this, one strategy's new risk would take away another's stop loss."""
    sender = Sender(preventing(prevention))
    world = sender.world
    world.open_live(10, strategy="s1")
    sender.send(Side.SELL, 10, limit=D(200), strategy="s1")
    protecting = sender.last
    sender.send(limit=D(200), strategy="s2")
    assert is_self_match(sender.last)
    assert not protecting.is_cancel_requested
    assert world.canceled == []


def test_two_closes_that_meet_both_stay() -> None:
    """Invariant 3, for both: neither may keep the other in its position."""
    sender = Sender(preventing(OLDEST))
    world = sender.world
    world.open_live(10, strategy="s1")
    sender.send(Side.SELL, 10, limit=D(200), strategy="s2")
    world.fill(sender.last)
    sender.send(Side.SELL, 10, limit=D(170), strategy="s1")
    sender.send(Side.BUY, 10, limit=D(170), strategy="s2")
    assert sender.last.is_closing
    assert sender.last.is_admitted
    assert world.canceled == []


def test_new_terms_that_meet_one_of_ours_are_refused_and_the_order_stays() -> None:
    """Without this, a replace would be the way around."""
    for prevention in (NEWEST, OLDEST, BOTH):
        sender = Sender(preventing(prevention))
        world = sender.world
        sender.send(limit=D(90), strategy="s1")
        order = sender.last
        sender.send(Side.SELL, limit=D(100), strategy="s2")
        decision = world.replace(order, limit_px=D(100))
        assert [fact.reject.code for fact in decision.facts] == [RejectCode.SELF_MATCH]  # type: ignore[union-attr]
        assert world.canceled == []
        assert not world.replace(order, limit_px=D(99)).wait_ns
        assert order.pending_replace is not None
        met = sender.send(Side.SELL, limit=D(99), strategy="s2")  # the terms that are asked for count as well
        assert met.wait_ns if prevention is OLDEST else is_self_match(sender.last)


def test_two_orders_that_wait_for_the_policy_do_not_both_leave() -> None:
    """Without this, two orders that are looked at at the same time would not see each other."""
    for first_answered in (0, 1):
        sender = Sender(preventing(OLDEST))
        world = sender.world
        world.asks_outside = True
        world.policy = lambda document: None
        sender.send(limit=D(100), strategy="s1")
        sender.send(Side.SELL, limit=D(100), strategy="s2")
        questions = list(world.asked)
        world.answer_policy(questions[first_answered], ALLOW)
        world.answer_policy(questions[1 - first_answered], ALLOW)
        sent = [ticket.order_id for ticket in world.sent if not ticket.is_twin]
        assert len(sent) <= 1
        open_ids = [order.order_id for order in world.state.open_orders() if order.is_admitted]
        assert open_ids == sent


def _naive_crossings(world: World, order: Order) -> list[str]:
    """Every pair looked at, prices compared as a person would."""
    found = []
    for other in world.state.orders.values():
        if not other.is_open or other.route is not order.route or other.side is order.side:
            continue
        if (other.venue, other.symbol, other.account) != (order.venue, order.symbol, order.account):
            continue
        buy, sell = (order, other) if order.side is Side.BUY else (other, order)
        highs = _prices(buy)
        lows = _prices(sell)
        if None in highs or None in lows or max(highs) >= min(lows):  # type: ignore[type-var]
            found.append(other.order_id)
    return sorted(found)


def _prices(order: Order) -> list[Any]:
    """Its limit; a stop without one trades from its trigger on."""
    pending = order.pending_replace
    return [
        order.stop_px if order.limit_px is None else order.limit_px,
        *([pending.limit_px] if pending is not None else []),
    ]


@given(steps=operations())
def test_the_index_holds_exactly_the_open_orders(steps: list[Step]) -> None:
    """Without this, an order that was filled, replaced or forgotten would keep others out for ever, or one that is
    open would be overlooked; also after a restart and after an edit."""
    world = World(preventing(mode=Mode.CANARY))

    def check(world: World) -> None:
        prices = world.state.throttle.prices
        if prices is None:
            return
        for order in world.state.open_orders():
            assert sorted(prices.against(order, order.pending_replace)) == _naive_crossings(world, order)

    # live_through loads configurations without prevention: put it back in force after each of them
    for step in steps:
        live_through(world, [step])
        if world.state.throttle.prices is None:
            config = world.state.config
            table = ThrottleTable(self_match_prevention=NEWEST)
            world.load(_with(config, table))
        check(world)
    restored = decode_snapshot(encode_snapshot(world.state))
    assert _everything(restored.throttle.prices) == _everything(world.state.throttle.prices)


def _with(config: Any, table: ThrottleTable) -> Any:
    return msgspec.structs.replace(config, throttles=table, revision=config.revision + "+")


def _everything(prices: OpenPrices | None) -> Any:
    assert prices is not None
    return prices._ranked, {group: (one.buys, one.sells) for group, one in prices._groups.items()}


def test_nothing_is_indexed_while_it_is_off() -> None:
    """Without this, everybody would pay for what few use."""
    sender = Sender(throttled())
    sender.send(limit=D(100))
    sender.send(Side.SELL, limit=D(100), strategy="s2")
    assert sender.last.is_admitted
    assert sender.last.ord_status is OrdStatus.PENDING_NEW
    assert sender.world.state.throttle.prices is None
