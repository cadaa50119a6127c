"""How well orders are executed: how fast, at which price against the market, in how many parts.

Counted from durable facts, with floats: these are measurements, and nothing is decided by them.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from gateway.adapters.telemetry.cells import Family
from gateway.domain.enums import OrdStatus, Side
from gateway.domain.facts import OrderAcknowledged, OrderExecuted
from gateway.domain.orders import Order

# Named once: see domain.orders.
_FILLED, _BUY = OrdStatus.FILLED, Side.BUY
_NS = 1e-9

#: The price that executions in a symbol are held against; None while there is none.
Benchmark = Callable[[str], Decimal | None]


class _Cells:
    """What one venue and route observe into; found once."""

    __slots__ = ("acknowledged", "better", "filled", "first_fill", "partial", "slippage", "vwap", "worse")

    def __init__(self, families: Mapping[str, Family], venue: str, route: str) -> None:
        moved = families["gateway_slippage_moved_bps_total"]
        self.acknowledged = families["gateway_acknowledged_seconds"].histogram(venue, route).observe
        self.first_fill = families["gateway_first_fill_seconds"].histogram(venue, route).observe
        self.filled = families["gateway_filled_seconds"].histogram(venue, route).observe
        self.partial = families["gateway_partial_fills_total"].cell(venue, route).inc
        self.slippage = families["gateway_slippage_bps"].histogram(venue, route).observe
        self.vwap = families["gateway_fill_vwap_bps"].histogram(venue, route).observe
        self.worse = moved.cell(venue, route, "worse")
        self.better = moved.cell(venue, route, "better")


class ExecutionQuality:
    """Measures acknowledgments and executions of orders whose terms are known."""

    def __init__(self, families: Mapping[str, Family], vwap: Benchmark, other: str) -> None:
        self._families = families
        self._vwap = vwap
        self._other = other
        self._cells: dict[tuple[str, str], _Cells] = {}

    def know_venue(self, venue: str, routes: Iterable[str]) -> None:
        for route in routes:
            if (venue, route) not in self._cells:
                self._cells[venue, route] = _Cells(self._families, venue, route)

    def on_acknowledged(self, fact: OrderAcknowledged, order: Order) -> None:
        self._of(order).acknowledged(max(fact.ts_ns - order.created_ns, 0) * _NS)

    def on_executed(self, fact: OrderExecuted, order: Order) -> None:
        cells, fill = self._of(order), fact.fill
        waited_s = max(fact.ts_ns - order.created_ns, 0) * _NS
        if fact.cum_qty == fill.last_qty:
            cells.first_fill(waited_s)
        if fact.ord_status is _FILLED:
            cells.filled(waited_s)
        else:
            cells.partial()
        is_buy = order.side is _BUY
        if order.arrival_px:
            moved = _worse_bps(fill.last_px, order.arrival_px, is_buy)
            cells.slippage(moved)
            if moved >= 0:
                cells.worse.value += moved
            else:
                cells.better.value -= moved
        average = self._vwap(order.symbol)
        if average:
            cells.vwap(_worse_bps(fill.last_px, average, is_buy))

    def _of(self, order: Order) -> _Cells:
        return self._cells.get((order.venue, order.route)) or self._cells[self._other, order.route]


def _worse_bps(px: Decimal, benchmark: Decimal, is_buy: bool) -> float:
    """By how many basis points of the benchmark ``px`` is worse for whoever bought (or sold) at it."""
    moved = float(px - benchmark) / abs(float(benchmark)) * 10_000  # as decimals, the quotient has 132 digits
    return moved if is_buy else -moved
