"""What may stand in each of the six files: every key, and what its value may be. The three largest files have modules
of their own: ``gateway_table``, ``risk_table``, ``rollout_table``.

Defaults are those of ``gateway.domain``; what the values mean is told in ``docs/configuration.md``, which a test
compares with these tables. Rules that look at more than one value are in ``rules`` and ``instruments``.
"""

from collections.abc import Mapping
from decimal import Decimal

from gateway.adapters.config import words
from gateway.adapters.config.channel_kinds import CHANNEL_NEEDS
from gateway.adapters.config.gateway_table import GATEWAY_TABLE, REFRESH, SOURCE
from gateway.adapters.config.kinds import FLAG, NOT_NEGATIVE, POSITIVE, ratio, whole
from gateway.adapters.config.risk_table import RISK_TABLE
from gateway.adapters.config.rollout_table import ROLLOUT_TABLE
from gateway.adapters.config.schema import Either, Fields, Many
from gateway.domain.enums import OrdType, Role
from gateway.domain.settings import NotificationChannel, Principal

GATEWAY, RISK, INSTRUMENTS = "gateway.yaml", "risk.yaml", "instruments.yaml"
ROLLOUT, PRINCIPALS, NOTIFICATIONS = "rollout.yaml", "principals.yaml", "notifications.yaml"

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
_ANY_INSTRUMENT = Fields({**_INSTRUMENT.keys, "asset_class": words.ASSET_CLASS}, required=("symbol",))
_GROUP = Many(_INSTRUMENT, shorthand="symbol")
_GROUPS = Fields(dict.fromkeys(("equities", "futures", "crypto", "forex", "options"), _GROUP))
_INSTRUMENTS = Fields(
    {
        "symbols": Either(_GROUPS, Many(_ANY_INSTRUMENT, shorthand="symbol")),
        "exchange": SOURCE,
        "refresh_interval": REFRESH,
    }
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
    RISK: RISK_TABLE,
    INSTRUMENTS: _INSTRUMENTS,
    ROLLOUT: ROLLOUT_TABLE,
    PRINCIPALS: Fields({"principals": Many(_PRINCIPAL)}),
    NOTIFICATIONS: Fields({"channels": Many(_CHANNEL)}),
}

#: Where a top-level key belongs, for people who wrote it into another file (``symbols`` has two homes).
HOME_OF_KEY: Mapping[str, str] = {key: file for file, fields in FILES.items() for key in fields.keys}
