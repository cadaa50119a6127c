"""How well orders are executed: the figures by which people decide whether a venue may have more of the money."""

import logging
from decimal import Decimal

import msgspec
import pytest

from gateway.adapters.telemetry.errors import COMPONENTS, component_of
from gateway.domain.breakers import BreakerAction, Trip
from gateway.domain.enums import OrdStatus, RejectStage, Role, ScopeKind, Side
from gateway.domain.facts import (
    CancelRefused,
    CancelRequested,
    OrderAcknowledged,
    OrderEnded,
    OrderReplaced,
    ReplaceDenied,
    ReplaceHeld,
)
from gateway.domain.market import TradeTick
from gateway.domain.orders import Actor, Order, PendingReplace, Reject
from gateway.domain.stop_facts import BreakerTripped
from gateway.service.traded_average import TradedAverage
from tests.fakes.gateway_samples import NOW_NS, D, new_order
from tests.telemetry.bench import Bench, admit, fill

MINUTE_NS = 60_000_000_000
SHADOW = {"venue": "ibkr", "route": "shadow"}


def an_order(side: Side = Side.BUY, arrival: int | None = 100, order_id: str = "o1") -> Order:
    order = new_order()
    order.order_id, order.side = order_id, side
    order.arrival_px = None if arrival is None else D(arrival)
    return order


def executed_at(bench: Bench, order: Order, px: str, qty: int) -> None:
    told = fill(order, qty)
    bench.tell(msgspec.structs.replace(told, fill=msgspec.structs.replace(told.fill, last_px=D(px))))


@pytest.mark.parametrize(
    ("side", "px", "worse", "better"),
    [
        (Side.BUY, "100.05", 5, 0),
        (Side.BUY, "99.90", 0, 10),
        (Side.SELL, "100.05", 0, 5),
        (Side.SELL, "99.90", 10, 0),
    ],
)
def test_slippage_is_worse_above_for_buyers_and_below_for_sellers(side: Side, px: str, worse: int, better: int) -> None:
    """A sign the wrong way round would show bad execution as good, for one of the sides."""
    bench, order = Bench(), an_order(side)
    bench.tell(*admit(order))
    executed_at(bench, order, px, 4)
    name = "gateway_slippage_moved_bps_total"
    assert bench.value(name, **SHADOW, direction="worse") == pytest.approx(worse)
    assert bench.value(name, **SHADOW, direction="better") == pytest.approx(better)
    assert bench.value("gateway_slippage_bps_bucket", **SHADOW, le="0.0") == (1 if better else 0)
    assert bench.value("gateway_slippage_bps_count", **SHADOW) == 1


def test_without_a_price_at_arrival_no_slippage_is_made_up() -> None:
    """A slippage of 0 for what nobody knows would hide the real one in the average."""
    bench, order = Bench(), an_order(arrival=None)
    bench.tell(*admit(order), fill(order, 4))
    assert bench.value("gateway_slippage_bps_count", **SHADOW) == 0


def test_partial_and_complete_fills_are_told_apart() -> None:
    """Without this, the share of partial fills and the time from submit to fill would be those of other orders."""
    bench, order = Bench(), an_order()
    bench.tell(*admit(order), OrderAcknowledged(ts_ns=order.created_ns + 2_000_000, order_id="o1", venue_order_id="v"))
    bench.tell(fill(order, 4))
    assert bench.value("gateway_partial_fills_total", **SHADOW) == 1
    assert bench.value("gateway_filled_seconds_count", **SHADOW) == 0
    bench.tell(fill(order, int(order.order_qty) - 4))
    assert bench.value("gateway_partial_fills_total", **SHADOW) == 1
    assert bench.value("gateway_filled_seconds_count", **SHADOW) == 1
    assert bench.value("gateway_first_fill_seconds_count", **SHADOW) == 1
    assert bench.value("gateway_acknowledged_seconds_sum", **SHADOW) == pytest.approx(0.002)


def test_cancels_and_replaces_are_counted_by_what_became_of_them() -> None:
    """A cancel that never arrives anywhere must show as a difference between requested and done."""
    bench, who = Bench(), Actor("ann", Role.TRADER)
    one, two = an_order(), an_order(order_id="o2")
    bench.tell(*admit(one), *admit(two))
    bench.tell(CancelRequested(ts_ns=NOW_NS, order_id="o1", actor=who))
    bench.tell(CancelRefused(ts_ns=NOW_NS, order_id="o1", text="too late"))
    bench.tell(CancelRequested(ts_ns=NOW_NS, order_id="o1", actor=who))
    bench.tell(OrderEnded(ts_ns=NOW_NS, order_id="o1", ord_status=OrdStatus.CANCELED))
    terms = PendingReplace(D(5), None, None, D(1), is_sent=False)
    bench.tell(ReplaceHeld(ts_ns=NOW_NS, order_id="o2", pending=terms))
    bench.tell(ReplaceDenied(ts_ns=NOW_NS, order_id="o2", reject=Reject(RejectStage.RISK, "X", "no")))
    bench.tell(ReplaceHeld(ts_ns=NOW_NS, order_id="o2", pending=terms))
    new = {"order_qty": D(5), "limit_px": None, "stop_px": None, "held_unit": D(1), "ord_status": OrdStatus.NEW}
    for settles in (False, True):
        bench.tell(OrderReplaced(ts_ns=NOW_NS, order_id="o2", transact_ns=NOW_NS, settles_pending=settles, **new))
    bench.tell(OrderEnded(ts_ns=NOW_NS, order_id="o2", ord_status=OrdStatus.CANCELED))  # at the venue, by itself

    def changes(change: str) -> list[float]:
        name = "gateway_order_changes_total"
        results = ("requested", "done", "refused")
        return [bench.value(name, venue="ibkr", change=change, result=result) for result in results]

    assert changes("cancel") == [2, 1, 1]
    assert changes("replace") == [2, 1, 1]


def test_a_trip_is_counted_under_its_breaker() -> None:
    """A breaker that trips and resets between two scrapes would otherwise leave no trace."""
    bench = Bench()
    assert bench.value("gateway_circuit_breaker_trips_total", breaker="daily_loss") == 0
    trip = Trip(
        trip_id="daily_loss/live",
        breaker_id="daily_loss",
        book=None,
        scope=ScopeKind.GATEWAY,
        scope_id="",
        action=BreakerAction.HALT,
        value=D(1),
        threshold=D(1),
        size_factor=D(1),
        cause="",
        by="system",
        since_ns=1,
        day=1,
    )
    bench.tell(BreakerTripped(ts_ns=NOW_NS, trip=trip))
    assert bench.value("gateway_circuit_breaker_trips_total", breaker="daily_loss") == 1


@pytest.mark.parametrize(
    ("logger", "component"),
    [
        ("gateway.adapters.venues.ibkr.wire", "venues"),
        ("gateway.service.engine", "service"),
        ("gateway", "app"),
        ("asyncio", "other"),
    ],
)
def test_errors_are_counted_by_component(logger: str, component: str) -> None:
    """Error rates are asked for; a component outside the list would be a series out of nowhere."""
    bench, log = Bench(), logging.getLogger(logger)
    log.addHandler(bench.telemetry.errors)
    try:
        log.warning("only a warning")
        log.error("an error of the test")
    finally:
        log.removeHandler(bench.telemetry.errors)
    assert component_of(logger) == component
    counted = {name: bench.value("gateway_errors_total", component=name) for name in (*COMPONENTS, "other")}
    assert counted == {**dict.fromkeys(counted, 0), component: 1}


def _trade(px: str, qty: str, at_ns: int) -> TradeTick:
    return TradeTick("AAPL", Decimal(px), Decimal(qty), at_ns, at_ns, False)


def test_the_average_of_the_market_is_weighted_and_forgets() -> None:
    """Executions are held against it: an average over yesterday would judge today's execution by a former market."""
    average, start_ns = TradedAverage(), 1_000 * MINUTE_NS
    average.on_update(_trade("100", "1", start_ns))
    average.on_update(_trade("101", "3", start_ns + MINUTE_NS))
    assert average.vwap("AAPL", start_ns + MINUTE_NS) == Decimal("100.75")
    assert average.vwap("AAPL", start_ns + 5 * MINUTE_NS) == Decimal(101)
    assert average.vwap("AAPL", start_ns + 9 * MINUTE_NS) is None
    assert average.vwap("MSFT", start_ns) is None


def test_executions_are_held_against_the_average_of_the_market() -> None:
    """The seeds ask for fill price against VWAP; without a market's trades there is no figure, not a zero."""
    bench = Bench(vwap=lambda symbol: D(200) if symbol == "AAPL" else None)
    order = an_order()
    bench.tell(*admit(order))
    executed_at(bench, order, "200.1", 4)
    assert bench.value("gateway_fill_vwap_bps_sum", **SHADOW) == pytest.approx(5)
