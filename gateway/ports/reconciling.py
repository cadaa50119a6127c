"""How the books agree with the venues, and what a person accepts and settles: the port that HTTP calls."""

from decimal import Decimal
from typing import Protocol

import msgspec

from gateway.domain.orders import Actor
from gateway.domain.reconciliation import ExecutionDifference, ForeignOrder, HoldingDrift, SettleAs


class HoldingView(msgspec.Struct, frozen=True, kw_only=True):
    """One holding: what the venue has, what the live book has, what was accepted besides. ``difference`` is how much
    more the venue has; ``note`` says why it was not judged in the last reading, empty when it was."""

    symbol: str
    venue_qty: Decimal
    book_qty: Decimal
    base_qty: Decimal
    difference: Decimal
    note: str = ""


class VenueReconciled(msgspec.Struct, frozen=True, kw_only=True):
    """One venue. ``read_ns`` is when it was last read whole (0: never); ``trouble`` why it cannot be now.

    ``drifts`` wait for a person; ``differing`` are executions that the venue tells otherwise than they are booked;
    ``foreign`` are open orders of others, and finished ones seen lately; ``others`` what the venue holds of things that
    are not traded here.
    """

    venue: str
    adapter: str
    read_ns: int
    trouble: str
    drifts: tuple[HoldingDrift, ...]
    differing: tuple[ExecutionDifference, ...]
    foreign: tuple[ForeignOrder, ...]
    holdings: tuple[HoldingView, ...]
    others: dict[str, Decimal]


class Reconciliations(Protocol):
    def venues(self) -> tuple[VenueReconciled, ...]:
        """Every venue that an order adapter serves now."""
        ...

    async def accept(self, venue: str, symbol: str, qty: Decimal | None, actor: Actor, reason: str) -> HoldingDrift:
        """Take the difference that waits there as given. Raises ControlRefused when there is none, or (with ``qty``)
        another one; NotAccepting when it cannot be made durable."""
        ...

    async def settle(
        self,
        order_id: str,
        settle_as: SettleAs,
        qty: Decimal | None,
        px: Decimal | None,
        actor: Actor,
        reason: str,
    ) -> None:
        """Say what became of a live order in doubt. Raises ControlRefused, with the reason code, when it is none or the
        venue has said otherwise; NotAccepting when it cannot be made durable."""
        ...
