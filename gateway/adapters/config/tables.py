"""What may stand in each of the six files: every key, and what its value may be (gateway.yaml: ``gateway_table``).

Defaults are those of ``gateway.domain``; what the values mean is told in ``docs/configuration.md``, which a test
compares with these tables. Rules that look at more than one value are in ``rules`` and ``instruments``.
"""

from collections.abc import Mapping
from decimal import Decimal

from gateway.adapters.config import words
from gateway.adapters.config.channel_kinds import CHANNEL_NEEDS
from gateway.adapters.config.gateway_table import CANDIDATE_TERMS, GATEWAY_TABLE, REFRESH, SOURCE, SYMBOLS
from gateway.adapters.config.kinds import (
    AMOUNT_OR_SHARE,
    COUNT,
    FLAG,
    LOSS_LIMIT,
    MOMENT,
    NOT_NEGATIVE,
    POSITIVE,
    WEIGHT,
    duration,
    number,
    ratio,
    share,
    switchable,
    whole,
)
from gateway.adapters.config.schema import Either, Fields, Many, Names, Rule
from gateway.adapters.config.throttle_table import SELF_MATCH, misplaced_throttles, throttles_of
from gateway.domain.breakers import BreakerAction, BreakerKind
from gateway.domain.config import DropCopy, FigureSampling, Limits, OverrideWindow, ReconciliationTerms
from gateway.domain.enums import CanaryUnit, OrdType, Role, ScopeKind, ShortSale
from gateway.domain.limit_controls import LIMIT_CONTROLS
from gateway.domain.rollout import (
    ApprovalNeed,
    ApprovalTerms,
    CanaryCaps,
    DemotionTerms,
    Gates,
    OpenOrders,
    Promotions,
    Rollout,
    RolloutStep,
    ShadowTerms,
)
from gateway.domain.settings import NotificationChannel, Principal

GATEWAY, RISK, INSTRUMENTS = "gateway.yaml", "risk.yaml", "instruments.yaml"
ROLLOUT, PRINCIPALS, NOTIFICATIONS = "rollout.yaml", "principals.yaml", "notifications.yaml"

ASSET_CLASSES = {name: name for name in ("equity", "future", "crypto", "forex", "option")}
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
_RISK = Fields(
    {
        "limits": _LIMITS,
        "accounts": Names(words.NAME, _limits(ScopeKind.ACCOUNT), "account"),
        "strategies": Names(words.NAME, _limits(ScopeKind.STRATEGY), "strategy"),
        "venues": Names(words.VENUE, _limits(ScopeKind.VENUE), "venue"),
        "symbols": Names(words.SYMBOL, _limits(ScopeKind.SYMBOL), "symbol"),
        "sectors": Names(words.NAME, _limits(ScopeKind.SECTOR), "sector"),
        "asset_classes": Names(words.one_of(ASSET_CLASSES), _limits(ScopeKind.ASSET_CLASS), "class"),
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

_INSTRUMENT = Fields(
    {
        "symbol": words.SYMBOL,
        "venue": words.VENUE,
        "exchange": words.NAME,
        "currency": words.CURRENCY,
        "enabled": FLAG,
        "expiry": words.EXPIRY,
        "tick_size": POSITIVE,
        "lot_size": POSITIVE,
        "min_qty": NOT_NEGATIVE,
        "max_qty": POSITIVE,
        "min_notional": NOT_NEGATIVE,
        "multiplier": POSITIVE,
        "calendar": words.CALENDAR,
        "sector": words.NAME,
        "margin_rate": ratio(high=Decimal(10)),
        "average_daily_volume": POSITIVE,
        "reference_px": POSITIVE,
        "order_types": Many(words.choice(OrdType)),
    },
    required=("symbol",),
)
_ANY_INSTRUMENT = Fields({**_INSTRUMENT.keys, "asset_class": words.one_of(ASSET_CLASSES)}, required=("symbol",))
_GROUP = Many(_INSTRUMENT, shorthand="symbol")
_GROUPS = Fields(dict.fromkeys(("equities", "futures", "crypto", "forex", "options"), _GROUP))
_INSTRUMENTS = Fields(
    {
        "symbols": Either(_GROUPS, Many(_ANY_INSTRUMENT, shorthand="symbol")),
        "exchange": SOURCE,
        "refresh_interval": REFRESH,
    }
)

_CAPS = Fields(
    {
        "max_live_orders": whole(0, 1_000_000),
        "max_live_notional": NOT_NEGATIVE,
        "max_live_loss": NOT_NEGATIVE,
    },
    struct=CanaryCaps,
)
_RATE = share(low=Decimal("0.000001"), high=Decimal("0.5"))
_BPS = number(low=Decimal("0.1"), high=Decimal(1_000))
_STEP = Fields(
    {
        "weight_pct": WEIGHT,
        "days": whole(1, 3_650),
        "notional_pct": WEIGHT,
        "min_orders": whole(0, 10_000_000),
        "max_error_rate": _RATE,
        "caps": _CAPS,
    },
    required=("weight_pct", "days"),
    struct=RolloutStep,
    attrs={"weight_pct": "weight_bp", "notional_pct": "notional_bp"},
)
_GATES = Fields(
    {
        "confidence": share(low=Decimal("0.8"), high=Decimal("0.9999")),
        "max_error_rate": switchable(_RATE),
        "min_fill_rate": switchable(share(low=Decimal("0.5"), high=Decimal("0.99999"))),
        "max_slippage_bps": switchable(_BPS),
        "max_twin_slippage_bps": switchable(_BPS),
        "max_vwap_bps": switchable(_BPS),
        "min_effect_bps": _BPS,
        "max_ack_ms": switchable(whole(1, 3_600_000)),
        "max_slow_acks": _RATE,
        "max_ack_delay_ms": switchable(whole(1, 3_600_000)),
        "min_effect_ms": whole(1, 3_600_000),
        "max_breaches": whole(0, 1_000_000),
        "min_pairs": whole(7, 1_000_000),
        "require_alerting": FLAG,
    },
    struct=Gates,
)
_ROLLOUT = Fields(
    {
        "canary_unit": words.choice(CanaryUnit),
        "salt": words.FILLED_TEXT,
        "caps": Names(words.VENUE, _CAPS, "venue"),
        "promotions": Names(words.VENUE, words.choice(Promotions), "venue"),
        "plan": Many(_STEP),
        "live_after_days": whole(0, 3_650),
        "gates": _GATES,
        "approval": Fields(
            {"needed": words.choice(ApprovalNeed), "expires_h": whole(1, 24 * 365)}, struct=ApprovalTerms
        ),
        "demotion": Fields(
            {
                "open_orders": words.choice(OpenOrders),
                "cool_down": duration("s", is_whole=True),
                "settle": duration("s", low_ms=1_000, is_whole=True),
                "max_outages": whole(0, 1_000),
            },
            struct=DemotionTerms,
            attrs={"cool_down": "cool_down_s", "settle": "settle_s"},
        ),
        "shadow": Fields({"days": whole(0, 3_650), "min_orders": whole(0, 10_000_000)}, struct=ShadowTerms),
        "candidates": CANDIDATE_TERMS,
    },
    struct=Rollout,
)

_NO_PLAIN_KEY = "never write the key itself; `gateway make-key NAME --role trader` gives the key_sha256"
_PRINCIPAL = Fields(
    {
        "name": words.NAME,
        "role": words.choice(Role),
        "key_sha256": words.SHA256,
        "accounts": Many(words.NAME),
        "strategies": Many(words.NAME),
        "networks": Many(words.NETWORK),
    },
    required=("name", "role", "key_sha256"),
    moved=dict.fromkeys(("key", "api_key", "token", "secret", "password"), _NO_PLAIN_KEY),
    struct=Principal,
)

_NO_PLAIN_SECRET = "secrets are not written here: `url_env` or `secret_env` names an environment variable"

_CHANNEL = Fields(
    {
        "name": words.NAME,
        "kind": words.one_of({name: name for name in CHANNEL_NEEDS}),
        "url": words.URL,
        "url_env": words.ENV_NAME,
        "secret_env": words.ENV_NAME,
        "min_severity": words.one_of({name: name for name in ("info", "warning", "critical")}),
        "chat_id": words.FILLED_TEXT,
        "host": words.FILLED_TEXT,
        "port": whole(1, 65_535),
        "security": words.one_of({name: name for name in ("starttls", "tls", "none")}),
        "username": words.FILLED_TEXT,
        "sender": words.EMAIL,
        "recipients": Many(words.EMAIL),
    },
    required=("name",),
    moved=dict.fromkeys(("token", "password", "secret", "key", "routing_key", "webhook"), _NO_PLAIN_SECRET),
    struct=NotificationChannel,
)

FILES: Mapping[str, Fields] = {
    GATEWAY: GATEWAY_TABLE,
    RISK: _RISK,
    INSTRUMENTS: _INSTRUMENTS,
    ROLLOUT: _ROLLOUT,
    PRINCIPALS: Fields({"principals": Many(_PRINCIPAL)}),
    NOTIFICATIONS: Fields({"channels": Many(_CHANNEL)}),
}

#: Where a top-level key belongs, for people who wrote it into another file (``symbols`` has two homes).
HOME_OF_KEY: Mapping[str, str] = {key: file for file, fields in FILES.items() for key in fields.keys}
