"""How much of each limit is in use, without any order: every scope that has limits, in both books.

What is measured is what an order of nothing would measure, by the rules' own functions, so that a figure shown here is
the one that the next order is compared with. For whoever reads; no order waits for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec

from gateway.core.risk.exposure import Book, ScopeUse
from gateway.core.risk.listing import compare, use_of
from gateway.core.risk.order_risk import NO_SCOPE_USE, OrderRisk, ScopeAfter, scope_after
from gateway.core.risk.rules import LESS, PER_SYMBOL, RiskRule, ScopeLimits
from gateway.core.state import GatewayState
from gateway.core.trading.states import GATEWAY
from gateway.domain.breakers import SIZE_LIMITS
from gateway.domain.enums import OrdType, Route, ScopeKind, Side, TimeInForce
from gateway.domain.instruments import Instrument
from gateway.domain.market import MarketView
from gateway.domain.money import ONE, ZERO, plain, ratio

#: Measured for the account of an order.
_PER_ACCOUNT = frozenset({"max_margin_use", "min_buying_power", "min_account_balance", "max_drawdown"})
_NO_INSTRUMENT = Instrument(symbol="", venue="", currency="")
_NS = 1_000_000_000


class LimitUse(msgspec.Struct, frozen=True, kw_only=True):
    """One limit of one scope in one book. ``value``, ``headroom`` and ``use`` (1 is the limit) are None where an order
    alone measures it, or where a figure that it needs is not known. ``account`` and ``symbol`` say what is closest to
    the limit, where it is one of many."""

    book: Route
    scope: ScopeKind
    scope_id: str
    rule: str
    code: str
    limit: str
    value: str | None = None
    headroom: str | None = None
    use: Decimal | None = None
    is_broken: bool = False
    account: str = ""
    symbol: str = ""


def limit_uses(
    state: GatewayState, now_ns: int, *, only: str = "", without: ScopeKind | None = None
) -> Iterator[LimitUse]:
    """Every limit of every scope, the widest scope first, those too that nothing uses.

    ``only`` is the one rule to measure, ``without`` a kind of scope to leave out: there may be thousands of symbols.
    """
    scopes = [scope for scope in state.risk_plan.all_scopes() if scope.kind is not without]
    for found in measured_in(state, now_ns, [(route, scope) for route in state.books for scope in scopes], only):
        yield from found


def measured_in(
    state: GatewayState, now_ns: int, scopes: Iterable[tuple[Route, ScopeLimits]], only: str = ""
) -> Iterator[tuple[LimitUse, ...]]:
    """The limits of each of these scopes of a book, one scope at a time: the state may move on between two of them."""
    readers: dict[Route, _Reader] = {}
    for route, scope in scopes:
        if route not in readers:
            readers[route] = _Reader(state, route, state.books[route], now_ns, only)
        yield tuple(readers[route].scope(scope))


def is_untouched(state: GatewayState, route: Route, scope: ScopeLimits) -> bool:
    """Whether no order was ever held in this scope of the book: nothing of its limits is in use."""
    return use_of(state.books[route], scope.kind, scope.scope_id) is NO_SCOPE_USE


class _Case(msgspec.Struct, frozen=True, gc=False):
    """What an order of nothing would meet: of one account, in one symbol, on one side."""

    risk: OrderRisk
    after: ScopeAfter
    account: str


class _Reader:
    """Reads one book. What holds for all of its scopes is looked up once."""

    def __init__(self, state: GatewayState, route: Route, book: Book, now_ns: int, only: str) -> None:
        self._state, self._route, self._book, self._now_ns = state, route, book, now_ns
        self._only = only
        self._factors = state.trading.factors(route)
        self._units = _unit_values(state, book)
        self._poorest = min(
            state.config.accounts, key=lambda name: (state.equity(route, name), name), default="default"
        )

    def scope(self, scope: ScopeLimits) -> Iterator[LimitUse]:
        bindings = [one for one in scope.bindings if self._only in ("", one[0].key)]
        if bindings:
            yield from self._measured(scope, bindings)
        if not self._only:
            for key, text in _without_figure(scope):
                yield self._row(scope, key, key, text)

    def _measured(self, scope: ScopeLimits, bindings: Sequence[tuple[RiskRule, Decimal]]) -> Iterator[LimitUse]:
        use = use_of(self._book, scope.kind, scope.scope_id)
        own = [scope.scope_id] if scope.kind is ScopeKind.ACCOUNT else list(self._state.config.accounts)
        accounts = [_Case(risk, scope_after(risk, use), name) for name in own for risk in self._both_sides(name, "")]
        symbols: dict[bool, list[_Case]] = {}
        for rule, limit in bindings:
            is_of_account = scope.kind is ScopeKind.GATEWAY and rule.is_of_account(limit)
            if rule.key in PER_SYMBOL:
                is_by_account = is_of_account and len(self._book.accounts) > 1
                if is_by_account not in symbols:
                    symbols[is_by_account] = list(self._symbol_cases(scope, use, is_by_account=is_by_account))
                yield self._closest(scope, rule, limit, symbols[is_by_account] or accounts[:1])
            elif is_of_account:
                own_after = [_Case(one.risk, scope_after(one.risk, one.risk.account), one.account) for one in accounts]
                yield self._closest(scope, rule, limit, own_after)
            elif rule.is_per_scope or rule.key in _PER_ACCOUNT:
                yield self._closest(scope, rule, limit, accounts)
            else:
                yield self._row(scope, rule.key, rule.code, plain(limit * self._factor(scope, rule)))

    def _factor(self, scope: ScopeLimits, rule: RiskRule, account: str = "", symbol: str = "") -> Decimal:
        """What circuit breakers multiply the limit with."""
        if not self._factors or rule.key not in SIZE_LIMITS:
            return ONE
        of_symbol = ((ScopeKind.SYMBOL, symbol), (ScopeKind.SYMBOL, f"{account}|{symbol}"))
        scopes = (GATEWAY, (scope.kind, scope.scope_id), *of_symbol)
        return min((self._factors[one].size_factor for one in scopes if one in self._factors), default=ONE)

    def _both_sides(self, account: str, symbol: str) -> tuple[OrderRisk, ...]:
        return tuple(self._nothing(account, symbol, side) for side in Side)

    def _symbol_cases(self, scope: ScopeLimits, use: ScopeUse, *, is_by_account: bool) -> Iterator[_Case]:
        """Each symbol that a scope uses, or (of the gateway) each account by itself."""
        holders = list(self._book.accounts.items())
        if scope.kind is ScopeKind.ACCOUNT:
            pairs = [(scope.scope_id, use)]
        elif is_by_account:
            pairs = [one for one in holders if one[0] in self._state.config.accounts]
        else:
            is_alone = scope.kind is ScopeKind.GATEWAY and len(holders) == 1
            pairs = [(holders[0][0] if is_alone else self._poorest, use)]
        for account, held in pairs:
            for symbol, one in held.symbols.items():
                if one.qty or one.buy_qty or one.sell_qty:
                    for risk in self._both_sides(account, symbol):
                        yield _Case(risk, scope_after(risk, held), account)

    def _row(self, scope: ScopeLimits, rule: str, code: str, limit: str) -> LimitUse:
        """A limit that only an order measures."""
        return LimitUse(book=self._route, scope=scope.kind, scope_id=scope.scope_id, rule=rule, code=code, limit=limit)

    def _closest(self, scope: ScopeLimits, rule: RiskRule, limit: Decimal, cases: Sequence[_Case]) -> LimitUse:
        """The limit with what comes closest to it, of the symbols or accounts that it is measured over."""
        base_for = rule.base_for(limit)
        best: tuple[Decimal, _Case, Decimal, Decimal | None, Decimal] | None = None
        for case in cases:
            value = Decimal(rule.measure(case.risk, case.after))
            base = None if base_for is None else base_for(case.risk)
            if value.is_finite():
                factor = self._factor(scope, rule, case.account, case.risk.symbol)
                weight = (value / base if base else value) / factor
                weight = -weight if rule.breaks is LESS else weight
                if best is None or weight > best[0]:
                    best = (weight, case, value, base, factor)
        if best is None:
            return self._row(scope, rule.key, rule.code, plain(limit * self._factor(scope, rule)))
        _, case, value, base, factor = best
        limit *= factor
        check = compare(rule, limit, scope, value, base, case.risk)
        is_of_account = scope.kind is not ScopeKind.ACCOUNT and (base is not None or rule.key in _PER_ACCOUNT)
        return LimitUse(
            book=self._route,
            scope=scope.kind,
            scope_id=scope.scope_id,
            rule=rule.key,
            code=rule.code,
            limit=plain(limit),
            value=check.breach.value,
            headroom=check.headroom,
            use=_use(rule, limit, Decimal(check.breach.value)),
            is_broken=check.is_broken,
            account=case.account if is_of_account else "",
            symbol=case.risk.symbol,
        )

    def _nothing(self, account: str, symbol: str, side: Side) -> OrderRisk:
        """An order of nothing."""
        state = self._state
        use = self._book.accounts.get(account, NO_SCOPE_USE)
        config = state.config.accounts.get(account)
        cash = ZERO if config is None else config.initial_cash
        figures, limits = state.figures, state.config.limits
        is_fresh = figures is not None and self._now_ns - figures.as_of_ns <= limits.figures_max_age_s * _NS
        unit = self._units.get(symbol, ZERO)
        return OrderRisk(
            instrument=state.config.instruments.get(symbol, _NO_INSTRUMENT),
            side=side,
            route=self._route,
            ord_type=OrdType.MARKET,
            time_in_force=TimeInForce.DAY,
            limit_px=None,
            stop_px=None,
            view=MarketView(),
            ts_ns=self._now_ns,
            is_closing=False,
            qty=ZERO,
            added_value=ZERO,
            order_qty=ZERO,
            new_orders=0,
            opens_position=False,
            unit_value=unit,
            dearest_unit_value=unit,
            equity=cash + use.pnl,
            equity_base=max(cash + use.pnl, ZERO),
            day_start_base=max(cash + use.day_pnl_start, ZERO),
            account=use,
            volatility=figures.volatility.get(symbol) if figures is not None and is_fresh else None,
            neighbours=state.neighbours.of(symbol) if is_fresh else None,
        )


def _unit_values(state: GatewayState, book: Book) -> dict[str, Decimal]:
    """The value of one unit of what is held or on order, base currency: at the last mark, else as on order."""
    found: dict[str, Decimal] = {}
    for position in book.positions.values():
        if position.qty and position.mark_px:  # the mark of what is flat stays where it was closed
            unit = position.mark_px * position.multiplier * state.config.rates.get(position.currency, ZERO)
            found[position.symbol] = max(found.get(position.symbol, ZERO), unit)
    for order in state.open_orders():
        if order.route in state.books and state.books[order.route] is book:
            found[order.symbol] = max(found.get(order.symbol, ZERO), order.held_unit)
    return found


def _use(rule: RiskRule, limit: Decimal, value: Decimal) -> Decimal | None:
    """Which share of the limit is in use; of a least value: how near it is."""
    if rule.breaks is LESS:
        return ratio(limit, value) if value > 0 else ONE
    if limit > 0:
        return ratio(value, limit)
    return ONE if value > 0 else ZERO


def _without_figure(scope: ScopeLimits) -> Iterator[tuple[str, str]]:
    """Lists and switches: there is nothing to be used up."""
    limits = scope.limits
    measured = {rule.key for rule, _ in scope.bindings}
    for name in limits.__struct_fields__:
        value = getattr(limits, name)
        if value and name not in measured:
            listed = value if isinstance(value, tuple | Mapping) else (str(value).lower(),)
            yield name, ", ".join(map(str, listed))
