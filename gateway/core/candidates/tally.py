"""Differences counted: by kind and rule, with the last ones kept as examples. Bounded, however long it runs."""

from collections import deque
from copy import copy

from gateway.domain.candidates import CandidateReport, DifferenceKind, KindTotal, OrderDifference, RuleTally, StepTally

#: Rules that are told apart at most; policies name theirs freely, and what comes beyond is counted under this word.
MAX_RULES = 50
OTHER_RULES = "other"


class Tally:
    """``orders`` counts all that were judged, alike or not."""

    def __init__(self, kept: int) -> None:
        self.orders = 0
        self.totals = {kind: KindTotal() for kind in DifferenceKind}
        self.rules: dict[tuple[DifferenceKind, str], RuleTally] = {}
        self.examples: deque[OrderDifference] = deque(maxlen=kept)

    @classmethod
    def of(cls, report: CandidateReport | StepTally, kept: int) -> "Tally":
        """The tally that a report was made from."""
        tally = cls(kept)
        tally.orders = report.orders
        tally.totals |= {kind: copy(total) for kind, total in report.totals.items()}
        tally.rules = {(one.kind, one.rule): copy(one) for one in report.rules}
        if isinstance(report, CandidateReport):
            tally.examples.extend(report.examples)
        return tally

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
