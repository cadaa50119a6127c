"""Orders as venues see them: the effects that send, cancel and look up."""

import msgspec

from gateway.core.order_classes import exits_of, sibling_id_of
from gateway.domain.effects import CancelOrder, Effect, LookupOrder, OrderTicket, SubmitOrder
from gateway.domain.enums import OPEN_STATUSES, OrderClass, Route
from gateway.domain.money import ZERO
from gateway.domain.orders import Order
from gateway.domain.twin import Twin

_LIVE, _SIMPLE = Route.LIVE, OrderClass.SIMPLE  # named once: see domain.orders


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
    return OrderTicket(
        order_id=order.order_id,
        venue=order.venue,
        route=Route.SHADOW if twin_number else order.route,
        account=order.account,
        strategy_id=order.strategy_id,
        symbol=order.symbol,
        side=order.side,
        ord_type=order.ord_type,
        time_in_force=order.time_in_force,
        order_qty=order.order_qty,
        limit_px=order.limit_px,
        stop_px=order.stop_px,
        trailing_amount=order.trailing_amount,
        trailing_percent=order.trailing_percent,
        expire_ns=order.expire_ns,
        execution_algorithm=order.execution_algorithm,
        venue_order_id=order.venue_order_id,
        cum_qty=order.cum_qty if twin_number == 0 else ZERO if twin is None else twin.cum_qty,
        is_twin=twin_number > 0,
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


def lookup_effects(order: Order) -> tuple[Effect, ...]:
    """Ask the venue about the order; a twin that is still running is given to the simulator again."""
    running = [
        ticket_of(order, number)
        for number, twin in enumerate(twins_of(order), 1)
        if twin is not None and twin.ord_status in OPEN_STATUSES
    ]
    return tuple(LookupOrder(ticket=ticket) for ticket in (ticket_of(order), *running))
