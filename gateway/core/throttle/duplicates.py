"""Duplicate content: the same order again within a while (15c3-5(c)(1)(ii): orders that indicate duplication).

An order counts from its hold on, whatever becomes of it at the venue, until the longest configured window has gone
by. One that we ourselves denied, took back or decide again does not: it was never sent, and may be sent again.
"""

from decimal import Decimal

import msgspec

from gateway.domain.enums import OrdType, Side
from gateway.domain.orders import NewOrderSingle, Order

#: Orders remembered at most, however many come within a window; the oldest are forgotten first.
MAX_REMEMBERED = 20_000

#: Account, strategy, symbol, side, type, quantity, limit and stop price, trailing amount and percent.
Content = tuple[str, str, str, Side, OrdType, Decimal, Decimal | None, Decimal | None, Decimal | None, Decimal | None]


class Remembered(msgspec.Struct, frozen=True):
    """One order: its content, and when it came (steady time)."""

    order_id: str
    content: Content
    at_ns: int


class RecentOrders:
    """The orders of the last while, oldest first, and the same by content. Steady time only grows, so what is too
    old is always in front."""

    __slots__ = ("_by_content", "_orders")

    def __init__(self, remembered: list[Remembered]) -> None:
        self._orders: dict[str, Remembered] = {}
        self._by_content: dict[Content, dict[str, int]] = {}
        for one in remembered:
            self._keep(one)

    def kept(self) -> list[Remembered]:
        """As a checkpoint keeps them."""
        return list(self._orders.values())

    def add(self, order: Order, now_ns: int, longest_ns: int) -> None:
        """Remember ``order``, and let go of what no window reaches any more."""
        self._keep(Remembered(order.order_id, content_of(order, order.order_qty), now_ns))
        while self._orders:
            oldest = next(iter(self._orders.values()))
            if now_ns - oldest.at_ns < longest_ns and len(self._orders) <= MAX_REMEMBERED:
                return
            self.forget(oldest.order_id)

    def forget(self, order_id: str) -> None:
        found = self._orders.pop(order_id, None)
        if found is None:
            return
        alike = self._by_content[found.content]
        del alike[order_id]
        if not alike:
            del self._by_content[found.content]

    def alike(self, content: Content, now_ns: int, window_ns: int, most: int) -> list[str]:
        """Ids of orders with this content that came within the window, newest first, ``most`` at most."""
        found: list[str] = []
        for order_id, at_ns in reversed(self._by_content.get(content, {}).items()):
            if now_ns - at_ns >= window_ns:
                break
            found.append(order_id)
            if len(found) == most:
                break
        return found

    def _keep(self, one: Remembered) -> None:
        self._orders[one.order_id] = one
        self._by_content.setdefault(one.content, {})[one.order_id] = one.at_ns


def content_of(order: Order | NewOrderSingle, qty: Decimal) -> Content:
    """What makes two orders alike. Equal numbers are equal however they were written."""
    return (
        order.account,
        order.strategy_id,
        order.symbol,
        order.side,
        order.ord_type,
        qty,
        order.limit_px,
        order.stop_px,
        order.trailing_amount,
        order.trailing_percent,
    )
