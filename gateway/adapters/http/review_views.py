"""The canary review of a venue as the API gives it: all that a person decides on, in one answer."""

from collections.abc import Iterator

import msgspec

from gateway.adapters.http.rollout_views import RolloutView, rollout_view
from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.views import plain_or_none
from gateway.domain.candidates import CandidatePart, CandidateReport, StepTally
from gateway.domain.money import plain
from gateway.domain.review import Incident, Measured, ReasonCount, Samples, StepRecord
from gateway.domain.rollout import Verdict, gravest
from gateway.ports.candidates import CandidateStatus
from gateway.ports.rollouts import RolloutState


class MeasuredView(msgspec.Struct, frozen=True):
    """Positions drawn in the step: how many went live, and bounds (95%, however often one looks) of the true share.
    ``expected`` is the weight that they were drawn under. Shares are ratios, null without a position."""

    cycles: int
    live: int
    expected: str | None
    share: str | None
    lower: str | None
    upper: str | None


class IncidentView(msgspec.Struct, frozen=True):
    """Something out of the ordinary in the step."""

    time: str
    kind: str
    text: str


class ReasonView(msgspec.Struct, frozen=True):
    """Orders refused for one reason; ``example`` is what the first of them was told."""

    stage: str
    code: str
    orders: int
    example: str


class EditView(msgspec.Struct, frozen=True):
    """A configuration that came into force in the step, or began it."""

    time: str
    config_revision: str
    by: str
    reason: str
    difference: tuple[str, ...]
    looser: tuple[str, ...]


class PolicyView(msgspec.Struct, frozen=True):
    """From when on orders were admitted by these policies."""

    time: str
    policy_revision: str


class DisagreementView(msgspec.Struct, frozen=True):
    """Orders at the venue that a candidate would have treated otherwise by one rule, and their value, in a step of the
    rollout: ``position`` on the plan, ``since`` the candidate's first order in it. ``is_current``: it is the step in
    which the venue stands."""

    candidate: str
    position: int
    since: str
    is_current: bool
    kind: str
    rule: str
    orders: int
    notional: str


class ReviewedCandidate(msgspec.Struct, frozen=True):
    """A candidate beside the enforced, as it stands: ``orders`` are those that it judged at all venues since ``since``,
    ``step_orders`` those at this venue in the step in which it stands. ``missing`` is what its gates lack."""

    name: str
    state: str
    verdict: Verdict
    needed_for: tuple[CandidatePart, ...]
    missing: tuple[str, ...]
    since: str | None
    orders: int
    differences: int
    step_orders: int
    step_differences: int
    problems: tuple[str, ...]


class ReviewReply(msgspec.Struct, frozen=True, kw_only=True):
    """``is_thin`` True: there is not enough evidence to decide on, and ``thin`` says of what. ``samples`` are pairs of
    value and count, of the ``pairs`` live orders that filled and of which a twin did: slippages in tenths of a basis
    point, times in milliseconds. An approval binds to ``rollout.evidence_hash``."""

    made_at: str
    seq: int
    rollout: RolloutView
    is_thin: bool
    thin: tuple[str, ...]
    measured: MeasuredView
    live_orders: int
    pairs: int
    samples: Samples
    incidents: tuple[IncidentView, ...]
    incident_counts: dict[str, int]
    denied: tuple[ReasonView, ...]
    rejected: tuple[ReasonView, ...]
    edits: tuple[EditView, ...]
    policies: tuple[PolicyView, ...]
    candidates: tuple[ReviewedCandidate, ...]
    disagreements: tuple[DisagreementView, ...]


def review_view(
    now_ns: int, state: RolloutState, record: StepRecord, candidates: tuple[CandidateStatus, ...]
) -> ReviewReply:
    rollout = rollout_view(state)
    thin = tuple(f"{one.gate}: {one.text}" for one in rollout.gates if one.verdict == "not_enough_evidence")
    return ReviewReply(
        made_at=rfc3339(now_ns),
        seq=record.seq,
        rollout=rollout,
        is_thin=bool(thin) or not rollout.gates,
        thin=thin,
        measured=_measured(record.measured),
        live_orders=record.live_orders,
        pairs=record.pairs,
        samples=record.samples,
        incidents=tuple(map(_incident, record.incidents)),
        incident_counts=record.incident_counts,
        denied=tuple(map(_reason, record.denied)),
        rejected=tuple(map(_reason, record.rejected)),
        edits=tuple(
            EditView(rfc3339(one.ts_ns), one.revision, one.by, one.reason, one.difference, one.looser)
            for one in record.edits
        ),
        policies=tuple(PolicyView(rfc3339(one.ts_ns), one.revision) for one in record.policies),
        candidates=tuple(_candidate(one, state) for one in candidates),
        disagreements=tuple(found for one in candidates for found in _disagreements(one, state)),
    )


def _measured(one: Measured) -> MeasuredView:
    shares = (plain_or_none(share) for share in (one.expected, one.share, one.lower, one.upper))
    return MeasuredView(one.cycles, one.live, *shares)


def _incident(one: Incident) -> IncidentView:
    return IncidentView(rfc3339(one.ts_ns), one.kind, one.text)


def _reason(one: ReasonCount) -> ReasonView:
    return ReasonView(one.stage, one.code, one.orders, one.example)


def _candidate(one: CandidateStatus, state: RolloutState) -> ReviewedCandidate:
    report = one.report or CandidateReport(revision="", since_seq=0, since_ns=0)
    current = next((step for step in _steps(one, state) if _is_current(step, state)), None)
    return ReviewedCandidate(
        name=one.name,
        state=one.state.value,
        verdict=gravest(gate.verdict for gate in one.gates),
        needed_for=one.needed_for,
        missing=tuple(f"{gate.gate}: {gate.text}" for gate in one.gates if gate.verdict is not Verdict.PASS),
        since=None if one.report is None else rfc3339(report.since_ns),
        orders=report.orders,
        differences=report.differences,
        step_orders=0 if current is None else current.orders,
        step_differences=0 if current is None else current.differences,
        problems=one.problems,
    )


def _disagreements(one: CandidateStatus, state: RolloutState) -> Iterator[DisagreementView]:
    """The step in which the venue stands first."""
    for step in reversed(_steps(one, state)):
        for rule in step.rules:
            yield DisagreementView(
                candidate=one.name,
                position=step.position,
                since=rfc3339(step.since_ns),
                is_current=_is_current(step, state),
                kind=rule.kind.value,
                rule=rule.rule,
                orders=rule.orders,
                notional=plain(rule.notional),
            )


def _steps(one: CandidateStatus, state: RolloutState) -> tuple[StepTally, ...]:
    return () if one.report is None else one.report.steps.get(state.venue, ())


def _is_current(step: StepTally, state: RolloutState) -> bool:
    return step.position == state.position and step.since_ns >= state.entered_ns
