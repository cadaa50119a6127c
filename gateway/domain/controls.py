"""Every control of the gateway, one row each: what it compares, where it is set, its code, and the clause it serves.

The one table: the rules of the risk gate refer to their rows, ``docs/controls.md`` is written from it (``python -m
tests.controls.page``), and tests fail for a row without a test case or a standard without a row.
"""

from gateway.domain.control import Control
from gateway.domain.enums import STOP_SCOPES, RejectStage, ScopeKind
from gateway.domain.limit_controls import LIMIT_CONTROLS
from gateway.domain.reasons import RejectCode
from gateway.domain.throttle_controls import THROTTLE_CONTROLS

_SYMBOL = (ScopeKind.SYMBOL,)
_GATEWAY = (ScopeKind.GATEWAY,)


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
        "venue_time_in_force",
        "",
        _R.TIME_IN_FORCE_UNSUPPORTED,
        _S.INSTRUMENT,
        "times in force that the venue takes",
        "FIA",
        (11,),
        scopes=(ScopeKind.VENUE,),
    ),
    _check(
        "venue_algorithm",
        "",
        _R.ALGORITHM_UNSUPPORTED,
        _S.INSTRUMENT,
        "execution algorithms that the venue has",
        "FIA",
        (11,),
        scopes=(ScopeKind.VENUE,),
    ),
    _check(
        "venue_order_class",
        "",
        _R.ORDER_CLASS_UNSUPPORTED,
        _S.INSTRUMENT,
        "order classes that the venue carries out",
        "FIA",
        (11,),
        scopes=(ScopeKind.VENUE,),
    ),
    _check(
        "venue_replace",
        "",
        _R.REPLACE_UNSUPPORTED,
        _S.INSTRUMENT,
        "the venue can change an order",
        "FIA",
        (11,),
        scopes=(ScopeKind.VENUE,),
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
    _check(
        "drop_copy",
        "risk.yaml: drop_copy.grace_s",
        _R.TRADING_REDUCING,
        _S.TRADING_STATE,
        "executions of an independent feed agree with the live book (`POST /api/trading/drop-copy`)",
        "FIA",
        (25,),
        guards_new_risk=True,
    ),
    _check(
        "reconciliation",
        "risk.yaml: reconciliation.every_s",
        _R.HOLDINGS_DIFFER,
        _S.TRADING_STATE,
        "the venue's holdings agree with the live book (`GET /api/trading/reconciliation`)",
        "FIA",
        (25,),
        guards_new_risk=True,
    ),
    _check("policy", "gateway.yaml: policy", _R.POLICY_DENIED, _S.POLICY, "the policies", "seed", (13,)),
)

#: Limits that a controlled override may lift. Fat-finger limits (they bind closing orders too) only together with a
#: largest quantity or value. What is not named here is never lifted: no halt, breaker or policy, no restricted list or
#: short-sale rule, no order on absent or doubtful prices, and no floor under the account (loss, drawdown, balance).
OVERRIDABLE: frozenset[str] = frozenset(
    {
        "max_order_size",
        "max_order_value",
        "max_order_adv",
        "price_collar",
        "price_collar_window",
        "risk_per_trade",
        "max_position_size",
        "max_position_value",
        "max_concentration",
        "max_intraday_position",
        "max_adv_participation",
        "volatility_target",
        "max_correlation",
        "max_leverage",
        "max_portfolio_exposure",
        "max_gross_exposure",
        "max_net_exposure",
        "max_open_order_value",
        "max_open_orders",
        "max_open_positions",
        "max_margin_use",
        "max_spread_bps",
        "min_displayed_qty",
        "min_depth_multiple",
        "min_average_volume",
        "allowed_symbols",
        "gap_events",
    }
)

#: Circuit breakers: what they measure is in ``domain.breakers``.
BREAKER_CONTROLS: tuple[Control, ...] = tuple(
    _check(
        f"breaker_{kind}",
        "risk.yaml: circuit_breakers",
        _R.CIRCUIT_BREAKER,
        _S.TRADING_STATE,
        f"circuit breaker: {text}",
        clause,
        serves,
        scopes=scopes,
        guards_new_risk=kind not in ("daily_loss", "order_rate", "emergency_shutdown"),
    )
    for kind, scopes, text, clause, serves in (
        ("daily_loss", _GATEWAY, "loss of the day", "RTS 6 Art. 15(4); seed", (24, 10)),
        ("rejection_rate", _GATEWAY, "share of orders that venues reject", "FIA; seed", (24,)),
        (
            "concentration",
            _SYMBOL,
            "share of the equity in one symbol",
            "RTS 6 Art. 15(4); seed",
            (24, 7),
        ),
        ("drawdown", _GATEWAY, "equity below its peak", "RTS 6 Art. 15(4); seed", (24, 7)),
        ("volatility", _SYMBOL, "volatility above its norm", "FIA; CFTC; seed", (24,)),
        ("venue_connection", (ScopeKind.VENUE,), "time without a connection", "FIA", (22, 24)),
        ("market_data_gap", _SYMBOL, "time without a price", "FIA; CFTC", (17, 24)),
        (
            "order_rate",
            (ScopeKind.STRATEGY,),
            "orders above the strategy's own norm",
            "RTS 6 Art. 15(3); FIA",
            (6, 24),
        ),
        ("consecutive_losses", (ScopeKind.STRATEGY,), "losses of a strategy in a row", "FIA", (24,)),
        (
            "emergency_shutdown",
            _GATEWAY,
            "several breakers at once, or a person",
            "RTS 6 Art. 12; seed",
            (21, 24),
        ),
    )
)

CONTROLS: tuple[Control, ...] = (
    *LIMIT_CONTROLS,
    *THROTTLE_CONTROLS,
    *INSTRUMENT_CONTROLS,
    *STATE_CONTROLS,
    *BREAKER_CONTROLS,
)

#: By rule id.
CONTROL_OF: dict[str, Control] = {control.rule_id: control for control in CONTROLS}
