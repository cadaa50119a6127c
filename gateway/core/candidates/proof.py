"""What an edit of limits or policies needs of candidates: that one with the very same content has shown enough.

Content is named by its hash: what a candidate was judged with, and what an edit would put in force. Tightening a limit
needs no proof. Of policies nobody can tell which way an edit goes, so any other content needs one.
"""

from collections.abc import Iterable

import msgspec

from gateway.core.candidates.overlay import with_limits_of
from gateway.core.loosening import compare
from gateway.domain.candidates import CandidatePart
from gateway.domain.config import TradingConfig
from gateway.domain.rollout import GateResult, Verdict

NOT_PROVEN = "CANDIDATE_NOT_PROVEN"
ENFORCED = "enforced"
_TELL = (
    "copy the edit into a file or folder of its own and name it under candidates in gateway.yaml (docs/candidates.md)"
)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate consists of and has shown. ``limits`` and ``policies`` are hashes of its own, or ENFORCED.
    ``is_looser``: its limits let pass all that those in force do."""

    name: str
    limits: str = ENFORCED
    policies: str = ENFORCED
    is_looser: bool = False
    gates: tuple[GateResult, ...] = ()
    orders: int = 0
    differences: int = 0

    def __str__(self) -> str:
        return f"candidate {self.name}: {self.orders} orders judged, {self.differences} otherwise"


class Proof(msgspec.Struct, frozen=True):
    """``by`` says which candidate proves an edit (empty: none has to); ``missing`` what else stands between."""

    by: str = ""
    missing: tuple[str, ...] = ()


def looser_limits(old: TradingConfig, new: TradingConfig) -> tuple[str, ...]:
    """What of risk.yaml an edit loosens where that needs a candidate; empty when nothing does."""
    if not old.revision or CandidatePart.LIMITS not in old.rollout.candidates.needed:
        return ()
    return compare(old, with_limits_of(new)(old)).looser


def proof_of_limits(looser: tuple[str, ...], limits: str, policies: str, shown: Iterable[Shown]) -> Proof:
    """Of an edit that loosens ``looser`` and makes the limits those with the hash ``limits``; ``policies`` is the hash
    of those in force. A candidate with policies of its own proves its limits beside these only."""
    if not looser:
        return Proof()
    what = f"limits {limits} ({'; '.join(looser)})"
    alike = [one for one in shown if one.limits == limits]
    found = [one for one in alike if one.policies in (ENFORCED, policies)]
    if alike and not found:
        names = ", ".join(f"{one.name} ({one.policies})" for one in alike)
        return Proof(missing=(f"{what} ran only beside other policies, as {names}: put those in force first",))
    return _proof(what, found)


def proof_of_policies(policies: str, limits: str, shown: Iterable[Shown]) -> Proof:
    """Of an edit that makes the policies those with the hash ``policies``; ``limits`` is the hash of those in force. A
    candidate with limits of its own proves its policies under these, and under tighter ones."""
    what = f"policies {policies}"
    alike = [one for one in shown if one.policies == policies]
    found = [one for one in alike if one.limits in (ENFORCED, limits) or one.is_looser]
    if alike and not found:
        names = ", ".join(f"{one.name} ({one.limits})" for one in alike)
        return Proof(missing=(f"{what} ran only under tighter limits, as {names}: put those in force first",))
    return _proof(what, found)


def _proof(what: str, found: list[Shown]) -> Proof:
    """By the candidate that lacks least."""
    if not found:
        return Proof(missing=(f"{what} must run as a candidate first, and none has: {_TELL}",))
    one = min(found, key=lambda one: len(_unpassed(one)))
    unpassed = _unpassed(one)
    if not unpassed and one.gates:
        return Proof(by=f"{what}: {one}")
    lacking = [f"{gate.gate} {gate.verdict.value}: {gate.text}" for gate in unpassed] or ["no gate was measured"]
    return Proof(missing=tuple(f"{what}: candidate {one.name}: {text}" for text in lacking))


def _unpassed(one: Shown) -> list[GateResult]:
    return [gate for gate in one.gates if gate.verdict is not Verdict.PASS]
