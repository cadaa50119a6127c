"""How much kinder a naive simulator is: passive orders on a recorded feed, filled by two rules.

The method: at regular intervals a buy at the best bid and a sell at the best ask are placed, of a fixed small
quantity and for a fixed lifetime. Each counts as filled when all of it filled within its life, under

(a) the *touch rule* of most paper trading: filled as soon as the market touches the price, that is, the opposite
    best is at it or through it, or a trade prints there (without the prints it is told apart as well); and
(b) our *queue-aware* model, without latency and at the back of the queue: filled when trades have come through
    what was ahead, or went or were quoted through the price.

Orders are so small beside the traded quantities that they do not get in each other's way. The published figures
beside which ours are shown are those of backtest2live 0.8.0 on 10 days of BTCUSDT.
"""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from gateway.adapters.venues.simulator.model import MatchingModel
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrdType, Route, Side, TimeInForce
from gateway.domain.executions import ExecutionReport
from gateway.domain.instruments import Instrument
from gateway.domain.market import MarketUpdate, Quote, TradeTick
from gateway.domain.money import ONE, ZERO
from gateway.domain.settings import SimulatorSettings

PUBLISHED_TOUCH = Decimal("40.2")
PUBLISHED_QUEUE = Decimal("27.2")
_NS_PER_MS = 1_000_000


class FidelityReport(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of orders. ``touch_filled_by_quotes`` leaves prints out of the touch rule; ``queue_partly`` are those
    that our model filled in part only (not in ``queue_filled``)."""

    symbol: str
    seconds: Decimal
    interval_ms: int
    lifetime_ms: int
    order_qty: Decimal
    queue_share: Decimal
    placed: int
    touch_filled: int
    touch_filled_by_quotes: int
    queue_filled: int
    queue_partly: int

    @property
    def touch_percent(self) -> Decimal:
        return _percent(self.touch_filled, self.placed)

    @property
    def queue_percent(self) -> Decimal:
        return _percent(self.queue_filled, self.placed)

    def table(self) -> str:
        """For people: our two figures beside the published ones."""
        ratio = self.touch_filled / self.queue_filled if self.queue_filled else float("inf")
        lines = (
            f"{self.symbol}, {self.seconds:.0f} s of feed: {self.placed} passive orders of {self.order_qty} at the "
            f"touch, one a side every {self.interval_ms} ms, living {self.lifetime_ms} ms",
            "",
            f"{'filled completely by':<34}{'orders':>8}{'share':>9}{'published':>11}",
            f"{'(a) touch rule':<34}{self.touch_filled:>8}{self.touch_percent:>8}%{PUBLISHED_TOUCH:>10}%",
            f"{'    by quotes alone':<34}{self.touch_filled_by_quotes:>8}"
            f"{_percent(self.touch_filled_by_quotes, self.placed):>8}%",
            f"{f'(b) queue-aware (joins at {self.queue_share})':<34}{self.queue_filled:>8}{self.queue_percent:>8}%"
            f"{PUBLISHED_QUEUE:>10}%",
            f"{'    in part only':<34}{self.queue_partly:>8}",
            f"{'(a) : (b)':<34}{'':>8}{ratio:>9.2f}{PUBLISHED_TOUCH / PUBLISHED_QUEUE:>11.2f}",
        )
        return "\n".join(lines)


class _Passive(msgspec.Struct):
    """One order under both rules."""

    ticket: OrderTicket
    end_ns: int
    is_touched: bool = False
    is_touched_by_quote: bool = False
    queue_qty: Decimal = ZERO


def compare_touch_with_queue(
    updates: Iterable[MarketUpdate],
    *,
    symbol: str,
    order_qty: Decimal = Decimal("0.001"),
    interval_ms: int = 1_000,
    lifetime_ms: int = 10_000,
    queue_share: Decimal = ONE,
) -> FidelityReport:
    """Run the comparison over updates with their original ``received_ns``, in order.

    Orders that the end of the feed cut short are left out of all counts.
    """
    race = _Race(symbol, order_qty, lifetime_ms * _NS_PER_MS, queue_share)
    first_ns = last_ns = next_ns = 0
    for update in updates:
        if update.symbol != symbol:
            continue
        last_ns = update.received_ns
        race.pass_time(last_ns)
        if isinstance(update, Quote) and last_ns >= next_ns:
            first_ns = first_ns or last_ns
            next_ns = last_ns + interval_ms * _NS_PER_MS
            race.see(update, last_ns)
            race.place(update, last_ns)
        else:
            race.see(update, last_ns)
    done = race.finished
    return FidelityReport(
        symbol=symbol,
        seconds=Decimal(last_ns - first_ns) / (1_000 * _NS_PER_MS),
        interval_ms=interval_ms,
        lifetime_ms=lifetime_ms,
        order_qty=order_qty,
        queue_share=queue_share,
        placed=len(done),
        touch_filled=sum(one.is_touched for one in done),
        touch_filled_by_quotes=sum(one.is_touched_by_quote for one in done),
        queue_filled=sum(one.queue_qty == order_qty for one in done),
        queue_partly=sum(ZERO < one.queue_qty < order_qty for one in done),
    )


class _Race:
    """The same orders under both rules at once."""

    def __init__(self, symbol: str, order_qty: Decimal, lifetime_ns: int, queue_share: Decimal) -> None:
        self._symbol = symbol
        self._order_qty = order_qty
        self._lifetime_ns = lifetime_ns
        settings = SimulatorSettings(
            order_latency_ms=ZERO, report_latency_ms=ZERO, latency_jitter=ZERO, queue_position=queue_share
        )
        instrument = Instrument(symbol=symbol, venue="recording", currency="")
        self._model = MatchingModel({symbol: instrument}, settings)
        self._alive: dict[str, _Passive] = {}
        self._by_end: deque[_Passive] = deque()
        self._count = 0
        self.finished: list[_Passive] = []

    def pass_time(self, now_ns: int) -> None:
        """Let the orders go whose life is over."""
        self._collect(self._model.advance(now_ns))
        while self._by_end and self._by_end[0].end_ns <= now_ns:
            passive = self._by_end.popleft()
            del self._alive[passive.ticket.order_id]
            self.finished.append(passive)

    def see(self, update: MarketUpdate, now_ns: int) -> None:
        self._model.on_market(update, now_ns)
        self._collect(self._model.advance(now_ns))
        for passive in self._alive.values():
            if not passive.is_touched_by_quote and _is_touched(passive.ticket, update):
                passive.is_touched = True
                passive.is_touched_by_quote = isinstance(update, Quote)

    def place(self, quote: Quote, now_ns: int) -> None:
        """Join both sides at the best prices."""
        for side, px in ((Side.BUY, quote.bid_px), (Side.SELL, quote.ask_px)):
            if px is None:
                continue
            self._count += 1
            end_ns = now_ns + self._lifetime_ns
            ticket = self._ticket(f"passive-{self._count}", side, px, end_ns)
            self._alive[ticket.order_id] = passive = _Passive(ticket, end_ns)
            self._by_end.append(passive)
            self._model.submit(ticket, now_ns)
        self._collect(self._model.advance(now_ns))

    def _ticket(self, order_id: str, side: Side, px: Decimal, end_ns: int) -> OrderTicket:
        return OrderTicket(
            order_id=order_id,
            venue="recording",
            route=Route.SHADOW,
            account="fidelity",
            strategy_id="fidelity",
            symbol=self._symbol,
            side=side,
            ord_type=OrdType.LIMIT,
            time_in_force=TimeInForce.GTD,
            order_qty=self._order_qty,
            limit_px=px,
            expire_ns=end_ns,
        )

    def _collect(self, reports: Iterable[ExecutionReport]) -> None:
        for report in reports:
            passive = self._alive.get(report.order_id)
            if passive is not None and report.exec_type is ExecType.TRADE:
                passive.queue_qty += report.last_qty


def _is_touched(ticket: OrderTicket, update: MarketUpdate) -> bool:
    px = ticket.limit_px
    assert px is not None  # all of them are limit orders
    is_buy = ticket.side is Side.BUY
    if isinstance(update, TradeTick):
        return update.px <= px if is_buy else update.px >= px
    if isinstance(update, Quote):
        far = update.ask_px if is_buy else update.bid_px
        return far is not None and (far <= px if is_buy else far >= px)
    return False


def _percent(part: int, whole: int) -> Decimal:
    return (Decimal(100 * part) / whole).quantize(Decimal("0.1")) if whole else ZERO
