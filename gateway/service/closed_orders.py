"""Which orders a record finished, and which it takes back: what the archive is made of."""

from collections.abc import Iterable, Iterator

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


class ClosingOrders:
    """Finished orders of records that are not durable: memory may have let go of them, the archive has them not."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._client_ids: dict[tuple[str, str], str] = {}

    def __iter__(self) -> Iterator[Order]:
        return iter(self._orders.values())

    def add(self, order: Order) -> None:
        """As a record finished it, or changed it after its end."""
        self._orders[order.order_id] = order
        self._client_ids[(order.account, order.cl_ord_id)] = order.order_id

    def drop(self, order: Order) -> None:
        """In the archive, or taken back; unless a later record has changed it since."""
        if self._orders.get(order.order_id) is order:
            del self._orders[order.order_id]
            self._client_ids.pop((order.account, order.cl_ord_id), None)

    def find(self, order_id: str) -> Order | None:
        return self._orders.get(order_id)

    def find_client(self, account: str, cl_ord_id: str) -> Order | None:
        order_id = self._client_ids.get((account, cl_ord_id))
        return None if order_id is None else self._orders.get(order_id)


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
