"""Sources side by side: each instrument's prices from its own, and what an edit does to those who listen."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from gateway.adapters.marketdata import RoutedMarket
from gateway.adapters.venues.shared.listeners import Listeners
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate, PriceLevel, Quote
from gateway.domain.settings import MarketDataSettings, Settings, VenueSettings
from gateway.ports.connection import ConnectionState
from gateway.ports.market_data import FeedState, MarketListener
from tests.fakes.clock import ManualClock
from tests.world import trading_config

D = Decimal


class FakeFeed:
    """Implements ``ports.market_data.MarketFeed``: what a test says, it tells."""

    def __init__(self, name: str, is_synthetic: bool = False) -> None:
        self.name = name
        self.is_synthetic = is_synthetic
        self.symbols: tuple[str, ...] = ()
        self.quotes: dict[str, Quote] = {}
        self.is_open = False
        self._listeners = Listeners()

    async def start(self) -> None:
        self.is_open = True

    def follow(self, instruments: Sequence[Instrument]) -> None:
        self.symbols = tuple(one.symbol for one in instruments)

    def quote(self, symbol: str) -> Quote | None:
        return self.quotes.get(symbol)

    def depth(self, symbol: str) -> DepthUpdate | None:
        quote = self.quotes.get(symbol)
        if quote is None or quote.bid_px is None:
            return None
        return DepthUpdate(symbol, (PriceLevel(quote.bid_px, D(1)),), (), 0, 0, is_snapshot=True)

    def trouble(self, symbol: str) -> str:
        return ""

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        return self._listeners.add(symbol, listener)

    def state(self) -> FeedState:
        return FeedState(self.name, self.is_synthetic, ConnectionState(is_connected=self.is_open, since_ns=0))

    async def close(self) -> None:
        self.is_open = False

    def tick(self, symbol: str, px: str) -> None:
        self.quotes[symbol] = Quote(symbol, D(px), D(1), D(px) + 1, D(1), None, None, 0, 0, self.is_synthetic)
        self._listeners.tell(self.quotes[symbol])


class Desk:
    """A market over fake feeds, with all that its one listener heard."""

    def __init__(self, settings: Settings) -> None:
        self.made: list[FakeFeed] = []
        self.broken = ""
        self.heard: list[MarketUpdate] = []
        self.market = RoutedMarket(settings, self._make, ManualClock())
        self.market.listen(None, self.heard.append)

    def _make(self, name: str, settings: Settings) -> FakeFeed:
        if name == self.broken:
            raise ValueError("its library is not installed")
        self.made.append(FakeFeed(name, is_synthetic=name == "synthetic"))
        return self.made[-1]

    def feed(self, name: str) -> FakeFeed:
        return next(feed for feed in reversed(self.made) if feed.name == name)

    def quotes(self, symbol: str) -> list[Decimal | None]:
        return [one.bid_px for one in self.heard if isinstance(one, Quote) and one.symbol == symbol]


def settings(symbols: tuple[str, ...] = (), timeout: int = 10, **sources: str) -> Settings:
    market = MarketDataSettings(source=sources.pop("default", ""), sources=sources, symbols=symbols)
    venues = {name: VenueSettings(name=name, adapter=name, timeout_s=D(timeout)) for name in ("ibkr", "binance")}
    return Settings(trading=trading_config(), market_data=market, venues=venues)


async def begun(**sources: str) -> Desk:
    desk = Desk(settings(**sources))
    await desk.market.start()
    return desk


async def test_each_instrument_is_priced_by_the_source_of_its_venue() -> None:
    """Without this, an order could be valued and filled at the price of another market."""
    desk = await begun(beta="binance", default="synthetic")
    assert desk.feed("binance").symbols == ("BTC/USDT",)
    assert "BTC/USDT" not in desk.feed("synthetic").symbols
    desk.feed("binance").tick("BTC/USDT", "65000")
    desk.feed("synthetic").tick("AAPL", "180")
    bitcoin, apple = desk.market.quote("BTC/USDT"), desk.market.quote("AAPL")
    assert bitcoin is not None
    assert apple is not None
    assert (bitcoin.is_synthetic, apple.is_synthetic) == (False, True)
    assert (desk.market.source_of("BTC/USDT"), desk.market.source_of("AAPL")) == ("binance", "synthetic")
    assert (desk.quotes("BTC/USDT")[-1], desk.quotes("AAPL")[-1]) == (D(65000), D(180))
    assert desk.market.quote("NOPE") is None
    assert "instruments.yaml" in desk.market.trouble("NOPE")


async def test_an_edit_moves_symbols_and_tells_those_who_listen() -> None:
    """Without this, the simulator would go on filling at the last price of a source that is gone."""
    desk = await begun(default="synthetic")
    desk.feed("synthetic").tick("BTC/USDT", "60000")
    new = settings(beta="binance", default="synthetic")
    assert await desk.market.prepare(new) == ()
    desk.feed("binance").tick("BTC/USDT", "65000")
    assert desk.quotes("BTC/USDT")[-1] == D(60000), "what is only prepared does not count yet"
    desk.market.switch(new)
    assert desk.quotes("BTC/USDT")[-1] == D(65000)
    desk.feed("synthetic").tick("AAPL", "180")
    narrowed = settings(symbols=("BTC/USDT",), beta="binance", alpha="ibkr")
    assert await desk.market.prepare(narrowed) == ()
    desk.market.switch(narrowed)
    assert desk.quotes("AAPL")[-1] is None, "nobody prices it now"
    last = [one for one in desk.heard if isinstance(one, DepthUpdate) and one.symbol == "AAPL"][-1]
    assert (last.bids, last.asks) == ((), ())
    await desk.market.close()
    assert not any(feed.is_open for feed in desk.made)


async def test_prices_of_two_sources_are_told_apart() -> None:
    """Without an empty quote between them, stops would compare real prices with a last trade that was invented."""
    desk = await begun(default="synthetic")
    desk.feed("synthetic").tick("BTC/USDT", "60000")
    new = settings(beta="binance", default="synthetic")
    assert await desk.market.prepare(new) == ()
    desk.feed("binance").tick("BTC/USDT", "65000")
    desk.market.switch(new)
    assert desk.quotes("BTC/USDT")[-3:] == [D(60000), None, D(65000)]
    await desk.market.close()


async def test_a_source_that_cannot_be_had_changes_nothing() -> None:
    """Without this, a refused edit would take the prices away that its gateway trades on."""
    desk = await begun(default="synthetic")
    desk.broken = "binance"
    problems = await desk.market.prepare(settings(beta="binance", alpha="ibkr", default="synthetic"))
    assert problems == (
        "gateway.yaml: market_data.source: market data source binance cannot be had: its library is not installed",
    )
    assert not desk.feed("ibkr").is_open
    desk.feed("synthetic").tick("AAPL", "181")
    assert desk.quotes("AAPL")[-1] == D(181)
    assert [state.name for state in desk.market.states()] == ["synthetic"]


async def test_only_what_it_was_made_from_makes_a_source_anew() -> None:
    """Without this, an edit of a limit would break every price connection, or a new address never be taken up."""
    desk = await begun(beta="binance", default="synthetic")
    same = msgspec.structs.replace(settings(beta="binance", default="synthetic"), warnings=("x",))
    await desk.market.prepare(same)
    desk.market.switch(same)
    assert len(desk.made) == 2
    other = settings(timeout=3, beta="binance", default="synthetic")
    await desk.market.prepare(other)
    desk.market.switch(other)
    assert [feed.name for feed in desk.made] == ["synthetic", "binance", "binance"]
    desk.made[1].tick("BTC/USDT", "1")
    assert D(1) not in desk.quotes("BTC/USDT"), "the old one is not listened to any more"


async def test_symbols_narrow_a_venue_that_they_name_and_no_other() -> None:
    """Without this, the seed's list of coins would take the prices of all shares away."""
    desk = Desk(settings(symbols=("AAPL",), beta="binance", alpha="ibkr"))
    await desk.market.start()
    assert desk.feed("ibkr").symbols == ("AAPL",)
    assert desk.feed("binance").symbols == ("BTC/USDT",)
    assert "symbols of gateway.yaml" in desk.market.trouble("TSLA")
