"""How much was executed within a while, and how much of what was sent (CFTC execution throttle; FIX 1530=14..17).

Windows are kept per route, scope and figure as sums over slots. An execution counts for at least the window and
less than one slot (a sixtieth of it) longer, so a limit is never measured over too little.
"""

from decimal import Decimal

import msgspec

from gateway.core.throttle.plan import SLOTS, ExecutionLimit
from gateway.domain.money import ZERO

#: What is summed. ``qty`` is per symbol; the others are over all symbols of the scope. ``ordered`` and ``filled``
#: are both at the value that the order was held at, so an order that filled whole adds the same to both.
QTY, VALUE, ORDERED, FILLED, ORDERS = "qty", "value", "ordered", "filled", "orders"


class Slot(msgspec.Struct):
    number: int
    amount: Decimal


class RollingSum(msgspec.Struct):
    """One figure of one window: its slots, oldest first, and their sum."""

    slots: list[Slot] = []
    total: Decimal = ZERO

    def add(self, amount: Decimal, now_ns: int, slot_ns: int) -> None:
        number = now_ns // slot_ns
        while self.slots and self.slots[0].number < number - SLOTS:
            self.total -= self.slots.pop(0).amount
        if self.slots and self.slots[-1].number == number:
            self.slots[-1].amount += amount
        else:
            self.slots.append(Slot(number, amount))
        self.total += amount

    def at(self, now_ns: int, slot_ns: int) -> Decimal:
        """The sum as it stands at ``now_ns``, without what has left the window since something was added."""
        total, first = self.total, now_ns // slot_ns - SLOTS
        for slot in self.slots:
            if slot.number >= first:
                break
            total -= slot.amount
        return total


class ExecutionSums:
    """All windows by name, which bounds them by the configured scopes and the instruments."""

    __slots__ = ("sums",)

    def __init__(self, sums: dict[str, RollingSum]) -> None:
        self.sums = sums

    def add(self, window: str, figure: str, amount: Decimal, now_ns: int, limit: ExecutionLimit) -> None:
        name = f"{window}|{figure}"
        rolling = self.sums.get(name)
        if rolling is None:
            rolling = self.sums[name] = RollingSum()
        rolling.add(amount, now_ns, limit.slot_ns)

    def at(self, window: str, figure: str, now_ns: int, limit: ExecutionLimit) -> Decimal:
        rolling = self.sums.get(f"{window}|{figure}")
        return ZERO if rolling is None else rolling.at(now_ns, limit.slot_ns)
