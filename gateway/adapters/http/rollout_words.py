"""Facts about rollouts in the words of ws/events. Part of ``event_words``."""

from typing import Any

from gateway.adapters.http.times import rfc3339
from gateway.domain import rollout_facts
from gateway.domain.orders import Actor


def step(fact: rollout_facts.RolloutStepEntered) -> dict[str, Any]:
    return {
        "event": "step_entered",
        "venue": fact.venue,
        "position": fact.position,
        "mode": fact.mode,
        "weight_bp": fact.weight_bp,
        "cause": fact.cause,
        "config_revision": fact.revision,
        "is_restart": fact.is_restart,
        **_by(fact.actor),
    }


def held(fact: rollout_facts.RolloutHeld) -> dict[str, Any]:
    hold = fact.hold
    fields = {"event": hold.kind, "venue": fact.venue, "cause": hold.cause, "text": hold.text, **_by(hold.actor)}
    return {**fields, "cool_down_until": rfc3339(hold.until_ns) if hold.until_ns else None}


def released(fact: rollout_facts.RolloutReleased) -> dict[str, Any]:
    return {"event": "resumed", "venue": fact.venue, "text": fact.text, **_by(fact.actor)}


def verdict(fact: rollout_facts.RolloutVerdictReached) -> dict[str, Any]:
    gates = [{"gate": one.gate, "verdict": one.verdict, "text": one.text} for one in fact.results]
    return {
        "event": "verdict",
        "venue": fact.venue,
        "position": fact.position,
        "verdict": fact.verdict,
        "gates": gates,
    }


def approved(fact: rollout_facts.PromotionApproved) -> dict[str, Any]:
    approval = fact.approval
    return {
        "event": "approved",
        "venue": fact.venue,
        "config_revision": approval.revision,
        "policy_revision": approval.policy_revision,
        "evidence_hash": approval.evidence,
        "reason": approval.reason,
        "expires_at": rfc3339(approval.expires_ns),
        **_by(approval.actor),
    }


def approval_ended(fact: rollout_facts.PromotionApprovalEnded) -> dict[str, Any]:
    return {"event": "approval_ended", "venue": fact.venue, "text": fact.text}


def overridden(fact: rollout_facts.RolloutOverridden) -> dict[str, Any]:
    override = fact.override
    return {
        "event": "overridden",
        "venue": fact.venue,
        "mode": override.mode,
        "weight_bp": override.weight_bp,
        "reason": override.reason,
        "expires_at": rfc3339(override.expires_ns),
        **_by(override.actor),
    }


def override_ended(fact: rollout_facts.RolloutOverrideEnded) -> dict[str, Any]:
    return {"event": "override_ended", "venue": fact.venue, "text": fact.text, **_by(fact.actor)}


def alert(fact: rollout_facts.AlertHeard) -> dict[str, Any]:
    one = fact.alert
    return {
        "event": "alert_firing" if one.is_firing else "alert_resolved",
        "venue": one.venue,
        "name": one.name,
        "fingerprint": one.fingerprint,
        "text": one.text,
    }


def _by(actor: Actor) -> dict[str, str]:
    return {"by": actor.name}
