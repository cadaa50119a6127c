"""Rules without a figure: lists of symbols, short sales, market hours, windows around events."""

from collections.abc import Iterable

from gateway.core.risk.order_risk import NO_SYMBOL_USE, OrderRisk
from gateway.core.risk.rules import ScopeLimits
from gateway.core.validation import IMMEDIATE, ON_CLOSE
from gateway.domain.config import GapEvent
from gateway.domain.enums import OrdType, ScopeKind, ShortSale, Side, TimeInForce
from gateway.domain.instruments import Instrument
from gateway.domain.market import TRADING_PHASES, MarketPhase
from gateway.domain.orders import Breach
from gateway.domain.reasons import RejectCode

#: A rule that found something, and what: the rule's id goes beside the breach, for overrides.
Finding = tuple[str, Breach]
#: A rule against selling short, by rule id: the scope that has it, and what it says.
ShortRule = tuple[str, ScopeLimits, str]

#: What can be sold short at all: more than is owned must be borrowed first. Derivatives and currencies cannot.
_SHORTABLE = frozenset({"equity", "crypto"})


def standing_findings(scopes: Iterable[ScopeLimits], symbol: str) -> tuple[Finding, ...]:
    """What the lists of symbols have against a symbol, whatever the order."""
    found: list[Finding] = []

    def add(rule_id: str, code: RejectCode, scope: ScopeLimits, limit: str) -> None:
        found.append((rule_id, Breach(code, scope.kind, scope.scope_id, limit, symbol)))

    for scope in scopes:
        limits = scope.limits
        if limits.allowed_symbols and symbol not in limits.allowed_symbols:
            add("allowed_symbols", RejectCode.SYMBOL_NOT_ALLOWED, scope, ", ".join(limits.allowed_symbols))
        if symbol in limits.blocked_symbols:
            add("blocked_symbols", RejectCode.SYMBOL_BLOCKED, scope, ", ".join(limits.blocked_symbols))
        if symbol in limits.restricted_symbols:
            add("restricted_symbols", RejectCode.RESTRICTED_SYMBOL, scope, limits.restricted_symbols[symbol])
    return tuple(found)


def short_rules(scopes: Iterable[ScopeLimits], instrument: Instrument) -> tuple[ShortRule, ...]:
    """The rules against selling an instrument short, of all scopes."""
    found: list[ShortRule] = []
    for scope in scopes:
        if scope.limits.short_sale is ShortSale.DENY and instrument.asset_class in _SHORTABLE:
            found.append(("short_sale", scope, "short_sale: deny"))
        if instrument.symbol in scope.limits.no_short:
            found.append(("no_short", scope, "no_short"))
    return tuple(found)


def sells_short(risk: OrderRisk) -> bool:
    """Whether the account would hold less than nothing if this and every other open sale filled."""
    if risk.side is Side.BUY:
        return False
    use = risk.account.symbols.get(risk.symbol, NO_SYMBOL_USE)
    return use.qty - use.sell_qty - risk.qty < 0


def is_taken(phase: MarketPhase, ord_type: OrdType, time_in_force: TimeInForce) -> bool:
    """Whether an exchange in this phase has use for such an order.

    Orders for the opening until shortly before it, orders for the close until its cut-off; before the open what
    can wait in the book, nothing that must trade at once; outside all of it nothing.
    """
    if phase is MarketPhase.CLOSED:
        return False
    is_for_open = time_in_force is TimeInForce.AT_THE_OPENING
    if phase in TRADING_PHASES:
        is_for_close = _is_for_close(ord_type, time_in_force)
        return not is_for_open and not (is_for_close and phase is MarketPhase.CLOSING_AUCTION)
    if is_for_open:
        return phase is MarketPhase.PRE_OPEN
    is_at_once = ord_type is OrdType.MARKET and time_in_force is not TimeInForce.AT_THE_CLOSE
    return not is_at_once and time_in_force not in IMMEDIATE


def waits_for_auction(phase: MarketPhase, ord_type: OrdType, time_in_force: TimeInForce) -> bool:
    """Whether an order may be entered before the open because it is meant for an auction still to come."""
    if phase is not MarketPhase.PRE_OPEN and phase is not MarketPhase.OPENING_AUCTION:
        return False
    is_for_open = time_in_force is TimeInForce.AT_THE_OPENING
    return phase is MarketPhase.PRE_OPEN if is_for_open else _is_for_close(ord_type, time_in_force)


def _is_for_close(ord_type: OrdType, time_in_force: TimeInForce) -> bool:
    return ord_type in ON_CLOSE or time_in_force is TimeInForce.AT_THE_CLOSE


def gaps_of(events: Iterable[GapEvent], symbol: str) -> tuple[GapEvent, ...]:
    """The windows that concern a symbol, by their beginning."""
    return tuple(
        sorted((one for one in events if not one.symbols or symbol in one.symbols), key=lambda one: one.start_ns)
    )


def gap_at(events: tuple[GapEvent, ...], now_ns: int) -> GapEvent | None:
    """The window that a moment falls into."""
    for event in events:
        if event.start_ns > now_ns:
            return None
        if now_ns < event.end_ns:
            return event
    return None


def gap_breach(event: GapEvent, symbol: str) -> Breach:
    return Breach(RejectCode.GAP_EVENT, ScopeKind.SYMBOL, symbol, event.reason, symbol)
