"""Which adapters exist: a name from the configuration, and how to make the thing. Plain dictionaries, no magic."""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.adapters.marketdata.replay import ReplayMarket
from gateway.adapters.marketdata.synthetic import SyntheticMarket
from gateway.adapters.policy.embedded import EmbeddedPolicy
from gateway.adapters.policy.live import SwappableEngine
from gateway.adapters.venues.binance.capabilities import BINANCE
from gateway.adapters.venues.ibkr.capabilities import IBKR
from gateway.adapters.venues.simulator.capabilities import SIMULATOR
from gateway.adapters.venues.simulator.venue import SimulatorVenue
from gateway.domain.capabilities import VenueCapabilities
from gateway.domain.instruments import Instrument
from gateway.domain.settings import PolicySettings, Settings, VenueSettings
from gateway.ports.clock import Clock
from gateway.ports.market_data import MarketData
from gateway.ports.venue import Venue
from gateway.service.venues import VenueFactory


class StartRefused(Exception):
    """The gateway cannot start with what it was given; the text says what to change."""


#: Names of the order adapters that ``venue_factories`` makes.
ORDER_ADAPTERS = frozenset({"simulator", "ibkr", "binance"})

#: What the venue behind an order adapter guarantees and can do, by the same names. A function imports no client
#: library, except where the venue's own options decide (an exchange of ccxt), and is called for configured venues only.
CAPABILITIES: Mapping[str, Callable[[VenueSettings], VenueCapabilities]] = {
    "simulator": lambda settings: SIMULATOR,
    "ibkr": lambda settings: IBKR,
    "binance": lambda settings: BINANCE,
}


def venue_factories(
    instruments: Mapping[str, Instrument],
    settings: Settings,
    market: MarketData,
    clock: Clock,
    data_dir: Path,
    environ: Mapping[str, str],
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

        return IbkrVenue(venue, instruments, OrderIds(data_dir / f"{venue.name}.order_ids"), clock)

    def binance(venue: VenueSettings) -> Venue:
        _need("binance")
        from gateway.adapters.venues.binance.client import RestClient
        from gateway.adapters.venues.binance.venue import BinanceVenue

        return BinanceVenue(venue, RestClient(venue, environ, clock), clock)

    return {"simulator": paper, "ibkr": ibkr, "binance": binance}


def _need(module: str) -> None:
    """Raise StartRefused in words when a venue's client library is not installed."""
    if importlib.util.find_spec(module) is None:
        raise StartRefused(f"its client library {module} is not installed: `make venues` installs it")


def _synthetic(settings: Settings, folder: Path, clock: Clock) -> MarketData:
    return SyntheticMarket(tuple(settings.trading.instruments.values()), settings.market_data, clock)


def _replay(settings: Settings, folder: Path, clock: Clock) -> MarketData:
    path = settings.market_data.path
    if not path:
        raise StartRefused("market_data.source is replay: give the recording as market_data.path in gateway.yaml")
    instruments = tuple(settings.trading.instruments.values())
    return ReplayMarket(str((folder / path).resolve()), instruments, settings.market_data, clock)


#: Sources of market data by the name that ``market_data.source`` gives.
MARKETS: dict[str, Callable[[Settings, Path, Clock], MarketData]] = {"synthetic": _synthetic, "replay": _replay}


def market_data(settings: Settings, folder: Path, clock: Clock) -> MarketData:
    """The configured source; paths are relative to ``folder``, where gateway.yaml lies."""
    factory = MARKETS.get(settings.market_data.source)
    if factory is None:
        known = ", ".join(sorted(MARKETS))
        raise StartRefused(
            f"market_data.source {settings.market_data.source!r} is not part of this version; it has: {known}"
        )
    return factory(settings, folder, clock)


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
