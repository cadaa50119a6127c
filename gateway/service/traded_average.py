"""The market's own average price: what executions are held against, in metrics and in the evidence of rollouts."""

from collections import deque
from decimal import Context, Decimal

from gateway.domain.market import MarketUpdate, Quote, TradeTick
from gateway.domain.money import ZERO

_MINUTE_NS = 60_000_000_000
WINDOW_MINUTES = 5
#: Orders that are followed at most; beyond, the oldest are let go.
_MOST_FOLLOWED = 50_000
#: Twelve digits are a millionth of a basis point, and are what the journal keeps.
_CONTEXT = Context(prec=12)


class _Minute:
    """Traded value and quantity of one symbol in one minute."""

    __slots__ = ("number", "qty", "value")

    def __init__(self, number: int) -> None:
        self.number = number
        self.value = ZERO
        self.qty = ZERO


class _Window:
    """The last minutes of one symbol, and their sums."""

    __slots__ = ("minutes", "qty", "value")

    def __init__(self) -> None:
        self.minutes: deque[_Minute] = deque()
        self.value = ZERO
        self.qty = ZERO

    def add(self, number: int, value: Decimal, qty: Decimal) -> None:
        if not self.minutes or self.minutes[-1].number != number:
            self.forget(number - WINDOW_MINUTES)
            self.minutes.append(_Minute(number))
        minute = self.minutes[-1]
        minute.value += value
        minute.qty += qty
        self.value += value
        self.qty += qty

    def forget(self, until: int) -> None:
        """Let go of the minutes up to ``until``."""
        while self.minutes and self.minutes[0].number <= until:
            old = self.minutes.popleft()
            self.value -= old.value
            self.qty -= old.qty


class _Totals:
    """Everything that was seen to trade in one symbol."""

    __slots__ = ("qty", "value")

    def __init__(self, value: Decimal = ZERO, qty: Decimal = ZERO) -> None:
        self.value = value
        self.qty = qty


class TradedAverage:
    """Public trades by symbol: of the last five minutes, and since an order was sent. Listens to market data; memory is
    bounded by the symbols and the orders that are followed."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}
        self._totals: dict[str, _Totals] = {}
        #: What had traded in its symbol when an order was sent, oldest first.
        self._begun: dict[str, _Totals] = {}

    def on_update(self, update: MarketUpdate) -> None:
        if not isinstance(update, TradeTick):
            if isinstance(update, Quote) and update.is_withdrawn:  # the next may be those of another source
                self._windows.pop(update.symbol, None)
            return
        window = self._windows.get(update.symbol)
        if window is None:
            window = self._windows[update.symbol] = _Window()
        value = update.px * update.qty
        window.add(update.received_ns // _MINUTE_NS, value, update.qty)
        totals = self._totals.get(update.symbol)
        if totals is None:
            totals = self._totals[update.symbol] = _Totals()
        totals.value += value
        totals.qty += update.qty

    def follow(self, order_id: str, symbol: str) -> None:
        """An order is sent now."""
        now = self._totals.get(symbol)
        self._begun[order_id] = _Totals() if now is None else _Totals(now.value, now.qty)
        if len(self._begun) > _MOST_FOLLOWED:
            del self._begun[next(iter(self._begun))]

    def forget(self, order_id: str) -> None:
        """The order is over."""
        self._begun.pop(order_id, None)

    def vwap_since_sent(self, order_id: str, symbol: str) -> Decimal | None:
        """Average price weighted by volume since the order was sent; None when nothing traded, or the order was sent
        before this process was there."""
        begun, now = self._begun.get(order_id), self._totals.get(symbol)
        if begun is None or now is None or now.qty == begun.qty:
            return None
        return _CONTEXT.divide(now.value - begun.value, now.qty - begun.qty)

    def vwap(self, symbol: str, now_ns: int) -> Decimal | None:
        """Average price weighted by volume; None when nothing traded in the last five minutes."""
        window = self._windows.get(symbol)
        if window is None:
            return None
        window.forget(now_ns // _MINUTE_NS - WINDOW_MINUTES)
        return _CONTEXT.divide(window.value, window.qty) if window.qty else None
