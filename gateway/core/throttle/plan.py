"""Throttles compiled once per reload: per control, what each scope allows; None for a control that nobody asked for."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

from gateway.core.throttle.buckets import BucketPlan, bucket_plan
from gateway.domain.enums import ScopeKind
from gateway.domain.orders import NewOrderSingle, Order
from gateway.domain.throttles import Executions, RepeatedExecutions, Throttles, ThrottleTable

T = TypeVar("T")

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
#: An execution window is kept in this many slots, so that a fill costs the same however many came before it.
SLOTS = 60


class DuplicateLimit(msgspec.Struct, frozen=True):
    window_ns: int
    max_duplicates: int


class ExecutionLimit(msgspec.Struct, frozen=True):
    """``slot_ns`` is the width of one slot of the window."""

    limits: Executions
    window_ns: int
    slot_ns: int


class RepeatLimit(msgspec.Struct, frozen=True):
    limits: RepeatedExecutions
    window_ns: int


class Scoped(msgspec.Struct, Generic[T], frozen=True):
    """What one control allows in each scope that has it."""

    gateway: T | None
    accounts: dict[str, T]
    strategies: dict[str, T]
    symbols: dict[str, T]
    venues: dict[str, T]

    def over(self, order: Order | NewOrderSingle, venue: str) -> Iterator[tuple[ScopeKind, str, T]]:
        """All that binds ``order``: the scope, its name, what it allows."""
        if self.gateway is not None:
            yield ScopeKind.GATEWAY, "gateway", self.gateway
        if self.accounts and (found := self.accounts.get(order.account)) is not None:
            yield ScopeKind.ACCOUNT, order.account, found
        if self.strategies and (found := self.strategies.get(order.strategy_id)) is not None:
            yield ScopeKind.STRATEGY, order.strategy_id, found
        if self.symbols and (found := self.symbols.get(order.symbol)) is not None:
            yield ScopeKind.SYMBOL, order.symbol, found
        if self.venues and (found := self.venues.get(venue)) is not None:
            yield ScopeKind.VENUE, venue, found

    def named(self) -> Iterator[tuple[ScopeKind, str, T]]:
        """Everything that is configured."""
        if self.gateway is not None:
            yield ScopeKind.GATEWAY, "gateway", self.gateway
        for kind, scopes in (
            (ScopeKind.ACCOUNT, self.accounts),
            (ScopeKind.STRATEGY, self.strategies),
            (ScopeKind.SYMBOL, self.symbols),
            (ScopeKind.VENUE, self.venues),
        ):
            for name, one in scopes.items():
                yield kind, name, one

    def all(self) -> Iterator[T]:
        return (one for _, _, one in self.named())


class ThrottlePlan(msgspec.Struct, frozen=True, kw_only=True):
    """``longest_duplicate_ns`` and ``longest_repeat_ns`` are how long anything has to be remembered."""

    messages: Scoped[BucketPlan] | None = None
    duplicates: Scoped[DuplicateLimit] | None = None
    executions: Scoped[ExecutionLimit] | None = None
    repeats: Scoped[RepeatLimit] | None = None
    longest_duplicate_ns: int = 0
    longest_repeat_ns: int = 0
    most_repeats: int = 0


def compile_throttles(table: ThrottleTable) -> ThrottlePlan:
    messages = _scoped(table, _bucket)
    duplicates = _scoped(table, _duplicates)
    repeats = _scoped(table, _repeats)
    return ThrottlePlan(
        messages=messages,
        duplicates=duplicates,
        executions=_scoped(table, _executions),
        repeats=repeats,
        longest_duplicate_ns=max((limit.window_ns for limit in duplicates.all()), default=0) if duplicates else 0,
        longest_repeat_ns=max((limit.window_ns for limit in repeats.all()), default=0) if repeats else 0,
        most_repeats=max((limit.limits.max for limit in repeats.all()), default=0) if repeats else 0,
    )


def _scoped(table: ThrottleTable, read: Callable[[ScopeKind, str, Throttles], T | None]) -> Scoped[T] | None:
    def named(kind: ScopeKind, scopes: dict[str, Throttles]) -> dict[str, T]:
        found = {name: read(kind, name, throttles) for name, throttles in scopes.items()}
        return {name: one for name, one in found.items() if one is not None}

    scoped = Scoped(
        gateway=read(ScopeKind.GATEWAY, "gateway", table.gateway),
        accounts=named(ScopeKind.ACCOUNT, table.accounts),
        strategies=named(ScopeKind.STRATEGY, table.strategies),
        symbols=named(ScopeKind.SYMBOL, table.symbols),
        venues=named(ScopeKind.VENUE, table.venues),
    )
    return scoped if any(True for _ in scoped.all()) else None


def _bucket(kind: ScopeKind, name: str, throttles: Throttles) -> BucketPlan | None:
    rate = throttles.max_messages_per_second
    if rate is None:
        return None
    return bucket_plan(kind, name, rate, throttles.message_burst, throttles.cancel_reserve)


def _duplicates(kind: ScopeKind, name: str, throttles: Throttles) -> DuplicateLimit | None:
    window_ms = throttles.duplicate_window_ms
    return None if window_ms is None else DuplicateLimit(window_ms * _NS_PER_MS, throttles.max_duplicates or 0)


def _executions(kind: ScopeKind, name: str, throttles: Throttles) -> ExecutionLimit | None:
    limits = throttles.executions
    if limits is None:
        return None
    return ExecutionLimit(limits, limits.window_s * _NS_PER_S, slot_ns_of(limits.window_s))


def slot_ns_of(window_s: int) -> int:
    """The width of one slot of a window."""
    return -(-window_s * _NS_PER_S // SLOTS)


def _repeats(kind: ScopeKind, name: str, throttles: Throttles) -> RepeatLimit | None:
    limits = throttles.repeated_executions
    return None if limits is None else RepeatLimit(limits, limits.window_s * _NS_PER_S)
