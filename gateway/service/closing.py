"""Which orders a record finished, and which it takes back: what the archive is made of."""

from collections.abc import Iterable

from gateway.core.state import GatewayState
from gateway.domain.facts import (
    Fact,
    OrderDenied,
    OrderEnded,
    OrderExecuted,
    OrderReplaced,
    OrderWithdrawn,
    RevisionDeferred,
    TradeRevised,
    TwinUpdated,
)
from gateway.domain.orders import Order
from gateway.service.views import frozen

#: Facts after which a finished order must be findable in the archive as it now is.
_CLOSING_FACTS = frozenset(
    {OrderDenied, OrderEnded, OrderExecuted, OrderReplaced, RevisionDeferred, TradeRevised, TwinUpdated}
)


def closed_by(state: GatewayState, facts: Iterable[Fact]) -> tuple[Order, ...]:
    """Orders that these facts finished (or changed after their end), as they are now, for the archive."""
    closed: dict[str, Order] = {}
    for fact in facts:
        if type(fact) not in _CLOSING_FACTS:
            continue
        order = state.orders.get(fact.order_id)  # type: ignore[union-attr]  # all of these have one
        if order is None or order.is_open:
            continue
        closed[order.order_id] = frozen(order)
        parent = state.orders.get(order.parent_id) if order.parent_id else None
        if parent is not None and not parent.is_open:
            closed[parent.order_id] = frozen(parent)
    return tuple(closed.values())


def withdrawn_by(state: GatewayState, facts: Iterable[Fact]) -> tuple[str, ...]:
    """Orders, with their legs, that these facts take back: they were never durable by themselves, and never finished.
    ``state`` is as it is before them."""
    orders = (state.orders.get(fact.order_id) for fact in facts if isinstance(fact, OrderWithdrawn))
    return tuple([order_id for order in orders if order is not None for order_id in (order.order_id, *order.leg_ids)])
