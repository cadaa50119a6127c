"""What the gateway shows of itself. Amounts are plain decimal strings, times integer nanoseconds."""

from typing import Protocol

import msgspec

from gateway.domain.positions import ClosedPosition, PortfolioPoint
from gateway.domain.sessions import Session
from gateway.domain.throttles import StrategyLock
from gateway.ports.intake import OrderStory
from gateway.ports.journal import ClosedPositionQuery, OrderQuery, PortfolioQuery


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """One position of one book. ``unrealized_pnl`` is computed now, from ``mark_px`` of ``mark_age_ms`` ago.

    ``avg_px``, ``realized_pnl`` and ``unrealized_pnl`` are by ``cost_method``; those of the other method stand beside
    them. ``fees`` sums the fees that have a rate in the base currency, ``fees_by_currency`` are all of them.
    ``daily_pnl`` is in the base currency too, and computed now like the rest. ``life`` numbers the lives of the
    position from flat to flat; ``holding_s``, ``mae`` and ``mfe`` are of the running one.
    """

    book: str
    account: str
    strategy_id: str
    venue: str
    symbol: str
    quantity: str
    avg_px: str
    mark_px: str | None
    mark_age_ms: int | None
    is_synthetic: bool
    is_delayed: bool
    currency: str
    market_value: str
    unrealized_pnl: str
    realized_pnl: str
    fees: str
    cycle: int
    cost_method: str = "average"
    realized_pnl_average: str = "0"
    unrealized_pnl_average: str = "0"
    realized_pnl_fifo: str = "0"
    unrealized_pnl_fifo: str = "0"
    fees_by_currency: dict[str, str] = {}
    fees_without_rate: tuple[str, ...] = ()
    daily_pnl: str = "0"
    life: int = 0
    holding_s: int | None = None
    mae: str | None = None
    mfe: str | None = None
    executions: int = 0


class TailRiskView(msgspec.Struct, frozen=True, kw_only=True):
    """What may be lost in a day with what was held ``age_s`` ago, from ``sample_count`` sampled returns."""

    age_s: int
    sample_count: int
    historical_var_95: str
    historical_var_99: str
    historical_expected_shortfall_95: str
    historical_expected_shortfall_99: str
    parametric_var_95: str
    parametric_var_99: str
    parametric_expected_shortfall_95: str
    parametric_expected_shortfall_99: str


class PortfolioView(msgspec.Struct, frozen=True, kw_only=True):
    """One account in one book, in the base currency.

    Peak, drawdown and day high are as of the last mark; ``drawdown_ratio`` is of the equity at the peak. A fee in a
    currency without a rate is in ``fees_by_currency`` and named in ``fees_without_rate``, and in no sum. ``tail_risk``
    is null while there are too few samples.
    """

    book: str
    account: str
    currency: str
    initial_cash: str
    cash: str
    equity: str
    gross_exposure: str
    net_exposure: str
    held_exposure: str
    leverage: str
    realized_pnl: str
    unrealized_pnl: str
    fees: str
    daily_pnl: str
    open_orders: int
    positions: int
    cost_method: str = "average"
    peak_equity: str = "0"
    drawdown: str = "0"
    drawdown_ratio: str = "0"
    max_drawdown: str = "0"
    day_high_equity: str = "0"
    fees_by_currency: dict[str, str] = {}
    fees_without_rate: tuple[str, ...] = ()
    tail_risk: TailRiskView | None = None


class VenueModeView(msgspec.Struct, frozen=True, kw_only=True):
    """One venue. ``cycles_live`` and ``cycles_shadow`` were opened since the share in force holds; ``measured_share``
    is the live part of them."""

    venue: str
    configured_mode: str
    effective_mode: str
    canary_weight_bp: int
    cycles_live: int
    cycles_shadow: int
    measured_share: str


class StopView(msgspec.Struct, frozen=True, kw_only=True):
    """One scope that is not active. ``id`` is empty for the gateway; ``book`` is ``both`` or one of the books."""

    scope: str
    id: str
    book: str
    trading_state: str
    by: str
    cause: str
    since_ns: int


class FlattenView(msgspec.Struct, frozen=True, kw_only=True):
    """One command to close positions: ``state`` is ``running``, ``done`` or ``ended`` (before it was done)."""

    flatten_id: str
    state: str
    scope: str
    id: str
    books: tuple[str, ...]
    by: str
    cause: str
    started_ns: int
    ended_ns: int | None
    orders_sent: int
    waits: tuple[str, ...]
    text: str


class BreakerView(msgspec.Struct, frozen=True, kw_only=True):
    """One circuit breaker where it is tripped, or where it is nearest to that. ``state`` is ``tripped``, ``armed`` or
    ``off``; ``value`` is what it measures now (None: nothing), ``does`` and ``resets`` are words."""

    id: str
    breaker: str
    state: str
    book: str
    scope: str
    scope_id: str
    value: str | None
    threshold: str
    action: str
    does: str
    cause: str
    by: str
    resets: str
    since_ns: int | None
    resets_ns: int | None


class ModesView(msgspec.Struct, frozen=True, kw_only=True):
    global_mode: str
    config_revision: str
    trading_state: str
    trading_state_reason: str
    venues: tuple[VenueModeView, ...]


class ConnectionView(msgspec.Struct, frozen=True, kw_only=True):
    """One connection. ``failed_attempts`` to make it since it last stood, ``last_error`` of them or of its loss (kept
    while it stands again), ``next_attempt_ns`` when the gateway tries again. ``is_paper``: orders there go to an
    account without real money (``paper_only``); None where no account is."""

    name: str
    kind: str
    is_connected: bool
    is_synthetic: bool
    text: str
    since_ns: int
    failed_attempts: int = 0
    last_error: str = ""
    next_attempt_ns: int | None = None
    is_paper: bool | None = None


class HealthView(msgspec.Struct, frozen=True, kw_only=True):
    """``is_ready`` False comes with reasons in words; ``warnings`` are what a person should look at anyway."""

    is_ready: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    last_seq: int
    durable_seq: int
    config_revision: str
    policy_revision: str
    config_error: str


class OrderReads(Protocol):
    """One order as it stands, with its legs."""

    async def order(self, order_id: str) -> OrderStory | None: ...


class ReadModel(OrderReads, Protocol):
    """Reads wait until what they show is durable, and keep working when the journal does not."""

    async def orders(self, query: OrderQuery) -> list[OrderStory]: ...

    async def portfolio(self) -> tuple[tuple[PortfolioView, ...], tuple[PositionView, ...]]: ...

    def session(self) -> Session | None: ...

    def statistics(self) -> dict[str, dict[str, int]]:
        """Counts since the journal began: by group (orders, denied by code, fills by route, ...) and name."""
        ...


class PastReads(Protocol):
    """Lists that reach back beyond memory, newest first."""

    async def closed_positions(self, query: ClosedPositionQuery) -> list[ClosedPosition]: ...

    async def portfolio_history(self, query: PortfolioQuery) -> list[tuple[int, PortfolioPoint]]: ...


class AllReads(ReadModel, PastReads, Protocol):
    """The present and the past."""


class StopStatus(Protocol):
    """What is stopped, by whom or by what; none of it touches the disk."""

    def stops(self) -> tuple[StopView, ...]:
        """Every scope that is not active."""
        ...

    def breakers(self) -> tuple[BreakerView, ...]:
        """Every circuit breaker as it stands."""
        ...

    def flattens(self) -> tuple[FlattenView, ...]:
        """Commands to close positions, the newest first."""
        ...

    def locks(self) -> tuple[StrategyLock, ...]:
        """Strategies that take no new risk until a person lets them, oldest lock first."""
        ...


class Status(StopStatus, Protocol):
    """How the gateway itself is doing; none of it touches the disk."""

    def modes(self) -> ModesView: ...

    def connections(self) -> tuple[ConnectionView, ...]: ...

    def health(self) -> HealthView: ...
