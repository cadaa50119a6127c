"""Circuit breakers as they are configured: one row per kind, with the figures that are in force unless risk.yaml says
otherwise."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gateway.domain.enums import Route, ScopeKind, Word
from gateway.domain.money import ONE

D = Decimal


class BreakerKind(Word):
    """What is measured. Its value is also the breaker's id and its key in risk.yaml."""

    DAILY_LOSS = "daily_loss"
    REJECTION_RATE = "rejection_rate"
    CONCENTRATION = "concentration"
    DRAWDOWN = "drawdown"
    VOLATILITY = "volatility"
    VENUE_CONNECTION = "venue_connection"
    MARKET_DATA_GAP = "market_data_gap"
    ORDER_RATE = "order_rate"
    CONSECUTIVE_LOSSES = "consecutive_losses"
    #: Several breakers at once, or a person.
    EMERGENCY_SHUTDOWN = "emergency_shutdown"


class BreakerAction(Word):
    """What a tripped breaker does in its scope and book."""

    #: No orders; open ones are canceled.
    HALT = "halt"
    #: Only orders that reduce a position.
    REDUCE_ONLY = "reduce_only"
    #: Limits on the size of orders and positions are multiplied by ``size_factor``.
    REDUCE_SIZE = "reduce_size"
    #: A share of each position is closed, and then only orders that reduce one are taken.
    REDUCE_POSITIONS = "reduce_positions"


class BreakerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One breaker. It trips when its value reaches ``threshold``.

    It resets by itself on the next trading day (``reset_next_day``), once its value is under ``threshold`` (losses in a
    row are counted anew), or once every other condition that is given holds: the value is under ``reset_below``, and
    ``reset_after_s`` have gone by since the trip. Without any of
    them a person resets it. ``scope`` is what one measurement covers; a trip stops no more than that, in the book
    that was measured, or in both with ``stops_both_books``.

    ``window_s`` and ``min_count`` are the stretch of time and the fewest events that a rate is measured over;
    ``size_factor`` belongs to ``reduce_size``, ``reduce_ratio`` (the share that is closed) to ``reduce_positions``.
    """

    threshold: Decimal
    action: BreakerAction
    enabled: bool = True
    scope: ScopeKind = ScopeKind.GATEWAY
    reset_below: Decimal | None = None
    reset_after_s: int | None = None
    reset_next_day: bool = False
    window_s: int = 300
    min_count: int = 1
    size_factor: Decimal = ONE
    reduce_ratio: Decimal = D(0)
    books: tuple[Route, ...] = (Route.LIVE, Route.SHADOW)
    stops_both_books: bool = False


#: The figures of every kind unless risk.yaml gives others.
BREAKER_DEFAULTS: Mapping[BreakerKind, BreakerConfig] = {
    BreakerKind.DAILY_LOSS: BreakerConfig(threshold=D("0.05"), action=BreakerAction.HALT, reset_next_day=True),
    BreakerKind.REJECTION_RATE: BreakerConfig(
        threshold=D("0.2"),
        action=BreakerAction.REDUCE_SIZE,
        reset_after_s=1_800,
        min_count=20,
        size_factor=D("0.5"),
    ),
    BreakerKind.CONCENTRATION: BreakerConfig(
        threshold=D("0.3"), action=BreakerAction.REDUCE_ONLY, scope=ScopeKind.SYMBOL, reset_below=D("0.25")
    ),
    BreakerKind.DRAWDOWN: BreakerConfig(
        threshold=D("0.1"), action=BreakerAction.REDUCE_POSITIONS, reset_below=D("0.05"), reduce_ratio=D("0.5")
    ),
    BreakerKind.VOLATILITY: BreakerConfig(
        threshold=D(2),
        action=BreakerAction.REDUCE_SIZE,
        scope=ScopeKind.SYMBOL,
        reset_below=D("1.5"),
        min_count=5,
        size_factor=D("0.5"),
    ),
    BreakerKind.VENUE_CONNECTION: BreakerConfig(
        threshold=D(30), action=BreakerAction.REDUCE_ONLY, scope=ScopeKind.VENUE, reset_below=D(1), reset_after_s=30
    ),
    BreakerKind.MARKET_DATA_GAP: BreakerConfig(
        threshold=D(30), action=BreakerAction.REDUCE_ONLY, scope=ScopeKind.SYMBOL, reset_below=D(5), reset_after_s=30
    ),
    BreakerKind.ORDER_RATE: BreakerConfig(
        threshold=D(10), action=BreakerAction.HALT, scope=ScopeKind.STRATEGY, min_count=60
    ),
    BreakerKind.CONSECUTIVE_LOSSES: BreakerConfig(
        threshold=D(5), action=BreakerAction.REDUCE_ONLY, scope=ScopeKind.STRATEGY, reset_next_day=True
    ),
    BreakerKind.EMERGENCY_SHUTDOWN: BreakerConfig(threshold=D(3), action=BreakerAction.HALT),
}
#: In force although risk.yaml does not name them; the others are off until it does.
ALWAYS_ON = (
    BreakerKind.DAILY_LOSS,
    BreakerKind.REJECTION_RATE,
    BreakerKind.CONCENTRATION,
    BreakerKind.EMERGENCY_SHUTDOWN,
)


#: Keys of risk.yaml that ``reduce_size`` multiplies. Limits on the book as a whole, on loss and on the market stay.
SIZE_LIMITS = (
    "max_order_size",
    "max_order_value",
    "max_order_adv",
    "risk_per_trade",
    "max_position_size",
    "max_position_value",
    "max_concentration",
    "max_intraday_position",
    "max_adv_participation",
    "volatility_target",
)


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker that has tripped: where, on what value, and what it does until it is reset.

    ``trip_id`` names it; ``book`` None means both. ``day`` is the trading day of the trip; ``resets_ns`` the moment
    before which it does not reset by itself, 0 when time has no part in it.
    """

    trip_id: str
    breaker_id: str
    book: Route | None
    scope: ScopeKind
    scope_id: str
    action: BreakerAction
    value: Decimal
    threshold: Decimal
    size_factor: Decimal
    cause: str
    by: str
    since_ns: int
    day: int
    resets_ns: int = 0
