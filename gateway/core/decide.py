"""The one entry to every decision: ``decide(state, event)`` reads, and says what to journal and what to do."""

from typing import assert_never

from gateway.core import admission, changes, operations, reports
from gateway.core.decision import Decision
from gateway.core.state import GatewayState
from gateway.domain.events import (
    AdmissionsAbandoned,
    CancelReceived,
    ConfigLoaded,
    Event,
    GatewayStarted,
    LookupCompleted,
    MarksObserved,
    OrderReceived,
    PolicyEvaluated,
    ReplaceReceived,
    ReportsReceived,
    SessionEnded,
    SessionStarted,
    SubmitCompleted,
    TradingSwitched,
    VenueStatusChanged,
)


def decide(state: GatewayState, event: Event) -> Decision:  # noqa: C901 - one short arm per event
    """What follows from ``event`` in ``state``. Reads only; equal inputs give equal decisions anywhere."""
    match event:
        case OrderReceived():
            return admission.receive(state, event)
        case PolicyEvaluated(is_replace=False):
            return admission.conclude(state, event)
        case ReportsReceived():
            return reports.record(state, event)
        case CancelReceived():
            return changes.cancel(state, event)
        case ReplaceReceived():
            return changes.replace(state, event)
        case PolicyEvaluated():
            return changes.conclude_replace(state, event)
        case SubmitCompleted():
            return reports.settle_submit(state, event)
        case LookupCompleted():
            return reports.settle_lookup(state, event)
        case MarksObserved():
            return operations.observe_marks(state, event)
        case TradingSwitched():
            return operations.switch_trading(state, event)
        case SessionStarted():
            return operations.start_session(state, event)
        case SessionEnded():
            return operations.end_session(state, event)
        case ConfigLoaded():
            return operations.load_config(state, event)
        case VenueStatusChanged():
            return operations.record_venue_status(state, event)
        case AdmissionsAbandoned():
            return operations.abandon_admissions(state, event)
        case GatewayStarted():
            return operations.start(state, event)
        case _:
            assert_never(event)
