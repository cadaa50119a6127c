"""Limits compiled once per reload: for every scope that has any, just the rules that bind it."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gateway.core.risk.checks import RISK_RULES, RiskRule
from gateway.core.risk.exposure import SymbolTerms
from gateway.domain.config import Limits, LimitTable
from gateway.domain.enums import ScopeKind
from gateway.domain.instruments import Instrument

Binding = tuple[RiskRule, Decimal]


class ScopeLimits(msgspec.Struct, frozen=True):
    """The limits of one scope. ``closing`` are those that bind an order which only closes a position."""

    bindings: tuple[Binding, ...] = ()
    closing: tuple[Binding, ...] = ()
    allowed_symbols: frozenset[str] = frozenset()
    blocked_symbols: frozenset[str] = frozenset()


class RiskPlan(msgspec.Struct, frozen=True):
    """``terms`` says how the symbols count that are not plain (``exposure.Book``)."""

    gateway: ScopeLimits
    accounts: dict[str, ScopeLimits]
    strategies: dict[str, ScopeLimits]
    symbols: dict[str, ScopeLimits]
    terms: dict[str, SymbolTerms]


def compile_limits(table: LimitTable, instruments: Mapping[str, Instrument]) -> RiskPlan:
    """Turn the limit table into bindings per scope."""
    terms = {symbol: _terms(table, instrument) for symbol, instrument in instruments.items()}
    return RiskPlan(
        gateway=_compile(table.gateway),
        accounts={name: _compile(limits) for name, limits in table.accounts.items()},
        strategies={name: _compile(limits) for name, limits in table.strategies.items()},
        symbols={name: _compile(limits) for name, limits in table.symbols.items()},
        terms={symbol: own for symbol, own in terms.items() if own != SymbolTerms()},
    )


def _terms(table: LimitTable, instrument: Instrument) -> SymbolTerms:
    named = (
        (ScopeKind.SYMBOL, table.symbols, instrument.symbol),
        (ScopeKind.SECTOR, table.sectors, instrument.sector),
        (ScopeKind.ASSET_CLASS, table.asset_classes, instrument.asset_class),
    )
    groups = tuple((kind, name) for kind, limits, name in named if name in limits)
    return SymbolTerms(groups, instrument.margin_rate)


def _compile(limits: Limits) -> ScopeLimits:
    bindings = tuple((rule, limit) for rule in RISK_RULES if (limit := getattr(limits, rule.key)) is not None)
    return ScopeLimits(
        bindings=bindings,
        closing=tuple(binding for binding in bindings if not binding[0].guards_new_risk),
        allowed_symbols=frozenset(limits.allowed_symbols),
        blocked_symbols=frozenset(limits.blocked_symbols),
    )
