"""What a person should know of limits that are in order: those without effect, and those that are exceeded already."""

from collections.abc import Iterator
from decimal import Decimal

from gateway.core.limit_use import limit_uses
from gateway.core.risk.plan import compile_limits
from gateway.core.risk.rules import LESS, PER_SYMBOL, RiskRule, ScopeLimits
from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.enums import ScopeKind
from gateway.domain.instruments import Instrument
from gateway.domain.money import is_multiple, plain

#: How a scope is written in risk.yaml.
_SECTIONS = {
    ScopeKind.ACCOUNT: "accounts",
    ScopeKind.STRATEGY: "strategies",
    ScopeKind.VENUE: "venues",
    ScopeKind.SYMBOL: "symbols",
    ScopeKind.SECTOR: "sectors",
    ScopeKind.ASSET_CLASS: "asset_classes",
}


def ineffective(config: TradingConfig) -> tuple[str, ...]:
    """Limits that never decide, because the gateway as a whole has a stricter one on the same measure."""
    plan = compile_limits(config.limits, config.instruments)
    # A share of equity is measured there account by account, and in any other scope over all accounts together.
    is_alone = len(config.accounts) <= 1
    overall = {rule.key: limit for rule, limit in plan.gateway.bindings if is_alone or not rule.is_of_account(limit)}
    return tuple(text for scope in plan.all_scopes()[1:] for text in _ineffective_of(scope, overall))


def _ineffective_of(scope: ScopeLimits, overall: dict[str, Decimal]) -> Iterator[str]:
    for rule, limit in scope.bindings:
        whole = overall.get(rule.key)
        if isinstance(getattr(scope.limits, rule.key), bool):
            continue  # a switch that is on here and there does no harm
        if whole is not None and _measures_the_same(scope, rule) and _is_no_stricter(rule, limit, whole):
            yield (
                f"{_SECTIONS[scope.kind]}.{scope.scope_id}.{rule.key} {plain(limit)} has no effect: "
                f"limits.{rule.key} is {plain(whole)}; make it stricter than that, or take it out"
            )


def _measures_the_same(scope: ScopeLimits, rule: RiskRule) -> bool:
    # A symbol measures the same for the gateway and for a scope of its own.
    return not rule.is_per_scope or (scope.kind is ScopeKind.SYMBOL and rule.key in PER_SYMBOL)


def _is_no_stricter(rule: RiskRule, limit: Decimal, whole: Decimal) -> bool:
    if rule.is_amount_from_one and (limit < 1) != (whole < 1):
        return False
    return limit <= whole if rule.breaks is LESS else limit >= whole


def expired(config: TradingConfig, today: str) -> tuple[str, ...]:
    """Instruments whose ``expiry`` (a month or a day) is over on the day ``today`` (20261121): nothing trades there."""
    return tuple(
        f"instruments.yaml: {one.symbol} expired ({one.expiry}): orders in it are not what anybody can trade"
        for one in config.instruments.values()
        if one.expiry and one.expiry < today[: len(one.expiry)]
    )


def shut_in(state: GatewayState, new: TradingConfig) -> tuple[str, ...]:
    """Positions whose size ``new`` lets no order have any more, and the configuration in force does: they are held to
    sizes that their venue may not know of, and a flatten is not."""
    return tuple(dict.fromkeys(_shut_in(state, new)))


def _shut_in(state: GatewayState, new: TradingConfig) -> Iterator[str]:
    for route, book in state.books.items():
        for position in book.positions.values():
            before, after = state.config.instruments.get(position.symbol), new.instruments.get(position.symbol)
            if not position.qty or before is None or after is None:
                continue
            qty = abs(position.qty)
            why = _no_size(after, qty)
            if why and not _no_size(before, qty):
                yield (
                    f"instruments.yaml: {position.symbol} {why}, and {position.account} holds {plain(qty)} in the "
                    f"{route.value} book: no order closes all of that now, but a flatten does; check the size"
                )


def _no_size(instrument: Instrument, qty: Decimal) -> str:
    """What keeps an order from being of so much; empty when nothing does."""
    if not is_multiple(qty, instrument.lot_size):
        return f"lot_size is {plain(instrument.lot_size)}"
    return f"min_qty is {plain(instrument.min_qty)}" if qty < instrument.min_qty else ""


def exceeded(state: GatewayState, now_ns: int) -> tuple[str, ...]:
    """Limits that what is open breaks already, and positions in symbols that may not be traded: what is there stays and
    can be closed, nothing is added to it."""
    return (*_over_their_limit(state, now_ns), *_held_against_a_list(state))


def _over_their_limit(state: GatewayState, now_ns: int) -> Iterator[str]:
    for one in limit_uses(state, now_ns):
        if one.is_broken:
            where = "limits" if one.scope is ScopeKind.GATEWAY else f"{_SECTIONS[one.scope]}.{one.scope_id}"
            what = "".join(f" in {text}" for text in (one.symbol, one.account) if text)
            yield (
                f"{where}.{one.rule} {one.limit} is exceeded already: {one.value}{what} in the {one.book.value} book; "
                "nothing is closed by that, but no new risk is taken there until it is back within the limit"
            )


def _held_against_a_list(state: GatewayState) -> Iterator[str]:
    for route, book in state.books.items():
        for position in book.positions.values():
            instrument = state.config.instruments.get(position.symbol)
            if not position.qty or instrument is None:
                continue
            path = state.risk_plan.path(position.account, position.strategy_id, instrument)
            for rule_id, breach in path.standing:
                yield (
                    f"{rule_id} ({breach.scope.value} {breach.scope_id}) stands against {position.symbol}, of which "
                    f"{position.account} holds {plain(position.qty)} in the {route.value} book; it can be closed, and "
                    "nothing is added to it"
                )
