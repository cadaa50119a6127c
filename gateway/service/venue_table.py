"""Which venue carries out which route, and how long it may take."""

from collections.abc import Mapping

import msgspec

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import Route
from gateway.ports.venue import Venue

_SHADOW = Route.SHADOW  # named once: see domain.orders


class VenueSlot(msgspec.Struct, frozen=True):
    """A venue and how long one request may take; None: it answers at once, in this process."""

    venue: Venue
    timeout_s: float | None


class VenueTable:
    """Which venue carries out which route. ``simulator`` serves every shadow order and every twin."""

    def __init__(self, simulator: VenueSlot) -> None:
        self._simulator = simulator
        self._live: dict[str, VenueSlot] = {}

    def add(self, name: str, slot: VenueSlot) -> None:
        self._live[name] = slot

    def remove(self, name: str) -> VenueSlot | None:
        return self._live.pop(name, None)

    def has(self, name: str) -> bool:
        return name in self._live

    def of(self, ticket: OrderTicket) -> VenueSlot | None:
        return self._simulator if ticket.route is _SHADOW else self._live.get(ticket.venue)

    def names(self) -> Mapping[str, VenueSlot]:
        return self._live

    def all_slots(self) -> list[VenueSlot]:
        return [self._simulator, *self._live.values()]
