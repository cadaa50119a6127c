"""The limits of risk.yaml: one row of ``controls`` each."""

from gateway.domain.control import Control
from gateway.domain.enums import RejectStage, ScopeKind
from gateway.domain.reasons import RejectCode

#: Every scope that a table of limits can be written for in risk.yaml.
ALL_SCOPES = tuple(ScopeKind)
#: What is measured over the account of the order: under ``limits`` it binds every account.
_ACCOUNTS = (ScopeKind.GATEWAY, ScopeKind.ACCOUNT)
#: Lists of symbols make no sense where there is one symbol, or a group of them.
_LISTS = (ScopeKind.GATEWAY, ScopeKind.ACCOUNT, ScopeKind.STRATEGY, ScopeKind.VENUE)


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
    _limit(
        "max_order_adv",
        "order quantity as a share of the average daily volume",
        "15c3-5(c)(1)(ii); SGX 4.10.1(b)",
        (1, 11, 20),
        guards_new_risk=False,
    ),
    _limit(
        "price_collar",
        "distance beyond the market's price",
        "RTS 6 Art. 15(1)(a); 15c3-5(c)(1)(ii)",
        (3, 11),
        guards_new_risk=False,
    ),
    _limit(
        "price_collar_window",
        "distance beyond the average price of the last seconds",
        "RTS 6 Art. 15(1)(a)",
        (3,),
    ),
    _limit("risk_per_trade", "share of the account's equity lost if the order is stopped out", "seed", (7,)),
    _limit("max_position_size", "position if all open orders fill", "RTS 6 Art. 15(4); FIX 1530=3; seed", (5, 7)),
    _limit("max_position_value", "position value if all open orders fill", "RTS 6 Art. 15(4); FIX 1530=3", (5, 7)),
    _limit("max_concentration", "share of the account's equity in this symbol", "RTS 6 Art. 15(4); seed", (7,)),
    _limit(
        "max_intraday_position", "change of the position since the day began, if all open orders fill", "FIA", (15,)
    ),
    _limit(
        "max_adv_participation",
        "traded today and on order as a share of the average daily volume",
        "SGX 4.10.1(b); FIX 1530=14",
        (18, 20),
    ),
    _limit(
        "volatility_target",
        "what the position moves on an ordinary day, as a share of the account's equity",
        "RTS 6 Art. 15(4)",
        (7,),
    ),
    _limit("max_correlation", "correlation with another position of the same direction", "RTS 6 Art. 15(4)", (7,)),
    _limit("max_leverage", "gross exposure over the account's equity", "15c3-5(c)(1)(i); seed", (5, 7, 10)),
    _limit("max_portfolio_exposure", "gross exposure over the account's equity", "15c3-5(c)(1)(i); seed", (7, 10)),
    _limit("max_gross_exposure", "gross exposure", "15c3-5(c)(1)(i); FIX 1530=1", (5, 7, 10)),
    _limit("max_net_exposure", "net exposure in the direction of the order", "FIX 1530=2, 4, 5", (5, 7, 10)),
    _limit("max_open_order_value", "value of all open orders", "RTS 6 Art. 15(2); FIX 1530=3", (5, 10)),
    _limit("max_open_orders", "open orders", "RTS 6 Art. 15(2); FIA", (5,)),
    _limit("max_open_positions", "positions open or on order", "seed", (7,)),
    _limit(
        "max_margin_use",
        "margin of positions and open orders as a share of the account's equity",
        "15c3-5(c)(1)(i); FIX 1530=8",
        (7, 10),
        scopes=_ACCOUNTS,
    ),
    _limit(
        "min_buying_power",
        "equity of the account beyond all margin",
        "15c3-5(c)(1)(i); FIX 1530=0",
        (7, 10),
        scopes=_ACCOUNTS,
    ),
    _limit("min_account_balance", "equity of the account", "15c3-5(c)(1)(i); seed", (7, 10), scopes=_ACCOUNTS),
    _limit("max_drawdown", "loss of the account from its peak", "RTS 6 Art. 15(4); seed", (7,), scopes=_ACCOUNTS),
    _limit("daily_loss_limit", "loss of the day", "RTS 6 Art. 15(4); 15c3-5(c)(1)(i); seed", (7, 10)),
    _limit(
        "require_market_data",
        "the market has a price",
        "FIA; CFTC",
        (17,),
        code=RejectCode.MARKET_DATA_UNAVAILABLE,
    ),
    _limit(
        "max_market_data_age_ms",
        "age of the market's price in ms",
        "FIA; CFTC",
        (17,),
        code=RejectCode.STALE_MARKET_DATA,
    ),
    _limit("deny_crossed_market", "bid above ask by", "FIA; CFTC", (17,), code=RejectCode.CROSSED_MARKET),
    _limit("max_spread_bps", "spread in basis points of the mid", "FIA", (17,)),
    _limit("min_displayed_qty", "quantity shown on the far side", "FIA", (17,)),
    _limit("min_depth_multiple", "quantity shown on the far side over that of the order", "FIA", (17,)),
    _limit("min_average_volume", "average daily volume of the instrument", "FIA", (17,)),
    _limit(
        "market_hours",
        "the exchange takes such an order in this phase of its day",
        "FIA; 15c3-5(c)(2)(i)",
        (13, 24),
        code=RejectCode.OUTSIDE_MARKET_HOURS,
    ),
    _limit(
        "short_sale",
        "no sale of more than the account holds",
        "15c3-5(c)(2)(i)",
        (13,),
        code=RejectCode.SHORT_SALE_DENIED,
    ),
    _limit(
        "no_short",
        "no sale of more than the account holds of the symbols listed",
        "15c3-5(c)(2)(i-ii)",
        (13,),
        scopes=_LISTS,
        code=RejectCode.SHORT_SALE_DENIED,
    ),
    _limit(
        "allowed_symbols",
        "symbol must be one of allowed_symbols",
        "RTS 6 Art. 15(5); 15c3-5(c)(2)(ii)",
        (8, 13),
        scopes=_LISTS,
        code=RejectCode.SYMBOL_NOT_ALLOWED,
    ),
    _limit(
        "blocked_symbols",
        "symbol is in blocked_symbols",
        "RTS 6 Art. 15(5); 15c3-5(c)(2)(ii)",
        (8, 13),
        scopes=_LISTS,
        code=RejectCode.SYMBOL_BLOCKED,
    ),
    _limit(
        "restricted_symbols",
        "symbol is in restricted_symbols",
        "RTS 6 Art. 15(5); 15c3-5(c)(2)(ii)",
        (8, 13),
        scopes=_LISTS,
        code=RejectCode.RESTRICTED_SYMBOL,
    ),
    Control(
        rule_id="gap_events",
        key="risk.yaml: gap_events",
        code=RejectCode.GAP_EVENT,
        scopes=(ScopeKind.SYMBOL,),
        stage=RejectStage.RISK,
        clause="FIA",
        guards_new_risk=True,
        text="no window around an event (earnings, a rate decision) is open",
        serves=(24,),
    ),
)
