"""Which adapters exist: a name from the configuration, and how to make the thing. Plain dictionaries, no magic."""

import contextlib
import importlib.util
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from gateway.adapters.marketdata.replay import ReplayMarket
from gateway.adapters.marketdata.synthetic import SyntheticMarket
from gateway.adapters.policy.embedded import EmbeddedPolicy
from gateway.adapters.policy.live import SwappableEngine
from gateway.adapters.venues.alpaca.capabilities import ALPACA
from gateway.adapters.venues.binance.capabilities import BINANCE
from gateway.adapters.venues.ccxt.capabilities import ccxt_capabilities
from gateway.adapters.venues.ibkr.capabilities import IBKR
from gateway.adapters.venues.shared.budget import Budgets
from gateway.adapters.venues.simulator.capabilities import SIMULATOR
from gateway.adapters.venues.simulator.venue import SimulatorVenue
from gateway.domain.capabilities import VenueCapabilities
from gateway.domain.instruments import Instrument
from gateway.domain.settings import MarketDataSettings, PolicySettings, Settings, VenueSettings
from gateway.ports.clock import Clock
from gateway.ports.market_data import MarketData, MarketFeed
from gateway.ports.venue import Venue
from gateway.service.venues import VenueFactory


class StartRefused(Exception):
    """The gateway cannot start with what it was given; the text says what to change."""


#: Names of the order adapters that ``venue_factories`` makes.
ORDER_ADAPTERS = frozenset({"simulator", "ibkr", "binance", "alpaca", "ccxt"})

#: What the venue behind an order adapter guarantees and can do, by the same names. A function imports no client
#: library, except where the venue's own options decide (an exchange of ccxt), and is called for configured venues only.
CAPABILITIES: Mapping[str, Callable[[VenueSettings], VenueCapabilities]] = {
    "simulator": lambda settings: SIMULATOR,
    "ibkr": lambda settings: IBKR,
    "binance": lambda settings: BINANCE,
    "alpaca": lambda settings: ALPACA,
    "ccxt": ccxt_capabilities,
}


def declared(venues: Mapping[str, VenueSettings]) -> dict[str, VenueCapabilities]:
    """What the adapters of the configured venues declare, by the name of the venue."""
    return {name: CAPABILITIES[venue.adapter](venue) for name, venue in venues.items() if venue.adapter in CAPABILITIES}


def with_capabilities(settings: Settings) -> Settings:
    """The settings of a folder with what no file says, as a gateway completes them."""
    trading = msgspec.structs.replace(settings.trading, capabilities=declared(settings.venues))
    return msgspec.structs.replace(settings, trading=trading)


def venue_factories(
    instruments: Mapping[str, Instrument],
    settings: Settings,
    market: MarketData,
    clock: Clock,
    data_dir: Path,
    environ: Mapping[str, str],
    budgets: Budgets,
) -> dict[str, VenueFactory]:
    """Order adapters by the name that ``venues.<name>.adapter`` gives. A new venue is a function here.

    A venue's client library is imported when its adapter is built and not before: some take a second and 70 MB.
    """

    def paper(venue: VenueSettings) -> Venue:
        return SimulatorVenue(instruments, settings.simulator, market, clock, name=venue.name)

    def ibkr(venue: VenueSettings) -> Venue:
        _need("ib_async")
        from gateway.adapters.venues.ibkr.ids import OrderIds
        from gateway.adapters.venues.ibkr.venue import IbkrVenue

        return IbkrVenue(venue, instruments, OrderIds(data_dir / f"{venue.name}.order_ids"), clock, budgets)

    def binance(venue: VenueSettings) -> Venue:
        _need("binance")
        from gateway.adapters.venues.binance.client import RestClient
        from gateway.adapters.venues.binance.venue import BinanceVenue

        return BinanceVenue(venue, RestClient(venue, environ, clock, budgets), clock, instruments)

    def alpaca(venue: VenueSettings) -> Venue:
        from gateway.adapters.venues.alpaca.client import RestClient
        from gateway.adapters.venues.alpaca.venue import AlpacaVenue

        return AlpacaVenue(venue, RestClient(venue, environ, clock, budgets), instruments, clock)

    def ccxt(venue: VenueSettings) -> Venue:
        _need("ccxt")
        from gateway.adapters.venues.ccxt.client import Client
        from gateway.adapters.venues.ccxt.options import read_options
        from gateway.adapters.venues.ccxt.venue import CcxtVenue

        client = Client(venue, read_options(venue), clock, environ, budgets)
        symbols = tuple(one.symbol for one in instruments.values() if one.venue == venue.name)
        return CcxtVenue(venue, client, clock, symbols, float(settings.market_data.refresh_interval_s))

    return {"simulator": paper, "ibkr": ibkr, "binance": binance, "alpaca": alpaca, "ccxt": ccxt}


def load_adapter(name: str) -> None:
    """Import an order adapter with its client library, from any thread; what is not installed is told when the adapter
    is built."""
    if name in ORDER_ADAPTERS - {"simulator"}:
        with contextlib.suppress(ImportError):
            importlib.import_module(f"gateway.adapters.venues.{name}.venue")


def load_clients(settings: Settings) -> None:
    """Import, from any thread, what the sources of prices of ``settings`` and the capabilities of its venues need:
    some client libraries take seconds, and no order waits for those."""
    market, wanted = settings.market_data, dict[str, None]()
    for name in filter(None, (market.source, *market.sources.values())):
        adapter = settings.venues[name].adapter if name in settings.venues else name
        if adapter in ORDER_ADAPTERS - {"simulator"}:
            wanted[f"gateway.adapters.venues.{adapter}.market"] = None
    if any(venue.adapter == "ccxt" for venue in settings.venues.values()):
        wanted["gateway.adapters.venues.ccxt.client"] = None
    for module in wanted:
        with contextlib.suppress(ImportError):  # told when it is to be used
            importlib.import_module(module)


def _need(module: str) -> None:
    """Raise StartRefused in words when a venue's client library is not installed."""
    if importlib.util.find_spec(module) is None:
        raise StartRefused(f"its client library {module} is not installed: `make venues` installs it")


#: Sources of market data: ``synthetic``, ``replay``, and adapters of venues that bring prices.
MARKETS = frozenset({"synthetic", "replay", "ibkr", "binance", "alpaca", "ccxt"})

#: Makes a venue's source of prices.
VenueFeedFactory = Callable[[VenueSettings, MarketDataSettings], MarketFeed]


def feed_factory(
    folder: Path, clock: Clock, environ: Mapping[str, str], budgets: Budgets
) -> Callable[[str, Settings], MarketFeed]:
    """Makes the source of a name: ``synthetic``, ``replay``, or a venue whose adapter brings prices. ``folder``
    is where gateway.yaml lies, which paths are relative to.

    What it makes can never trade. Only ``environ`` may hold credentials, and only who gets no prices without reads it.
    """
    venues = _venue_feeds(clock, environ, budgets)

    def synthetic(settings: Settings) -> MarketFeed:
        return SyntheticMarket(tuple(settings.trading.instruments.values()), settings.market_data, clock)

    def replay(settings: Settings) -> MarketFeed:
        instruments, market = tuple(settings.trading.instruments.values()), settings.market_data
        return ReplayMarket(str((folder / market.path).resolve()), instruments, market, clock)

    invented = {"synthetic": synthetic, "replay": replay}

    def make(name: str, settings: Settings) -> MarketFeed:
        if name in invented:
            return invented[name](settings)
        venue = settings.venues.get(name) or VenueSettings(name=name, adapter=name)
        if venue.adapter not in venues:
            raise StartRefused(
                f"{venue.adapter} brings no prices in this version; it has: {', '.join(sorted(MARKETS))}"
            )
        return venues[venue.adapter](venue, settings.market_data)

    return make


def _venue_feeds(clock: Clock, environ: Mapping[str, str], budgets: Budgets) -> dict[str, VenueFeedFactory]:
    """Adapters that bring prices, by the name that ``venues.<name>.adapter`` gives. A new one is a function here and a
    name in ``MARKETS``."""

    def binance(venue: VenueSettings, market: MarketDataSettings) -> MarketFeed:
        from gateway.adapters.venues.binance.market import BinanceMarket

        return BinanceMarket(venue, clock, _confirm_s(market), budgets)

    def ibkr(venue: VenueSettings, market: MarketDataSettings) -> MarketFeed:
        _need("ib_async")
        from gateway.adapters.venues.ibkr.market import IbkrMarket

        return IbkrMarket(venue, clock, budgets)

    def alpaca(venue: VenueSettings, market: MarketDataSettings) -> MarketFeed:
        from gateway.adapters.venues.alpaca.market import AlpacaMarket

        return AlpacaMarket(venue, environ, clock, _confirm_s(market))

    def ccxt(venue: VenueSettings, market: MarketDataSettings) -> MarketFeed:
        _need("ccxt")
        from gateway.adapters.venues.ccxt.market import CcxtMarket

        return CcxtMarket(venue, clock, _confirm_s(market))

    return {"ibkr": ibkr, "binance": binance, "alpaca": alpaca, "ccxt": ccxt}


def _confirm_s(market: MarketDataSettings) -> float:
    """Symbols that stand still are asked for before they would count as stale."""
    return float(min(market.refresh_interval_s, Decimal(market.stale_after_ms) / 2_000))


def unserved_sources(settings: Settings) -> tuple[str, ...]:
    """Why the configured sources cannot be had in this version, without making any."""
    market, known = settings.market_data, ", ".join(sorted(MARKETS))
    names = dict.fromkeys(name for name in (market.source, *market.sources.values()) if name)
    adapters = {name: settings.venues[name].adapter if name in settings.venues else name for name in names}
    return tuple(
        f"gateway.yaml: market_data.source {name} is not part of this version; it has: {known}"
        for name, adapter in adapters.items()
        if adapter not in MARKETS
    )


def _embedded(settings: PolicySettings, environ: Mapping[str, str]) -> SwappableEngine:
    return EmbeddedPolicy()


def _opa(settings: PolicySettings, environ: Mapping[str, str]) -> SwappableEngine:
    from gateway.adapters.policy.server import OpaServerPolicy  # its client is loaded only when it is wanted

    return OpaServerPolicy(settings.url, settings.timeout_ms / 1000, environ.get("OPA_TOKEN"))


#: Policy engines by the name that ``policy.engine`` gives.
POLICIES: dict[str, Callable[[PolicySettings, Mapping[str, str]], SwappableEngine]] = {
    "embedded": _embedded,
    "opa": _opa,
}
