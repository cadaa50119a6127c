"""The market's own average price: what executions are held against. For measurements; nothing is decided by it."""

from collections import deque
from decimal import Decimal

from gateway.domain.market import MarketUpdate, TradeTick
from gateway.domain.money import ZERO, ratio

_MINUTE_NS = 60_000_000_000
WINDOW_MINUTES = 5


class _Minute:
    """Traded value and quantity of one symbol in one minute."""

    __slots__ = ("number", "qty", "value")

    def __init__(self, number: int) -> None:
        self.number = number
        self.value = ZERO
        self.qty = ZERO


class TradedAverage:
    """Public trades of the last five minutes by symbol. Listens to market data; memory is bounded by the symbols."""

    def __init__(self) -> None:
        self._minutes: dict[str, deque[_Minute]] = {}

    def on_update(self, update: MarketUpdate) -> None:
        if not isinstance(update, TradeTick):
            return
        minutes = self._minutes.get(update.symbol)
        if minutes is None:
            minutes = self._minutes[update.symbol] = deque(maxlen=WINDOW_MINUTES)
        number = update.received_ns // _MINUTE_NS
        if not minutes or minutes[-1].number != number:
            minutes.append(_Minute(number))
        minutes[-1].value += update.px * update.qty
        minutes[-1].qty += update.qty

    def vwap(self, symbol: str, now_ns: int) -> Decimal | None:
        """Average price weighted by volume; None when nothing traded in the last five minutes."""
        since = now_ns // _MINUTE_NS - WINDOW_MINUTES
        recent = [minute for minute in self._minutes.get(symbol, ()) if minute.number > since]
        qty = sum((minute.qty for minute in recent), ZERO)
        return ratio(sum((minute.value for minute in recent), ZERO), qty) if qty else None
