"""Changes of orders. Binance makes each of them a new order (``<id>_r1``, ``_r2`` ...) in the place of the old one.

The cancel of the old one carries an id that says so, so that its end is not taken for the order's, whoever reads it.
"""

from gateway.adapters.venues.shared.generations import client_order_id_of


class Changes:
    """How often each order was changed, and which changes have no known outcome yet."""

    def __init__(self) -> None:
        self._generations: dict[str, int] = {}
        self._in_doubt: set[str] = set()

    def generation(self, order_id: str) -> int:
        return self._generations.get(order_id, 0)

    def client_id(self, order_id: str) -> str:
        """The id of the order that works now, as far as is known."""
        return client_order_id_of(order_id, self.generation(order_id))

    def begin(self, order_id: str) -> int:
        """A change is sent: in doubt until an answer or a look-up settles it. Returns the generation that it makes."""
        self._in_doubt.add(order_id)
        return self.generation(order_id) + 1

    def is_in_doubt(self, order_id: str) -> bool:
        return order_id in self._in_doubt

    def doubt(self, order_id: str) -> None:
        """One half of a change was seen."""
        self._in_doubt.add(order_id)

    def found(self, order_id: str, generation: int) -> None:
        """The exchange has the order under the id of this generation; a newer one than was known settles the change."""
        if generation > self.generation(order_id):
            self._in_doubt.discard(order_id)
        if generation:
            self._generations[order_id] = generation

    def settle(self, order_id: str) -> None:
        """The change did not happen, or the order is over."""
        self._in_doubt.discard(order_id)
