"""Prices of each instrument from the source of its venue, behind one ``MarketData``.

Sources come and go with the configuration while the readers of prices stay as they are. A new one is made and started
before it counts, so that an edit which cannot be served changes nothing.
"""

from collections.abc import Callable

import msgspec

from gateway.adapters.venues.shared.background import Background
from gateway.adapters.venues.shared.listeners import Listeners
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, Quote
from gateway.domain.settings import MarketDataSettings, Settings
from gateway.ports.clock import Clock
from gateway.ports.market_data import FeedState, MarketFeed, MarketListener

_NS_PER_MS = 1_000_000

#: Makes the source of a name. What it raises is why it cannot be had, in words.
FeedFactory = Callable[[str, Settings], MarketFeed]


class _Kept(msgspec.Struct, frozen=True):
    """A source, what it was made from, and how to hear no more of it."""

    feed: MarketFeed
    made_from: object
    stop: Callable[[], None]


class RoutedMarket:
    """Implements ``ports.market_data.MarketSources`` over all sources that ``settings`` name."""

    def __init__(self, settings: Settings, make: FeedFactory, clock: Clock) -> None:
        self._settings = settings
        self._make = make
        self._clock = clock
        self._listeners = Listeners()
        self._kept: dict[str, _Kept] = {}
        self._next: dict[str, _Kept] = {}
        self._feeds: dict[str, MarketFeed] = {}  # by symbol
        self._closing: list[MarketFeed] = []
        self._background = Background("market data")

    # --- prices ---------------------------------------------------------------------------------------

    @property
    def is_synthetic(self) -> bool:
        return any(kept.feed.is_synthetic for kept in self._kept.values())

    @property
    def stale_after_ns(self) -> int:
        """The age from which a quote is called stale."""
        return self._settings.market_data.stale_after_ms * _NS_PER_MS

    async def start(self) -> None:
        """Raises ValueError with the reasons when a source cannot be had."""
        problems = await self.prepare(self._settings)
        if problems:
            raise ValueError("; ".join(problems))
        self.switch(self._settings)

    def quote(self, symbol: str) -> Quote | None:
        feed = self._feeds.get(symbol)
        return None if feed is None else feed.quote(symbol)

    def depth(self, symbol: str) -> DepthUpdate | None:
        feed = self._feeds.get(symbol)
        return None if feed is None else feed.depth(symbol)

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        """A listener that comes late is first given the depth as it stands: changes alone would tell it nothing."""
        for one in tuple(self._feeds) if symbol is None else (symbol,):
            present = self.depth(one)
            if present is not None:
                listener(present)
        return self._listeners.add(symbol, listener)

    def states(self) -> tuple[FeedState, ...]:
        return tuple(kept.feed.state() for kept in self._kept.values())

    def source_of(self, symbol: str) -> str:
        feed = self._feeds.get(symbol)
        return "" if feed is None else next(name for name, kept in self._kept.items() if kept.feed is feed)

    def trouble(self, symbol: str) -> str:
        feed = self._feeds.get(symbol)
        if feed is not None:
            return feed.trouble(symbol)
        if symbol not in self._settings.trading.instruments:
            return "is not in instruments.yaml"
        return "is not among the symbols of gateway.yaml, which are all that its source carries"

    async def close(self) -> None:
        feeds = [*self._closing, *(kept.feed for kept in (*self._kept.values(), *self._next.values()))]
        self._kept, self._feeds, self._next = {}, {}, {}
        self._listeners.clear()
        await self._background.close()
        for feed in feeds:
            await feed.close()

    # --- an edit of the configuration -----------------------------------------------------------------

    async def prepare(self, settings: Settings) -> tuple[str, ...]:
        """Make and start the sources that ``settings`` need and that are not there yet; returns why one cannot be had,
        and then none of the new ones stays."""
        await self._abandon()
        for name, instruments in instruments_by_source(settings).items():
            made_from = what_makes(name, settings)
            kept = self._kept.get(name)
            if kept is not None and kept.made_from == made_from:
                continue
            try:
                feed = self._make(name, settings)
                feed.follow(instruments)
                await feed.start()
            except Exception as error:
                await self._abandon()
                return (unavailable(name, error),)
            self._next[name] = _Kept(feed, made_from, lambda: None)
        return ()

    def switch(self, settings: Settings) -> None:
        """Let what was prepared count at once, for the instruments of ``settings``; close what nothing needs."""
        wanted = instruments_by_source(settings)
        before, old = self._kept, self._feeds
        self._settings, self._next, coming = settings, {}, self._next
        self._kept, self._feeds = {}, {}
        for name, instruments in wanted.items():
            kept = coming.get(name)
            if kept is None:
                kept = before[name]
                kept.feed.follow(instruments)
            else:
                kept = _Kept(kept.feed, kept.made_from, kept.feed.listen(None, self._listeners.tell))
            self._kept[name] = kept
            self._feeds.update({one.symbol: kept.feed for one in instruments})
        dropped = [kept for name, kept in before.items() if self._kept.get(name) is not kept]
        for kept in dropped:
            kept.stop()
            self._closing.append(kept.feed)
            self._background.spawn(self._close(kept.feed), "close a source")
        self._tell_moved(old)

    def _tell_moved(self, old: dict[str, MarketFeed]) -> None:
        """Who listens must not hold on to prices of a source that is gone, nor mix them with those of another."""
        now_ns = self._clock.now_ns()
        for symbol, feed in self._feeds.items():
            if old.get(symbol) is not feed:
                if symbol in old:
                    self._listeners.tell(_no_quote(symbol, now_ns))
                quote = feed.quote(symbol)
                present = feed.depth(symbol)
                self._listeners.tell(quote or _no_quote(symbol, now_ns))
                self._listeners.tell(present or _no_depth(symbol, now_ns))
        for symbol in old:
            if symbol not in self._feeds:
                self._listeners.tell(_no_quote(symbol, now_ns))
                self._listeners.tell(_no_depth(symbol, now_ns))

    async def _close(self, feed: MarketFeed) -> None:
        await feed.close()
        self._closing.remove(feed)

    async def _abandon(self) -> None:
        """Let go of what was prepared and never counted."""
        coming, self._next = self._next, {}
        for kept in coming.values():
            await kept.feed.close()


def unavailable(name: str, error: Exception) -> str:
    return f"gateway.yaml: market_data.source: market data source {name} cannot be had: {error}"


def instruments_by_source(settings: Settings) -> dict[str, list[Instrument]]:
    """The instruments of each source. ``symbols`` narrows those of a venue of which it names any."""
    market, instruments = settings.market_data, settings.trading.instruments
    narrowed = {instruments[symbol].venue for symbol in market.symbols if symbol in instruments}
    found: dict[str, list[Instrument]] = {}
    for one in instruments.values():
        source = market.source_of(one.venue)
        if not source:
            continue
        carried = found.setdefault(source, [])
        if source not in settings.venues or one.venue not in narrowed or one.symbol in market.symbols:
            carried.append(one)
    return found


def what_makes(name: str, settings: Settings) -> object:
    """What, when it changes, makes another source of the same name."""
    market = settings.market_data
    if name in settings.venues:
        return settings.venues[name], market.refresh_interval_s, market.stale_after_ms
    common = MarketDataSettings()
    return msgspec.structs.replace(
        market,
        source=common.source,
        sources=common.sources,
        symbols=common.symbols,
        refresh_interval_s=common.refresh_interval_s,
    )


def _no_quote(symbol: str, now_ns: int) -> Quote:
    return Quote(symbol, None, None, None, None, None, None, 0, now_ns)


def _no_depth(symbol: str, now_ns: int) -> DepthUpdate:
    return DepthUpdate(symbol, (), (), 0, now_ns, is_snapshot=True)
