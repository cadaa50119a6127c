"""What a failing journal may not let out, and what it must.

Facts that cannot be made durable now were never answered for. New risk among them is taken back; cancels and
lookups, which only reduce risk or ask, leave at once.
"""

from collections.abc import Iterable

import msgspec

from gateway.core.state import GatewayState
from gateway.domain.effects import CancelOrder, Effect, LookupOrder, ReleaseOrder, ReplaceOrder, SubmitOrder
from gateway.domain.events import AdmissionsAbandoned
from gateway.domain.facts import Fact, OrderDenied, OrderHeld


class Containment(msgspec.Struct):
    """Orders to withdraw, orders whose replace is void, and the effects that may leave."""

    order_ids: dict[str, None] = {}
    replace_order_ids: dict[str, None] = {}
    released: list[Effect] = []

    def add(self, state: GatewayState, facts: Iterable[Fact], effects: Iterable[Effect]) -> None:
        """Sort one record that is not durable."""
        for fact in facts:
            if isinstance(fact, OrderHeld):
                self._withdraw(state, fact.order.order_id)
            elif isinstance(fact, OrderDenied):
                self._withdraw(state, fact.order_id)
        for effect in effects:
            match effect:
                case SubmitOrder(ticket=ticket):
                    self._withdraw(state, ticket.order_id)
                case ReplaceOrder(ticket=ticket):
                    self.replace_order_ids[ticket.order_id] = None
                case CancelOrder() | LookupOrder() | ReleaseOrder():
                    self.released.append(effect)

    def abandoned(self, ts_ns: int, failure: str | None) -> AdmissionsAbandoned | None:
        """What takes all of it back, if there is any."""
        if not (self.order_ids or self.replace_order_ids):
            return None
        return AdmissionsAbandoned(
            ts_ns=ts_ns,
            order_ids=tuple(self.order_ids),
            replace_order_ids=tuple(self.replace_order_ids),
            text=f"the journal could not be written: {failure}",
        )

    def _withdraw(self, state: GatewayState, order_id: str) -> None:
        """A leg is taken back with its whole order: the client was answered for neither."""
        order = state.orders.get(order_id)
        if order is not None:
            self.order_ids[order.parent_id or order_id] = None
