"""Order adapters come and go with the mode: in SHADOW no object exists that could trade.

A venue's adapter is built when its effective mode needs it, or when a live position or order of it is still open,
and closed once neither is the case any more.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

import msgspec

from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Mode, Route
from gateway.domain.settings import VenueSettings
from gateway.ports.venue import Venue, VenueListener
from gateway.service.venue_table import VenueSlot, VenueTable

_log = logging.getLogger(__name__)

#: Builds an order adapter. Only called when the mode needs one; only then may it read credentials.
VenueFactory = Callable[[VenueSettings], Venue]


class MadeVenues(msgspec.Struct, frozen=True):
    """Order adapters that are made and not in use, by the name of their venue; with ``problems``, for nothing."""

    made: dict[str, tuple[VenueSettings, Venue]] = {}
    problems: tuple[str, ...] = ()


class VenueManager:
    """Keeps the table of live venues in step with modes and open business."""

    def __init__(
        self,
        table: VenueTable,
        factories: Mapping[str, VenueFactory],
        listener: VenueListener,
        load: Callable[[str], None] = lambda adapter: None,
    ) -> None:
        """``load`` imports what an order adapter needs, so that its factory need not."""
        self._table = table
        self._factories = factories
        self._listener = listener
        self._load = load
        self._built_from: dict[str, VenueSettings] = {}
        #: Taken out of use, and to be closed before what takes their place is started.
        self._replaced: list[VenueSlot] = []

    @property
    def adapters(self) -> frozenset[str]:
        """Names of the order adapters that exist."""
        return frozenset(self._factories)

    async def build_needed(
        self, state: GatewayState, trading: TradingConfig, venues: Mapping[str, VenueSettings]
    ) -> tuple[str, ...]:
        """All of the below in one; returns why an adapter could not be made, and then none of the new ones stays."""
        await self.load(state, trading, venues)
        ready = self.make(state, trading, venues)
        if ready.problems:
            await self.drop(ready)
        else:
            self.take(ready)
            await self.start(ready)
        return ready.problems

    async def load(self, state: GatewayState, trading: TradingConfig, venues: Mapping[str, VenueSettings]) -> None:
        """Client libraries take up to a second to import: no order waits for that."""
        for settings in self._new(state, trading, venues):
            await asyncio.to_thread(self._load, settings.adapter)

    def make(self, state: GatewayState, trading: TradingConfig, venues: Mapping[str, VenueSettings]) -> MadeVenues:
        """The adapters that ``trading`` or open business needs, and those anew whose settings changed, or why one of
        them cannot be made (credentials that are missing, say). Nothing of it is connected or in use."""
        made: dict[str, tuple[VenueSettings, Venue]] = {}
        for settings in self._new(state, trading, venues):
            try:
                made[settings.name] = settings, self._factories[settings.adapter](settings)
            except Exception as error:
                _log.exception("venue %s: its order adapter cannot be built", settings.name)
                return MadeVenues(made, (unbuildable(settings, error),))
        return MadeVenues(made)

    def _new(
        self, state: GatewayState, trading: TradingConfig, venues: Mapping[str, VenueSettings]
    ) -> list[VenueSettings]:
        """Those whose adapters have to be made."""
        return [
            settings
            for name, settings in venues.items()
            if self._built_from.get(name) != settings
            and settings.adapter in self._factories
            and is_needed(state, trading, name)
        ]

    def take(self, ready: MadeVenues) -> None:
        """Use them from now on, in one step with the configuration that they were made for: no order may go by the
        settings of another one."""
        for name, (settings, venue) in ready.made.items():
            replaced = self._table.remove(name)
            if replaced is not None:
                self._replaced.append(replaced)
            self._table.add(name, VenueSlot(venue, float(settings.timeout_s)))
            self._built_from[name] = settings

    async def start(self, ready: MadeVenues) -> None:
        """Close what was replaced, then connect what took its place. No adapter waits to be connected here."""
        replaced, self._replaced = self._replaced, []
        for slot in replaced:
            await _closed(slot.venue)
        for name, (settings, venue) in ready.made.items():
            await venue.start(self._listener)
            _log.warning("venue %s: order adapter %s is built", name, settings.adapter)

    async def drop(self, ready: MadeVenues) -> None:
        """Nothing will be made of them."""
        for _, venue in ready.made.values():
            await _closed(venue)

    async def close_unneeded(self, state: GatewayState) -> None:
        """Close the adapters that neither the mode in force nor open business needs any more."""
        for name in list(self._table.names()):
            if not is_needed(state, state.config, name):
                await self._close(name)

    async def _close(self, name: str) -> None:
        self._built_from.pop(name, None)
        slot = self._table.remove(name)
        if slot is not None:
            await slot.venue.close()
            _log.warning("venue %s: order adapter is closed, nothing can trade there", name)

    async def close(self) -> None:
        for slot in self._table.all_slots():
            await slot.venue.close()


def unbuildable(settings: VenueSettings, error: Exception) -> str:
    return f"gateway.yaml: venues.{settings.name}: its order adapter {settings.adapter} cannot be built: {error}"


async def _closed(venue: Venue) -> None:
    """What is not used any more; that it cannot be closed keeps nothing else from being done."""
    try:
        await venue.close()
    except Exception:
        _log.exception("an order adapter could not be closed")


def venue_problems(
    state: GatewayState,
    trading: TradingConfig,
    venues: Mapping[str, VenueSettings],
    adapters: Collection[str],
    old_venues: Mapping[str, VenueSettings] | None = None,
) -> tuple[str, ...]:
    """Why these modes, or what is open, cannot be served: a venue without settings, an adapter that does not exist,
    other settings for a venue where something live is open, which only its present connection knows."""
    found = []
    known = ", ".join(sorted(adapters)) or "none"
    for name in dict.fromkeys((*trading.venues, *live_venues(state))):
        if not is_needed(state, trading, name):
            continue
        settings, mode = venues.get(name), trading.effective_mode(name)
        why = f"is {mode.value}" if mode is not Mode.SHADOW else "has something live open"
        place = f"gateway.yaml: venues.{name}"
        before = None if old_venues is None else old_venues.get(name)
        if settings is None:
            found.append(
                f"{place}: venue {name} {why} but is not configured under venues in gateway.yaml: keep it "
                "there until it is in SHADOW and nothing live is open there"
            )
        elif settings.adapter not in adapters:
            found.append(
                f"{place}: venue {name} {why}, which needs its order adapter {settings.adapter}; this version has: "
                f"{known}. Keep the venue in SHADOW until it is there, and its adapter while something is open"
            )
        elif before is not None and before != settings and has_live_business(state, name):
            changed = ", ".join(
                key.removesuffix("_s")  # as the file has it
                for key in settings.__struct_fields__
                if getattr(before, key) != getattr(settings, key)
            )
            found.append(
                f"{place}: venue {name} has something live open: close it before its settings change ({changed}), "
                "or restart the gateway with the new ones"
            )
    return tuple(found)


def is_needed(state: GatewayState, trading: TradingConfig, venue: str) -> bool:
    """Whether something may be sent to ``venue``: its mode says so, or what is open there must be closable."""
    rollout = state.rollouts.get(venue)
    is_overridden = rollout is not None and rollout.override is not None
    return trading.effective_mode(venue) is not Mode.SHADOW or is_overridden or has_live_business(state, venue)


def live_venues(state: GatewayState) -> tuple[str, ...]:
    """Venues where something live is open."""
    held = (position.venue for position in state.books[Route.LIVE].positions.values() if position.qty)
    working = (order.venue for order in state.open_orders() if order.route is Route.LIVE)
    return tuple(dict.fromkeys((*held, *working)))


def has_live_business(state: GatewayState, venue: str) -> bool:
    """Whether anything live is still open at ``venue``."""
    return venue in live_venues(state)
