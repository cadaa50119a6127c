"""What comparing the books with a venue finds, and how a person settles what no venue tells."""

from decimal import Decimal

import msgspec

from gateway.domain.enums import Side, Word
from gateway.domain.money import ZERO


class HoldingDrift(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A quantity that differs and that nothing explains.

    ``symbol`` is an instrument, or at a venue that tells balances an asset; ``symbols`` are the instruments that take
    only what reduces positions because of it. ``expected_qty`` is what the live book holds, with what was accepted.
    """

    venue: str
    symbol: str
    venue_qty: Decimal
    expected_qty: Decimal
    symbols: tuple[str, ...]
    since_ns: int

    @property
    def qty(self) -> Decimal:
        """How much more the venue holds than it should; 0 once it agrees again, and nobody has accepted it yet."""
        return self.venue_qty - self.expected_qty


class ForeignOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order at the venue that did not come through this gateway. ``order_id`` is the id that its sender gave it.

    ``is_open`` False: only its executions were seen.
    """

    venue: str
    venue_order_id: str
    symbol: str
    side: Side
    order_qty: Decimal
    cum_qty: Decimal = ZERO
    order_id: str = ""
    is_open: bool = True
    text: str = ""
    since_ns: int = 0


class ExecutionDifference(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An execution of ours that is booked, and that the venue lists with another quantity, price or fee.

    ``fee`` and ``fee_currency`` are the venue's; both empty where it tells none. ``transact_ns`` is the venue's time,
    not before the booked one. ``is_corrected``: the books have a correction of it already, so that one of the venue's
    own words contradicts another.
    """

    venue: str
    symbol: str
    order_id: str
    exec_id: str
    booked_qty: Decimal
    booked_px: Decimal
    venue_qty: Decimal
    venue_px: Decimal
    transact_ns: int
    fee: Decimal = ZERO
    fee_currency: str = ""
    is_corrected: bool = False

    @property
    def is_fee_only(self) -> bool:
        return (self.booked_qty, self.booked_px) == (self.venue_qty, self.venue_px)


class SettleAs(Word):
    """What a person says became of an order that the venue says nothing of."""

    NEVER_SENT = "never_sent"
    CANCELED = "canceled"
    FILLED = "filled"


class Settlement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How an order was settled by hand: as what, by whom, why. ``exec_id`` names the execution that it booked; empty
    when it booked none, or the venue's own word has taken its place since."""

    settled_as: SettleAs
    by: str
    reason: str
    settled_ns: int
    exec_id: str = ""
    is_overruled: bool = False
