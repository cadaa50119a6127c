"""Decisions that were given already, found again for a document that differs in nothing the policies look at."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any

from gateway.adapters.policy.dependence import Dependence
from gateway.domain.events import PolicyVerdict
from gateway.domain.policy_input import PolicyDocument

#: About 400 bytes each. Full, it begins anew: what is asked for often is there again at once.
_MOST = 4_096


class VerdictMemory:
    """Of one load of policies: others decide otherwise."""

    def __init__(self, dependence: Dependence) -> None:
        #: All that the decision on a document depends on.
        self.key = _reader(dependence)
        self._known: dict[tuple[Any, ...], PolicyVerdict] = {}

    def find(self, key: tuple[Any, ...]) -> PolicyVerdict | None:
        return self._known.get(key)

    def keep(self, key: tuple[Any, ...], verdict: PolicyVerdict) -> None:
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = verdict


def _reader(dependence: Dependence) -> Callable[[PolicyDocument], tuple[Any, ...]]:
    """A function written out for the fields (names of ours, no text of a policy): it runs for every order."""
    looks = ["None", *(f"document.{name}" for name in dependence.values)]
    looks += [f"document.{name} is None" for name in dependence.nulls]
    for name, numbers in dependence.sides:
        looks.append(f"bisect_left({numbers}, document.{name} or 0)")
        looks.append(f"bisect_right({numbers}, document.{name} or 0)")
    names = {"bisect_left": bisect_left, "bisect_right": bisect_right}
    reader: Callable[[PolicyDocument], tuple[Any, ...]] = eval(f"lambda document: ({', '.join(looks)},)", names)
    return reader
