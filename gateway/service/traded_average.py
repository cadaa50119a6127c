"""The market's own average price: what executions are held against, in metrics and in the evidence of rollouts."""

from collections import deque
from decimal import Context, Decimal

from gateway.domain.market import MarketUpdate, TradeTick
from gateway.domain.money import ZERO

_MINUTE_NS = 60_000_000_000
WINDOW_MINUTES = 5
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


class TradedAverage:
    """Public trades of the last five minutes by symbol. Listens to market data; memory is bounded by the symbols."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}

    def on_update(self, update: MarketUpdate) -> None:
        if not isinstance(update, TradeTick):
            return
        window = self._windows.get(update.symbol)
        if window is None:
            window = self._windows[update.symbol] = _Window()
        window.add(update.received_ns // _MINUTE_NS, update.px * update.qty, update.qty)

    def vwap(self, symbol: str, now_ns: int) -> Decimal | None:
        """Average price weighted by volume; None when nothing traded in the last five minutes."""
        window = self._windows.get(symbol)
        if window is None:
            return None
        window.forget(now_ns // _MINUTE_NS - WINDOW_MINUTES)
        return _CONTEXT.divide(window.value, window.qty) if window.qty else None
