"""The simulator's own limit orders of one side, by price and then by time. Keys as in ``book``: larger is better."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal

from gateway.adapters.venues.simulator.order import SimOrder


class RestingOrders:
    __slots__ = ("_by_key", "keys")

    def __init__(self) -> None:
        self._by_key: dict[Decimal, list[SimOrder]] = {}
        #: Of the prices at which any rest, ascending: best last.
        self.keys: list[Decimal] = []

    @property
    def best_key(self) -> Decimal | None:
        return self.keys[-1] if self.keys else None

    def add(self, key: Decimal, order: SimOrder) -> None:
        """Queue behind the simulator's other orders at this price."""
        level = self._by_key.get(key)
        if level is None:
            insort(self.keys, key)
            self._by_key[key] = [order]
        else:
            level.append(order)

    def remove(self, key: Decimal, order: SimOrder) -> None:
        level = self._by_key[key]
        level.remove(order)
        if not level:
            del self._by_key[key]
            del self.keys[bisect_left(self.keys, key)]

    def at(self, key: Decimal) -> list[SimOrder]:
        return self._by_key.get(key, [])

    def down_to(self, key: Decimal | None) -> Iterator[SimOrder]:
        """Orders at ``key`` and better (None: all), in priority order. Collect before removing any."""
        for own in reversed(self.keys):
            if key is not None and own < key:
                return
            yield from self._by_key[own]
