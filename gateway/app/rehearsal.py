"""Whether the order adapters and sources of prices that an edit needs can be made: what a reload finds out by making
them, for ``gateway check-config``. Nothing is connected, and nothing of it stays."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from gateway.adapters.clock import SystemClock
from gateway.adapters.marketdata.routed import (
    FeedFactory,
    RoutedMarket,
    instruments_by_source,
    unavailable,
    what_makes,
)
from gateway.adapters.venues.shared.budget import Budgets
from gateway.app.registry import ORDER_ADAPTERS, feed_factory, venue_factories
from gateway.core.state import GatewayState
from gateway.domain.settings import Settings
from gateway.service.venues import VenueFactory, is_needed, unbuildable

#: Sources that connect to nobody: starting one tells whether there is a recording.
_ON_THIS_MACHINE = ("synthetic", "replay")


async def unmakable(
    old: Settings | None,
    new: Settings,
    state: GatewayState,
    config_dir: Path,
    data_dir: Path | None,
    environ: Mapping[str, str],
) -> tuple[str, ...]:
    """Why an adapter or a source that ``new`` needs and ``old`` did not have cannot be made with ``environ``."""
    clock = SystemClock()
    budgets = Budgets(clock)
    make = feed_factory(config_dir, clock, environ, budgets)
    market = RoutedMarket(new, make, clock)
    factories = venue_factories(new.trading.instruments, new, market, clock, data_dir or config_dir, environ, budgets)
    found = [text async for text in _venues_that_fail(old, new, state, factories)]
    return (*found, *[text async for text in _sources_that_fail(old, new, make)])


async def _venues_that_fail(
    old: Settings | None, new: Settings, state: GatewayState, factories: Mapping[str, VenueFactory]
) -> AsyncIterator[str]:
    for name, venue in new.venues.items():
        is_there = old is not None and old.venues.get(name) == venue and is_needed(state, state.config, name)
        if is_there or venue.adapter not in ORDER_ADAPTERS or not is_needed(state, new.trading, name):
            continue
        try:
            made = factories[venue.adapter](venue)
        except Exception as error:  # whatever it is, a reload would say it so
            yield unbuildable(venue, error)
        else:
            await made.close()


async def _sources_that_fail(old: Settings | None, new: Settings, make: FeedFactory) -> AsyncIterator[str]:
    there = {} if old is None else {name: what_makes(name, old) for name in instruments_by_source(old)}
    for name, instruments in instruments_by_source(new).items():
        if there.get(name) == what_makes(name, new):
            continue
        try:
            feed = make(name, new)
        except Exception as error:
            yield unavailable(name, error)
            continue
        try:
            feed.follow(instruments)
            if name in _ON_THIS_MACHINE:
                await feed.start()
        except Exception as error:
            yield unavailable(name, error)
        finally:
            await feed.close()
