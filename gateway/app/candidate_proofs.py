"""What candidates have shown, held against an edit: that of a running gateway, of one that starts, or of a check.

What counts is the content: the limits or policies of an edit must be those, to the hash, that a candidate was judged
with. Says nothing where ``candidates.needed`` in rollout.yaml does not ask for it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from gateway.adapters.config import revision_of
from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.loader import PolicyLoader
from gateway.app.candidate_worker import remembered
from gateway.core.candidates.gates import assess
from gateway.core.candidates.overlay import with_limits_of
from gateway.core.candidates.proof import ENFORCED, Proof, Shown, looser_limits, proof_of_limits, proof_of_policies
from gateway.domain.candidates import CandidatePart, CandidateReport, CandidateTerms
from gateway.domain.config import TradingConfig
from gateway.domain.rollout import GateResult
from gateway.domain.sessions import Approval
from gateway.domain.settings import CandidateSettings

MEMORY = "candidates"
#: Records that a candidate may be behind the journal and still count as at work.
NEAR = 1_000
LAST_GOOD_POLICIES = "last_good_policies"
_CONTENT = re.compile(r"limits ([0-9a-z]+), policies ([0-9a-z]+)")
_NOTHING = TradingConfig(revision="")

#: What all candidates have shown by now; asked only when an edit needs it.
AskShown = Callable[[], Iterable[Shown]]


def limits_revision(config: TradingConfig) -> str:
    """A hash of what risk.yaml says in it, whatever the other files say."""
    return revision_of(with_limits_of(config)(_NOTHING))


def content_of(config: TradingConfig | None, policies: ApprovedPolicies | None) -> str:
    """A name of what a candidate consists of: other content, other evidence. None stands for what is enforced."""
    limits = ENFORCED if config is None else limits_revision(config)
    return f"limits {limits}, policies {ENFORCED if policies is None else policies.revision}"


def shown_by(
    name: str, content: str, gates: tuple[GateResult, ...], report: CandidateReport | None, *, is_looser: bool = False
) -> Shown:
    """What a candidate with this content has shown."""
    parts = _CONTENT.fullmatch(content)
    limits, policies = parts.groups() if parts is not None else ("", "")
    orders, differences = (0, 0) if report is None else (report.orders, report.differences)
    return Shown(
        name=name,
        limits=limits,
        policies=policies,
        is_looser=is_looser,
        gates=gates,
        orders=orders,
        differences=differences,
    )


def shown_on_record(
    data_dir: Path, candidates: Mapping[str, CandidateSettings], terms: CandidateTerms
) -> tuple[Shown, ...]:
    """What candidates had shown when they were last at work, read from what they kept. One whose process ended before
    it had judged all shows that too."""
    found: list[Shown] = []
    for name, settings in candidates.items():
        report = remembered(data_dir / MEMORY / f"{name}.json")
        if report is not None:
            gates = assess(report, terms.gates_of(settings.gates), report.trouble or _lag(report))
            found.append(shown_by(name, report.revision, gates, report))
    return tuple(found)


def _lag(report: CandidateReport) -> str:
    """Why what was kept on the way to the journal's end proves nothing; empty for what was kept at it."""
    behind = report.head_seq - report.seq
    return f"it was {behind} records behind when it was last at work" if behind > NEAR else ""


def last_policies(data_dir: Path) -> str:
    """The revision of the policies last in force; empty when there are none."""
    return PolicyLoader(Path(), data_dir / LAST_GOOD_POLICIES).last_good_revision()


def prove_limits(old: TradingConfig, new: TradingConfig, policies: str, shown: AskShown) -> Proof:
    """Whether an edit may loosen limits; ``policies`` are those in force."""
    looser = looser_limits(old, new)
    return proof_of_limits(looser, limits_revision(new), policies, shown()) if looser else Proof()


def policy_objections(
    config: TradingConfig, revision: str, shown: AskShown, approval: Approval | None, *, is_guarded: bool
) -> tuple[str, ...]:
    """What stands between other policies and their being put in force under ``config``: what no candidate has proven,
    and where somebody has a key (``is_guarded``) the approval of their revision."""
    if not config.revision or CandidatePart.POLICIES not in config.rollout.candidates.needed:
        return ()
    missing = proof_of_policies(revision, limits_revision(config), shown()).missing
    if is_guarded and approval is None:
        missing += (f"policies {revision} need approval: {how_to_approve(revision)}",)
    return missing


def how_to_approve(revision: str) -> str:
    return f"let a key with role risk or admin POST /api/trading/config/approvals with revision {revision} and a reason"


class StartProofs(msgspec.Struct, frozen=True):
    """Proofs for a process that has no candidate at work: before it starts, or when it only checks."""

    data_dir: Path
    candidates: Mapping[str, CandidateSettings]

    def of_limits(self, old: TradingConfig, new: TradingConfig) -> Proof:
        return prove_limits(old, new, last_policies(self.data_dir), lambda: self._shown(old))

    def policy_objections(
        self, config: TradingConfig, revision: str, approval: Approval | None, *, is_guarded: bool
    ) -> tuple[str, ...]:
        if revision == last_policies(self.data_dir) or not last_policies(self.data_dir):
            return ()
        return policy_objections(config, revision, lambda: self._shown(config), approval, is_guarded=is_guarded)

    def _shown(self, config: TradingConfig) -> tuple[Shown, ...]:
        return shown_on_record(self.data_dir, self.candidates, config.rollout.candidates)
