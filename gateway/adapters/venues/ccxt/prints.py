"""Which public trades are news. Many exchanges begin a stream of trades with the last ones of before, some minutes or
hours old, and do so again with every new connection; taken for trades of now, they would fill resting orders."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

#: In the first message of a stream, what is older than this happened before it was opened.
_OLD_MS = 5_000
#: Ids that are remembered of a symbol; no exchange begins with more trades.
_MOST_IDS = 2_000


class _Seen:
    """Ids of the last trades of one symbol."""

    def __init__(self) -> None:
        self._order: deque[str] = deque()
        self._ids: set[str] = set()

    def add(self, trade_id: str) -> bool:
        """Whether it was new."""
        if trade_id in self._ids:
            return False
        self._ids.add(trade_id)
        self._order.append(trade_id)
        if len(self._order) > _MOST_IDS:
            self._ids.discard(self._order.popleft())
        return True


class Prints:
    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._is_running: set[str] = set()

    def reopen(self, symbol: str = "") -> None:
        """The stream of a symbol (without one: of all) begins anew."""
        if symbol:
            self._is_running.discard(symbol)
        else:
            self._is_running.clear()

    def new_of(self, symbol: str, trades: Iterable[Mapping[str, Any]], now_ms: int) -> list[Mapping[str, Any]]:
        """Those that were not told before and that happened now."""
        seen = self._seen.get(symbol)
        if seen is None:
            seen = self._seen[symbol] = _Seen()
        is_first = symbol not in self._is_running
        self._is_running.add(symbol)
        news = []
        for trade in trades:
            trade_id = trade.get("id")
            is_new = trade_id is None or seen.add(str(trade_id))
            if is_new and not (is_first and int(trade.get("timestamp") or 0) < now_ms - _OLD_MS):
                news.append(trade)
        return news
