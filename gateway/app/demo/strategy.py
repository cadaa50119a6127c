"""A sample strategy: momentum on the best bid and ask. Copy it, with ``desk.py`` and ``client.py`` beside it, as a
start for your own: it is an ordinary client of the gateway and knows nothing of its inside.

``Trend.signal`` says what it thinks of the market, ``Momentum.decide`` what it does about it: change these two.
Signals may be floats; prices and quantities that are sent never are.

By itself, against a gateway that runs: ``python -m gateway.app.demo.strategy``, with ``GATEWAY_URL`` and
``GATEWAY_KEY`` in the environment. In a copy, import desk and client from where you put them.
"""

import asyncio
import contextlib
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.app.demo.client import GatewayClient
from gateway.app.demo.desk import Desk

#: Value of one position, in the currency of the symbol.
BUDGET = Decimal(4_000)
#: The smallest step of a quantity, by symbol, where it is not 1.
LOTS = {"BTC/USDT": Decimal("0.00001"), "ETH/USDT": Decimal("0.0001")}
#: Reach of the two averages, in seconds, and how long they need before they mean anything.
FAST_S, SLOW_S, WARM_UP_S = 0.5, 2.0, 1.5
#: The signal at which it opens a position, at which it cannot wait with it, and at which it closes one.
ENTER, HURRY, LEAVE = 0.5, 0.8, 0.2
#: How long a limit order may rest, and how long a symbol rests after an order.
STALE_S, PAUSE_S = 1.5, 0.3
#: One opening order in so many is too large, by these factors: for the demonstration. Leave it out of yours.
TOO_LARGE_EVERY, TOO_LARGE = 5, (30, 6)


@dataclass
class Trend:
    """What the strategy remembers of one symbol."""

    bid: Decimal = Decimal(0)
    ask: Decimal = Decimal(0)
    imbalance: float = 0.0
    fast: float = 0.0
    slow: float = 0.0
    began_s: float = 0.0
    seen_s: float = 0.0

    @property
    def mid(self) -> Decimal:
        return (self.bid + self.ask) / 2

    @property
    def is_warm(self) -> bool:
        return self.seen_s - self.began_s > WARM_UP_S

    def see(self, quote: Mapping[str, Any], now_s: float) -> None:
        self.bid, self.ask = Decimal(quote["bid_px"]), Decimal(quote["ask_px"])
        bid_qty, ask_qty = float(quote["bid_qty"]), float(quote["ask_qty"])
        self.imbalance = (bid_qty - ask_qty) / (bid_qty + ask_qty)
        mid = float(self.mid)
        if not self.began_s:
            self.began_s = self.seen_s = now_s
            self.fast = self.slow = mid
        elapsed_s, self.seen_s = now_s - self.seen_s, now_s
        self.fast += (mid - self.fast) * -math.expm1(-elapsed_s / FAST_S)
        self.slow += (mid - self.slow) * -math.expm1(-elapsed_s / SLOW_S)

    def signal(self) -> float:
        """Above 0: going up. The fast average over the slow one, in basis points, and on which side more wait."""
        return (self.fast - self.slow) / self.slow * 10_000 + self.imbalance / 2


class Momentum:
    """Trades until ``stop`` is set. ``desk`` has the orders and positions."""

    def __init__(
        self,
        client: GatewayClient,
        symbols: tuple[str, ...],
        lots: Mapping[str, Decimal] = LOTS,
        name: str = "momentum",
    ) -> None:
        self.desk = Desk(client, name)
        self._client = client
        self._lots = lots
        self._trends = {symbol: Trend() for symbol in symbols}
        self._opened = 0

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            events = self._tasks.create_task(self.desk.follow_events())
            market = self._tasks.create_task(self._follow_market())
            await stop.wait()
            market.cancel()
            await self.desk.withdraw()
            events.cancel()

    async def _follow_market(self) -> None:
        async for quote in self._client.quotes(tuple(self._trends)):
            self._trends[quote["symbol"]].see(quote, time.monotonic())
            self.decide(quote["symbol"])

    def decide(self, symbol: str) -> None:
        """Close before open: of a sell of more than is held the gateway would make two orders, a closing and an
        opening one, because each may go its own way."""
        trend, position = self._trends[symbol], self.desk.positions.get(symbol, Decimal(0))
        working = self.desk.working.get(symbol)
        if working is not None:
            if working.age_s > STALE_S:
                self._tasks.create_task(self.desk.cancel(working))
            return
        if not trend.is_warm or self.desk.idle_s(symbol) < PAUSE_S:
            return
        signal = trend.signal()
        if position:
            ahead = signal if position > 0 else -signal
            if ahead < LEAVE:
                self._order(symbol, "sell" if position > 0 else "buy", abs(position), in_hurry=ahead < -ENTER)
        elif abs(signal) > ENTER:
            lot = self._lots.get(symbol, Decimal(1))
            quantity = max(BUDGET / trend.mid // lot, Decimal(1)) * lot
            self._opened += 1
            if self._opened % TOO_LARGE_EVERY == 0:
                quantity *= TOO_LARGE[self._opened // TOO_LARGE_EVERY % len(TOO_LARGE)]
            self._order(symbol, "buy" if signal > 0 else "sell", quantity, in_hurry=abs(signal) > HURRY)

    def _order(self, symbol: str, side: str, quantity: Decimal, *, in_hurry: bool) -> None:
        """At the market; or at the best price of our own side, behind those who wait there already."""
        trend = self._trends[symbol]
        limit = None if in_hurry else trend.bid if side == "buy" else trend.ask
        sent = self.desk.write(symbol, side, quantity, limit, trend.bid, trend.ask)
        self._tasks.create_task(self.desk.place(sent))


async def main() -> None:
    url = os.environ.get("GATEWAY_URL", "http://127.0.0.1:8000")
    async with GatewayClient(url, os.environ.get("GATEWAY_KEY", "")) as client:
        await Momentum(client, ("AAPL", "BTC/USDT", "ETH/USDT")).run(asyncio.Event())


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
