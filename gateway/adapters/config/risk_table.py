"""What may stand in ``risk.yaml``: limits, breakers, throttles, overrides. The files together are in ``tables``."""

from collections.abc import Mapping
from decimal import Decimal

from gateway.adapters.config import words
from gateway.adapters.config.gateway_table import SYMBOLS
from gateway.adapters.config.kinds import (
    AMOUNT_OR_SHARE,
    COUNT,
    FLAG,
    LOSS_LIMIT,
    MOMENT,
    NOT_NEGATIVE,
    POSITIVE,
    duration,
    number,
    ratio,
    share,
    whole,
)
from gateway.adapters.config.schema import Fields, Many, Names, Rule
from gateway.adapters.config.throttle_table import SELF_MATCH, misplaced_throttles, throttles_of
from gateway.domain.breakers import BreakerAction, BreakerKind
from gateway.domain.config import DropCopy, FigureSampling, Limits, OverrideWindow, ReconciliationTerms
from gateway.domain.enums import ScopeKind, ShortSale
from gateway.domain.limit_controls import LIMIT_CONTROLS

_SHARE = ratio(high=Decimal(1), hint='20 percent is 0.2 or "20%"')
_LIMIT_KINDS: Mapping[str, Rule] = {
    "max_order_size": POSITIVE,
    "max_order_value": POSITIVE,
    "max_order_adv": _SHARE,
    "price_collar": _SHARE,
    "price_collar_window": _SHARE,
    "risk_per_trade": _SHARE,
    "max_position_size": POSITIVE,
    "max_position_value": POSITIVE,
    "max_concentration": _SHARE,
    "max_intraday_position": POSITIVE,
    "max_adv_participation": _SHARE,
    "volatility_target": _SHARE,
    "max_correlation": share(),
    "max_leverage": ratio(high=Decimal(100)),
    "max_portfolio_exposure": _SHARE,
    "max_gross_exposure": AMOUNT_OR_SHARE,
    "max_net_exposure": AMOUNT_OR_SHARE,
    "max_open_order_value": POSITIVE,
    "max_open_orders": COUNT,
    "max_open_positions": COUNT,
    "max_margin_use": _SHARE,
    "min_buying_power": NOT_NEGATIVE,
    "min_account_balance": NOT_NEGATIVE,
    "max_drawdown": _SHARE,
    "daily_loss_limit": LOSS_LIMIT,
    "require_market_data": FLAG,
    "max_market_data_age_ms": duration("ms", low_ms=1),
    "deny_crossed_market": FLAG,
    "max_spread_bps": number(above=Decimal(0), high=Decimal(10_000)),
    "min_displayed_qty": POSITIVE,
    "min_depth_multiple": POSITIVE,
    "min_average_volume": POSITIVE,
    "market_hours": FLAG,
    "short_sale": words.choice(ShortSale),
    "no_short": SYMBOLS,
    "allowed_symbols": SYMBOLS,
    "blocked_symbols": SYMBOLS,
    "restricted_symbols": Names(words.SYMBOL, words.FILLED_TEXT, "symbol"),
}
#: Another name of a limit.
ALIASES: Mapping[str, str] = {"max_daily_loss": "daily_loss_limit"}
_NOT_FOR_ONE = "a list of symbols stands under limits, accounts, strategies or venues"
_WHERE = {
    ScopeKind.GATEWAY: "limits",
    ScopeKind.ACCOUNT: "accounts",
    ScopeKind.STRATEGY: "strategies",
    ScopeKind.VENUE: "venues",
    ScopeKind.SYMBOL: "symbols",
}


def _limits(kind: ScopeKind, **own: Rule) -> Fields:
    """The limits that one kind of scope may have, as the table of controls says."""
    scopes = {control.key: control.scopes for control in LIMIT_CONTROLS}
    keys = {key: rule for key, rule in _LIMIT_KINDS.items() if kind in scopes[key]}
    aliases = {alias: rule for alias, key in ALIASES.items() if (rule := keys.get(key)) is not None}
    moved = {
        key: _NOT_FOR_ONE
        if kind is ScopeKind.SYMBOL and scopes[key] == scopes["allowed_symbols"]
        else f"it stands under {', '.join(_WHERE[scope] for scope in scopes[key] if scope in _WHERE)}"
        for key in _LIMIT_KINDS
        if key not in keys
    }
    if not own:
        moved["stop_loss_percentage"] = "it stands under limits"
    moved |= misplaced_throttles(kind)
    return Fields({**keys, **aliases, **throttles_of(kind), **own}, moved=moved, struct=Limits, attrs=ALIASES)


_BREAKER = Fields(
    {
        "enabled": FLAG,
        "threshold": ratio(high=Decimal(1_000_000)),
        "action": words.choice(BreakerAction),
        "scope": words.one_of({"gateway": "gateway", "account": "account"}),
        "reset_below": ratio(high=Decimal(1_000_000)),
        "reset_after": duration("s", low_ms=1_000, is_whole=True),
        "reset_next_day": FLAG,
        "window": duration("s", low_ms=10_000, is_whole=True),
        "min_count": whole(1, 1_000_000),
        "size_factor": _SHARE,
        "reduce_ratio": _SHARE,
        "books": Many(words.one_of({"live": "live", "shadow": "shadow"})),
        "stops_both_books": FLAG,
    }
)
_GAP_EVENT = Fields(
    {
        "symbols": SYMBOLS,
        "symbol": words.SYMBOL,
        "from": MOMENT,
        "to": MOMENT,
        "reason": words.FILLED_TEXT,
    },
    required=("from", "to", "reason"),
)
_LIMITS = _limits(ScopeKind.GATEWAY, stop_loss_percentage=_SHARE)
RISK_TABLE = Fields(
    {
        "limits": _LIMITS,
        "accounts": Names(words.NAME, _limits(ScopeKind.ACCOUNT), "account"),
        "strategies": Names(words.NAME, _limits(ScopeKind.STRATEGY), "strategy"),
        "venues": Names(words.VENUE, _limits(ScopeKind.VENUE), "venue"),
        "symbols": Names(words.SYMBOL, _limits(ScopeKind.SYMBOL), "symbol"),
        "sectors": Names(words.NAME, _limits(ScopeKind.SECTOR), "sector"),
        "asset_classes": Names(words.ASSET_CLASS, _limits(ScopeKind.ASSET_CLASS), "class"),
        "circuit_breakers": Names(words.choice(BreakerKind), _BREAKER, "breaker"),
        "gap_events": Many(_GAP_EVENT),
        "collar_window": duration("s", low_ms=1_000, is_whole=True),
        "collar_max_age": duration("s", low_ms=1_000, is_whole=True),
        "figures": Fields(
            {
                "sample_every_s": whole(1, 86_400),
                "window": whole(2, 10_000),
                "min_samples": whole(2, 10_000),
                "compute_every_s": whole(1, 86_400),
                "max_symbols": whole(0, 1_000),
            },
            struct=FigureSampling,
        ),
        "figures_max_age": duration("s", low_ms=1_000, is_whole=True),
        **SELF_MATCH,
        "reprice_reserve_bps": number(low=Decimal(0), high=Decimal(10_000)),
        "drop_copy": Fields({"grace_s": whole(1, 86_400)}, struct=DropCopy),
        "reconciliation": Fields(
            {
                "every_s": whole(1, 86_400),
                "grace_s": whole(1, 3_600),
                "in_doubt_alert_s": whole(1, 86_400),
                "venues": Names(words.VENUE, Fields({"every_s": whole(1, 86_400)}), "venue"),
            },
            struct=ReconciliationTerms,
        ),
        "overrides": Fields({"default_s": whole(1, 86_400), "max_s": whole(1, 86_400)}, struct=OverrideWindow),
    },
    moved=dict.fromkeys(_LIMITS.keys, "limits of the whole gateway stand under `limits:`"),
)
