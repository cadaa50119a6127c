"""Breakers that have tripped, what was accepted by force, and the counts they are measured on."""

from decimal import Decimal

import msgspec

from gateway.core.trading.counters import Counters
from gateway.domain.breakers import BreakerKind, Trip


class Breakers(msgspec.Struct):
    """Written by ``core.apply`` only. ``accepted`` is the value at which a person reset a trip although its cause
    lasted: it trips again when things get worse, not in the next second."""

    trips: dict[str, Trip] = {}
    accepted: dict[str, Decimal] = {}
    counters: Counters = msgspec.field(default_factory=Counters)

    def reset(self, trip_id: str, accepted: Decimal | None) -> None:
        """Forget a trip, and what had led to it, so that it is measured afresh."""
        trip = self.trips.pop(trip_id)
        if accepted is not None:
            self.accepted[trip_id] = accepted
        books = ("live", "shadow") if trip.book is None else (trip.book.value,)
        if trip.breaker_id == BreakerKind.REJECTION_RATE:
            for book in books:
                self.counters.tallies.pop(book, None)
        elif trip.breaker_id == BreakerKind.ORDER_RATE:
            self.counters.paces.pop(trip.scope_id, None)
