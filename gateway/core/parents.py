"""What an order with legs came to, once all of them are done. Part of ``core.apply``; called by it only."""

from gateway.core.counting import give_back
from gateway.core.order_classes import status_of_class
from gateway.core.state import GatewayState
from gateway.domain.enums import OrderClass, OrdStatus
from gateway.domain.orders import Order

_SIMPLE = OrderClass.SIMPLE


def settle_parent(state: GatewayState, parent: Order) -> None:
    """What a parent came to, all of its legs being done."""
    legs = state.legs_of(parent)
    if not any(leg.is_admitted for leg in legs):
        give_back(state, parent)
    if all(leg.ord_status is OrdStatus.DENIED for leg in legs):
        parent.ord_status, parent.reject = OrdStatus.DENIED, legs[0].reject
        state.throttle.forget_order(parent.order_id)
    elif parent.order_class is not _SIMPLE:
        parent.ord_status = status_of_class(legs)
    elif all(leg.ord_status is OrdStatus.FILLED for leg in legs):
        parent.ord_status = OrdStatus.FILLED
    else:
        parent.ord_status = OrdStatus.CANCELED
    parent.updated_ns = max(leg.updated_ns for leg in legs)


def settle_again(state: GatewayState, order: Order) -> None:
    """An order that is over has changed: so may have what its parent came to, if that is over too."""
    parent = state.orders.get(order.parent_id) if order.parent_id else None
    if parent is not None and not parent.is_open:
        settle_parent(state, parent)
