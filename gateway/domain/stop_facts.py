"""Facts about what stops trading by itself or closes positions by command: circuit breakers and flattens."""

from decimal import Decimal

from gateway.domain.breakers import Trip
from gateway.domain.fact import Recorded
from gateway.domain.flatten import FlattenOrder
from gateway.domain.orders import Actor


class BreakerTripped(Recorded, frozen=True, kw_only=True):
    """A circuit breaker has tripped, and does what its action says from now on."""

    trip: Trip


class BreakerReset(Recorded, frozen=True, kw_only=True):
    """A trip is over: by itself or by ``actor``. ``accepted`` is the value at which its cause was accepted by force;
    None when there was none any more."""

    trip_id: str
    breaker_id: str
    value: Decimal
    threshold: Decimal
    cause: str
    actor: Actor
    accepted: Decimal | None = None


class BreakerRearmed(Recorded, frozen=True, kw_only=True):
    """The value came down from where it was accepted, or nothing has it any more: the breaker trips at its threshold
    again."""

    trip_id: str


class FlattenStarted(Recorded, frozen=True, kw_only=True):
    """A command to close positions was taken. ``keeps`` is what stays of each position held by then."""

    order: FlattenOrder
    keeps: dict[str, Decimal]


class FlattenWaited(Recorded, frozen=True, kw_only=True):
    """What it waits for now, in words: other than before."""

    flatten_id: str
    waits: tuple[str, ...]


class FlattenEnded(Recorded, frozen=True, kw_only=True):
    """It is done (``is_flat``), or was ended before that."""

    flatten_id: str
    is_flat: bool
    text: str
