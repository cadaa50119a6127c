"""Lists of orders and trades, read to their ends. Exchanges give them in pages, some from the newest back, some from a
moment on, some without a way to go on; ccxt does not say which. So pages are asked for in both directions, and a list
whose end was not seen is told as such: what is missing from it proves nothing.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.adapters.venues.ccxt.capabilities import features_of
from gateway.adapters.venues.ccxt.client import Client

_MOST_PAGES = 20
#: Where ccxt does not say how long a page may be: a list as long as this, or a multiple of it, may have been cut off.
_ROUND = 50
#: Rows of the last seconds may have come while the list was read.
_CLOCK_SLACK_MS = 5_000

Row = Mapping[str, Any]


class Listed(msgspec.Struct, frozen=True):
    """Rows by their ids, and whether there are no others."""

    rows: tuple[Row, ...]
    is_whole: bool


class Lists:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self, call: str, symbol: str | None, since_ms: int | None = None) -> Listed:
        """``call`` is ccxt's name: fetchOpenOrders, fetchOrders, fetchMyTrades ... Raises what the client raises."""
        pages = _Pages(self._client, call, symbol)
        begun_ms = self._client.exchange.milliseconds()
        if not await pages.add(since_ms, {}):
            return Listed(tuple(pages.found.values()), is_whole=True)
        is_all_older = await pages.go_back(since_ms)
        before, told = pages.count_until(begun_ms - _CLOCK_SLACK_MS), set(pages.found)
        is_all_newer = await pages.go_on()
        # More that was there by then: so rows may come from a moment on, the oldest first, and these came first.
        if not is_all_older and pages.count_until(begun_ms - _CLOCK_SLACK_MS) > before:
            is_all_older = await pages.begins_with(since_ms, told)
        return Listed(tuple(pages.found.values()), is_all_older and is_all_newer)


class _Pages:
    def __init__(self, client: Client, call: str, symbol: str | None) -> None:
        self.found: dict[str, Row] = {}
        self._client = client
        self._symbol = symbol
        self._method = "".join(f"_{char.lower()}" if char.isupper() else char for char in call)
        limit = features_of(client.exchange, call).get("limit")
        self._limit: int | None = None if limit is None else int(limit)

    async def add(self, since_ms: int | None, params: dict[str, Any]) -> bool:
        """Read a page; whether it was full, so that there may be more."""
        rows = await self._client.call(self._method, self._symbol, since_ms, self._limit, params)
        self.found |= {f"{row.get('order')}-{row.get('id')}": row for row in rows}
        if self._limit is not None:
            return len(rows) >= self._limit
        return bool(rows) and len(rows) % _ROUND == 0

    async def go_back(self, since_ms: int | None) -> bool:
        """Read what is older; False when the end was not seen. Times are cut to milliseconds: the last one is read
        again."""
        return await self._go(lambda: (since_ms, {"until": min(self._times()) + 1}))

    async def go_on(self) -> bool:
        """Read what is newer; False when the end was not seen."""
        return await self._go(lambda: (max(self._times()), {}))

    async def _go(self, where: Any) -> bool:
        for _ in range(_MOST_PAGES):
            if not all(self._times()):
                return False  # rows without a time: there is no way to go on
            before = len(self.found)
            since_ms, params = where()
            if not await self.add(since_ms, params):
                return True
            if len(self.found) == before:
                return False  # full, and nothing new: this is no way to go on
        return False

    async def begins_with(self, since_ms: int | None, told: set[str]) -> bool:
        """Whether the first page still tells nothing else: where the newest come first, it tells what came since."""
        before, self.found = self.found, {}
        await self.add(since_ms, {})
        first, self.found = self.found, before | self.found
        return first.keys() <= told

    def count_until(self, time_ms: int) -> int:
        """How many rows of up to then were found."""
        return sum(1 for one in self._times() if one <= time_ms)

    def _times(self) -> list[int]:
        return [int(row.get("timestamp") or 0) for row in self.found.values()]
