"""Orders as venues see them: the effects that send, cancel and look up."""

from operator import attrgetter

import msgspec

from gateway.core.lifecycle import Terms
from gateway.core.order_classes import exits_of, sibling_id_of
from gateway.core.state import GatewayState
from gateway.domain.effects import CancelOrder, Effect, LookupOrder, OrderTicket, ReplaceOrder, SubmitOrder
from gateway.domain.enums import OPEN_STATUSES, TERMINAL_STATUSES, OrderClass, OrdStatus, Route
from gateway.domain.money import ZERO
from gateway.domain.orders import Order
from gateway.domain.twin import Twin

_LIVE, _SIMPLE = Route.LIVE, OrderClass.SIMPLE  # named once: see domain.orders
_FIELDS = OrderTicket.__struct_fields__
#: What a ticket has from its order, under the same names and in the ticket's own order. With keywords it takes twice as
#: long to make: a Struct looks for each of them among all its fields.
_terms_of = attrgetter(*_FIELDS[: _FIELDS.index("is_twin")])


def ticket_of(order: Order, twin_number: int = 0) -> OrderTicket:
    """A frozen copy of the order's present terms. That of a twin (``twin_number`` 1 or 2) goes to the simulator."""
    twin = twins_of(order)[twin_number - 1] if twin_number else None
    if order.order_class is not _SIMPLE:
        return _class_ticket(order, twin_number, twin)
    return _plain_ticket(order, twin_number, twin)


def _class_ticket(order: Order, twin_number: int, twin: Twin | None) -> OrderTicket:
    """The same of what is sent with exits, or of one of these."""
    return msgspec.structs.replace(
        _plain_ticket(order, twin_number, twin),
        order_class=order.order_class,
        exits=tuple(ticket_of(one, twin_number) for one in exits_of(order)),
        entry_id=order.entry_id,
        sibling_id=sibling_id_of(order),
        is_armed=_is_armed(order, twin_number, twin),
    )


def _is_armed(order: Order, twin_number: int, twin: Twin | None) -> bool:
    """Whether an exit is awake, or waits for nothing."""
    if order.armed_qty is None:
        return True
    if twin_number:
        return twin is not None and twin.is_armed
    return order.armed_qty >= order.order_qty


def _plain_ticket(order: Order, twin_number: int, twin: Twin | None) -> OrderTicket:
    ticket = OrderTicket(*_terms_of(order))
    if not twin_number:
        return ticket
    return msgspec.structs.replace(
        ticket,
        route=Route.SHADOW,
        cum_qty=ZERO if twin is None else twin.cum_qty,
        is_twin=True,
        is_second_twin=twin_number == 2,
    )


def twins_of(order: Order) -> tuple[Twin | None, Twin | None]:
    """Both simulated copies: the twin, and the second one under other latencies."""
    return order.twin, order.second_twin


def submit_effects(order: Order) -> tuple[Effect, ...]:
    """Send the order on its route; a live one is also given to the simulator, as its two twins."""
    if order.route is _LIVE:
        return tuple(SubmitOrder(ticket=ticket_of(order, number)) for number in range(3))
    return (SubmitOrder(ticket=ticket_of(order)),)


def cancel_effects(order: Order) -> tuple[Effect, ...]:
    """Cancel the order where it went, and its twins at the same moment."""
    cancel = CancelOrder(ticket=ticket_of(order))
    return (cancel, *cancel_twin_effects(order))


def cancel_twin_effects(order: Order) -> tuple[Effect, ...]:
    return tuple(CancelOrder(ticket=ticket) for ticket in twin_tickets(order))


def twin_tickets(order: Order) -> tuple[OrderTicket, ...]:
    """Those of the twins that were sent."""
    return tuple(ticket_of(order, number) for number, twin in enumerate(twins_of(order), 1) if twin is not None)


def twin_change_effects(order: Order, terms: Terms) -> tuple[Effect, ...]:
    """Put the twins that still run under the terms that the order works under; what has filled all of these is over."""
    effects: list[Effect] = []
    order_qty, limit_px, stop_px = terms
    for number, twin in enumerate(twins_of(order), 1):
        if twin is None or twin.ord_status not in OPEN_STATUSES:
            continue
        ticket = ticket_of(order, number)
        if twin.cum_qty >= order_qty:
            effects.append(CancelOrder(ticket=ticket))
        else:
            effects.append(ReplaceOrder(ticket=ticket, order_qty=order_qty, limit_px=limit_px, stop_px=stop_px))
    return tuple(effects)


def lookup_effects(state: GatewayState, order: Order) -> tuple[Effect, ...]:
    """Ask the venue about the order; a twin that is still running is given to the simulator again."""
    return (LookupOrder(ticket=_as_it_stands(state, order, 0)), *twin_lookups(state, order))


def twin_lookups(state: GatewayState, order: Order) -> tuple[Effect, ...]:
    """The same for the twins alone."""
    return tuple(
        LookupOrder(ticket=_as_it_stands(state, order, number))
        for number, twin in enumerate(twins_of(order), 1)
        if twin is not None and twin.ord_status in OPEN_STATUSES
    )


def _as_it_stands(state: GatewayState, order: Order, twin_number: int) -> OrderTicket:
    """The ticket, with how the order stands and those that an exit goes with: who forgot them all must not work again
    what was taken back, nor let both exits of a pair fill, nor let one sleep whose entry is over."""
    own = twins_of(order)[twin_number - 1] if twin_number else order
    ticket = msgspec.structs.replace(
        ticket_of(order, twin_number),
        is_working=own is not None and own.ord_status is not OrdStatus.PENDING_NEW,
        is_cancel_requested=order.is_cancel_requested,
    )
    sibling = _played(state, ticket.sibling_id, twin_number)
    if sibling is not None:
        is_over = sibling.ord_status in TERMINAL_STATUSES
        ticket = msgspec.structs.replace(ticket, sibling_cum_qty=sibling.cum_qty, is_group_over=is_over)
    entry = None if ticket.is_armed else _played(state, ticket.entry_id, twin_number)
    if entry is None or entry.ord_status in OPEN_STATUSES:
        return ticket
    if entry.ord_status is OrdStatus.FILLED:
        return msgspec.structs.replace(ticket, is_armed=True)
    return msgspec.structs.replace(ticket, is_group_over=True)


def _played(state: GatewayState, order_id: str, twin_number: int) -> Order | Twin | None:
    """An order, or that twin of it."""
    order = state.orders.get(order_id)
    return order if order is None or not twin_number else twins_of(order)[twin_number - 1]
