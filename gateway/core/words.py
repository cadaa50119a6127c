"""Refusals in words: what was compared, the limit, the value, and what to do about it."""

from gateway.core.risk.checks import RISK_RULES
from gateway.domain.enums import RejectStage, ScopeKind
from gateway.domain.orders import Breach, Reject
from gateway.domain.reasons import RejectCode

_RISK_TEXT = {rule.code: rule.control.text for rule in RISK_RULES}
_INSTRUMENT_TEXT = {
    RejectCode.CURRENCY_UNKNOWN: "no rate for the currency; add it under rates in gateway.yaml",
    RejectCode.ORDER_TYPE_UNSUPPORTED: "order_type must be one of",
    RejectCode.QUANTITY_OFF_LOT: "quantity must be a multiple of the lot size",
    RejectCode.QUANTITY_BELOW_MINIMUM: "quantity must be at least",
    RejectCode.QUANTITY_ABOVE_MAXIMUM: "quantity must be at most",
    RejectCode.PRICE_OFF_TICK: "price must be a multiple of the tick size",
    RejectCode.NOTIONAL_BELOW_MINIMUM: "price times quantity must be at least",
    RejectCode.SYMBOL_NOT_ALLOWED: "symbol must be one of allowed_symbols",
    RejectCode.SYMBOL_BLOCKED: "symbol is in blocked_symbols",
}


def describe(breach: Breach) -> str:
    """One breach as a clause: ``order value 60000 is over max_order_value 50000 (gateway)``."""
    if (text := _RISK_TEXT.get(breach.code)) is not None:
        where = breach.scope.value
        if breach.scope is not ScopeKind.GATEWAY:
            where += f" {breach.scope_id}"
        verb = "has reached" if breach.code is RejectCode.DAILY_LOSS_LIMIT else "is over"
        return f"{text} {breach.value} {verb} {breach.code.value.lower()} {breach.limit} ({where})"
    text = _INSTRUMENT_TEXT.get(breach.code, breach.code.value)
    return f"{text} {breach.limit}, was {breach.value}"


def reject_of(stage: RejectStage, breaches: tuple[Breach, ...]) -> Reject:
    """One refusal for all breaches: the first gives the code, the text names every one."""
    text = "; ".join(describe(breach) for breach in breaches)
    first = breaches[0]
    return Reject(stage, first.code, text, breaches, {"limit": first.limit, "value": first.value})


def refuse(stage: RejectStage, code: RejectCode, text: str, **context: str) -> Reject:
    return Reject(stage, code, text, (), context)
