"""Limits compiled once per reload: for every scope that has any, just the rules that bind it."""

from decimal import Decimal

import msgspec

from gateway.core.risk.checks import RISK_RULES, RiskRule
from gateway.domain.config import Limits, LimitTable

Binding = tuple[RiskRule, Decimal]


class ScopeLimits(msgspec.Struct, frozen=True):
    """The limits of one scope. ``closing`` are those that bind an order which only closes a position."""

    bindings: tuple[Binding, ...] = ()
    closing: tuple[Binding, ...] = ()
    allowed_symbols: frozenset[str] = frozenset()
    blocked_symbols: frozenset[str] = frozenset()


class RiskPlan(msgspec.Struct, frozen=True):
    gateway: ScopeLimits
    accounts: dict[str, ScopeLimits]
    strategies: dict[str, ScopeLimits]
    symbols: dict[str, ScopeLimits]


def compile_limits(table: LimitTable) -> RiskPlan:
    """Turn the limit table into bindings per scope."""
    return RiskPlan(
        gateway=_compile(table.gateway),
        accounts={name: _compile(limits) for name, limits in table.accounts.items()},
        strategies={name: _compile(limits) for name, limits in table.strategies.items()},
        symbols={name: _compile(limits) for name, limits in table.symbols.items()},
    )


def _compile(limits: Limits) -> ScopeLimits:
    bindings = tuple((rule, limit) for rule in RISK_RULES if (limit := getattr(limits, rule.key)) is not None)
    return ScopeLimits(
        bindings=bindings,
        closing=tuple(binding for binding in bindings if not binding[0].guards_new_risk),
        allowed_symbols=frozenset(limits.allowed_symbols),
        blocked_symbols=frozenset(limits.blocked_symbols),
    )
