"""Differences counted: by kind and rule, with the last ones kept as examples. Bounded, however long it runs."""

from collections import deque
from decimal import Decimal

import msgspec

from gateway.domain.candidates import DifferenceKind, OrderDifference, RuleTally
from gateway.domain.money import ZERO

#: Rules that are told apart at most; policies name theirs freely, and what comes beyond is counted under this word.
MAX_RULES = 50
OTHER_RULES = "other"


class Totals(msgspec.Struct):
    """Orders of one kind of difference, and the value that they differ in, base currency."""

    orders: int = 0
    notional: Decimal = ZERO


class Tally:
    """``orders`` counts all that were judged, alike or not."""

    def __init__(self, kept: int) -> None:
        self.orders = 0
        self.totals = {kind: Totals() for kind in DifferenceKind}
        self.rules: dict[tuple[DifferenceKind, str], RuleTally] = {}
        self.examples: deque[OrderDifference] = deque(maxlen=kept)

    @property
    def differences(self) -> int:
        return sum(one.orders for one in self.totals.values())

    def add(self, difference: OrderDifference | None) -> None:
        """One more order was judged."""
        self.orders += 1
        if difference is None:
            return
        kind, notional = difference.kind, difference.notional
        total = self.totals[kind]
        total.orders += 1
        total.notional += notional
        for rule in difference.rules or (OTHER_RULES,):
            tally = self._rule(kind, rule)
            tally.orders += 1
            tally.notional += notional
        self.examples.append(difference)

    def _rule(self, kind: DifferenceKind, rule: str) -> RuleTally:
        if (kind, rule) not in self.rules and len(self.rules) >= MAX_RULES:
            rule = OTHER_RULES
        return self.rules.setdefault((kind, rule), RuleTally(kind=kind, rule=rule))

    def by_rule(self) -> tuple[RuleTally, ...]:
        """The rules that make most differences first."""
        return tuple(sorted(self.rules.values(), key=lambda one: (-one.orders, one.kind, one.rule)))
