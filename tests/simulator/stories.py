"""Hand-made markets for the simulator's tests: one symbol, a clock in milliseconds, and orders by short names.

A ``Floor`` has no latency unless asked for, so what an order does is reported in the same moment. Every market
update comes 100 ms after whatever was before it: long enough for two updates not to be taken for two tellings of
the same trade.
"""

from decimal import Decimal
from typing import Any

from gateway.adapters.venues.simulator.model import MatchingModel
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrdType, Route, Side, TimeInForce
from gateway.domain.executions import ExecutionReport
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate, PriceLevel, Quote, TradeTick
from gateway.domain.settings import SimulatorSettings

D = Decimal
MS = 1_000_000
#: 2023-11-15 00:00 UTC: a story begins as a day begins.
MIDNIGHT_NS = 1_700_006_400 * 1_000_000_000
DAY_MS = 86_400_000
Number = int | str | Decimal

ACME = Instrument(symbol="ACME", venue="alpha", currency="USD")
MINI = Instrument(symbol="MINI", venue="alpha", currency="EUR", multiplier=D(50), tick_size=D("0.25"))
INSTRUMENTS = {"ACME": ACME, "MINI": MINI}
INSTANT = SimulatorSettings(
    order_latency_ms=D(0),
    report_latency_ms=D(0),
    latency_jitter=D(0),
    maker_fee_bps=D(0),
    taker_fee_bps=D(0),
)


def make_ticket(order_id: str, side: Side, qty: Number, limit: Number | None = None, **terms: Any) -> OrderTicket:
    """A ticket with the usual terms: a limit order where there is a limit, else a market order, good for the day."""
    given: dict[str, Any] = {
        "order_id": order_id,
        "venue": "alpha",
        "route": Route.SHADOW,
        "account": "main",
        "strategy_id": "story",
        "symbol": "ACME",
        "side": side,
        "ord_type": OrdType.MARKET if limit is None else OrdType.LIMIT,
        "time_in_force": TimeInForce.DAY,
        "order_qty": D(qty),
        "limit_px": None if limit is None else D(limit),
    }
    for name in ("stop_px", "trailing_amount", "trailing_percent", "cum_qty"):
        if name in terms:
            terms[name] = D(terms[name])
    return OrderTicket(**(given | terms))


def levels(*pairs: tuple[Number, Number]) -> tuple[PriceLevel, ...]:
    return tuple(PriceLevel(D(px), D(qty)) for px, qty in pairs)


class Floor:
    """The pure model, driven by hand. Every method lets happen what is due and keeps the reports."""

    def __init__(self, settings: SimulatorSettings = INSTANT, **model: Any) -> None:
        self.now_ns = MIDNIGHT_NS
        self.model = MatchingModel(model.pop("instruments", INSTRUMENTS), settings, **model)
        self.reports: list[ExecutionReport] = []
        self.tickets: dict[str, OrderTicket] = {}

    # --- time and market ---------------------------------------------------------------------

    def wait(self, ms: float) -> None:
        self.now_ns += int(ms * MS)
        self._listen()

    def see(self, update: MarketUpdate) -> None:
        self.model.on_market(update, self.now_ns)
        self._listen()

    def quote(
        self,
        bid: Number | None,
        bid_qty: Number | None,
        ask: Number | None,
        ask_qty: Number | None,
        *,
        last: Number | None = None,
        symbol: str = "ACME",
        after_ms: float = 100,
    ) -> None:
        self.wait(after_ms)
        numbers = [None if one is None else D(one) for one in (bid, bid_qty, ask, ask_qty, last)]
        self.see(Quote(symbol, *numbers, None, self.now_ns, self.now_ns))

    def trade(self, px: Number, qty: Number, *, hits: str, symbol: str = "ACME", after_ms: float = 100) -> None:
        """A public trade in which somebody hit a resting ``bid`` or ``ask``."""
        self.wait(after_ms)
        self.see(TradeTick(symbol, D(px), D(qty), self.now_ns, self.now_ns, hits == "bid"))

    def depth(
        self,
        bids: tuple[PriceLevel, ...] = (),
        asks: tuple[PriceLevel, ...] = (),
        *,
        is_snapshot: bool = False,
        symbol: str = "ACME",
    ) -> None:
        self.wait(100)
        self.see(DepthUpdate(symbol, bids, asks, self.now_ns, self.now_ns, is_snapshot))

    # --- orders ------------------------------------------------------------------------------

    def buy(self, order_id: str, qty: Number, limit: Number | None = None, **terms: Any) -> None:
        self.submit(make_ticket(order_id, Side.BUY, qty, limit, **terms))

    def sell(self, order_id: str, qty: Number, limit: Number | None = None, **terms: Any) -> None:
        self.submit(make_ticket(order_id, Side.SELL, qty, limit, **terms))

    def submit(self, ticket: OrderTicket) -> None:
        self.tickets[ticket.order_id] = ticket
        self.model.submit(ticket, self.now_ns)
        self._listen()

    def cancel(self, order_id: str) -> None:
        self.model.cancel(self.tickets[order_id], self.now_ns)
        self._listen()

    def replace(self, order_id: str, qty: Number, limit: Number | None = None, stop: Number | None = None) -> None:
        prices = [None if px is None else D(px) for px in (limit, stop)]
        self.model.replace(self.tickets[order_id], D(qty), *prices, self.now_ns)
        self._listen()

    # --- what was said -----------------------------------------------------------------------

    def _listen(self) -> None:
        self.reports.extend(self.model.advance(self.now_ns))

    def of(self, order_id: str) -> list[ExecutionReport]:
        return [report for report in self.reports if report.order_id == order_id]

    def kinds(self, order_id: str) -> list[str]:
        """What was said of an order, in words: ``["new", "trade", ...]``."""
        return [str(report.exec_type) for report in self.of(order_id)]

    def fills(self, order_id: str) -> list[tuple[Decimal, Decimal]]:
        """Quantity and price of each fill."""
        trades = [report for report in self.of(order_id) if report.exec_type is ExecType.TRADE]
        return [(report.last_qty, report.last_px) for report in trades]

    def filled(self, order_id: str) -> Decimal:
        return sum((qty for qty, _ in self.fills(order_id)), D(0))

    def text(self, order_id: str) -> str:
        """The words of the last report."""
        return self.of(order_id)[-1].text
