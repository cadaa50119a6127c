"""ccxt.pro's stream of our orders, where the exchange has one: it says which order to ask about, and nothing else.

What ccxt.pro makes of such a stream differs from exchange to exchange: states are folded together, sums are of the last
trade only, a reconnect forgets what came before. That something happened is all that is taken from it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import ccxt

from gateway.adapters.venues.ccxt.client import Client
from gateway.adapters.venues.shared.background import Background
from gateway.adapters.venues.shared.link import Backoff

_log = logging.getLogger(__name__)


class OrderStream:
    """One stream for each symbol that has orders. ``on_hint`` gets the symbol, the exchange's id of an order, and the
    client's."""

    def __init__(self, client: Client, background: Background, on_hint: Callable[[str, str, str], None]) -> None:
        self._client = client
        self._background = background
        self._on_hint = on_hint
        self._followed: set[str] = set()
        has = client.has
        self._method = "watch_orders" if has.get("watchOrders") is True else "watch_my_trades"
        #: Whether there are streams at all. Where there are none, polling tells.
        self.is_there = client.options.has_stream and bool(has.get("watchOrders") or has.get("watchMyTrades"))

    def follow(self, symbol: str) -> None:
        if self.is_there and symbol not in self._followed:
            self._followed.add(symbol)
            self._background.spawn(self._watch(symbol), f"stream of {symbol}")

    async def _watch(self, symbol: str) -> None:
        """Until canceled. A broken stream is opened again with the next call, after a wait."""
        backoff = Backoff(self._client.exchange.milliseconds())
        while True:
            try:
                for row in await self._client.call(self._method, symbol):
                    self._hint(symbol, row)
                backoff.reset()
            except (ccxt.NotSupported, ccxt.ArgumentsRequired, ccxt.BadSymbol) as error:
                _log.warning("%s: no stream of orders in %s: %s", self._client.exchange.id, symbol, error)
                self.is_there = False
                return
            except Exception as error:
                _log.warning("%s: the stream of orders in %s broke: %r", self._client.exchange.id, symbol, error)
                await asyncio.sleep(backoff.next_s())

    def _hint(self, symbol: str, row: Any) -> None:
        if self._method == "watch_orders":
            self._on_hint(symbol, str(row.get("id") or ""), str(row.get("clientOrderId") or ""))
            for trade in row.get("trades") or ():
                self._on_hint(symbol, str(trade.get("order") or ""), "")
        else:
            self._on_hint(symbol, str(row.get("order") or ""), "")
