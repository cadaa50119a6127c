"""Every path of the API in one table: what it takes, what it needs of the caller, what it can answer.

The routes, the OpenAPI document and (by test) ``docs/api.md`` are made from it. The WebSockets stand beside it,
because OpenAPI cannot describe them.
"""

from typing import Any

from gateway.adapters.http.alert_handlers import AcknowledgeAlert, AlertsQuery, AlertsReply, AlertView
from gateway.adapters.http.approval_handlers import ApprovalsReply, ApproveConfig, ApprovedReply
from gateway.adapters.http.auth import Right
from gateway.adapters.http.drop_copy_handlers import CompareExecutions, DropCopyReply
from gateway.adapters.http.history_handlers import ClosedPositionsPage, PortfolioHistoryPage
from gateway.adapters.http.kinds import NAME_PATTERN
from gateway.adapters.http.market_views import QuoteView, WatchReply
from gateway.adapters.http.operation import Operation, Stream
from gateway.adapters.http.order_handlers import OrdersPage
from gateway.adapters.http.override_handlers import GrantOverride, OverridesReply, OverrideView
from gateway.adapters.http.risk_handlers import RiskQuery, RiskReply
from gateway.adapters.http.shapes import (
    ClosedPositionsQuery,
    DisableTrading,
    EnableTrading,
    EventsQuery,
    FlattenPositions,
    LiftLock,
    OrdersQuery,
    PlaceOrder,
    PortfolioHistoryQuery,
    PortfolioQuery,
    PositionsQuery,
    ReplaceOrder,
    ResetBreaker,
    ShutDown,
    StartSession,
    Subscribe,
)
from gateway.adapters.http.state_views import (
    BreakersReply,
    ConnectionsReply,
    FlattenReply,
    LiveReply,
    LockReply,
    LocksReply,
    PortfolioReply,
    PositionsReply,
    ReadyReply,
    RolloutsReply,
    SessionReply,
    StatisticsReply,
    TradingReply,
    TradingStatesReply,
)
from gateway.adapters.http.views import OrderView
from gateway.ports.checking import OrderCheckView
from gateway.ports.read_model import ModesView

TRADING = "/api/trading"
#: A symbol or a strategy's name in a path may hold slashes; and even a line break must reach the handler, to be
#: refused in our words.
_ANYTHING = r"[\s\S]+"
NAME_SCHEMA = {"type": "string", "pattern": f"^{NAME_PATTERN}$"}


def _get(path: str, name: str, summary: str, reply: type | str, **more: Any) -> Operation:
    more = {"needs": Right.READ, **more}
    return Operation(method="GET", path=path, name=name, summary=summary, replies={200: reply}, **more)


def _post(path: str, name: str, summary: str, replies: dict[int, type | str], **more: Any) -> Operation:
    return Operation(method="POST", path=path, name=name, summary=summary, replies=replies, **more)


_ORDER = f"{TRADING}/orders/{{order_id}}"
_WATCHED = f"{TRADING}/market-data/subscribe/{{symbol}}"

ORDERS = (
    _post(
        f"{TRADING}/orders/place",
        "place_order",
        "Place a new order",
        {201: OrderView, 200: OrderView},
        needs=Right.TRADE,
        body=PlaceOrder,
        is_body_required=True,
        refusals=(409, 422, 429, 503),
    ),
    _post(
        f"{TRADING}/orders/check",
        "check_order",
        "What placing an order would come to; nothing is placed",
        {200: OrderCheckView},
        needs=Right.TRADE,
        body=PlaceOrder,
        is_body_required=True,
        refusals=(503,),
    ),
    _get(_ORDER, "show_order", "One order as it stands", OrderView, refusals=(404,)),
    Operation(
        name="cancel_order",
        method="DELETE",
        path=_ORDER,
        summary="Ask for an order to be canceled",
        needs=Right.CANCEL,
        replies={202: OrderView},
        refusals=(404, 409, 503),
    ),
    Operation(
        name="replace_order",
        method="PUT",
        path=_ORDER,
        summary="Ask for new terms of an open order",
        needs=Right.TRADE,
        replies={202: OrderView},
        body=ReplaceOrder,
        is_body_required=True,
        refusals=(404, 409, 422, 429, 503),
    ),
    _get(f"{TRADING}/orders", "list_orders", "Orders, newest first", OrdersPage, query=OrdersQuery),
)

BOOKS = (
    _get(f"{TRADING}/positions", "positions", "Positions of both books", PositionsReply, query=PositionsQuery),
    _get(
        f"{TRADING}/positions/closed",
        "closed_positions",
        "Positions from flat to flat, newest first",
        ClosedPositionsPage,
        query=ClosedPositionsQuery,
    ),
    _get(
        f"{TRADING}/portfolio/history",
        "portfolio_history",
        "What accounts were worth, newest first",
        PortfolioHistoryPage,
        query=PortfolioHistoryQuery,
    ),
    _get(f"{TRADING}/portfolio", "portfolio", "Accounts and their positions", PortfolioReply, query=PortfolioQuery),
)

SESSION = (
    _post(
        f"{TRADING}/session/start",
        "start_session",
        "Start a trading session",
        {200: SessionReply},
        needs=Right.CONTROL,
        body=StartSession,
        refusals=(409, 503),
    ),
    _post(
        f"{TRADING}/session/end",
        "end_session",
        "End the trading session",
        {200: SessionReply},
        needs=Right.CONTROL,
        refusals=(409, 503),
    ),
    _get(f"{TRADING}/session/status", "session_status", "The trading session", SessionReply),
)

STATE = (
    _get(f"{TRADING}/statistics", "statistics", "Counts since the journal began", StatisticsReply),
    _get(f"{TRADING}/connections", "connections", "Venues and market data sources", ConnectionsReply),
    _get(f"{TRADING}/modes", "modes", "Modes, weights and the trading state", ModesView),
    _get(f"{TRADING}/circuit-breakers", "breakers", "Circuit breakers", BreakersReply),
    _post(
        f"{TRADING}/circuit-breakers/{{breaker_id}}/reset",
        "reset_breaker",
        "Reset a circuit breaker",
        {200: BreakersReply},
        needs=Right.CONTROL,
        body=ResetBreaker,
        route=f"{TRADING}/circuit-breakers/{{breaker_id:{_ANYTHING}}}/reset",
        refusals=(404, 409, 503),
    ),
    _post(
        f"{TRADING}/trading/emergency-shutdown",
        "shut_down",
        "Cancel everything and halt until a person resets it",
        {200: BreakersReply},
        needs=Right.CONTROL,
        body=ShutDown,
        refusals=(503,),
    ),
    _get(f"{TRADING}/locks", "locks", "Strategies that wait for a person", LocksReply),
    _post(
        f"{TRADING}/locks/{{lock_id}}/lift",
        "lift_lock",
        "Let a locked strategy take new risk again",
        {200: LockReply},
        route=f"{TRADING}/locks/{{lock_id:{_ANYTHING}}}/lift",
        needs=Right.CONTROL,
        body=LiftLock,
        refusals=(404, 503),
    ),
    _get(f"{TRADING}/rollouts", "rollouts", "Rollouts", RolloutsReply),
    _get(f"{TRADING}/trading", "trading", "What is halted or reduced", TradingStatesReply),
    _post(
        f"{TRADING}/trading/enable",
        "enable_trading",
        "Let trading go on",
        {200: TradingReply},
        needs=Right.CONTROL,
        body=EnableTrading,
        refusals=(409, 503),
    ),
    _post(
        f"{TRADING}/trading/disable",
        "disable_trading",
        "Stop trading and cancel open orders",
        {200: TradingReply},
        needs=Right.CONTROL,
        body=DisableTrading,
        refusals=(409, 503),
    ),
    _post(
        f"{TRADING}/trading/flatten",
        "flatten",
        "Stop trading, cancel open orders and close positions",
        {202: FlattenReply},
        needs=Right.CONTROL,
        body=FlattenPositions,
        refusals=(503,),
    ),
)

RISK = (_get(f"{TRADING}/risk", "risk", "Every limit, its use and headroom", RiskReply, query=RiskQuery),)

ALERTS = (
    _get(f"{TRADING}/alerts", "alerts", "What is wrong, and the channels that tell it", AlertsReply, query=AlertsQuery),
    _post(
        f"{TRADING}/alerts/{{alert_id}}/acknowledge",
        "acknowledge_alert",
        "Take an alert on",
        {200: AlertView},
        needs=Right.CONTROL,
        body=AcknowledgeAlert,
        is_body_required=True,
        route=f"{TRADING}/alerts/{{alert_id:{_ANYTHING}}}/acknowledge",
        refusals=(404,),
    ),
)

DROP_COPY = (
    _post(
        f"{TRADING}/drop-copy",
        "drop_copy",
        "Compare executions of an independent source with the live book",
        {200: DropCopyReply},
        needs=Right.CONTROL,
        body=CompareExecutions,
        is_body_required=True,
    ),
)

_OVERRIDES = f"{TRADING}/overrides"
OVERRIDES = (
    _get(_OVERRIDES, "list_overrides", "Rules that are lifted now, for which orders and by whom", OverridesReply),
    _post(
        _OVERRIDES,
        "grant_override",
        "Lift rules for certain orders and a short time",
        {200: OverrideView},
        needs=Right.CONTROL,
        body=GrantOverride,
        is_body_required=True,
        refusals=(409, 503),
    ),
    Operation(
        name="revoke_override",
        method="DELETE",
        path=f"{_OVERRIDES}/{{override_id}}",
        summary="Take an override back",
        needs=Right.CONTROL,
        replies={200: OverrideView},
        refusals=(404,),
    ),
)

CONFIG = (
    _get(f"{TRADING}/config/approvals", "list_approvals", "Edits that wait because they loosen limits", ApprovalsReply),
    _post(
        f"{TRADING}/config/approvals",
        "approve_config",
        "Let a configuration loosen limits",
        {200: ApprovedReply},
        needs=Right.CONTROL,
        body=ApproveConfig,
        is_body_required=True,
        refusals=(409, 503),
    ),
)

MARKET = (
    _post(
        f"{TRADING}/market-data/subscribe",
        "subscribe",
        "Add symbols to what this key's streams start with",
        {200: WatchReply},
        needs=Right.READ,
        body=Subscribe,
        is_body_required=True,
        refusals=(409,),
    ),
    Operation(
        name="unsubscribe",
        method="DELETE",
        path=_WATCHED,
        route=f"{TRADING}/market-data/subscribe/{{symbol:{_ANYTHING}}}",
        summary="Take a symbol off that list",
        needs=Right.READ,
        replies={200: WatchReply},
        refusals=(404,),
    ),
    _get(
        f"{TRADING}/market-data/{{symbol}}",
        "quote",
        "The latest quote of a symbol, and the book where it is known",
        QuoteView,
        route=f"{TRADING}/market-data/{{symbol:{_ANYTHING}}}",
        refusals=(404,),
    ),
)

SYSTEM = (
    _get("/health/live", "live", "Whether the process answers", LiveReply, needs=Right.OPEN),
    _get("/health/ready", "ready", "Whether orders are taken", ReadyReply, needs=Right.OPEN, refusals=(503,)),
    _get("/metrics", "metrics", "Metrics for Prometheus", "text/plain", needs=Right.SCRAPE),
    _get("/openapi.json", "openapi", "This document", "application/json", needs=Right.OPEN),
    _get("/", "page", "A page for people", "text/html", needs=Right.OPEN),
)

OPERATIONS = (*ORDERS, *BOOKS, *SESSION, *STATE, *RISK, *ALERTS, *DROP_COPY, *OVERRIDES, *CONFIG, *MARKET, *SYSTEM)


STREAMS = (
    Stream(f"{TRADING}/ws/market-data", "market_stream", "Quotes as they come"),
    Stream(f"{TRADING}/ws/events", "event_stream", "Orders, fills and changes, resumable", EventsQuery),
)
