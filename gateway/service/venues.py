"""Order adapters come and go with the mode: in SHADOW no object exists that could trade.

A venue's adapter is built when its effective mode needs it, or when a live position or order of it is still open,
and closed once neither is the case any more.
"""

import logging
from collections.abc import Callable, Collection, Mapping

from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Mode, Route
from gateway.domain.settings import VenueSettings
from gateway.ports.venue import Venue, VenueListener
from gateway.service.executor import VenueSlot, VenueTable

_log = logging.getLogger(__name__)

#: Builds an order adapter. Only called when the mode needs one; only then may it read credentials.
VenueFactory = Callable[[VenueSettings], Venue]


class VenueManager:
    """Keeps the table of live venues in step with modes and open business."""

    def __init__(self, table: VenueTable, factories: Mapping[str, VenueFactory], listener: VenueListener) -> None:
        self._table = table
        self._factories = factories
        self._listener = listener

    @property
    def adapters(self) -> frozenset[str]:
        """Names of the order adapters that exist."""
        return frozenset(self._factories)

    async def build_needed(
        self, state: GatewayState, trading: TradingConfig, venues: Mapping[str, VenueSettings]
    ) -> tuple[str, ...]:
        """Build and start the adapters that ``trading`` or open business needs. Starting must not wait to connect.

        Returns why one could not be built (credentials that are missing, say); then none of the new ones stays.
        """
        built: list[str] = []
        for name, settings in venues.items():
            if self._table.has(name) or settings.adapter not in self._factories:
                continue
            if not is_needed(state, trading, name):
                continue
            try:
                venue = self._factories[settings.adapter](settings)
                self._table.add(name, VenueSlot(venue, float(settings.timeout_s)))
                built.append(name)
                await venue.start(self._listener)
            except Exception as error:
                _log.exception("venue %s: its order adapter cannot be built", name)
                for other in built:
                    await self._close(other)
                return (f"venue {name}: its order adapter {settings.adapter} cannot be built: {error}",)
            _log.warning("venue %s: order adapter %s is built", name, settings.adapter)
        return ()

    async def close_unneeded(self, state: GatewayState) -> None:
        """Close the adapters that neither the mode in force nor open business needs any more."""
        for name in list(self._table.names()):
            if not is_needed(state, state.config, name):
                await self._close(name)

    async def _close(self, name: str) -> None:
        slot = self._table.remove(name)
        if slot is not None:
            await slot.venue.close()
            _log.warning("venue %s: order adapter is closed, nothing can trade there", name)

    async def close(self) -> None:
        for slot in self._table.all_slots():
            await slot.venue.close()


def venue_problems(
    state: GatewayState,
    trading: TradingConfig,
    venues: Mapping[str, VenueSettings],
    adapters: Collection[str],
    old_venues: Mapping[str, VenueSettings] | None = None,
) -> tuple[str, ...]:
    """Why these modes, or what is open, cannot be served: a venue without settings, an adapter that does not exist,
    another adapter for a venue where something live is open."""
    found = []
    known = ", ".join(sorted(adapters)) or "none"
    for name in dict.fromkeys((*trading.venues, *live_venues(state))):
        if not is_needed(state, trading, name):
            continue
        settings, mode = venues.get(name), trading.effective_mode(name)
        why = f"is {mode.value}" if mode is not Mode.SHADOW else "has something live open"
        before = None if old_venues is None else old_venues.get(name)
        if settings is None:
            found.append(f"venue {name} {why} but is not configured under venues")
        elif settings.adapter not in adapters:
            found.append(
                f"venue {name} {why}, which needs its order adapter {settings.adapter}; this version has: {known}. "
                "Keep the venue in SHADOW until it is there, and its adapter while something is open"
            )
        elif before is not None and before.adapter != settings.adapter and has_live_business(state, name):
            found.append(f"venue {name} has something live open: close it before its adapter changes")
    return tuple(found)


def is_needed(state: GatewayState, trading: TradingConfig, venue: str) -> bool:
    """Whether something may be sent to ``venue``: its mode says so, or what is open there must be closable."""
    return trading.effective_mode(venue) is not Mode.SHADOW or has_live_business(state, venue)


def live_venues(state: GatewayState) -> tuple[str, ...]:
    """Venues where something live is open."""
    held = (position.venue for position in state.books[Route.LIVE].positions.values() if position.qty)
    working = (order.venue for order in state.open_orders() if order.route is Route.LIVE)
    return tuple(dict.fromkeys((*held, *working)))


def has_live_business(state: GatewayState, venue: str) -> bool:
    """Whether anything live is still open at ``venue``."""
    return venue in live_venues(state)
