"""Decisions that were given already, found again for a document that differs in nothing the policies look at."""

from operator import attrgetter
from typing import Any

from gateway.adapters.policy.dependence import Dependence
from gateway.domain.events import PolicyVerdict
from gateway.domain.policy_input import PolicyDocument

#: About 400 bytes each. Full, it begins anew: what is asked for often is there again at once.
_MOST = 4_096


class VerdictMemory:
    """Of one load of policies: others decide otherwise."""

    def __init__(self, dependence: Dependence) -> None:
        names = (*dependence.values, *dependence.nulls, *(name for name, _ in dependence.sides))
        self._read = attrgetter(*names, "time_ns", "time_ns")  # always a tuple, whatever is looked at
        self._values = len(dependence.values)
        self._numbers = (*(None for _ in dependence.nulls), *(numbers for _, numbers in dependence.sides))
        self._known: dict[tuple[Any, ...], PolicyVerdict] = {}

    def key(self, document: PolicyDocument) -> tuple[Any, ...]:
        """All that the decision on ``document`` depends on."""
        read = self._read(document)
        count = self._values
        looks = [
            value is None if numbers is None else _place(value, numbers)
            for value, numbers in zip(read[count:-2], self._numbers, strict=True)
        ]
        return (*read[:count], *looks)

    def find(self, key: tuple[Any, ...]) -> PolicyVerdict | None:
        return self._known.get(key)

    def keep(self, key: tuple[Any, ...], verdict: PolicyVerdict) -> None:
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = verdict


def _place(value: int | None, numbers: tuple[int, ...]) -> int:
    """Where a value lies beside ascending numbers: how many are below it, and how many it reaches."""
    if value is None:
        return -1
    place = 0
    for number in numbers:
        if value < number:
            break
        place += 1 if value == number else 2
    return place
