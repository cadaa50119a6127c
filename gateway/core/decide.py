"""The one entry to every decision: ``decide(state, event)`` reads, and says what to journal and what to do."""

from collections.abc import Callable
from typing import Any

from gateway.core import (
    admission,
    alerts,
    changes,
    config_edits,
    flattening,
    operations,
    overrides,
    reports,
    settling,
    switching,
)
from gateway.core.breakers import checking
from gateway.core.decision import Decision
from gateway.core.reconciliation import deciding
from gateway.core.rollout import alertmanager, control
from gateway.core.snapshots import take_portfolio
from gateway.core.state import GatewayState
from gateway.domain.events import (
    AcknowledgmentReceived,
    AdmissionsAbandoned,
    AlertsChecked,
    ApprovalReceived,
    BreakerResetRequested,
    BreakersChecked,
    BreakerTripRequested,
    CancelReceived,
    ConfigLoaded,
    Event,
    FiguresObserved,
    FlattenPursued,
    FlattenRequested,
    GatewayStarted,
    LookupCompleted,
    MarksObserved,
    OrderReceived,
    OverrideRequested,
    OverrideRevocation,
    OverridesDue,
    PolicyEvaluated,
    ReplaceReceived,
    ReportsReceived,
    SessionEnded,
    SessionStarted,
    SnapshotDue,
    SubmitCompleted,
    TradingSwitched,
    UnlockRequested,
    VenueStatusChanged,
)
from gateway.domain.reconciliation_events import AccountCompared, DriftAcceptance, SettlementRequested
from gateway.domain.rollout_events import (
    AlertsReceived,
    PromotionApprovalReceived,
    RolloutCommanded,
    RolloutOverrideRequested,
    RolloutOverrideRevocation,
    RolloutsChecked,
    VenueDoubted,
)


def decide(state: GatewayState, event: Event) -> Decision:
    """What follows from ``event`` in ``state``. Reads only; equal inputs give equal decisions anywhere."""
    return _DECIDERS[type(event)](state, event)


def _hear_policy(state: GatewayState, event: PolicyEvaluated) -> Decision:
    return changes.conclude_replace(state, event) if event.is_replace else admission.conclude(state, event)


#: One short function per event; a test compares the table with the union of events.
_DECIDERS: dict[type, Callable[[GatewayState, Any], Decision]] = {
    OrderReceived: admission.receive,
    PolicyEvaluated: _hear_policy,
    ReportsReceived: reports.record,
    CancelReceived: changes.cancel,
    ReplaceReceived: changes.replace,
    SubmitCompleted: settling.settle_submit,
    LookupCompleted: settling.settle_lookup,
    AccountCompared: deciding.note,
    DriftAcceptance: deciding.accept,
    SettlementRequested: settling.settle_by_hand,
    MarksObserved: operations.observe_marks,
    FiguresObserved: operations.observe_figures,
    SnapshotDue: take_portfolio,
    TradingSwitched: switching.switch_trading,
    BreakersChecked: checking.check,
    BreakerResetRequested: checking.reset,
    BreakerTripRequested: checking.trip_by_hand,
    FlattenRequested: flattening.request,
    FlattenPursued: flattening.pursue,
    AlertsChecked: alerts.check,
    AcknowledgmentReceived: alerts.acknowledge,
    RolloutsChecked: control.check,
    RolloutCommanded: control.command,
    PromotionApprovalReceived: control.approve,
    RolloutOverrideRequested: control.override,
    RolloutOverrideRevocation: control.end_override,
    AlertsReceived: alertmanager.hear_alerts,
    VenueDoubted: control.doubt,
    SessionStarted: operations.start_session,
    SessionEnded: operations.end_session,
    ConfigLoaded: config_edits.load,
    ApprovalReceived: config_edits.approve,
    OverrideRequested: overrides.grant,
    OverrideRevocation: overrides.revoke,
    OverridesDue: overrides.expire,
    VenueStatusChanged: operations.record_venue_status,
    UnlockRequested: operations.unlock_strategy,
    AdmissionsAbandoned: operations.abandon_admissions,
    GatewayStarted: operations.start,
}
