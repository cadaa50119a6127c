"""Limits compiled once per reload: for every scope that has any, just the rules that bind it.

What an order of one account, strategy and symbol must pass (its ``OrderPath``) is put together once too, with its
first order, so that no order looks for limits that it does not have.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec

from gateway.core.risk.exposure import Book, ScopeUse, SymbolTerms, group_name
from gateway.core.risk.order_risk import ORDERS, POSITIONS
from gateway.core.risk.rules import LESS, MORE, RISK_RULES, Base, Binding, Breaks, ScopeLimits
from gateway.core.risk.standing import Finding, ShortRule, gaps_of, short_rules, standing_findings
from gateway.domain.config import GapEvent, Limits, LimitTable
from gateway.domain.enums import ScopeKind
from gateway.domain.instruments import Instrument
from gateway.domain.money import ZERO

#: How the gate finds a figure: by a function of the order, or where ``scope_after`` has it.
Figure = Any
#: Paths that are kept at most: many accounts times many strategies times many symbols would fill the memory.
_MAX_PATHS = 20_000


class Steps(msgspec.Struct, frozen=True):
    """Bindings as the gate runs them. Of limits that measure the same by the same base, only the strictest."""

    #: What may be at most so much, as an amount or (with a base) as a share.
    amounts: tuple[tuple[Figure, Any], ...] = ()
    shares: tuple[tuple[Figure, Decimal, Base], ...] = ()
    #: What is compared in another way.
    others: tuple[tuple[Figure, Breaks, Decimal, Base | None], ...] = ()


class ScopeSteps(msgspec.Struct, frozen=True):
    """What is measured over one scope: ``scopes`` of the book by ``name``."""

    scopes: Callable[[Book], Mapping[str, ScopeUse]]
    name: str
    steps: Steps


class OrderPath(msgspec.Struct, frozen=True):
    """All that binds the orders of one account, strategy and symbol.

    ``order_steps`` measure the same in every scope; ``closing_steps`` are those of them that bind an order which only
    closes a position. ``gateway_steps`` and ``scope_steps`` measure what a scope would hold; ``shared_steps`` and
    ``account_steps`` are those of the gateway where it has several accounts (see ``split_by_account``). ``standing``
    are breaches that no order can avoid.
    """

    scopes: tuple[ScopeLimits, ...]
    order_steps: Steps
    closing_steps: Steps
    gateway_steps: Steps
    shared_steps: Steps
    account_steps: Steps
    scope_steps: tuple[ScopeSteps, ...]
    standing: tuple[Finding, ...]
    short_rules: tuple[ShortRule, ...]
    hours: tuple[ScopeLimits, ...]
    gaps: tuple[GapEvent, ...]
    needs_figures: bool


class RiskPlan(msgspec.Struct, frozen=True):
    """The limits of every scope. ``terms`` says how the symbols count that are not plain (``exposure.Book``)."""

    table: LimitTable
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
    #: What is measured over each scope, by kind and name.
    steps: dict[tuple[ScopeKind, str], ScopeSteps]
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
            if len(self.paths) >= _MAX_PATHS:
                self.paths.clear()
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
        gateway=_scope(ScopeKind.GATEWAY, "gateway", table.gateway),
        accounts=_scopes(ScopeKind.ACCOUNT, table.accounts),
        strategies=_scopes(ScopeKind.STRATEGY, table.strategies),
        venues=_scopes(ScopeKind.VENUE, table.venues),
        symbols=_scopes(ScopeKind.SYMBOL, table.symbols),
        sectors=_scopes(ScopeKind.SECTOR, table.sectors),
        asset_classes=_scopes(ScopeKind.ASSET_CLASS, table.asset_classes),
        terms={symbol: own for symbol, own in terms.items() if own != SymbolTerms()},
        correlation_threshold=None,
        steps={},
        paths={},
    )
    thresholds = [scope.limits.max_correlation for scope in plan.all_scopes()]
    known = [threshold for threshold in thresholds if threshold is not None]
    plan.steps.update({(scope.kind, scope.scope_id): _scope_steps(scope) for scope in plan.all_scopes()})
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
    steps = [plan.steps[(scope.kind, scope.scope_id)] for scope in scopes]
    of_order = [binding for scope in scopes for binding in scope.bindings if not binding[0].is_per_scope]
    rules = {rule.key for scope in scopes for rule, _ in scope.bindings}
    shared, of_account = split_by_account(plan.gateway)
    return OrderPath(
        scopes=scopes,
        order_steps=_steps(of_order),
        closing_steps=_steps([binding for binding in of_order if not binding[0].guards_new_risk]),
        gateway_steps=steps[0].steps,
        shared_steps=_steps(shared),
        account_steps=_steps(of_account),
        scope_steps=tuple(own for own in steps[1:] if own.steps != Steps()),
        standing=standing_findings(scopes, instrument.symbol),
        short_rules=short_rules(scopes, instrument),
        hours=tuple(scope for scope in scopes if scope.limits.market_hours),
        gaps=gaps_of(plan.table.gap_events, instrument.symbol),
        needs_figures=not rules.isdisjoint({"volatility_target", "max_correlation"}),
    )


def split_by_account(gateway: ScopeLimits) -> tuple[list[Binding], list[Binding]]:
    """What the gateway measures of a scope: over all accounts together, and over the order's account by itself.

    A share of equity is the account's own: its equity against what all hold would let the positions of one account use
    up the limit of another, or cover them up where they lean the other way. Where each keeps within the share, so do
    all together.
    """
    bindings = [binding for binding in gateway.bindings if binding[0].is_per_scope]
    of_account = [(rule, limit) for rule, limit in bindings if rule.is_of_account(limit)]
    return [binding for binding in bindings if binding not in of_account], of_account


_SCOPES_OF: Mapping[ScopeKind, Callable[[Book], Mapping[str, ScopeUse]]] = {
    ScopeKind.ACCOUNT: attrgetter("accounts"),
    ScopeKind.STRATEGY: attrgetter("strategies"),
    ScopeKind.VENUE: attrgetter("venues"),
}


def _scope_steps(scope: ScopeLimits) -> ScopeSteps:
    steps = _steps([binding for binding in scope.bindings if binding[0].is_per_scope])
    found = _SCOPES_OF.get(scope.kind)
    if found is not None:
        return ScopeSteps(found, scope.scope_id, steps)
    return ScopeSteps(attrgetter("groups"), group_name(scope.kind, scope.scope_id), steps)


def _steps(bindings: list[Binding]) -> Steps:
    strictest: dict[tuple[Figure, Base | None, Breaks], Decimal] = {}
    for rule, limit in bindings:
        key = (rule.measure if rule.place is None else rule.place, rule.base_for(limit), rule.breaks)
        choose = max if rule.breaks is LESS else min
        strictest[key] = choose(strictest.get(key, limit), limit)
    amounts: list[tuple[Figure, Any]] = []
    shares: list[tuple[Figure, Decimal, Base]] = []
    others: list[tuple[Figure, Breaks, Decimal, Base | None]] = []
    for (figure, base, breaks), limit in strictest.items():
        if breaks is not MORE:
            others.append((figure, breaks, limit, base))
        elif base is None:
            # A count is an int, and so is its limit then: two ints compare ten times faster than a decimal with one.
            amounts.append((figure, int(limit) if figure in (ORDERS, POSITIONS) else limit))
        else:
            shares.append((figure, limit, base))
    return Steps(tuple(amounts), tuple(shares), tuple(others))
