"""What requests may carry: one struct per body or query string, each field annotated with its kind."""

from decimal import Decimal
from typing import Annotated

from msgspec import UNSET, Raw, Struct, UnsetType

from gateway.adapters.http.kinds import (
    Algorithm,
    Amount,
    Choice,
    Flag,
    Moment,
    Name,
    Names,
    Text,
    VenueName,
    Whole,
    Words,
)
from gateway.adapters.http.reading import Fields
from gateway.domain.enums import (
    OPEN_STATUSES,
    STOP_SCOPES,
    TERMINAL_STATUSES,
    OrderClass,
    OrdStatus,
    OrdType,
    Route,
    ScopeKind,
    Side,
    TimeInForce,
    TradingState,
)
from gateway.domain.order_class import StopLoss, TakeProfit

MAX_SYMBOLS = 500
MAX_PAGE = 500

SIDE = Choice("Buy or sell.", {side.value: side for side in Side})
ORDER_TYPE = Choice("What kind of order.", {kind.value: kind for kind in OrdType})
TIME_IN_FORCE = Choice(
    "How long the order may work; `clo` is another spelling of `cls` (at the close).",
    {**{tif.value: tif for tif in TimeInForce}, "clo": TimeInForce.AT_THE_CLOSE},
)
ALGORITHM = Algorithm(
    "Execution algorithm, or null for none. `adaptive` takes an urgency (`adaptive:patient`), `iceberg` how much of it "
    "shows, in whole units (`iceberg:100`); without that no venue takes it."
)
ORDER_CLASS = Choice(
    "What goes with the order. `bracket`: an entry and two exits that wait at the venue until it has filled whole, of "
    "which one ends the other. `oto`: with one exit. `oco`: the two exits of a position that is held.",
    {kind.value: kind for kind in OrderClass},
)
STATUS_WORDS: dict[str, tuple[str, ...]] = {
    "open": tuple(status.value for status in OrdStatus if status in OPEN_STATUSES),
    "closed": tuple(status.value for status in OrdStatus if status in TERMINAL_STATUSES),
    **{status.value: (status.value,) for status in OrdStatus},
}
BOOKS = {route.value: route.value for route in (Route.SHADOW, Route.LIVE)}


class TakeProfitFields(Struct, frozen=True):
    """The exit that takes a profit."""

    limit_price: Annotated[Decimal, Amount("At which price, or better.")]


class StopLossFields(Struct, frozen=True):
    """The exit that stops a loss."""

    stop_price: Annotated[Decimal, Amount("Trigger.")]
    limit_price: Annotated[Decimal | None, Amount("Worst price once triggered; absent: at market.")] = None


class PlaceOrder(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A new order. Amounts stay raw here: ``intake`` turns their digits into decimals without a float between.

    Null in an optional field is the same as leaving it out.
    """

    symbol: Annotated[str, Name("What to trade.")]
    quantity: Annotated[Raw, Amount("How many units.")]
    side: Annotated[str, SIDE]
    order_type: Annotated[str, ORDER_TYPE]
    limit_price: Annotated[Raw | UnsetType, Amount("Worst price; for limit, stop_limit and loc.")] = UNSET
    stop_price: Annotated[Raw | UnsetType, Amount("Trigger; for stop, stop_limit, trailing_stop.")] = UNSET
    time_in_force: Annotated[str | UnsetType | None, TIME_IN_FORCE] = UNSET
    strategy_id: Annotated[
        str | UnsetType | None, Name("Whose order; default: your key's only strategy, else `default`.")
    ] = UNSET
    account: Annotated[
        str | UnsetType | None, Name("For which account; default: your key's only account, else `default`.")
    ] = UNSET
    venue: Annotated[str | UnsetType | None, Name("Where; default: the instrument's venue.")] = UNSET
    client_order_id: Annotated[
        str | UnsetType | None, Name("Your id: the same id with the same content is never sent twice.")
    ] = UNSET
    execution_algorithm: Annotated[str | UnsetType | None, ALGORITHM] = UNSET
    trailing_amount: Annotated[Raw | UnsetType, Amount("Distance of a trailing stop, in price.")] = UNSET
    trailing_percent: Annotated[Raw | UnsetType, Amount("Distance of a trailing stop; 5 is 5%.")] = UNSET
    expire_time: Annotated[Raw | UnsetType, Moment("When a gtd order ends.")] = UNSET
    order_class: Annotated[str | UnsetType | None, ORDER_CLASS] = UNSET
    take_profit: Annotated[
        Raw | UnsetType, Fields("The exit that takes a profit, a limit order.", TakeProfitFields, TakeProfit)
    ] = UNSET
    stop_loss: Annotated[
        Raw | UnsetType, Fields("The exit that stops a loss, a stop order.", StopLossFields, StopLoss)
    ] = UNSET


class ReplaceOrder(Struct, frozen=True):
    """New terms for an open order: at least one; what is left out or null stays as it is."""

    quantity: Annotated[Decimal | None, Amount("New total quantity, what has filled included.")] = None
    limit_price: Annotated[Decimal | None, Amount("New limit price.")] = None
    stop_price: Annotated[Decimal | None, Amount("New stop price.")] = None


class StartSession(Struct, frozen=True):
    """A trading session. ``mode`` states what the caller believes; a wrong belief is refused."""

    mode: Annotated[
        str | None,
        Choice("`paper`: every venue is in SHADOW. `live`: at least one is not.", {"paper": "paper", "live": "live"}),
    ] = None
    strategies: Annotated[tuple[str, ...] | None, Names("Only these may trade; empty: all.", 0, 500)] = None


STOP_SCOPE = Choice(
    "What is stopped: `gateway` (default), or one venue, account, strategy or symbol.",
    {scope.value: scope for scope in STOP_SCOPES},
)
STOP_ID = Name("Which venue, account, strategy or symbol; absent for the gateway.")


class EnableTrading(Struct, frozen=True):
    """Where trading is let go on, and why. Other scopes stay as they are."""

    reason: Annotated[str | None, Text("Words for the record.", 200)] = None
    scope: Annotated[ScopeKind | None, STOP_SCOPE] = None
    id: Annotated[str | None, STOP_ID] = None


class DisableTrading(Struct, frozen=True):
    """Where trading is stopped, why, and how far."""

    reason: Annotated[str | None, Text("Words for the record.", 200)] = None
    scope: Annotated[ScopeKind | None, STOP_SCOPE] = None
    id: Annotated[str | None, STOP_ID] = None
    state: Annotated[
        TradingState | None,
        Choice(
            "`halted` (default): no orders at all, open ones are canceled. `reducing`: only closing orders.",
            {state.value: state for state in (TradingState.HALTED, TradingState.REDUCING)},
        ),
    ] = None


class ResetBreaker(Struct, frozen=True):
    """Why a circuit breaker is reset; with ``force`` also while its cause lasts."""

    force: Annotated[bool | None, Flag("Although the cause lasts; needs a reason.")] = None
    reason: Annotated[str | None, Text("Words for the record.", 200)] = None


class ShutDown(Struct, frozen=True):
    """Why everything is shut down."""

    reason: Annotated[str | None, Text("Words for the record.", 200)] = None


class FlattenPositions(Struct, frozen=True):
    """Which positions are closed, and how. An empty body closes every live position at market."""

    scope: Annotated[ScopeKind | None, STOP_SCOPE] = None
    id: Annotated[str | None, STOP_ID] = None
    book: Annotated[
        tuple[Route, ...] | None,
        Choice(
            "Which book: `live` (default), `shadow` or `both`.",
            {"live": (Route.LIVE,), "shadow": (Route.SHADOW,), "both": (Route.LIVE, Route.SHADOW)},
        ),
    ] = None
    order_type: Annotated[
        OrdType | None,
        Choice(
            "`market` (default), or `limit`: immediate, `offset_bps` through the touch, repeated until flat.",
            {kind.value: kind for kind in (OrdType.MARKET, OrdType.LIMIT)},
        ),
    ] = None
    offset_bps: Annotated[
        Decimal | None,
        Amount("How far a limit goes through the touch, in basis points (10), below 10000; of no use at market."),
    ] = None
    reason: Annotated[str | None, Text("Words for the record.", 200)] = None


class LiftLock(Struct, frozen=True):
    """Why a locked strategy may go on."""

    reason: Annotated[str | None, Text("Words for the record.", 200)] = None


class Subscribe(Struct, frozen=True):
    """Symbols to watch."""

    symbols: Annotated[tuple[str, ...], Names("Symbols.", 1, MAX_SYMBOLS)]


class OrdersQuery(Struct, frozen=True):
    """Which orders to list, newest first."""

    account: Annotated[str | None, Name("Only this account.")] = None
    strategy_id: Annotated[str | None, Name("Only this strategy.")] = None
    symbol: Annotated[str | None, Name("Only this symbol.")] = None
    venue: Annotated[str | None, VenueName("Only this venue.")] = None
    status: Annotated[tuple[str, ...] | None, Words("Only these, comma-separated.", STATUS_WORDS)] = None
    route: Annotated[str | None, Choice("Only this route.", {route.value: route.value for route in Route})] = None
    limit: Annotated[int, Whole("How many at most.", 1, MAX_PAGE)] = 100
    cursor: Annotated[str | None, Text("`next_cursor` of the page before.", 200)] = None


class PositionsQuery(Struct, frozen=True):
    """Which positions to show."""

    book: Annotated[str | None, Choice("Only this book.", BOOKS)] = None
    account: Annotated[str | None, Name("Only this account.")] = None
    strategy_id: Annotated[str | None, Name("Only this strategy.")] = None
    symbol: Annotated[str | None, Name("Only this symbol.")] = None
    venue: Annotated[str | None, VenueName("Only this venue.")] = None


class PortfolioQuery(Struct, frozen=True):
    """Which accounts and books to show."""

    book: Annotated[str | None, Choice("Only this book.", BOOKS)] = None
    account: Annotated[str | None, Name("Only this account.")] = None


class ClosedPositionsQuery(Struct, frozen=True):
    """Which closed positions to list, newest first."""

    book: Annotated[str | None, Choice("Only this book.", BOOKS)] = None
    account: Annotated[str | None, Name("Only this account.")] = None
    strategy_id: Annotated[str | None, Name("Only this strategy.")] = None
    symbol: Annotated[str | None, Name("Only this symbol.")] = None
    venue: Annotated[str | None, VenueName("Only this venue.")] = None
    limit: Annotated[int, Whole("How many at most.", 1, MAX_PAGE)] = 100
    cursor: Annotated[str | None, Text("`next_cursor` of the page before.", 500)] = None


class PortfolioHistoryQuery(Struct, frozen=True):
    """Which portfolio snapshots to list, newest first."""

    book: Annotated[str | None, Choice("Only this book.", BOOKS)] = None
    account: Annotated[str | None, Name("Only this account.")] = None
    limit: Annotated[int, Whole("How many at most.", 1, MAX_PAGE)] = 100
    cursor: Annotated[str | None, Text("`next_cursor` of the page before.", 200)] = None


#: The types of messages on ws/events; ``event_words`` makes them.
EVENT_TYPES = (
    "order",
    "fill",
    "trade_revision",
    "twin",
    "cycle",
    "trading_state",
    "breaker",
    "flatten",
    "session",
    "config",
    "rollout",
    "venue",
    "override",
    "lock",
    "alert",
)


class EventsQuery(Struct, frozen=True):
    """Where the stream of events starts, and what is in it."""

    after: Annotated[int | None, Whole("Resume after this `seq`; default: only what is new.", 0, 2**63 - 1)] = None
    types: Annotated[
        tuple[str, ...] | None,
        Words("Only these types, comma-separated; default: all.", {word: (word,) for word in EVENT_TYPES}),
    ] = None


class MarketMessage(Struct, frozen=True):
    """What a client sends on ws/market-data."""

    action: Annotated[str, Choice("What to do.", {word: word for word in ("subscribe", "unsubscribe")})]
    symbols: Annotated[tuple[str, ...], Names("Symbols.", 1, MAX_SYMBOLS)]


class EventsMessage(Struct, frozen=True):
    """What a client may send on ws/events: the server answers with a heartbeat."""

    action: Annotated[str, Choice("What to do.", {"ping": "ping"})]


class NoQuery(Struct, frozen=True):
    """No query parameters."""
