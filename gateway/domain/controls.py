"""Every control of the gateway, one row each: what it compares, where it is set, its code, and the clause it serves.

The one table: the rules of the risk gate refer to their rows, ``docs/controls.md`` is written from it (``python -m
tests.controls.page``), and tests fail for a row without a test case or a control of ``standards`` without a row.
"""

import msgspec

from gateway.domain.enums import STOP_SCOPES, RejectStage, ScopeKind
from gateway.domain.reasons import RejectCode

#: Every scope that a table of limits can be written for in risk.yaml.
ALL_SCOPES = (ScopeKind.GATEWAY, ScopeKind.ACCOUNT, ScopeKind.STRATEGY, ScopeKind.SYMBOL)
_SYMBOL = (ScopeKind.SYMBOL,)
_GATEWAY = (ScopeKind.GATEWAY,)


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """One control. ``rule_id`` names it in overrides, verdicts and documents, and never changes.

    ``key`` is where it is set: a key of risk.yaml's scopes, or ``file: key`` elsewhere, empty when it is always on.
    ``guards_new_risk`` False means that it binds an order which only closes a position too. ``clause`` is the rule
    of a regulator or industry body, or ``seed``, that asks for it; ``serves`` are numbers of ``standards``.
    ``text`` says what is compared, for the person whose order was refused.
    """

    rule_id: str
    key: str
    code: RejectCode
    scopes: tuple[ScopeKind, ...]
    stage: RejectStage
    clause: str
    guards_new_risk: bool
    text: str
    serves: tuple[int, ...] = ()


def _limit(
    key: str,
    text: str,
    clause: str,
    serves: tuple[int, ...],
    *,
    scopes: tuple[ScopeKind, ...] = ALL_SCOPES,
    code: RejectCode | None = None,
    guards_new_risk: bool = True,
) -> Control:
    """A row of risk.yaml: rule, key and (unless given) code have one name."""
    return Control(
        rule_id=key,
        key=key,
        code=RejectCode[key.upper()] if code is None else code,
        scopes=scopes,
        stage=RejectStage.RISK,
        clause=clause,
        guards_new_risk=guards_new_risk,
        text=text,
        serves=serves,
    )


def _check(
    rule_id: str,
    key: str,
    code: RejectCode,
    stage: RejectStage,
    text: str,
    clause: str,
    serves: tuple[int, ...],
    *,
    scopes: tuple[ScopeKind, ...] = _SYMBOL,
    guards_new_risk: bool = False,
) -> Control:
    """A control that is not a limit of risk.yaml."""
    return Control(
        rule_id=rule_id,
        key=key,
        code=code,
        scopes=scopes,
        stage=stage,
        clause=clause,
        guards_new_risk=guards_new_risk,
        text=text,
        serves=serves,
    )


#: Limits of risk.yaml, in the order in which breaches are listed.
LIMIT_CONTROLS: tuple[Control, ...] = (
    _limit(
        "max_order_size",
        "order quantity",
        "RTS 6 Art. 15(1)(c); 15c3-5(c)(1)(ii); FIX 1530=10",
        (1, 11),
        guards_new_risk=False,
    ),
    _limit(
        "max_order_value",
        "order value",
        "RTS 6 Art. 15(1)(b); 15c3-5(c)(1)(ii); FIX 1530=11; seed",
        (2, 11),
        guards_new_risk=False,
    ),
    _limit("max_position_size", "position if all open orders fill", "RTS 6 Art. 15(4); FIX 1530=3; seed", (5, 7)),
    _limit("max_position_value", "position value if all open orders fill", "RTS 6 Art. 15(4); FIX 1530=3", (5, 7)),
    _limit("max_concentration", "share of the account's equity in this symbol", "RTS 6 Art. 15(4); seed", (7,)),
    _limit("max_leverage", "gross exposure over the account's equity", "15c3-5(c)(1)(i); seed", (5, 7, 10)),
    _limit("daily_loss_limit", "loss of the day", "RTS 6 Art. 15(4); 15c3-5(c)(1)(i); seed", (7, 10)),
    _limit(
        "allowed_symbols",
        "symbol must be one of allowed_symbols",
        "RTS 6 Art. 15(5); 15c3-5(c)(2)(ii)",
        (8, 13),
        scopes=(ScopeKind.GATEWAY, ScopeKind.ACCOUNT, ScopeKind.STRATEGY),
        code=RejectCode.SYMBOL_NOT_ALLOWED,
    ),
    _limit(
        "blocked_symbols",
        "symbol is in blocked_symbols",
        "RTS 6 Art. 15(5); 15c3-5(c)(2)(ii)",
        (8, 13),
        scopes=(ScopeKind.GATEWAY, ScopeKind.ACCOUNT, ScopeKind.STRATEGY),
        code=RejectCode.SYMBOL_BLOCKED,
    ),
)

_R, _S = RejectCode, RejectStage

#: Checks of the instrument, before any limit.
INSTRUMENT_CONTROLS: tuple[Control, ...] = (
    _check("tick_size", "instruments.yaml: tick_size", _R.PRICE_OFF_TICK, _S.INSTRUMENT, "price grid", "FIA", (11,)),
    _check("lot_size", "instruments.yaml: lot_size", _R.QUANTITY_OFF_LOT, _S.INSTRUMENT, "lot grid", "FIA", (11,)),
    _check(
        "min_qty", "instruments.yaml: min_qty", _R.QUANTITY_BELOW_MINIMUM, _S.INSTRUMENT, "smallest order", "FIA", (11,)
    ),
    _check(
        "max_qty",
        "instruments.yaml: max_qty",
        _R.QUANTITY_ABOVE_MAXIMUM,
        _S.INSTRUMENT,
        "largest order that the instrument takes",
        "RTS 6 Art. 15(1)(c); FIX 1530=10",
        (1,),
    ),
    _check(
        "min_notional",
        "instruments.yaml: min_notional",
        _R.NOTIONAL_BELOW_MINIMUM,
        _S.INSTRUMENT,
        "smallest order value",
        "FIA",
        (11,),
    ),
    _check(
        "order_types",
        "instruments.yaml: order_types",
        _R.ORDER_TYPE_UNSUPPORTED,
        _S.INSTRUMENT,
        "order types that the instrument takes",
        "FIA",
        (11,),
    ),
    _check(
        "reference_price",
        "",
        _R.REFERENCE_PRICE_MISSING,
        _S.INSTRUMENT,
        "an order that nothing values is not taken",
        "FIA",
        (17,),
    ),
    _check(
        "enabled",
        "instruments.yaml: enabled",
        _R.INSTRUMENT_DISABLED,
        _S.INSTRUMENT,
        "instrument is enabled",
        "RTS 6 Art. 15(5)",
        (8,),
        guards_new_risk=True,
    ),
)

#: What keeps orders out whatever their size.
STATE_CONTROLS: tuple[Control, ...] = (
    _check(
        "trading_halted",
        "",
        _R.TRADING_HALTED,
        _S.TRADING_STATE,
        "trading is enabled (kill switch)",
        "RTS 6 Art. 12; FIA",
        (21,),
        scopes=STOP_SCOPES,
    ),
    _check(
        "trading_reducing",
        "",
        _R.TRADING_REDUCING,
        _S.TRADING_STATE,
        "only what reduces a position",
        "FIA",
        (23,),
        scopes=STOP_SCOPES,
        guards_new_risk=True,
    ),
    _check(
        "session_strategies",
        "",
        _R.STRATEGY_NOT_IN_SESSION,
        _S.TRADING_STATE,
        "strategy is in the running session",
        "15c3-5(c)(2)(iii)",
        (14,),
        scopes=(ScopeKind.STRATEGY,),
        guards_new_risk=True,
    ),
    _check(
        "venue_connected",
        "",
        _R.VENUE_NOT_CONNECTED,
        _S.TRADING_STATE,
        "the venue is connected",
        "FIA",
        (22,),
        scopes=(ScopeKind.VENUE,),
    ),
    _check("policy", "gateway.yaml: policy", _R.POLICY_DENIED, _S.POLICY, "the policies", "seed", (13,)),
)

CONTROLS: tuple[Control, ...] = (*LIMIT_CONTROLS, *INSTRUMENT_CONTROLS, *STATE_CONTROLS)

#: By rule id.
CONTROL_OF: dict[str, Control] = {control.rule_id: control for control in CONTROLS}
