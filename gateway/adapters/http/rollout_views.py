"""Rollouts as the API shows them."""

import msgspec

from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.views import plain_or_none
from gateway.domain.rollout import GateResult, Hold, PromotionApproval
from gateway.ports.rollouts import PastStepView, RolloutState, StratumView


class GateView(msgspec.Struct, frozen=True):
    """One gate. ``needed`` is how many more good samples would pass (null: samples are not what is missing);
    ``lower`` and ``upper`` bound a rate however often one looks."""

    gate: str
    verdict: str
    text: str
    n: int
    needed: int | None
    value: str | None
    lower: str | None
    upper: str | None
    limit: str | None


class HoldView(msgspec.Struct, frozen=True):
    """Why nothing new goes live; ``cool_down_until`` is null where there is none."""

    kind: str
    cause: str
    text: str
    by: str
    since: str
    config_revision: str
    cool_down_until: str | None


class PermitView(msgspec.Struct, frozen=True):
    """An approval or an override, until it ends."""

    what: str
    by: str
    reason: str
    expires_at: str


class PastView(msgspec.Struct, frozen=True):
    """A step that was left."""

    position: int
    entered_at: str | None
    left_at: str
    days: int
    orders: int
    errors: int
    notional_bp: int | None
    evidence: tuple[StratumView, ...]


class RolloutView(msgspec.Struct, frozen=True, kw_only=True):
    """One venue. ``position`` is -1 in SHADOW and ``steps`` in LIVE; ``mode`` and ``weight_bp`` are in force, what is
    configured stands beside them; ``measured_bp`` is the live part of the cycles that were opened under this share
    (null: none yet), ``notional_bp`` that of the value opened in this step; ``projected_at`` is when
    there could be samples enough. ``evidence_hash`` is what an approval binds to,
    ``missing`` what stands before the next step."""

    venue: str
    promotions: str
    mode: str
    weight_bp: int
    configured_mode: str
    configured_weight_bp: int
    measured_bp: int | None
    notional_bp: int | None
    position: int
    steps: int
    step: str
    next_step: str
    entered_at: str | None
    days: int
    canary_days: int
    orders: int
    errors: int
    lost: int
    in_doubt: int
    verdict: str
    evidence_hash: str
    missing: tuple[str, ...]
    gates: tuple[GateView, ...]
    projected_at: str | None
    noise_bps: str | None
    hold: HoldView | None
    approval: PermitView | None
    override: PermitView | None
    evidence: tuple[StratumView, ...]
    past: tuple[PastView, ...]


class RolloutsReply(msgspec.Struct, frozen=True):
    """The rollout of every venue, by name."""

    rollouts: tuple[RolloutView, ...]


def rollout_view(state: RolloutState) -> RolloutView:
    approval, override = state.approval, state.override
    return RolloutView(
        venue=state.venue,
        promotions=state.promotions,
        mode=state.mode.value,
        weight_bp=state.weight_bp,
        configured_mode=state.configured_mode.value,
        configured_weight_bp=state.configured_weight_bp,
        measured_bp=state.measured_bp,
        notional_bp=state.notional_bp,
        position=state.position,
        steps=state.steps,
        step=state.step,
        next_step=state.next_step,
        entered_at=_moment(state.entered_ns),
        days=state.days,
        canary_days=state.canary_days,
        orders=state.orders,
        errors=state.errors,
        lost=state.lost,
        in_doubt=state.in_doubt,
        verdict=state.verdict.value,
        evidence_hash=state.evidence_hash,
        missing=state.missing,
        gates=tuple(map(_gate, state.gates)),
        projected_at=None if state.projected_ns is None else _moment(state.projected_ns),
        noise_bps=state.noise_bps,
        hold=None if state.hold is None else _hold(state.hold),
        approval=None
        if approval is None
        else PermitView(
            _approved(approval, state.evidence_hash),
            approval.actor.name,
            approval.reason,
            rfc3339(approval.expires_ns),
        ),
        override=None
        if override is None
        else PermitView(
            f"{override.mode.value} {override.weight_bp} bp",
            override.actor.name,
            override.reason,
            rfc3339(override.expires_ns),
        ),
        evidence=state.strata,
        past=tuple(map(_past, state.past)),
    )


def _approved(approval: PromotionApproval, evidence_hash: str) -> str:
    moved = "" if approval.evidence == evidence_hash else " (it has moved since: the approval counts no more)"
    return (
        f"configuration {approval.revision}, policies {approval.policy_revision}, evidence {approval.evidence}{moved}"
    )


def _gate(one: GateResult) -> GateView:
    return GateView(
        one.gate,
        one.verdict.value,
        one.text,
        one.n,
        one.needed,
        plain_or_none(one.value),
        plain_or_none(one.lower),
        plain_or_none(one.upper),
        plain_or_none(one.limit),
    )


def _hold(one: Hold) -> HoldView:
    until, since = _moment(one.until_ns), rfc3339(one.since_ns)
    return HoldView(one.kind.value, one.cause.value, one.text, one.actor.name, since, one.revision, until)


def _past(one: PastStepView) -> PastView:
    entered, left = _moment(one.entered_ns), rfc3339(one.left_ns)
    return PastView(one.position, entered, left, one.days, one.orders, one.errors, one.notional_bp, one.strata)


def _moment(ns: int) -> str | None:
    """Null for what never was, and for what is too far off to be said."""
    return rfc3339(ns) if 0 < ns < 2**63 else None
