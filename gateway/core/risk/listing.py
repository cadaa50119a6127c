"""Every rule that there is for an order, with its limit, what it measures and what is left: breached or not.

Refusals are written from it, and so is what people ask for before they send an order.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from gateway.core.risk.exposure import Book, ScopeUse, group_name
from gateway.core.risk.order_risk import NO_SCOPE_USE, OrderRisk, scope_after
from gateway.core.risk.plan import OrderPath
from gateway.core.risk.rules import LESS, RiskRule, ScopeLimits
from gateway.core.risk.standing import gap_at, gap_breach, is_taken, sells_short
from gateway.domain.enums import ScopeKind
from gateway.domain.money import ZERO, plain, ratio
from gateway.domain.orders import Breach
from gateway.domain.reasons import RejectCode

UNKNOWN = "unknown"


class Check(msgspec.Struct, frozen=True):
    """One rule in one scope, compared with an order.

    ``breach`` holds code, scope, limit and value whether or not it ``is_broken``. ``headroom`` is what is left to
    the limit, in the unit of the value and below 0 when broken; empty where there is no figure. ``is_exempt``: the
    rule guards new risk, and the order only closes a position.
    """

    rule_id: str
    breach: Breach
    headroom: str
    is_broken: bool
    is_exempt: bool = False


def use_of(book: Book, kind: ScopeKind, scope_id: str) -> ScopeUse:
    """What a scope holds in a book; nothing when it was never used."""
    if kind is ScopeKind.GATEWAY:
        return book.gateway
    if kind is ScopeKind.ACCOUNT:
        return book.accounts.get(scope_id, NO_SCOPE_USE)
    if kind is ScopeKind.STRATEGY:
        return book.strategies.get(scope_id, NO_SCOPE_USE)
    if kind is ScopeKind.VENUE:
        return book.venues.get(scope_id, NO_SCOPE_USE)
    return book.groups.get(group_name(kind, scope_id), NO_SCOPE_USE)


def check_all(path: OrderPath, book: Book, risk: OrderRisk) -> Iterator[Check]:
    """Every rule of every scope, the widest scope first."""
    for scope in path.scopes:
        after = scope_after(risk, use_of(book, scope.kind, scope.scope_id))
        of_account = scope_after(risk, risk.account) if scope.kind is ScopeKind.GATEWAY else after
        for rule, limit in scope.bindings:
            base = rule.base_for(limit)
            measured = rule.measure(risk, of_account if rule.is_of_account(limit) else after)
            yield compare(rule, limit, scope, measured, None if base is None else base(risk), risk)
    for rule_id, breach in _without_figure(path, risk):
        yield Check(rule_id, breach, "", not risk.is_closing, risk.is_closing)


def compare(
    rule: RiskRule, limit: Decimal, scope: ScopeLimits, measured: Decimal | int, base: Decimal | None, risk: OrderRisk
) -> Check:
    """One measured value against its limit, or against the limit as a share of ``base``."""
    value = Decimal(measured)
    is_exempt = risk.is_closing and rule.guards_new_risk
    is_broken = not is_exempt and rule.breaks(value, limit if base is None else limit * base)
    if not value.is_finite():
        assert rule.unknown is not None
        breach = Breach(rule.unknown, scope.kind, scope.scope_id, f"{rule.key} {plain(limit)}", UNKNOWN)
        return Check(rule.control.rule_id, breach, "", is_broken, is_exempt)
    if rule.breaks is not LESS:
        value = max(value, ZERO)
    shown = ratio(value, base) if base else value
    left = shown - limit if rule.breaks is LESS else limit - shown
    breach = Breach(rule.code, scope.kind, scope.scope_id, plain(limit), plain(shown))
    return Check(rule.control.rule_id, breach, plain(left), is_broken, is_exempt)


def _without_figure(path: OrderPath, risk: OrderRisk) -> Iterator[tuple[str, Breach]]:
    yield from path.standing
    if path.short_rules and sells_short(risk):
        for rule_id, scope, limit in path.short_rules:
            breach = Breach(RejectCode.SHORT_SALE_DENIED, scope.kind, scope.scope_id, limit, risk.symbol)
            yield rule_id, breach
    phase = risk.view.phase
    if path.hours and not is_taken(phase, risk.ord_type, risk.time_in_force):
        for scope in path.hours:
            wanted = f"{risk.ord_type.value} {risk.time_in_force.value}"
            yield (
                "market_hours",
                Breach(RejectCode.OUTSIDE_MARKET_HOURS, scope.kind, scope.scope_id, phase.value, wanted),
            )
    if (event := gap_at(path.gaps, risk.ts_ns)) is not None:
        yield "gap_events", gap_breach(event, risk.symbol)
