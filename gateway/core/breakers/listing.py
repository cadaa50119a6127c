"""Every breaker as it stands: what is tripped, what is nearest to it, and what that does."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from gateway.core.breakers.checking import trip_id_of
from gateway.core.breakers.measures import MEASURES, Reading
from gateway.core.state import GatewayState
from gateway.domain.breakers import BreakerAction, BreakerConfig, BreakerKind, Trip
from gateway.domain.events import BreakersChecked
from gateway.domain.money import plain


class BreakerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A trip, or (``trip`` None) the reading that is nearest to one; ``reading`` None: nothing is measured now."""

    breaker_id: str
    config: BreakerConfig | None
    reading: Reading | None
    trip: Trip | None


def list_breakers(state: GatewayState, event: BreakersChecked) -> Iterator[BreakerRow]:
    """All trips of each breaker; where there is none, its highest reading in either book."""
    left = dict(state.breakers.trips)
    for kind, measure in MEASURES.items():
        config = state.config.circuit_breakers.get(kind.value)
        is_measured = config is not None and config.enabled
        readings = {} if config is None or not is_measured else _by_trip(kind, measure(state, config, event))
        trips = [trip for trip in left.values() if trip.breaker_id == kind.value]
        for trip in trips:
            del left[trip.trip_id]
            yield BreakerRow(breaker_id=kind.value, config=config, reading=readings.pop(trip.trip_id, None), trip=trip)
        nearest = max(readings.values(), key=lambda reading: reading.value, default=None)
        if config is not None and (nearest is not None or not trips):
            yield BreakerRow(breaker_id=kind.value, config=config, reading=nearest, trip=None)
    for trip in left.values():
        yield BreakerRow(breaker_id=trip.breaker_id, config=None, reading=None, trip=trip)


def _by_trip(kind: BreakerKind, readings: Iterator[Reading]) -> dict[str, Reading]:
    return {trip_id_of(kind, reading): reading for reading in readings}


def does(action: BreakerAction, size_factor: Decimal) -> str:
    """What a trip does while it lasts, in words."""
    if action is BreakerAction.REDUCE_SIZE:
        return f"limits on size are times {plain(size_factor)}"
    return {
        BreakerAction.HALT: "no orders pass; open ones were canceled",
        BreakerAction.REDUCE_ONLY: "only orders that reduce a position pass",
        BreakerAction.REDUCE_POSITIONS: "a part of the positions is closed, and only orders that reduce one pass",
    }[action]


def resets(config: BreakerConfig | None) -> str:
    """How a trip ends, in words."""
    if config is None:
        return "by hand"
    ways = []
    if config.reset_below is not None:
        ways.append(f"below {plain(config.reset_below)}")
    if config.reset_after_s is not None:
        ways.append(f"after {config.reset_after_s} s")
    found = [" and ".join(ways)] if ways else []
    if config.reset_next_day:
        found.append("on the next trading day")
    return " or ".join([*found, "by hand"])
