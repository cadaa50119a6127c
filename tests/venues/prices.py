"""A source of prices of a venue, and what it told."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate, PriceLevel, Quote, TradeTick
from gateway.ports.market_data import MarketFeed

D = Decimal


def crypto(symbol: str, venue: str = "binance") -> Instrument:
    return Instrument(symbol=symbol, venue=venue, currency=symbol.partition("/")[2], asset_class="crypto")


class Watched:
    """Listens to all of a feed. ``books`` is what its depth updates add up to."""

    def __init__(self, feed: MarketFeed) -> None:
        self.feed = feed
        self.updates: list[MarketUpdate] = []
        self.books: dict[str, tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]] = {}
        feed.listen(None, self._hear)

    def _hear(self, update: MarketUpdate) -> None:
        self.updates.append(update)
        if isinstance(update, DepthUpdate):
            if update.is_snapshot:
                self.books[update.symbol] = ({}, {})
            sides = self.books.get(update.symbol, ({}, {}))
            for side, levels in zip(sides, (update.bids, update.asks), strict=True):
                _change(side, levels)

    def prices(self, symbol: str) -> tuple[Decimal | None, Decimal | None]:
        quote = self.feed.quote(symbol)
        return (None, None) if quote is None else (quote.bid_px, quote.ask_px)

    def trades(self, symbol: str) -> list[tuple[Decimal, Decimal]]:
        return [(one.px, one.qty) for one in self.updates if isinstance(one, TradeTick) and one.symbol == symbol]

    def withdrawn(self, symbol: str) -> bool:
        """Whether listeners were told that the symbol has no prices."""
        return any(
            isinstance(one, Quote) and one.symbol == symbol and one.bid_px is one.ask_px is one.last_px is None
            for one in self.updates
        )

    async def until(self, is_so: Callable[[], bool], timeout_s: float = 5.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not is_so():  # noqa: ASYNC110 - the feed has no event for it
                await asyncio.sleep(0.005)

    async def until_priced(self, symbol: str, bid: str, ask: str) -> None:
        try:
            await self.until(lambda: self.prices(symbol) == (D(bid), D(ask)))
        except TimeoutError:
            raise AssertionError(f"{symbol} is at {self.prices(symbol)}; {self.feed.state()}") from None


def _change(side: dict[Decimal, Decimal], levels: tuple[PriceLevel, ...]) -> None:
    for level in levels:
        if level.qty:
            side[level.px] = level.qty
        else:
            side.pop(level.px, None)
