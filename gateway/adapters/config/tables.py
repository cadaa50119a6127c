"""What may stand in each of the six files: every key, and what its value may be (gateway.yaml: ``gateway_table``).

Defaults are those of ``gateway.domain``; what the values mean is told in ``docs/configuration.md``, which a test
compares with these tables. Rules that look at more than one value are in ``rules`` and ``instruments``.
"""

from collections.abc import Mapping
from decimal import Decimal

from gateway.adapters.config import words
from gateway.adapters.config.gateway_table import GATEWAY_TABLE, REFRESH, SOURCE, SYMBOLS
from gateway.adapters.config.kinds import FLAG, LOSS_LIMIT, NOT_NEGATIVE, POSITIVE, WEIGHT, number, ratio, whole
from gateway.adapters.config.schema import Either, Fields, Many, Names, Rule
from gateway.domain.config import CanaryCaps, Limits, Rollout
from gateway.domain.enums import CanaryUnit, OrdType, Role
from gateway.domain.settings import NotificationChannel, Principal

GATEWAY, RISK, INSTRUMENTS = "gateway.yaml", "risk.yaml", "instruments.yaml"
ROLLOUT, PRINCIPALS, NOTIFICATIONS = "rollout.yaml", "principals.yaml", "notifications.yaml"

_SYMBOL_LIMITS: Mapping[str, Rule] = {
    "max_order_size": POSITIVE,
    "max_order_value": POSITIVE,
    "max_position_size": POSITIVE,
    "max_position_value": POSITIVE,
    "max_concentration": ratio(high=Decimal(1), hint='20 percent is 0.2 or "20%"'),
    "max_leverage": ratio(high=Decimal(100)),
    "daily_loss_limit": LOSS_LIMIT,
    "max_daily_loss": LOSS_LIMIT,
}
_ALIASES = {"max_daily_loss": "daily_loss_limit"}
_LIMITS = Fields(
    {**_SYMBOL_LIMITS, "allowed_symbols": SYMBOLS, "blocked_symbols": SYMBOLS}, struct=Limits, attrs=_ALIASES
)
_NOT_FOR_ONE = "a list of symbols stands under limits, accounts or strategies"
_ONE_SYMBOL = Fields(
    _SYMBOL_LIMITS,
    moved={"allowed_symbols": _NOT_FOR_ONE, "blocked_symbols": _NOT_FOR_ONE},
    struct=Limits,
    attrs=_ALIASES,
)
_RISK = Fields(
    {
        "limits": _LIMITS,
        "accounts": Names(words.NAME, _LIMITS, "account"),
        "strategies": Names(words.NAME, _LIMITS, "strategy"),
        "symbols": Names(words.SYMBOL, _ONE_SYMBOL, "symbol"),
        "reprice_reserve_bps": number(low=Decimal(0), high=Decimal(10_000)),
    },
    moved=dict.fromkeys(_LIMITS.keys, "limits of the whole gateway stand under `limits:`"),
)

ASSET_CLASSES = {name: name for name in ("equity", "future", "crypto", "forex", "option")}
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
_ROLLOUT = Fields(
    {
        "canary_unit": words.choice(CanaryUnit),
        "salt": words.FILLED_TEXT,
        "caps": Names(words.VENUE, _CAPS, "venue"),
        "plan": Many(Fields({"weight_pct": WEIGHT, "days": whole(1, 3_650)}, required=("weight_pct", "days"))),
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

_CHANNEL = Fields(
    {
        "name": words.NAME,
        "kind": words.one_of({"webhook": "webhook"}),
        "url": words.URL,
        "url_env": words.ENV_NAME,
        "min_severity": words.one_of({name: name for name in ("info", "warning", "critical")}),
    },
    required=("name",),
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
