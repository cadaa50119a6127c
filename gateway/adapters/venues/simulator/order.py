"""One order as the simulator works it: the ticket's terms as they stand now, and where it is on its way."""

from decimal import Decimal
from enum import Enum, auto

import msgspec

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType, Side, TimeInForce
from gateway.domain.instruments import Instrument
from gateway.domain.money import ZERO

# Members of an enum are slow to reach through their class (0.1 us each on Python 3.11), so the ones that every
# order passes are named once.
_BUY = Side.BUY
_GTD = TimeInForce.GTD
_AT_THE_OPENING = TimeInForce.AT_THE_OPENING
_AT_THE_CLOSE = TimeInForce.AT_THE_CLOSE
_STOPS = frozenset({OrdType.STOP, OrdType.STOP_LIMIT, OrdType.TRAILING_STOP})
_CLOSING = frozenset({OrdType.MARKET_ON_CLOSE, OrdType.LIMIT_ON_CLOSE})
_WITH_LIMIT = frozenset({OrdType.LIMIT, OrdType.STOP_LIMIT, OrdType.LIMIT_ON_CLOSE})


class Phase(Enum):
    """Where an order waits. Every order is in exactly one phase, and leaves through DONE."""

    #: Sent, not yet at the simulated venue.
    TRAVELING = auto()
    #: An exit whose entry has not filled whole.
    DORMANT = auto()
    #: For the opening or the close.
    SESSION = auto()
    #: A stop that has not triggered.
    STOP = auto()
    #: Takes whatever appears on the other side: what is left of a market order.
    TAKING = auto()
    #: In the queue at its limit price.
    RESTING = auto()
    DONE = auto()


class SimOrder(msgspec.Struct, eq=False, gc=False):
    """Made by ``make_order``, then written by the matcher and its helpers only.

    ``report_latency_ns`` is drawn once per order; ``instrument`` is None when the symbol is unknown (the order is
    then rejected). ``pool`` is the account of taken liquidity that it draws on (see book).
    """

    ticket: OrderTicket
    order_id: str
    venue_order_id: str
    instrument: Instrument | None
    is_buy: bool
    is_stop: bool
    is_for_open: bool
    is_for_close: bool
    pool: int
    order_qty: Decimal
    limit_px: Decimal | None
    stop_px: Decimal | None
    cum_qty: Decimal
    order_latency_ns: int
    report_latency_ns: int
    #: Share of the visible queue that it joins behind: 1 the back, 0 the front.
    queue_share: Decimal
    phase: Phase = Phase.TRAVELING
    #: Set when an entry in the timetable points here (an expiry, or a session boundary).
    is_timed: bool = False
    #: Others' quantity before us at our price; None until the feed shows that price.
    queue_ahead: Decimal | None = None
    #: By how much the visible level fell below ``queue_ahead`` at ``unprinted_ns``, with no trade seen for it yet.
    unprinted_qty: Decimal = ZERO
    unprinted_ns: int = 0
    #: Exits that wake when this order has filled whole, and end with it when it ends before.
    exits: list["SimOrder"] = []
    #: The other exit of a pair: together they fill no more than one of them was for.
    sibling: "SimOrder | None" = None
    #: What that one had filled before a restart, until it is here itself.
    sibling_cum_qty: Decimal = ZERO

    @property
    def leaves_qty(self) -> Decimal:
        left = self.order_qty - self.cum_qty
        if self.sibling is not None:
            return max(left - self.sibling.cum_qty, ZERO)
        return max(left - self.sibling_cum_qty, ZERO) if self.sibling_cum_qty else left

    @property
    def limit_key(self) -> Decimal | None:
        """Its limit as a key on its own side (see book); None when it takes any price."""
        if self.limit_px is None:
            return None
        return self.limit_px if self.is_buy else self.limit_px.copy_negate()


def make_order(
    ticket: OrderTicket, instrument: Instrument | None, latencies_ns: tuple[int, int], queue_share: Decimal
) -> SimOrder:
    """An order as the ticket describes it, on its way to the venue; what filled before counts as filled."""
    tif = ticket.time_in_force
    is_for_open = tif is _AT_THE_OPENING
    is_for_close = tif is _AT_THE_CLOSE or ticket.ord_type in _CLOSING
    pool = 2 if ticket.is_second_twin else 1 if ticket.is_twin else 0
    limit_px = ticket.limit_px if takes_limit(ticket) else None
    return SimOrder(  # by place: with names it takes five times as long
        ticket,
        sim_id(ticket),
        venue_order_id(ticket),
        instrument,
        ticket.side is _BUY,
        ticket.ord_type in _STOPS,
        is_for_open,
        is_for_close,
        pool,
        ticket.order_qty,
        limit_px,
        ticket.stop_px,
        ticket.cum_qty,
        *latencies_ns,
        queue_share,
    )


def sim_id(ticket: OrderTicket, order_id: str = "") -> str:
    """What an order is kept under here (or ``order_id``, which goes with it). The second twin is an order of its own,
    with latencies of its own."""
    own = order_id or ticket.order_id
    return f"{own}/2" if ticket.is_second_twin else own


def exit_ids(ticket: OrderTicket) -> list[str]:
    """What the exits that come with an order are kept under."""
    return [sim_id(one) for one in ticket.exits]


def venue_order_id(ticket: OrderTicket) -> str:
    """The simulator's own name for an order."""
    return f"sim-{sim_id(ticket)}"


def takes_limit(ticket: OrderTicket) -> bool:
    """Whether this kind of order has a limit price; on any other kind one is ignored."""
    return ticket.ord_type in _WITH_LIMIT


def terms_problem(order: SimOrder) -> str | None:
    """Why the simulator cannot work this order at all, or None when it can."""
    ticket = order.ticket
    if order.limit_px is None and takes_limit(ticket):
        return f"a {ticket.ord_type} order needs a limit price"
    if ticket.time_in_force is _GTD and ticket.expire_ns is None:
        return "a GTD order needs an expiry"
    if not order.is_stop:
        return None
    if order.is_for_open or order.is_for_close:
        return "a stop cannot wait for the opening or the close"
    if ticket.ord_type is OrdType.TRAILING_STOP:
        if ticket.trailing_amount is None and ticket.trailing_percent is None:
            return "a trailing stop needs a trailing amount or a trailing percent"
    elif order.stop_px is None:
        return f"a {ticket.ord_type} order needs a stop price"
    return None
