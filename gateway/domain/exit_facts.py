"""What happens to the exits of an order with a class, beside what happens to every order."""

from gateway.domain.fact import Recorded
from gateway.domain.orders import Order


class ExitsAttached(Recorded, frozen=True, kw_only=True):
    """An order with a class was admitted: the exits that are sent with it are orders of their own from now on."""

    order_id: str
    exits: tuple[Order, ...]
