"""One order as the simulator works it: the ticket's terms as they stand now, and where it is on its way."""

from decimal import Decimal
from enum import Enum, auto

import msgspec

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType, Side, TimeInForce
from gateway.domain.instruments import Instrument
from gateway.domain.money import ZERO

_STOPS = frozenset({OrdType.STOP, OrdType.STOP_LIMIT, OrdType.TRAILING_STOP})
_CLOSING = frozenset({OrdType.MARKET_ON_CLOSE, OrdType.LIMIT_ON_CLOSE})
_WITH_LIMIT = frozenset({OrdType.LIMIT, OrdType.STOP_LIMIT, OrdType.LIMIT_ON_CLOSE})


class Phase(Enum):
    """Where an order waits. Every order is in exactly one phase, and leaves through DONE."""

    #: Sent, not yet at the simulated venue.
    TRAVELING = auto()
    #: For the opening or the close.
    SESSION = auto()
    #: A stop that has not triggered.
    STOP = auto()
    #: Takes whatever appears on the other side: what is left of a market order.
    TAKING = auto()
    #: In the queue at its limit price.
    RESTING = auto()
    DONE = auto()


class SimOrder(msgspec.Struct, kw_only=True, eq=False):
    """Written by the matcher and its helpers only. ``report_latency_ns`` is drawn once per order, so that its
    reports stay in order; ``instrument`` is None when the symbol is unknown (the order is then rejected)."""

    ticket: OrderTicket
    order_qty: Decimal
    limit_px: Decimal | None
    stop_px: Decimal | None
    cum_qty: Decimal
    order_latency_ns: int
    report_latency_ns: int
    #: Share of the visible queue that it joins behind: 1 the back, 0 the front.
    queue_share: Decimal
    instrument: Instrument | None = None
    phase: Phase = Phase.TRAVELING
    #: Set when an entry in the model's timetable points here (an expiry, or a session boundary).
    is_timed: bool = False
    #: Others' quantity before us at our price; None until the feed shows that price.
    queue_ahead: Decimal | None = None
    #: By how much the visible level fell below ``queue_ahead`` at ``unprinted_ns``, with no trade seen for it yet.
    unprinted_qty: Decimal = ZERO
    unprinted_ns: int = 0

    @property
    def order_id(self) -> str:
        return self.ticket.order_id

    @property
    def leaves_qty(self) -> Decimal:
        return self.order_qty - self.cum_qty

    @property
    def is_buy(self) -> bool:
        return self.ticket.side is Side.BUY

    @property
    def pool(self) -> int:
        """Which account of taken liquidity it draws on (see book)."""
        return 1 if self.ticket.is_twin else 0

    @property
    def limit_key(self) -> Decimal | None:
        """Its limit as a key on its own side (see book); None when it takes any price."""
        if self.limit_px is None:
            return None
        return self.limit_px if self.is_buy else self.limit_px.copy_negate()

    @property
    def is_stop(self) -> bool:
        return self.ticket.ord_type in _STOPS

    @property
    def is_for_open(self) -> bool:
        return self.ticket.time_in_force is TimeInForce.AT_THE_OPENING

    @property
    def is_for_close(self) -> bool:
        return self.ticket.ord_type in _CLOSING or self.ticket.time_in_force is TimeInForce.AT_THE_CLOSE


def takes_limit(ticket: OrderTicket) -> bool:
    """Whether this kind of order has a limit price; on any other kind one is ignored."""
    return ticket.ord_type in _WITH_LIMIT


def terms_problem(order: SimOrder) -> str | None:
    """Why the simulator cannot work this order at all, or None when it can."""
    ticket = order.ticket
    if takes_limit(ticket) and order.limit_px is None:
        return f"a {ticket.ord_type} order needs a limit price"
    if order.is_stop and (order.is_for_open or order.is_for_close):
        return "a stop cannot wait for the opening or the close"
    if ticket.ord_type is OrdType.TRAILING_STOP:
        if ticket.trailing_amount is None and ticket.trailing_percent is None:
            return "a trailing stop needs a trailing amount or a trailing percent"
    elif order.is_stop and order.stop_px is None:
        return f"a {ticket.ord_type} order needs a stop price"
    if ticket.time_in_force is TimeInForce.GTD and ticket.expire_ns is None:
        return "a GTD order needs an expiry"
    return None
