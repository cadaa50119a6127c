"""What a venue says of the account that the gateway trades: orders, executions and positions, whoever they are of."""

from decimal import Decimal

import msgspec

from gateway.domain.enums import Side
from gateway.domain.money import ZERO


class AccountUnreadable(Exception):
    """The venue could not be read whole and fresh; the text says why. Nothing may be concluded from a part."""


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An order that is open at the venue.

    ``order_id`` is the id that it was sent with, without what the adapter adds to it (the generation of a replace):
    ours if the gateway sent it, else whatever its sender chose; empty when it carries none. ``venue_order_id`` is
    never empty. ``symbol`` is ours where an instrument of the configuration fits, else the venue's own name.
    ``cum_qty`` is what has filled so far. ``text`` says in the venue's words what else a person wants to know.
    """

    venue_order_id: str
    symbol: str
    side: Side
    order_qty: Decimal
    cum_qty: Decimal = ZERO
    order_id: str = ""
    limit_px: Decimal | None = None
    stop_px: Decimal | None = None
    text: str = ""


class VenueExecution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One execution, with its present terms: a correction replaces what it corrects, a bust takes it out.

    ``exec_id`` is the one that the adapter gives in its execution reports, on every channel: that is what keeps a
    fill from being booked twice. ``order_id``, ``venue_order_id`` and ``symbol`` are as in VenueOrder.
    ``transact_ns`` is the venue's time. ``fee`` is in ``fee_currency`` (empty: the instrument's currency).
    """

    exec_id: str
    symbol: str
    side: Side
    last_qty: Decimal
    last_px: Decimal
    transact_ns: int
    order_id: str = ""
    venue_order_id: str = ""
    fee: Decimal = ZERO
    fee_currency: str = ""
    is_maker: bool = False


class VenuePosition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What is held of one instrument, or (``is_balance``) of one asset.

    ``symbol`` is ours where an instrument of the configuration fits, else the venue's name; for a balance the asset
    (``BTC``). ``qty`` is signed, long above 0; a balance counts what orders have locked. What is not listed is 0.
    """

    symbol: str
    qty: Decimal
    is_balance: bool = False


class AccountReading(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of a venue's account: executions, then holdings, then open orders, then executions again.

    ``begun_ns`` is before the first request, ``ended_ns`` after the last answer, by our clock.
    """

    venue: str
    begun_ns: int
    ended_ns: int
    executions_before: tuple[VenueExecution, ...]
    positions: tuple[VenuePosition, ...]
    open_orders: tuple[VenueOrder, ...]
    executions_after: tuple[VenueExecution, ...]
