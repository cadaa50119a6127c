"""Facts about rollouts in the words of ws/events."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.told import Told
from gateway.domain import rollout_facts as facts


def _step(fact: facts.RolloutStepEntered) -> Told:
    return _rollout(
        "step_entered",
        fact.venue,
        position=fact.position,
        mode=fact.mode,
        weight_bp=fact.weight_bp,
        cause=fact.cause,
        config_revision=fact.revision,
        is_restart=fact.is_restart,
        by=fact.actor.name,
    )


def _held(fact: facts.RolloutHeld) -> Told:
    hold = fact.hold
    until = rfc3339(hold.until_ns) if hold.until_ns else None
    return _rollout(hold.kind, fact.venue, cause=hold.cause, text=hold.text, by=hold.actor.name, cool_down_until=until)


def _verdict(fact: facts.RolloutVerdictReached) -> Told:
    gates = [{"gate": one.gate, "verdict": one.verdict, "text": one.text} for one in fact.results]
    return _rollout("verdict", fact.venue, position=fact.position, verdict=fact.verdict, gates=gates)


def _approved(fact: facts.PromotionApproved) -> Told:
    approval = fact.approval
    return _rollout(
        "approved",
        fact.venue,
        config_revision=approval.revision,
        policy_revision=approval.policy_revision,
        evidence_hash=approval.evidence,
        reason=approval.reason,
        expires_at=rfc3339(approval.expires_ns),
        by=approval.actor.name,
    )


def _overridden(fact: facts.RolloutOverridden) -> Told:
    override = fact.override
    return _rollout(
        "overridden",
        fact.venue,
        mode=override.mode,
        weight_bp=override.weight_bp,
        reason=override.reason,
        expires_at=rfc3339(override.expires_ns),
        by=override.actor.name,
    )


def _alert(fact: facts.AlertHeard) -> Told:
    one = fact.alert
    event = "alert_firing" if one.is_firing else "alert_resolved"
    return _rollout(event, one.venue, name=one.name, fingerprint=one.fingerprint, text=one.text)


def _rollout(event: str, venue: str, **fields: Any) -> Told:
    return Told("rollout", {"event": event, "venue": venue, **fields})


ROLLOUT_TELLERS: Mapping[type, Callable[[Any], Told]] = {
    facts.RolloutStepEntered: _step,
    facts.RolloutHeld: _held,
    facts.RolloutReleased: lambda f: _rollout("resumed", f.venue, text=f.text, by=f.actor.name),
    facts.RolloutVerdictReached: _verdict,
    facts.PromotionApproved: _approved,
    facts.PromotionApprovalEnded: lambda f: _rollout("approval_ended", f.venue, text=f.text),
    facts.RolloutOverridden: _overridden,
    facts.RolloutOverrideEnded: lambda f: _rollout("override_ended", f.venue, text=f.text, by=f.actor.name),
    facts.AlertHeard: _alert,
}
