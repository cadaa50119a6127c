"""How a rollout moves on: days, connections, and the facts about it. Part of ``core.apply``; called by it only."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.evidence.memory import VenueRollout
from gateway.core.rollout.folding import rollout_of
from gateway.core.state import GatewayState
from gateway.domain.facts import VenueStatusRecorded
from gateway.domain.rollout import HoldKind
from gateway.domain.rollout_facts import (
    AlertHeard,
    PromotionApprovalEnded,
    PromotionApproved,
    RolloutHeld,
    RolloutOverridden,
    RolloutOverrideEnded,
    RolloutReleased,
    RolloutStepEntered,
    RolloutVerdictReached,
)

_MAX_ALERTS = 1_000


def note_connection(rollout: VenueRollout, fact: VenueStatusRecorded, *, was_connected: bool) -> None:
    """The venue was lost, or is back."""
    if fact.is_connected:
        if not was_connected or not rollout.back_ns:
            rollout.back_ns = fact.ts_ns
    elif was_connected:
        rollout.lost_ns = fact.ts_ns
        rollout.outages_today += bool(rollout.back_ns)  # one that is not up yet was not lost


def note_day(rollout: VenueRollout, max_outages: int) -> None:
    """A trading day of the venue is over. It counts if orders of it count, and nothing held the rollout in it. An
    outage that waits for a person does so on the next day too."""
    evidence = rollout.evidence
    if evidence.day_orders and not evidence.is_day_spoiled:
        evidence.days += 1
        rollout.canary_days += evidence.position >= 0
    evidence.day_orders = 0
    evidence.is_day_spoiled = rollout.hold is not None
    is_lost = rollout.hold is not None and rollout.hold.kind is HoldKind.OUTAGE
    rollout.waits_for_person |= is_lost and rollout.outages_today > max_outages
    rollout.outages_today = 0


def _step_entered(state: GatewayState, fact: RolloutStepEntered) -> None:
    rollout = rollout_of(state, fact.venue)
    ts_ns = max(fact.ts_ns, _newest(state, fact.venue) + 1)
    if fact.is_restart:
        rollout.restart(ts_ns)
    rollout.enter(fact.position, ts_ns)
    rollout.approval = None  # it was for the step that is left
    state.take_modes()


def _newest(state: GatewayState, venue: str) -> int:
    """The newest time that anything bears which the step before counted, or will: the clock may have been set back."""
    newest = state.rollouts[venue].seen_ns
    for order in state.orders.values():
        if order.venue == venue and order.is_open:
            newest = max(newest, order.created_ns, order.sent_ns, order.updated_ns)
    return newest


def _held(state: GatewayState, fact: RolloutHeld) -> None:
    rollout = rollout_of(state, fact.venue)
    rollout.hold = fact.hold
    rollout.override = None
    rollout.evidence.is_day_spoiled = True
    rollout.evidence.holds += 1
    _reroute(state)


def _released(state: GatewayState, fact: RolloutReleased) -> None:
    rollout = rollout_of(state, fact.venue)
    rollout.hold = None
    rollout.waits_for_person = False
    _reroute(state)


def _verdict_reached(state: GatewayState, fact: RolloutVerdictReached) -> None:
    rollout_of(state, fact.venue).verdict = fact.verdict


def _approved(state: GatewayState, fact: PromotionApproved) -> None:
    rollout_of(state, fact.venue).approval = fact.approval


def _approval_ended(state: GatewayState, fact: PromotionApprovalEnded) -> None:
    rollout_of(state, fact.venue).approval = None


def _overridden(state: GatewayState, fact: RolloutOverridden) -> None:
    rollout_of(state, fact.venue).override = fact.override
    _reroute(state)


def _override_ended(state: GatewayState, fact: RolloutOverrideEnded) -> None:
    rollout_of(state, fact.venue).override = None
    _reroute(state)


def _alert_heard(state: GatewayState, fact: AlertHeard) -> None:
    state.heard_alerts.pop(fact.alert.fingerprint, None)  # the newest stands last
    state.heard_alerts[fact.alert.fingerprint] = fact.alert
    if len(state.heard_alerts) > _MAX_ALERTS:
        resolved = [one for one, alert in state.heard_alerts.items() if not alert.is_firing]
        del state.heard_alerts[
            min(resolved or state.heard_alerts, key=lambda one: (state.heard_alerts[one].starts_ns, one))
        ]


def _reroute(state: GatewayState) -> None:
    """Modes are others now: an order whose policy is being asked is decided again."""
    state.take_modes()
    state.control_epoch += 1


ROLLOUT_APPLIERS: Mapping[type, Callable[[GatewayState, Any], None]] = {
    RolloutStepEntered: _step_entered,
    RolloutHeld: _held,
    RolloutReleased: _released,
    RolloutVerdictReached: _verdict_reached,
    PromotionApproved: _approved,
    PromotionApprovalEnded: _approval_ended,
    RolloutOverridden: _overridden,
    RolloutOverrideEnded: _override_ended,
    AlertHeard: _alert_heard,
}
