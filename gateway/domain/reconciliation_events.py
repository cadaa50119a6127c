"""Events of reconciliation: what readings of a venue agree on, and what people accept and settle."""

from decimal import Decimal

from gateway.domain.event import Happening
from gateway.domain.orders import Actor, Order
from gateway.domain.reconciliation import ExecutionDifference, ForeignOrder, HoldingDrift, SettleAs


class AccountCompared(Happening, frozen=True, kw_only=True):
    """What two readings of a venue, one after the other, agree on: holdings that differ (or agree again), orders of
    others, those of them that are gone, orders of ours that are open here and not there, and executions that are
    booked with other terms than the venue tells (all that differ now). ``archived`` are those orders of ours among
    ``foreign`` that had left memory, each as it ended."""

    venue: str
    drifts: tuple[HoldingDrift, ...] = ()
    foreign: tuple[ForeignOrder, ...] = ()
    gone: tuple[str, ...] = ()
    lost_ids: tuple[str, ...] = ()
    differing: tuple[ExecutionDifference, ...] = ()
    archived: tuple[Order, ...] = ()


class DriftAcceptance(Happening, frozen=True, kw_only=True):
    """A person accepts a difference; with ``qty`` none but of that quantity."""

    venue: str
    symbol: str
    actor: Actor
    reason: str
    qty: Decimal | None = None


class SettlementRequested(Happening, frozen=True, kw_only=True):
    """A person says what became of an order in doubt. ``venue_says`` is what the last reading of the venue has of it:
    an open order, or executions that are not booked."""

    order_id: str
    settle_as: SettleAs
    actor: Actor
    reason: str
    qty: Decimal | None = None
    px: Decimal | None = None
    venue_says: str = ""
