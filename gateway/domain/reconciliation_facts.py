"""Facts about how the books agree with the venues, and about what people settled and accepted."""

from decimal import Decimal

from gateway.domain.fact import Recorded
from gateway.domain.orders import Actor
from gateway.domain.reconciliation import ExecutionDifference, ForeignOrder, HoldingDrift, Settlement


class DriftFound(Recorded, frozen=True, kw_only=True):
    """A holding differs without explanation, by another quantity than before. Its symbols take only what reduces
    positions until a person accepts it, also when (quantity 0) it agrees again."""

    drift: HoldingDrift


class DriftAccepted(Recorded, frozen=True, kw_only=True):
    """A person takes the difference as given: ``base_qty`` is what the venue holds beyond the live book from now on."""

    venue: str
    symbol: str
    qty: Decimal
    base_qty: Decimal
    actor: Actor
    reason: str


class ForeignOrderSeen(Recorded, frozen=True, kw_only=True):
    """An order at the venue did not come through this gateway, or is not as it was when last seen."""

    order: ForeignOrder


class ForeignOrderGone(Recorded, frozen=True, kw_only=True):
    """It is not open any more."""

    venue: str
    venue_order_id: str


class ExecutionsDiffer(Recorded, frozen=True, kw_only=True):
    """Which executions are booked with other terms than the venue tells, from now on: all of them, none when it agrees
    again. Those that were never corrected before are corrected by the facts beside or after this one."""

    venue: str
    executions: tuple[ExecutionDifference, ...]


class OrderSettled(Recorded, frozen=True, kw_only=True):
    """A person said what became of an order in doubt. What follows from it is in the facts beside this one."""

    order_id: str
    settlement: Settlement
    actor: Actor


class SettlementOverruled(Recorded, frozen=True, kw_only=True):
    """The venue says otherwise than the person did; the venue's word is booked, and counts."""

    order_id: str
    settlement: Settlement
    text: str


ReconciliationFact = (
    DriftFound
    | DriftAccepted
    | ForeignOrderSeen
    | ForeignOrderGone
    | ExecutionsDiffer
    | OrderSettled
    | SettlementOverruled
)
