"""Throttles beside the limits: what is set, and how much of a message rate is drawn. For whoever reads."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TypeVar

from gateway.core.limit_use import LimitUse
from gateway.core.state import GatewayState
from gateway.core.throttle.buckets import TOKEN, BucketPlan, parts_at
from gateway.core.throttle.plan import Scoped
from gateway.domain.enums import Route, ScopeKind, SelfMatchPrevention
from gateway.domain.money import plain, ratio

T = TypeVar("T")
_Row = tuple[ScopeKind, str, str, str]


def throttle_uses(state: GatewayState, now_ns: int) -> Iterator[LimitUse]:
    """Every throttle of every scope. A message rate holds for both books at once and is told in each."""
    rows, messages = list(_rows(state)), state.throttle.plan.messages
    for route in state.books:
        if messages is not None:
            for _, _, plan in messages.named():
                yield _message_use(state, route, plan, now_ns)
        for scope, scope_id, rule, limit in rows:
            yield LimitUse(book=route, scope=scope, scope_id=scope_id, rule=rule, code=rule, limit=limit)


def _message_use(state: GatewayState, route: Route, plan: BucketPlan, now_ns: int) -> LimitUse:
    """Tokens of the bucket that are drawn, out of those that new orders may draw."""
    throttle = state.throttle
    left = parts_at(throttle.buckets.get(plan.key), plan, throttle.clock.at(now_ns))
    drawn = Decimal(plan.capacity) - Decimal(left) / TOKEN
    for_orders = Decimal(plan.capacity - plan.reserve)
    return LimitUse(
        book=route,
        scope=plan.scope,
        scope_id=plan.scope_id,
        rule="max_messages_per_second",
        code="max_messages_per_second",
        limit=plain(plan.rate),
        value=plain(ratio(drawn, Decimal(1))),
        headroom=plain(ratio(for_orders - drawn, Decimal(1))),
        use=ratio(drawn, for_orders),
        is_broken=drawn >= for_orders,
    )


def _rows(state: GatewayState) -> Iterator[_Row]:
    """What only an order measures: its likes, and what executed before it."""
    plan = state.throttle.plan
    for scope, name, duplicates in _named(plan.duplicates):
        text = f"{duplicates.max_duplicates} within {duplicates.window_ns // 1_000_000} ms"
        yield scope, name, "duplicate_window_ms", text
    for scope, name, repeats in _named(plan.repeats):
        yield scope, name, "repeated_executions", f"{repeats.limits.max} within {repeats.limits.window_s} s"
    for scope, name, executions in _named(plan.executions):
        for rule in ("max_executed_qty", "max_executed_value", "min_fill_ratio"):
            limit: Decimal | None = getattr(executions.limits, rule)
            if limit is not None:
                yield scope, name, rule, f"{plain(limit)} within {executions.limits.window_s} s"
    if state.throttle.prevention is not SelfMatchPrevention.OFF:
        yield ScopeKind.GATEWAY, "gateway", "self_match_prevention", state.throttle.prevention.value


def _named(scoped: Scoped[T] | None) -> Iterator[tuple[ScopeKind, str, T]]:
    if scoped is not None:
        yield from scoped.named()
