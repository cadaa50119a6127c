"""Every path of the API in one table: what it takes, what it needs of the caller, what it can answer.

The routes, the OpenAPI document and (by test) ``docs/api.md`` are made from it. The WebSockets stand beside it,
because OpenAPI cannot describe them.
"""

from gateway.adapters.http.auth import Right
from gateway.adapters.http.candidate_handlers import CandidatesReply
from gateway.adapters.http.control_operations import CONTROL_OPERATIONS
from gateway.adapters.http.history_handlers import ClosedPositionsPage, PortfolioHistoryPage
from gateway.adapters.http.kinds import NAME_PATTERN
from gateway.adapters.http.market_views import QuoteView, WatchReply
from gateway.adapters.http.operation import ANYTHING, TRADING, Operation, Stream, get, post
from gateway.adapters.http.order_handlers import OrdersPage
from gateway.adapters.http.page_data import PageDataQuery, PageReply
from gateway.adapters.http.risk_handlers import RiskQuery, RiskReply
from gateway.adapters.http.rollout_operations import ROLLOUTS
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
    SessionReply,
    StatisticsReply,
    TradingReply,
    TradingStatesReply,
)
from gateway.adapters.http.story_handlers import StoryReply
from gateway.adapters.http.views import OrderView
from gateway.ports.checking import OrderCheckView
from gateway.ports.read_model import ModesView

NAME_SCHEMA = {"type": "string", "pattern": f"^{NAME_PATTERN}$"}

_ORDER = f"{TRADING}/orders/{{order_id}}"
_WATCHED = f"{TRADING}/market-data/subscribe/{{symbol}}"

ORDERS = (
    post(
        f"{TRADING}/orders/place",
        "place_order",
        "Place a new order",
        {201: OrderView, 200: OrderView},
        needs=Right.TRADE,
        body=PlaceOrder,
        is_body_required=True,
        refusals=(409, 422, 429, 503),
    ),
    post(
        f"{TRADING}/orders/check",
        "check_order",
        "What placing an order would come to; nothing is placed",
        {200: OrderCheckView},
        needs=Right.TRADE,
        body=PlaceOrder,
        is_body_required=True,
        refusals=(503,),
    ),
    get(_ORDER, "show_order", "One order as it stands", OrderView, refusals=(404,)),
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
    get(f"{_ORDER}/story", "order_story", "All that was recorded of an order, in order", StoryReply, refusals=(404,)),
    get(
        f"{_ORDER}/checks",
        "order_checks",
        "Every check of an order of the past: decided again from the journal",
        OrderCheckView,
        refusals=(404, 409),
    ),
    get(f"{TRADING}/orders", "list_orders", "Orders, newest first", OrdersPage, query=OrdersQuery),
)

BOOKS = (
    get(f"{TRADING}/positions", "positions", "Positions of both books", PositionsReply, query=PositionsQuery),
    get(
        f"{TRADING}/positions/closed",
        "closed_positions",
        "Positions from flat to flat, newest first",
        ClosedPositionsPage,
        query=ClosedPositionsQuery,
    ),
    get(
        f"{TRADING}/portfolio/history",
        "portfolio_history",
        "What accounts were worth, newest first",
        PortfolioHistoryPage,
        query=PortfolioHistoryQuery,
    ),
    get(f"{TRADING}/portfolio", "portfolio", "Accounts and their positions", PortfolioReply, query=PortfolioQuery),
)

SESSION = (
    post(
        f"{TRADING}/session/start",
        "start_session",
        "Start a trading session",
        {200: SessionReply},
        needs=Right.CONTROL,
        body=StartSession,
        refusals=(409, 503),
    ),
    post(
        f"{TRADING}/session/end",
        "end_session",
        "End the trading session",
        {200: SessionReply},
        needs=Right.CONTROL,
        refusals=(409, 503),
    ),
    get(f"{TRADING}/session/status", "session_status", "The trading session", SessionReply),
)

STATE = (
    get(f"{TRADING}/statistics", "statistics", "Counts since the journal began", StatisticsReply),
    get(f"{TRADING}/connections", "connections", "Venues and market data sources", ConnectionsReply),
    get(f"{TRADING}/modes", "modes", "Modes, weights and the trading state", ModesView),
    get(f"{TRADING}/circuit-breakers", "breakers", "Circuit breakers", BreakersReply),
    post(
        f"{TRADING}/circuit-breakers/{{breaker_id}}/reset",
        "reset_breaker",
        "Reset a circuit breaker",
        {200: BreakersReply},
        needs=Right.CONTROL,
        body=ResetBreaker,
        route=f"{TRADING}/circuit-breakers/{{breaker_id:{ANYTHING}}}/reset",
        refusals=(404, 409, 503),
    ),
    post(
        f"{TRADING}/trading/emergency-shutdown",
        "shut_down",
        "Cancel everything and halt until a person resets it",
        {200: BreakersReply},
        needs=Right.CONTROL,
        body=ShutDown,
        refusals=(503,),
    ),
    get(f"{TRADING}/locks", "locks", "Strategies that wait for a person", LocksReply),
    post(
        f"{TRADING}/locks/{{lock_id}}/lift",
        "lift_lock",
        "Let a locked strategy take new risk again",
        {200: LockReply},
        route=f"{TRADING}/locks/{{lock_id:{ANYTHING}}}/lift",
        needs=Right.CONTROL,
        body=LiftLock,
        refusals=(404, 503),
    ),
    get(f"{TRADING}/trading", "trading", "What is halted or reduced", TradingStatesReply),
    post(
        f"{TRADING}/trading/enable",
        "enable_trading",
        "Let trading go on",
        {200: TradingReply},
        needs=Right.CONTROL,
        body=EnableTrading,
        refusals=(409, 503),
    ),
    post(
        f"{TRADING}/trading/disable",
        "disable_trading",
        "Stop trading and cancel open orders",
        {200: TradingReply},
        needs=Right.CONTROL,
        body=DisableTrading,
        refusals=(409, 503),
    ),
    post(
        f"{TRADING}/trading/flatten",
        "flatten",
        "Stop trading, cancel open orders and close positions",
        {202: FlattenReply},
        needs=Right.CONTROL,
        body=FlattenPositions,
        refusals=(503,),
    ),
)

PAGE = (
    get(
        f"{TRADING}/page",
        "page_data",
        "All that the page shows, as of one record",
        PageReply,
        query=PageDataQuery,
        refusals=(503,),
    ),
    get(
        f"{TRADING}/page/orders/{{order_id}}",
        "page_order",
        "An order's story, by the page's read model",
        StoryReply,
        refusals=(404, 503),
    ),
    get(
        f"{TRADING}/page/orders/{{order_id}}/checks",
        "page_order_checks",
        "Every check of an order of the past, by the page's read model",
        OrderCheckView,
        refusals=(404, 409, 503),
    ),
)

RISK = (
    get(f"{TRADING}/risk", "risk", "Every limit, its use and headroom", RiskReply, query=RiskQuery),
    get(f"{TRADING}/candidates", "candidates", "What limits and policies that only look on would do", CandidatesReply),
)

MARKET = (
    post(
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
        route=f"{TRADING}/market-data/subscribe/{{symbol:{ANYTHING}}}",
        summary="Take a symbol off that list",
        needs=Right.READ,
        replies={200: WatchReply},
        refusals=(404,),
    ),
    get(
        f"{TRADING}/market-data/{{symbol}}",
        "quote",
        "The latest quote of a symbol, and the book where it is known",
        QuoteView,
        route=f"{TRADING}/market-data/{{symbol:{ANYTHING}}}",
        refusals=(404,),
    ),
)

SYSTEM = (
    get("/health/live", "live", "Whether the process answers", LiveReply, needs=Right.OPEN),
    get("/health/ready", "ready", "Whether orders are taken", ReadyReply, needs=Right.OPEN, refusals=(503,)),
    get("/metrics", "metrics", "Metrics for Prometheus", "text/plain", needs=Right.SCRAPE),
    get("/openapi.json", "openapi", "This document", "application/json", needs=Right.OPEN),
    get("/", "page", "A page for people", "text/html", needs=Right.OPEN),
    get(
        "/page/{file}",
        "page_file",
        "A file of that page",
        "application/octet-stream",
        needs=Right.OPEN,
        refusals=(404,),
        route=f"/page/{{file:{ANYTHING}}}",
    ),
)

OPERATIONS = (*ORDERS, *BOOKS, *SESSION, *STATE, *PAGE, *RISK, *CONTROL_OPERATIONS, *ROLLOUTS, *MARKET, *SYSTEM)


STREAMS = (
    Stream(f"{TRADING}/ws/market-data", "market_stream", "Quotes as they come"),
    Stream(f"{TRADING}/ws/events", "event_stream", "Orders, fills and changes, resumable", EventsQuery),
)
