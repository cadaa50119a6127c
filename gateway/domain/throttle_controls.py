"""The controls that remember earlier orders and executions (``core.throttle``): one row of ``controls`` each."""

from gateway.domain.control import Control
from gateway.domain.enums import RejectStage, ScopeKind
from gateway.domain.reasons import RejectCode

_ORDERS = (ScopeKind.GATEWAY, ScopeKind.ACCOUNT, ScopeKind.STRATEGY, ScopeKind.SYMBOL)
_MESSAGES = (ScopeKind.GATEWAY, ScopeKind.ACCOUNT, ScopeKind.STRATEGY, ScopeKind.VENUE)
_OWNERS = (ScopeKind.GATEWAY, ScopeKind.ACCOUNT, ScopeKind.STRATEGY)


def _row(
    rule_id: str,
    code: RejectCode,
    text: str,
    clause: str,
    serves: tuple[int, ...],
    *,
    key: str = "",
    scopes: tuple[ScopeKind, ...] = _ORDERS,
    stage: RejectStage = RejectStage.RISK,
    guards_new_risk: bool = True,
) -> Control:
    return Control(
        rule_id=rule_id,
        key=key or rule_id,
        code=code,
        scopes=scopes,
        stage=stage,
        clause=clause,
        guards_new_risk=guards_new_risk,
        text=text,
        serves=serves,
    )


THROTTLE_CONTROLS: tuple[Control, ...] = (
    _row(
        "max_messages_per_second",
        RejectCode.MESSAGE_RATE_EXCEEDED,
        "new orders and replaces per second; closes may use what is kept for cancels",
        "RTS 6 Art. 15(1)(d); 15c3-5(c)(1)(ii)",
        (4,),
        scopes=_MESSAGES,
        stage=RejectStage.INTAKE,
        guards_new_risk=False,
    ),
    _row(
        "duplicate_window_ms",
        RejectCode.DUPLICATE_ORDER,
        "the same content again within a while",
        "15c3-5(c)(1)(ii)",
        (12,),
    ),
    _row(
        "self_match_prevention",
        RejectCode.SELF_MATCH,
        "no order that could trade with an open one of our own",
        "FIA; FIX 2362",
        (16,),
        key="risk.yaml: self_match_prevention",
        scopes=_OWNERS,
    ),
    _row(
        "repeated_executions",
        RejectCode.STRATEGY_LOCKED,
        "executions of one strategy on one side of a symbol within a while: locked until a person lets it",
        "RTS 6 Art. 15(3)",
        (6,),
        stage=RejectStage.TRADING_STATE,
    ),
    _row(
        "max_executed_qty",
        RejectCode.MAX_EXECUTED_QTY,
        "units of the symbol executed within a while, and on order",
        "CFTC; FIX 1530=14",
        (18,),
    ),
    _row(
        "max_executed_value",
        RejectCode.MAX_EXECUTED_VALUE,
        "value executed within a while, and on order",
        "CFTC; FIX 1530=17",
        (18,),
    ),
    _row(
        "min_fill_ratio",
        RejectCode.MIN_FILL_RATIO,
        "filled share of what was sent within a while",
        "FIX 1530=15, 16",
        (19,),
    ),
)
