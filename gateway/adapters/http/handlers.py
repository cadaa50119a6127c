"""Which handler answers which operation, and from which port it has what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gateway.adapters.http.alert_handlers import AlertHandlers
from gateway.adapters.http.approval_handlers import ApprovalHandlers
from gateway.adapters.http.auth import Doorman
from gateway.adapters.http.boundary import Handler
from gateway.adapters.http.candidate_handlers import CandidateHandlers
from gateway.adapters.http.check_handlers import CheckHandlers
from gateway.adapters.http.drop_copy_handlers import DropCopyHandlers
from gateway.adapters.http.event_press import EventPress, identify
from gateway.adapters.http.event_stream import EventStreams
from gateway.adapters.http.history_handlers import HistoryHandlers
from gateway.adapters.http.market_handlers import MarketHandlers, WatchLists
from gateway.adapters.http.market_stream import MarketStreams
from gateway.adapters.http.order_handlers import OrderHandlers
from gateway.adapters.http.override_handlers import OverrideHandlers
from gateway.adapters.http.page import PageHandlers
from gateway.adapters.http.page_data import PageDataHandlers
from gateway.adapters.http.reconciliation_handlers import ReconciliationHandlers
from gateway.adapters.http.risk_handlers import RiskHandlers
from gateway.adapters.http.rollout_handlers import RolloutHandlers
from gateway.adapters.http.state_handlers import ControlHandlers, StateHandlers
from gateway.adapters.http.story_handlers import StoryHandlers
from gateway.adapters.http.streams import Streams
from gateway.adapters.http.system_handlers import SystemHandlers
from gateway.ports.alerts import Alerts
from gateway.ports.candidates import Candidates
from gateway.ports.checking import OrderChecks
from gateway.ports.clock import Clock
from gateway.ports.drop_copy import DropCopies
from gateway.ports.intake import ConfigApprovals, Controls, EventFeed, OrderIntake, Overrides
from gateway.ports.market_data import MarketSources
from gateway.ports.page import Page
from gateway.ports.read_model import AllReads, Status
from gateway.ports.reconciling import Reconciliations
from gateway.ports.review import StepRecords
from gateway.ports.risk_view import RiskReads
from gateway.ports.rollouts import Rollouts
from gateway.ports.stories import OrderExplainer, OrderStories


@dataclass(frozen=True, kw_only=True)
class ServerPorts:
    """What the API is served from."""

    intake: OrderIntake
    checks: OrderChecks
    controls: Controls
    approvals: ConfigApprovals
    overrides: Overrides
    drop_copies: DropCopies
    agreement: Reconciliations
    alerts: Alerts
    rollouts: Rollouts
    step_records: StepRecords
    risk: RiskReads
    candidates: Candidates
    reads: AllReads
    stories: OrderStories
    explainer: OrderExplainer
    status: Status
    feed: EventFeed
    market: MarketSources
    clock: Clock
    page: Page
    metrics_page: Callable[[], bytes]


def all_handlers(
    ports: ServerPorts, orders: OrderHandlers, doorman: Doorman, streams: Streams, heartbeat_s: float
) -> dict[str, Handler]:
    """The handler of every operation and stream, by its name in ``operations``."""
    clock, market, status, watch_lists = ports.clock, ports.market, ports.status, WatchLists()
    story = StoryHandlers(ports.stories, ports.explainer)
    press = EventPress(partial(identify, ports.reads))
    return {
        **_order_handlers(orders),
        "check_order": CheckHandlers(ports.checks).check,
        **_state_handlers(StateHandlers(ports.reads, status), HistoryHandlers(ports.reads)),
        **_control_handlers(ControlHandlers(ports.controls, ports.reads, status)),
        "order_story": story.show,
        "order_checks": story.checks,
        **_page_handlers(ports.page, ports.explainer),
        "risk": RiskHandlers(ports.risk, status, ports.overrides).show,
        **_alert_handlers(AlertHandlers(ports.alerts)),
        "candidates": CandidateHandlers(ports.candidates).show,
        "drop_copy": DropCopyHandlers(ports.drop_copies).compare,
        **_reconciliation_handlers(ReconciliationHandlers(ports.agreement, ports.reads)),
        **_override_handlers(OverrideHandlers(ports.overrides)),
        **_approval_handlers(ApprovalHandlers(ports.approvals)),
        **_rollout_handlers(RolloutHandlers(ports.rollouts, ports.step_records, ports.candidates, clock)),
        **_market_handlers(MarketHandlers(market, clock, watch_lists)),
        **_system_handlers(SystemHandlers(status, doorman, ports.metrics_page)),
        "market_stream": MarketStreams(market, clock, streams, watch_lists, doorman).open,
        "event_stream": EventStreams(ports.feed, press, streams, doorman, heartbeat_s).open,
    }


def _order_handlers(orders: OrderHandlers) -> dict[str, Handler]:
    return {
        "place_order": orders.place,
        "show_order": orders.show,
        "cancel_order": orders.cancel,
        "replace_order": orders.replace,
        "list_orders": orders.list,
    }


def _state_handlers(state: StateHandlers, history: HistoryHandlers) -> dict[str, Handler]:
    return {
        "positions": state.positions,
        "portfolio": state.portfolio,
        "closed_positions": history.closed_positions,
        "portfolio_history": history.portfolio_history,
        "statistics": state.statistics,
        "connections": state.connections,
        "modes": state.modes,
        "breakers": state.breakers,
    }


def _control_handlers(control: ControlHandlers) -> dict[str, Handler]:
    return {
        "start_session": control.start_session,
        "end_session": control.end_session,
        "session_status": control.session_status,
        "enable_trading": control.enable,
        "disable_trading": control.disable,
        "trading": control.trading,
        "flatten": control.flatten,
        "locks": control.locks,
        "lift_lock": control.lift_lock,
        "reset_breaker": control.reset_breaker,
        "shut_down": control.shut_down,
    }


def _reconciliation_handlers(handlers: ReconciliationHandlers) -> dict[str, Handler]:
    return {"reconciliation": handlers.show, "accept_drift": handlers.accept, "settle_order": handlers.settle}


def _override_handlers(overrides: OverrideHandlers) -> dict[str, Handler]:
    return {"list_overrides": overrides.list, "grant_override": overrides.grant, "revoke_override": overrides.revoke}


def _approval_handlers(approvals: ApprovalHandlers) -> dict[str, Handler]:
    return {"list_approvals": approvals.list, "approve_config": approvals.approve}


def _alert_handlers(alerts: AlertHandlers) -> dict[str, Handler]:
    return {"alerts": alerts.list, "acknowledge_alert": alerts.acknowledge}


def _rollout_handlers(rollouts: RolloutHandlers) -> dict[str, Handler]:
    return {
        "list_rollouts": rollouts.list,
        "show_rollout": rollouts.show,
        "review_rollout": rollouts.review,
        "pause_rollout": rollouts.pause,
        "resume_rollout": rollouts.resume,
        "abort_rollout": rollouts.abort,
        "approve_rollout": rollouts.approve,
        "override_rollout": rollouts.override,
        "end_rollout_override": rollouts.end_override,
        "hear_alerts": rollouts.hear_alerts,
    }


def _market_handlers(market: MarketHandlers) -> dict[str, Handler]:
    return {"quote": market.quote, "subscribe": market.subscribe, "unsubscribe": market.unsubscribe}


def _system_handlers(system: SystemHandlers) -> dict[str, Handler]:
    return {"live": system.live, "ready": system.ready, "metrics": system.metrics, "openapi": system.openapi}


def _page_handlers(page: Page, explainer: OrderExplainer) -> dict[str, Handler]:
    files, story = PageHandlers(page.files), StoryHandlers(page.stories, explainer)
    return {
        "page": files.index,
        "page_file": files.file,
        "page_data": PageDataHandlers(page.reads).show,
        "page_order": story.show,
        "page_order_checks": story.checks,
    }
