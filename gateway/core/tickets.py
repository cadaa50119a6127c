"""Orders as venues see them: the effects that send, cancel and look up."""

from gateway.domain.effects import CancelOrder, Effect, LookupOrder, OrderTicket, SubmitOrder
from gateway.domain.enums import OPEN_STATUSES, Route
from gateway.domain.orders import Order

_LIVE = Route.LIVE  # named once: see domain.orders


def ticket_of(order: Order, is_twin: bool = False) -> OrderTicket:
    """A frozen copy of the order's present terms; the twin's copy goes to the simulator."""
    return OrderTicket(
        order_id=order.order_id,
        venue=order.venue,
        route=Route.SHADOW if is_twin else order.route,
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
        cum_qty=order.twin.cum_qty if is_twin and order.twin is not None else order.cum_qty,
        is_twin=is_twin,
    )


def submit_effects(order: Order) -> tuple[Effect, ...]:
    """Send the order on its route; a live one is also given to the simulator, as its twin."""
    if order.route is _LIVE:
        return SubmitOrder(ticket=ticket_of(order)), SubmitOrder(ticket=ticket_of(order, is_twin=True))
    return (SubmitOrder(ticket=ticket_of(order)),)


def cancel_effects(order: Order) -> tuple[Effect, ...]:
    """Cancel the order where it went, and its twin at the same moment."""
    cancel = CancelOrder(ticket=ticket_of(order))
    return (cancel, *cancel_twin_effects(order))


def cancel_twin_effects(order: Order) -> tuple[Effect, ...]:
    if order.twin is None:
        return ()
    return (CancelOrder(ticket=ticket_of(order, is_twin=True)),)


def lookup_effects(order: Order) -> tuple[Effect, ...]:
    """Ask the venue about the order; its twin, if still running, is given to the simulator again."""
    lookup = LookupOrder(ticket=ticket_of(order))
    if order.twin is None or order.twin.ord_status not in OPEN_STATUSES:
        return (lookup,)
    return lookup, LookupOrder(ticket=ticket_of(order, is_twin=True))
