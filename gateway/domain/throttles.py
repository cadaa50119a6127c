"""Controls that remember: how often, how alike, how much within a while. Keys and meanings are those of ``risk.yaml``.

What a single order may be on its own is in ``domain.config.Limits``.
"""

from decimal import Decimal

import msgspec

from gateway.domain.enums import Route, ScopeKind, SelfMatchPrevention, SelfMatchScope, Side


class RepeatedExecutions(msgspec.Struct, frozen=True, kw_only=True):
    """After ``max`` orders of one strategy on one side of one symbol executed within ``window_s`` seconds, the
    strategy takes no new risk until a person lets it (RTS 6 Art. 15(3))."""

    max: int
    window_s: int


class Executions(msgspec.Struct, frozen=True, kw_only=True):
    """What may be executed within ``window_s`` seconds; None is no limit.

    ``max_executed_qty`` counts units of one symbol, ``max_executed_value`` the base currency over all symbols.
    ``min_fill_ratio`` is what filled over what was sent, once ``min_orders`` were sent within the window.
    """

    window_s: int = 60
    max_executed_qty: Decimal | None = None
    max_executed_value: Decimal | None = None
    min_fill_ratio: Decimal | None = None
    min_orders: int = 20


class Throttles(msgspec.Struct, frozen=True, kw_only=True):
    """The throttles of one scope; None is no throttle.

    New orders and replaces draw on a token bucket of ``message_burst`` tokens that fills by
    ``max_messages_per_second`` (None: the burst is the rate rounded up); they leave the last ``cancel_reserve``
    tokens (None: a fifth of the burst, one at least) to cancels and to orders that close a position. Within
    ``duplicate_window_ms`` at most ``max_duplicates`` orders (None: none) may repeat the content of an earlier one.
    """

    max_messages_per_second: Decimal | None = None
    message_burst: int | None = None
    cancel_reserve: int | None = None
    duplicate_window_ms: int | None = None
    max_duplicates: int | None = None
    repeated_executions: RepeatedExecutions | None = None
    executions: Executions | None = None


class ThrottleTable(msgspec.Struct, frozen=True, kw_only=True):
    """Throttles per scope. An order answers to every scope that it falls under, and the strictest decides."""

    gateway: Throttles = Throttles()
    accounts: dict[str, Throttles] = {}
    strategies: dict[str, Throttles] = {}
    symbols: dict[str, Throttles] = {}
    venues: dict[str, Throttles] = {}
    self_match_prevention: SelfMatchPrevention = SelfMatchPrevention.OFF
    self_match_scope: SelfMatchScope = SelfMatchScope.ACCOUNT


class StrategyLock(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy that takes no new risk on ``route`` until a person lets it: after ``executions`` on one side of one
    symbol within ``window_s`` seconds, where the scope allows no more than ``limit`` - 1."""

    lock_id: str
    strategy_id: str
    route: Route
    symbol: str
    side: Side
    executions: int
    limit: int
    window_s: int
    scope: ScopeKind
    scope_id: str
    since_ns: int
