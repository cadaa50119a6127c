"""Limits compiled once per reload: for every scope that has any, just the rules that bind it.

What an order of one account, strategy and symbol must pass (its ``OrderPath``) is put together once too, with its
first order, so that no order looks for limits that it does not have.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gateway.core.risk.exposure import SymbolTerms
from gateway.core.risk.rules import LESS, RISK_RULES, Base, Binding, Breaks, Measure, RiskRule, ScopeLimits
from gateway.core.risk.standing import Finding, ShortRule, gaps_of, short_rules, standing_findings
from gateway.domain.config import GapEvent, Limits, LimitTable
from gateway.domain.enums import ScopeKind
from gateway.domain.instruments import Instrument
from gateway.domain.money import ZERO

#: A binding as the gate runs it: measure, compare with the limit, or with the limit times its base.
Step = tuple[Measure, Breaks, Decimal, Base | None]


class ScopeSteps(msgspec.Struct, frozen=True):
    """What is measured over one scope."""

    kind: ScopeKind
    scope_id: str
    steps: tuple[Step, ...]


class OrderPath(msgspec.Struct, frozen=True):
    """All that binds the orders of one account, strategy and symbol.

    ``order_steps`` measure the same in every scope and hold the strictest limit only; ``closing_steps`` are those of
    them that bind an order which only closes a position. ``standing`` are breaches that no order can avoid.
    """

    scopes: tuple[ScopeLimits, ...]
    order_steps: tuple[Step, ...]
    closing_steps: tuple[Step, ...]
    scope_steps: tuple[ScopeSteps, ...]
    standing: tuple[Finding, ...]
    short_rules: tuple[ShortRule, ...]
    hours: tuple[ScopeLimits, ...]
    gaps: tuple[GapEvent, ...]
    needs_figures: bool


class RiskPlan(msgspec.Struct, frozen=True):
    """``terms`` says how the symbols count that are not plain (``exposure.Book``)."""

    table: LimitTable
    instruments: Mapping[str, Instrument]
    gateway: ScopeLimits
    accounts: dict[str, ScopeLimits]
    strategies: dict[str, ScopeLimits]
    venues: dict[str, ScopeLimits]
    symbols: dict[str, ScopeLimits]
    sectors: dict[str, ScopeLimits]
    asset_classes: dict[str, ScopeLimits]
    terms: dict[str, SymbolTerms]
    #: The smallest correlation that any scope limits; None when none does.
    correlation_threshold: Decimal | None
    #: Put together when first asked for; one per account and strategy with limits of its own, and symbol.
    paths: dict[tuple[str, str, str], OrderPath]

    def path(self, account: str, strategy_id: str, instrument: Instrument) -> OrderPath:
        """What binds an order; the same object for all orders of its kind."""
        key = (
            account if account in self.accounts else "",
            strategy_id if strategy_id in self.strategies else "",
            instrument.symbol,
        )
        path = self.paths.get(key)
        if path is None:
            path = self.paths[key] = _path(self, account, strategy_id, instrument)
        return path

    def all_scopes(self) -> tuple[ScopeLimits, ...]:
        named = (self.accounts, self.strategies, self.venues, self.symbols, self.sectors, self.asset_classes)
        return (self.gateway, *(scope for scopes in named for scope in scopes.values()))


def compile_limits(table: LimitTable, instruments: Mapping[str, Instrument]) -> RiskPlan:
    """Turn the limit table into bindings per scope."""
    terms = {symbol: _terms(table, instrument) for symbol, instrument in instruments.items()}
    plan = RiskPlan(
        table=table,
        instruments=instruments,
        gateway=_scope(ScopeKind.GATEWAY, "gateway", table.gateway),
        accounts=_scopes(ScopeKind.ACCOUNT, table.accounts),
        strategies=_scopes(ScopeKind.STRATEGY, table.strategies),
        venues=_scopes(ScopeKind.VENUE, table.venues),
        symbols=_scopes(ScopeKind.SYMBOL, table.symbols),
        sectors=_scopes(ScopeKind.SECTOR, table.sectors),
        asset_classes=_scopes(ScopeKind.ASSET_CLASS, table.asset_classes),
        terms={symbol: own for symbol, own in terms.items() if own != SymbolTerms()},
        correlation_threshold=None,
        paths={},
    )
    thresholds = [scope.limits.max_correlation for scope in plan.all_scopes()]
    known = [threshold for threshold in thresholds if threshold is not None]
    return msgspec.structs.replace(plan, correlation_threshold=min(known, default=None))


def _scopes(kind: ScopeKind, table: Mapping[str, Limits]) -> dict[str, ScopeLimits]:
    return {name: _scope(kind, name, limits) for name, limits in table.items()}


def _scope(kind: ScopeKind, scope_id: str, limits: Limits) -> ScopeLimits:
    found = ((rule, _limit_of(limits, rule.key)) for rule in RISK_RULES if kind in rule.control.scopes)
    bindings = tuple((rule, limit) for rule, limit in found if limit is not None)
    return ScopeLimits(kind, scope_id, limits, bindings)


def _limit_of(limits: Limits, key: str) -> Decimal | None:
    """The figure; a switch that is on allows 0 of what it measures."""
    value: Decimal | bool | None = getattr(limits, key)
    if isinstance(value, bool):
        return ZERO if value else None
    return value


def _terms(table: LimitTable, instrument: Instrument) -> SymbolTerms:
    named = (
        (ScopeKind.SYMBOL, table.symbols, instrument.symbol),
        (ScopeKind.SECTOR, table.sectors, instrument.sector),
        (ScopeKind.ASSET_CLASS, table.asset_classes, instrument.asset_class),
    )
    groups = tuple((kind, name) for kind, limits, name in named if name in limits)
    return SymbolTerms(groups, instrument.margin_rate)


def _path(plan: RiskPlan, account: str, strategy_id: str, instrument: Instrument) -> OrderPath:
    looked_up = (
        plan.gateway,
        plan.accounts.get(account),
        plan.strategies.get(strategy_id),
        plan.venues.get(instrument.venue),
        plan.symbols.get(instrument.symbol),
        plan.sectors.get(instrument.sector),
        plan.asset_classes.get(instrument.asset_class),
    )
    scopes = tuple(scope for scope in looked_up if scope is not None)
    of_order = [binding for scope in scopes for binding in scope.bindings if not binding[0].is_per_scope]
    rules = {rule.key for scope in scopes for rule, _ in scope.bindings}
    return OrderPath(
        scopes=scopes,
        order_steps=_strictest(of_order),
        closing_steps=_strictest([binding for binding in of_order if not binding[0].guards_new_risk]),
        scope_steps=tuple(steps for scope in scopes if (steps := _scope_steps(scope)).steps),
        standing=standing_findings(scopes, instrument.symbol),
        short_rules=short_rules(scopes, instrument),
        hours=tuple(scope for scope in scopes if scope.limits.market_hours),
        gaps=gaps_of(plan.table.gap_events, instrument.symbol),
        needs_figures=not rules.isdisjoint({"volatility_target", "max_correlation"}),
    )


def _scope_steps(scope: ScopeLimits) -> ScopeSteps:
    steps = tuple(_step(rule, limit) for rule, limit in scope.bindings if rule.is_per_scope)
    return ScopeSteps(scope.kind, scope.scope_id, steps)


def _step(rule: RiskRule, limit: Decimal) -> Step:
    return rule.measure, rule.breaks, limit, rule.base_for(limit)


def _strictest(bindings: list[Binding]) -> tuple[Step, ...]:
    """Of limits that measure the same thing by the same base, the one that decides."""
    found: dict[tuple[str, Base | None], Step] = {}
    for rule, limit in bindings:
        key = (rule.key, rule.base_for(limit))
        earlier = found.get(key)
        if earlier is None or (limit < earlier[2]) is (rule.breaks is not LESS):
            found[key] = _step(rule, limit)
    return tuple(found.values())
