"""Limits that look at the market: collars, data that is missing, old or crossed, liquidity, hours, events."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.domain.config import GapEvent, Limits, LimitTable
from gateway.domain.enums import ExecType, Mode, OrdType, Side, TimeInForce
from gateway.domain.events import PolicyVerdict
from gateway.domain.facts import ReplaceDenied
from gateway.domain.market import MarketPhase
from gateway.domain.reasons import RejectCode
from tests.unit.test_limits import codes, world_with
from tests.world import ALLOW, INSTRUMENTS, World, trading_config

D = Decimal
C = RejectCode


def breaches(world: World, **order: Any) -> list[RejectCode]:
    """The codes of everything that stands against an order; empty when it is admitted."""
    placed = world.place(**order)
    if placed.reject is None:
        assert placed.is_admitted
        return []
    return codes(placed) or [RejectCode(placed.reject.code)]


@pytest.mark.parametrize(
    ("side", "limit", "expected"),
    [
        (Side.BUY, "188.99", []),
        (Side.BUY, "189.00", []),
        (Side.BUY, "189.01", [C.PRICE_COLLAR]),
        (Side.BUY, "20.00", []),  # waits far below the market: harmless
        (Side.SELL, "171.01", []),
        (Side.SELL, "171.00", []),
        (Side.SELL, "170.99", [C.PRICE_COLLAR]),
        (Side.SELL, "900.00", []),
    ],
)
def test_a_limit_price_stays_within_the_collar(side: Side, limit: str, expected: list[RejectCode]) -> None:
    """Without this, a comma in the wrong place would trade at ten times the price. The market is at 180, 5% are 9."""
    assert breaches(world_with(Limits(price_collar=D("0.05"))), side=side, limit=D(limit)) == expected


@pytest.mark.parametrize(
    ("side", "market", "expected"),
    [
        (Side.BUY, {"ask_px": D("189.00")}, []),
        (Side.BUY, {"ask_px": D("189.01")}, [C.PRICE_COLLAR]),
        (Side.BUY, {"ask_px": None}, []),
        (Side.SELL, {"bid_px": D("171.00")}, []),
        (Side.SELL, {"bid_px": D("170.99")}, [C.PRICE_COLLAR]),
    ],
)
def test_a_market_order_is_held_to_the_far_side(side: Side, market: dict[str, Any], expected: list[RejectCode]) -> None:
    """Without this, a market order into an empty book would pay whatever the one order left in it asks."""
    world = world_with(Limits(price_collar=D("0.05")))
    world.market = market
    assert breaches(world, side=side) == expected


def test_a_stop_limit_is_held_to_its_own_trigger() -> None:
    """Without this, a stop-limit order far from today's market, its whole point, would be refused."""
    world = world_with(Limits(price_collar=D("0.05")))
    stop: dict[str, Any] = {"ord_type": OrdType.STOP_LIMIT, "stop_px": D(220)}
    assert breaches(world, limit=D(231), **stop) == []
    assert breaches(world, limit=D("231.01"), **stop) == [C.PRICE_COLLAR]
    assert breaches(world, ord_type=OrdType.STOP, stop_px=D(220)) == []


@pytest.mark.parametrize(
    ("side", "stop", "market", "expected"),
    [
        (Side.BUY, "180.01", {}, []),  # at or beyond its trigger the book would be empty, but it waits
        (Side.BUY, "180.00", {"ask_px": D("189.00")}, []),
        (Side.BUY, "180.00", {"ask_px": D("189.01")}, [C.PRICE_COLLAR]),
        (Side.BUY, "189.01", {"ask_px": D("189.01")}, [C.PRICE_COLLAR]),
        (Side.BUY, "189.02", {"ask_px": D("189.01")}, []),
        (Side.BUY, "1.00", {"ask_px": D("189.01")}, [C.PRICE_COLLAR]),
        (Side.SELL, "900.00", {"bid_px": D("170.99")}, [C.PRICE_COLLAR]),
        (Side.SELL, "900.00", {"bid_px": D("171.00")}, []),
        (Side.SELL, "170.98", {"bid_px": D("170.99")}, []),
        (Side.BUY, "900.00", {"reference_px": None}, [C.MARKET_DATA_UNAVAILABLE]),
    ],
)
@pytest.mark.parametrize("ord_type", [OrdType.STOP, OrdType.TRAILING_STOP])
def test_a_stop_that_wakes_at_once_is_held_to_the_far_side(
    side: Side, stop: str, market: dict[str, Any], expected: list[RejectCode], ord_type: OrdType
) -> None:
    """Without this, a market order that the collar refuses would get through as a stop with a trigger that the market
    is beyond already."""
    world = world_with(Limits(price_collar=D("0.05")))
    world.market = market
    trail = {"trailing_percent": D(5)} if ord_type is OrdType.TRAILING_STOP else {}
    assert breaches(world, side=side, ord_type=ord_type, stop_px=D(stop), **trail) == expected


def test_a_resting_stop_is_not_moved_to_where_it_wakes_at_once() -> None:
    """Without this, new terms would be the way around the collar, and around the average of the window."""
    world = world_with(Limits(price_collar=D("0.05"), price_collar_window=D("0.05")))
    world.market = {"window_px": D(180), "ask_px": D(189)}
    order = world.place(ord_type=OrdType.STOP, stop_px=D(200))
    assert order.is_admitted
    world.report(order, ExecType.NEW)
    world.market = {"window_px": D(180), "ask_px": D(190)}
    (denied,) = world.replace(order, stop_px=D(170)).facts
    assert isinstance(denied, ReplaceDenied)
    assert [one.code for one in denied.reject.breaches] == [C.PRICE_COLLAR, C.PRICE_COLLAR_WINDOW]


@pytest.mark.parametrize(
    ("window_px", "limit", "expected"),
    [
        ("150", "157.49", []),
        ("150", "157.50", []),
        ("150", "157.51", [C.PRICE_COLLAR_WINDOW]),
        ("180", "157.51", []),
    ],
)
def test_a_price_that_runs_away_does_not_take_the_collar_along(
    window_px: str, limit: str, expected: list[RejectCode]
) -> None:
    """Without this, a strategy could buy a spike all the way up: each order near the last price."""
    world = world_with(Limits(price_collar_window=D("0.05")))
    world.market = {"window_px": D(window_px)}
    assert breaches(world, limit=D(limit)) == expected


@pytest.mark.parametrize(
    ("limits", "market", "expected"),
    [
        ({"price_collar": D("0.05")}, {"reference_px": None}, [C.MARKET_DATA_UNAVAILABLE]),
        ({"price_collar": D("0.05")}, {"age_ns": 60_000_000_000}, []),
        ({"price_collar": D("0.05")}, {"age_ns": 60_000_000_001}, [C.MARKET_DATA_UNAVAILABLE]),
        ({"price_collar_window": D("0.05")}, {}, [C.MARKET_DATA_UNAVAILABLE]),
        ({"require_market_data": True}, {"reference_px": None}, [C.MARKET_DATA_UNAVAILABLE]),
        ({"require_market_data": True}, {}, []),
        ({"require_market_data": False}, {"reference_px": None}, []),
        ({"max_market_data_age_ms": D(500)}, {"age_ns": 499_999_999}, []),
        ({"max_market_data_age_ms": D(500)}, {"age_ns": 500_000_000}, []),
        ({"max_market_data_age_ms": D(500)}, {"age_ns": 500_000_001}, [C.STALE_MARKET_DATA]),
        ({"max_market_data_age_ms": D(500)}, {"reference_px": None}, [C.MARKET_DATA_UNAVAILABLE]),
        ({"deny_crossed_market": True}, {"bid_px": D("180.01"), "ask_px": D("180.00")}, [C.CROSSED_MARKET]),
        ({"deny_crossed_market": True}, {"bid_px": D("180.00"), "ask_px": D("180.00")}, []),
        ({"deny_crossed_market": True}, {"bid_px": None}, []),
        ({"max_spread_bps": D(10)}, {"bid_px": D("99.951"), "ask_px": D("100.049")}, []),
        ({"max_spread_bps": D(10)}, {"bid_px": D("99.95"), "ask_px": D("100.05")}, []),
        ({"max_spread_bps": D(10)}, {"bid_px": D("99.949"), "ask_px": D("100.051")}, [C.MAX_SPREAD_BPS]),
        ({"max_spread_bps": D(10)}, {"ask_px": None}, [C.MARKET_DATA_UNAVAILABLE]),
        ({"min_displayed_qty": D(50)}, {"ask_qty": D(49)}, [C.MIN_DISPLAYED_QTY]),
        ({"min_displayed_qty": D(50)}, {"ask_qty": D(50), "bid_qty": D(1)}, []),
        ({"min_displayed_qty": D(50)}, {"ask_qty": D(51)}, []),
        ({"min_displayed_qty": D(50)}, {}, [C.MARKET_DATA_UNAVAILABLE]),
        ({"min_depth_multiple": D(5)}, {"ask_qty": D(49)}, [C.MIN_DEPTH_MULTIPLE]),
        ({"min_depth_multiple": D(5)}, {"ask_qty": D(50)}, []),
        ({"min_depth_multiple": D(5)}, {"ask_qty": D(51)}, []),
        ({"min_depth_multiple": D(5)}, {}, [C.MARKET_DATA_UNAVAILABLE]),
        ({"min_average_volume": D(999)}, {}, []),
        ({"min_average_volume": D(1000)}, {}, []),
        ({"min_average_volume": D(1001)}, {}, [C.MIN_AVERAGE_VOLUME]),
    ],
)
def test_market_data_and_liquidity(limits: dict[str, Any], market: dict[str, Any], expected: list[RejectCode]) -> None:
    """Without this, orders would be priced off data that is missing, old or nonsense, or sent into a thin market."""
    world = world_with(Limits(**limits))
    world.market = market
    assert breaches(world, limit=D(180)) == expected


def test_what_nobody_knows_is_refused_by_its_own_code() -> None:
    """Without this, a limit that lacks its figure would silently not bind, or blame the order."""
    world = World(trading_config(limits=Limits(max_order_adv=D("0.1"), min_average_volume=D(1))))
    order = world.place()
    assert codes(order) == [C.AVERAGE_VOLUME_UNKNOWN, C.AVERAGE_VOLUME_UNKNOWN]
    assert order.reject is not None
    assert "max_order_adv 0.1" in order.reject.text


def test_a_market_without_a_price_is_told_in_words() -> None:
    """Without this, the order of a venue whose prices are lost is told "no fresh market data to check 0 with"."""
    world = world_with(Limits(require_market_data=True))
    world.market = {"reference_px": None}
    reject = world.place(limit=D(180)).reject
    assert reject is not None
    assert reject.text == "the market has no price, and require_market_data asks for one (gateway)"


PHASES: list[tuple[MarketPhase, dict[str, Any], bool]] = [
    (MarketPhase.CLOSED, {}, False),
    (MarketPhase.CLOSED, {"limit": D(180), "time_in_force": TimeInForce.DAY}, False),
    (MarketPhase.PRE_OPEN, {}, False),
    (MarketPhase.PRE_OPEN, {"limit": D(180), "time_in_force": TimeInForce.DAY}, True),
    (MarketPhase.PRE_OPEN, {"limit": D(180), "time_in_force": TimeInForce.IOC}, False),
    (MarketPhase.PRE_OPEN, {"time_in_force": TimeInForce.AT_THE_OPENING}, True),
    (MarketPhase.PRE_OPEN, {"ord_type": OrdType.MARKET_ON_CLOSE, "time_in_force": TimeInForce.DAY}, True),
    (MarketPhase.PRE_OPEN, {"time_in_force": TimeInForce.AT_THE_CLOSE}, True),
    (MarketPhase.OPENING_AUCTION, {"time_in_force": TimeInForce.AT_THE_OPENING}, False),
    (MarketPhase.OPENING_AUCTION, {"limit": D(180)}, True),
    (MarketPhase.OPEN, {}, True),
    (MarketPhase.OPEN, {"limit": D(180), "time_in_force": TimeInForce.IOC}, True),
    (MarketPhase.OPEN, {"time_in_force": TimeInForce.AT_THE_OPENING}, False),
    (MarketPhase.OPEN, {"limit": D(180), "ord_type": OrdType.LIMIT_ON_CLOSE, "time_in_force": TimeInForce.DAY}, True),
    (MarketPhase.CLOSING_AUCTION, {}, True),
    (MarketPhase.CLOSING_AUCTION, {"ord_type": OrdType.MARKET_ON_CLOSE, "time_in_force": TimeInForce.DAY}, False),
    (MarketPhase.CLOSING_AUCTION, {"limit": D(180), "time_in_force": TimeInForce.AT_THE_CLOSE}, False),
]


@pytest.mark.parametrize(("phase", "order", "is_taken"), PHASES)
def test_each_phase_of_the_day_takes_its_own_orders(phase: MarketPhase, order: dict[str, Any], is_taken: bool) -> None:
    """Without this, an order would wait for an auction that is over, or fill at whatever price opens."""
    world = world_with(Limits(market_hours=True))
    world.market = {"phase": phase}
    assert breaches(world, **order) == ([] if is_taken else [C.OUTSIDE_MARKET_HOURS])
    unlimited = world_with(Limits())
    unlimited.market = {"phase": phase}
    assert breaches(unlimited, **order) == []


@pytest.mark.parametrize(
    ("phase", "order", "is_open"),
    [
        (MarketPhase.PRE_OPEN, {"time_in_force": TimeInForce.AT_THE_OPENING}, True),
        (MarketPhase.PRE_OPEN, {"ord_type": OrdType.MARKET_ON_CLOSE, "time_in_force": TimeInForce.DAY}, True),
        (MarketPhase.PRE_OPEN, {"limit": D(180)}, False),
        (MarketPhase.OPENING_AUCTION, {"time_in_force": TimeInForce.AT_THE_OPENING}, False),
        (MarketPhase.OPENING_AUCTION, {"time_in_force": TimeInForce.AT_THE_CLOSE}, True),
        (MarketPhase.CLOSED, {"time_in_force": TimeInForce.AT_THE_OPENING}, False),
    ],
)
def test_policies_see_an_auction_that_an_order_waits_for(
    phase: MarketPhase, order: dict[str, Any], is_open: bool
) -> None:
    """Without this, the shipped policy would refuse every order for the opening: the market is closed until it."""
    world = World()
    world.market = {"phase": phase, "is_open": False}
    seen: list[bool] = []

    def policy(document: dict[str, Any]) -> PolicyVerdict:
        seen.append(document["market"]["is_open"])
        return ALLOW

    world.policy = policy
    world.place(**order)
    assert seen == [is_open]


def test_no_new_risk_in_a_window_around_an_event() -> None:
    """Without this, a strategy would hold through earnings that a person marked in the calendar."""
    world = World()
    start = world.now_ns + 10_000_000_000
    events = (
        GapEvent(start_ns=start, end_ns=start + 1_000, reason="AAPL earnings", symbols=("AAPL",)),
        GapEvent(start_ns=start + 5_000_000_000, end_ns=start + 6_000_000_000, reason="FOMC"),
    )
    world.load(trading_config(table=LimitTable(gap_events=events), revision="gaps"))
    for at, symbol, is_denied in (
        (start - 1, "AAPL", False),
        (start, "TSLA", False),
        (start + 1, "AAPL", True),
        (start + 999, "AAPL", True),
        (start + 1_000, "AAPL", False),
        (start + 5_500_000_000, "TSLA", True),
        (start + 6_000_000_000, "TSLA", False),
    ):
        world.now_ns = at - 1_000_000  # placing ticks by a millisecond
        assert breaches(world, symbol=symbol) == ([C.GAP_EVENT] if is_denied else []), at


def test_the_collar_follows_a_replace() -> None:
    """Without this, an order could be moved to a price that it would never have been taken at."""
    world = world_with(Limits(price_collar=D("0.05"), require_market_data=True))
    order = world.place(limit=D(180))
    world.replace(order, limit_px=D("189.01"))
    assert order.limit_px == D(180)
    assert order.pending_replace is None
    world.replace(order, limit_px=D("189.00"))
    assert order.pending_replace is not None
    assert order.pending_replace.is_sent


def test_a_position_can_be_closed_without_market_data() -> None:
    """Invariant 3. Without this, a feed that dies would lock people into what they hold."""
    volume = msgspec.structs.replace(INSTRUMENTS["AAPL"], average_daily_volume=D(0))
    limits = Limits(price_collar=D("0.05"), max_order_adv=D("0.1"), require_market_data=True)
    world = World(trading_config(Mode.LIVE))
    world.open_live(10)
    config = trading_config(Mode.LIVE, limits=limits, instruments={**INSTRUMENTS, "AAPL": volume}, revision="blind")
    world.load(config)
    del world.prices["AAPL"]
    assert breaches(world, side=Side.SELL, qty=4, limit=D(100)) == []
    assert breaches(world, side=Side.SELL, qty=4) == []
