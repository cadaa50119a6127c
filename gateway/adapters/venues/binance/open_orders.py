"""Our orders that are believed to be open, counted as the filters of Binance count them."""

from decimal import Decimal

import msgspec

from gateway.adapters.venues.binance.orders import symbol_of
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType, Side
from gateway.domain.money import ZERO

#: What counts as an algo order: it waits for a price.
ALGO_TYPES = frozenset({OrdType.STOP, OrdType.STOP_LIMIT, OrdType.TRAILING_STOP})


class Counted(msgspec.Struct, frozen=True):
    """What else counts for an order: ours that are open at its symbol and at all, and what the account would hold of
    the base asset if everything filled that is on order (None: not known, or no filter asks)."""

    orders: int = 0
    algo_orders: int = 0
    all_orders: int = 0
    all_algo_orders: int = 0
    position: Decimal | None = None


class OpenOrders:
    """By our id. What is counted is kept up with each order, never summed over them."""

    def __init__(self) -> None:
        self._tickets: dict[str, OrderTicket] = {}
        #: By symbol, and at "" of all: orders, algo orders, quantity on order to buy.
        self._counts: dict[str, tuple[int, int, Decimal]] = {}

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._tickets

    def get(self, order_id: str) -> OrderTicket | None:
        return self._tickets.get(order_id)

    def tickets(self) -> list[OrderTicket]:
        return list(self._tickets.values())

    def add(self, ticket: OrderTicket) -> None:
        self.forget(ticket.order_id)
        self._tickets[ticket.order_id] = ticket
        self._count(ticket, 1)

    def forget(self, order_id: str) -> None:
        ticket = self._tickets.pop(order_id, None)
        if ticket is not None:
            self._count(ticket, -1)

    def counted(self, symbol: str, held: Decimal | None) -> Counted:
        """``symbol`` as the exchange writes it; ``held`` is the account's balance of its base asset."""
        orders, algo_orders, buying = self._counts.get(symbol, (0, 0, ZERO))
        all_orders, all_algo_orders, _ = self._counts.get("", (0, 0, ZERO))
        return Counted(orders, algo_orders, all_orders, all_algo_orders, None if held is None else held + buying)

    def _count(self, ticket: OrderTicket, sign: int) -> None:
        is_algo = ticket.ord_type in ALGO_TYPES
        buying = ticket.order_qty if ticket.side is Side.BUY else ZERO
        for key in (symbol_of(ticket.symbol), ""):
            orders, algo_orders, qty = self._counts.get(key, (0, 0, ZERO))
            self._counts[key] = orders + sign, algo_orders + sign * is_algo, qty + sign * buying
