"""The canary review of a venue as the API gives it: all that a person decides on, in one answer."""

import msgspec

from gateway.adapters.http.rollout_views import RolloutView, rollout_view
from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.views import plain_or_none
from gateway.domain.money import plain
from gateway.domain.review import Incident, Measured, ReasonCount, Samples, StepRecord
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
    """Orders that a candidate would have treated otherwise by one rule, at all venues, and their value."""

    candidate: str
    kind: str
    rule: str
    orders: int
    notional: str


class ReviewedCandidate(msgspec.Struct, frozen=True):
    """A candidate beside the enforced; ``orders`` are those that it judged."""

    name: str
    state: str
    orders: int
    differences: int
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
        candidates=tuple(map(_candidate, candidates)),
        disagreements=tuple(
            DisagreementView(one.name, rule.kind.value, rule.rule, rule.orders, plain(rule.notional))
            for one in candidates
            if one.report is not None
            for rule in one.report.rules
        ),
    )


def _measured(one: Measured) -> MeasuredView:
    shares = (plain_or_none(share) for share in (one.expected, one.share, one.lower, one.upper))
    return MeasuredView(one.cycles, one.live, *shares)


def _incident(one: Incident) -> IncidentView:
    return IncidentView(rfc3339(one.ts_ns), one.kind, one.text)


def _reason(one: ReasonCount) -> ReasonView:
    return ReasonView(one.stage, one.code, one.orders, one.example)


def _candidate(one: CandidateStatus) -> ReviewedCandidate:
    report = one.report
    orders, differences = (0, 0) if report is None else (report.orders, report.differences)
    return ReviewedCandidate(one.name, one.state.value, orders, differences, one.problems)
