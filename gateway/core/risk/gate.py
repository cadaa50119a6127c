"""The gate: every limit that binds an order, all of them run, every breach listed.

It can only say RiskApproved or RiskRefused; nothing may be sent without the first.
"""

import msgspec

from gateway.core.risk.checks import NO_SCOPE_USE, OrderRisk
from gateway.core.risk.exposure import Book, ScopeUse
from gateway.core.risk.plan import RiskPlan, ScopeLimits
from gateway.domain.enums import ScopeKind
from gateway.domain.money import plain
from gateway.domain.orders import Breach
from gateway.domain.reasons import RejectCode


class RiskApproved(msgspec.Struct, frozen=True):
    """Within every limit."""

    risk: OrderRisk


class RiskRefused(msgspec.Struct, frozen=True):
    """Beyond at least one; ``breaches`` is never empty."""

    breaches: tuple[Breach, ...]


def assess(
    plan: RiskPlan, book: Book, account: str, strategy_id: str, risk: OrderRisk, is_closing: bool
) -> RiskApproved | RiskRefused:
    """Compare one order with the limits of all its scopes in the book of its route.

    ``is_closing`` exempts from what only guards new risk, never from the fat-finger rules.
    """
    breaches: list[Breach] = []
    _check_scope(breaches, plan.gateway, ScopeKind.GATEWAY, "gateway", book.gateway, risk, is_closing)
    if (limits := plan.accounts.get(account)) is not None:
        use = book.accounts.get(account, NO_SCOPE_USE)
        _check_scope(breaches, limits, ScopeKind.ACCOUNT, account, use, risk, is_closing)
    if (limits := plan.strategies.get(strategy_id)) is not None:
        use = book.strategies.get(strategy_id, NO_SCOPE_USE)
        _check_scope(breaches, limits, ScopeKind.STRATEGY, strategy_id, use, risk, is_closing)
    if (limits := plan.symbols.get(risk.symbol)) is not None:
        _check_scope(breaches, limits, ScopeKind.SYMBOL, risk.symbol, book.gateway, risk, is_closing)
    return RiskRefused(tuple(breaches)) if breaches else RiskApproved(risk)


def _check_scope(
    breaches: list[Breach],
    limits: ScopeLimits,
    kind: ScopeKind,
    scope_id: str,
    use: ScopeUse,
    risk: OrderRisk,
    is_closing: bool,
) -> None:
    for rule, limit in limits.closing if is_closing else limits.bindings:
        value = rule.check(risk, limit, use)
        if value is not None:
            breaches.append(Breach(rule.code, kind, scope_id, plain(limit), plain(value)))
    if is_closing:
        return
    if limits.allowed_symbols and risk.symbol not in limits.allowed_symbols:
        listed = ", ".join(sorted(limits.allowed_symbols))
        breaches.append(Breach(RejectCode.SYMBOL_NOT_ALLOWED, kind, scope_id, listed, risk.symbol))
    if risk.symbol in limits.blocked_symbols:
        listed = ", ".join(sorted(limits.blocked_symbols))
        breaches.append(Breach(RejectCode.SYMBOL_BLOCKED, kind, scope_id, listed, risk.symbol))
