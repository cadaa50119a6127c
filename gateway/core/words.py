"""Refusals in words: what was compared, the limit, the value, and what to do about it."""

from gateway.core.risk.rules import LESS, REACHED, RISK_RULES
from gateway.domain.enums import RejectStage, ScopeKind
from gateway.domain.orders import Breach, Reject
from gateway.domain.reasons import RejectCode

_RULE_OF = {rule.code: rule for rule in RISK_RULES}
_VERBS = {LESS: "is under", REACHED: "has reached"}
#: What stands against an order without a figure: text before and after the limit.
_PLAIN_TEXT = {
    RejectCode.SYMBOL_NOT_ALLOWED: "symbol must be one of allowed_symbols {limit}, was {value}",
    RejectCode.SYMBOL_BLOCKED: "symbol is in blocked_symbols {limit}, was {value}",
    RejectCode.RESTRICTED_SYMBOL: "{value} is restricted: {limit}",
    RejectCode.SHORT_SALE_DENIED: "the account would sell more {value} than it holds, which {limit} forbids",
    RejectCode.OUTSIDE_MARKET_HOURS: "the market is {limit}, which has no use for {value}",
    RejectCode.GAP_EVENT: "no new risk is taken in {value} now: {limit}",
    RejectCode.MARKET_DATA_UNAVAILABLE: "no fresh market data to check {limit} with",
    RejectCode.AVERAGE_VOLUME_UNKNOWN: "{limit} cannot be checked: give the instrument its average_daily_volume",
    RejectCode.RISK_FIGURES_UNAVAILABLE: (
        "{limit} cannot be checked: no fresh volatility or correlation is known; wait until enough prices were sampled"
    ),
    RejectCode.DUPLICATE_ORDER: "same content as order {value}, within duplicate_window_ms {limit}",
    RejectCode.MAX_EXECUTED_QTY: "quantity executed and on order {value} is over max_executed_qty {limit}",
    RejectCode.MAX_EXECUTED_VALUE: "value executed and on order {value} is over max_executed_value {limit}",
    RejectCode.MIN_FILL_RATIO: "filled share of what was sent {value} is under min_fill_ratio {limit}",
}
#: The limit of ``require_market_data`` itself, which a missing price breaks; of others it is their name and figure.
_NONE_MISSING = "0"
_INSTRUMENT_TEXT = {
    RejectCode.CURRENCY_UNKNOWN: "no rate for the currency; add it under rates in gateway.yaml",
    RejectCode.ORDER_TYPE_UNSUPPORTED: "order_type must be one of",
    RejectCode.TIME_IN_FORCE_UNSUPPORTED: "time_in_force must be one of",
    RejectCode.ALGORITHM_UNSUPPORTED: "execution_algorithm must be one of",
    RejectCode.ORDER_CLASS_UNSUPPORTED: "order_class must be one of",
    RejectCode.QUANTITY_OFF_LOT: "quantity must be a multiple of the lot size",
    RejectCode.QUANTITY_BELOW_MINIMUM: "quantity must be at least",
    RejectCode.QUANTITY_ABOVE_MAXIMUM: "quantity must be at most",
    RejectCode.PRICE_OFF_TICK: "price must be a multiple of the tick size",
    RejectCode.NOTIONAL_BELOW_MINIMUM: "price times quantity must be at least",
}


def describe(breach: Breach) -> str:
    """One breach as a clause: ``order value 60000 is over max_order_value 50000 (gateway)``."""
    where = breach.scope.value if breach.scope is ScopeKind.GATEWAY else f"{breach.scope.value} {breach.scope_id}"
    if breach.code is RejectCode.MARKET_DATA_UNAVAILABLE and breach.limit == _NONE_MISSING:
        return f"the market has no price, and require_market_data asks for one ({where})"
    if (text := _PLAIN_TEXT.get(breach.code)) is not None:
        return f"{text.format(limit=breach.limit, value=breach.value)} ({where})"
    if (rule := _RULE_OF.get(breach.code)) is not None:
        verb = _VERBS.get(rule.breaks, "is over")
        return f"{rule.control.text} {breach.value} {verb} {rule.key} {breach.limit} ({where})"
    text = _INSTRUMENT_TEXT.get(breach.code, breach.code.value)
    venue = f" at {breach.scope_id}" if breach.scope is ScopeKind.VENUE else ""
    return f"{text} {breach.limit}{venue}, was {breach.value}"


def reject_of(stage: RejectStage, breaches: tuple[Breach, ...]) -> Reject:
    """One refusal for all breaches: the first gives the code, the text names every one."""
    text = "; ".join(describe(breach) for breach in breaches)
    first = breaches[0]
    return Reject(stage, first.code, text, breaches, {"limit": first.limit, "value": first.value})


def refuse(stage: RejectStage, code: RejectCode, text: str, **context: str) -> Reject:
    return Reject(stage, code, text, (), context)
