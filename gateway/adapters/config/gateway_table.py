"""What may stand in gateway.yaml. See ``tables`` for the other files."""

from decimal import Decimal

from gateway.adapters.config import words
from gateway.adapters.config.kinds import (
    FLAG,
    NOT_NEGATIVE,
    POSITIVE,
    WEIGHT,
    Kind,
    duration,
    number,
    ratio,
    share,
    whole,
)
from gateway.adapters.config.schema import Fields, Many, Names, WordOrNames
from gateway.domain.candidates import CandidateGates, CandidatePart, CandidateTerms
from gateway.domain.config import AccountConfig
from gateway.domain.enums import CostMethod, Mode
from gateway.domain.settings import (
    CandidateSettings,
    MarketDataSettings,
    PolicySettings,
    ServerSettings,
    SimulatorSettings,
    StorageSettings,
    VenueSettings,
)

_MODE = words.choice(Mode)
_SEED = whole(0, 2**63 - 1)
_LATENCY = number(low=Decimal(0), high=Decimal(60_000))
_SHARE = ratio(high=Decimal(1))
_CANDIDATE_GATES = Fields(
    {
        "min_orders": whole(1, 100_000_000),
        "min_days": whole(0, 3_650),
        "max_errors": _SHARE,
        "max_differences": _SHARE,
        "confidence": number(low=Decimal("0.5"), high=Decimal("0.9999")),
    },
    struct=CandidateGates,
)
#: Stands in rollout.yaml: what candidates are needed for, and must show at least.
CANDIDATE_TERMS = Fields(
    {"needed": Many(words.choice(CandidatePart)), "gates": _CANDIDATE_GATES}, struct=CandidateTerms
)
_FEE = number(low=Decimal(-100), high=Decimal(1_000))
SYMBOLS = Many(words.SYMBOL)
SOURCE = Kind("synthetic, replay, or a venue", words.read_venue)
REFRESH = duration("s", low_ms=100)
_FROM_ENVIRONMENT = "it comes from the environment or `.env`; see docs/configuration.md"

_MODES = Fields(
    {
        "global": _MODE,
        "venues": Names(words.VENUE, Fields({"mode": _MODE, "canary_pct": WEIGHT}), "venue"),
    }
)
#: No ``struct``: what it is by default depends on where, so the document says it in words.
DAY_ROLL = Fields({"timezone": words.TIMEZONE, "time": words.TIME_OF_DAY})
_VENUE = Fields(
    {
        "adapter": words.VENUE,
        "host": words.FILLED_TEXT,
        "port": whole(1, 65_535),
        "client_id": whole(0, 2**31 - 1),
        "paper_only": FLAG,
        "live_confirmation": words.TEXT,
        "cancel_on_disconnect": FLAG,
        "timeout": duration("s", low_ms=1),
        "day_roll": DAY_ROLL,
        "options": Names(words.NAME, words.TEXT, "option", is_free=True),
    },
    moved={"mode": "modes are under modes.venues", "username": _FROM_ENVIRONMENT},
    struct=VenueSettings,
    attrs={"timeout": "timeout_s"},
)
GATEWAY_TABLE = Fields(
    {
        "modes": _MODES,
        "venues": Names(words.VENUE, _VENUE, "venue"),
        "accounts": Names(words.NAME, Fields({"initial_cash": NOT_NEGATIVE}, struct=AccountConfig), "account"),
        "base_currency": words.CURRENCY,
        "rates": Names(words.CURRENCY, POSITIVE, "currency"),
        "day_roll": DAY_ROLL,
        "cost_method": words.choice(CostMethod),
        "snapshots": Fields({"every_s": duration("s", is_whole=True)}),
        "server": Fields(
            {
                "host": words.FILLED_TEXT,
                "port": whole(0, 65_535),
                "tls_cert": words.TEXT,
                "tls_key": words.TEXT,
                "max_body_bytes": whole(1_024, 16_777_216),
                "max_connections": whole(16, 100_000),
                "head_timeout_s": duration("s", low_ms=1_000, is_whole=True),
                "keep_alive_s": duration("s", low_ms=1_000, is_whole=True),
            },
            struct=ServerSettings,
        ),
        "storage": Fields(
            {
                "checkpoint_every": whole(1, 100_000_000),
                "max_batch": whole(1, 100_000),
                "audit_every_s": duration("s", is_whole=True),
                "retained_closed_orders": whole(0, 1_000_000),
                "retained_executions": whole(0, 1_000_000),
            },
            struct=StorageSettings,
        ),
        "policy": Fields(
            {
                "engine": words.one_of({"embedded": "embedded", "opa": "opa"}),
                "path": words.FILLED_TEXT,
                "url": words.URL,
                "timeout_ms": duration("ms", low_ms=1, is_whole=True),
                "approved_symbols": SYMBOLS,
            },
            struct=PolicySettings,
        ),
        "candidates": Names(
            words.NAME,
            Fields(
                {
                    "policies": words.FILLED_TEXT,
                    "limits": words.FILLED_TEXT,
                    "gates": _CANDIDATE_GATES,
                },
                struct=CandidateSettings,
            ),
            "candidate",
        ),
        "market_data": Fields(
            {
                "source": WordOrNames(SOURCE, Names(words.VENUE, SOURCE, "venue")),
                "path": words.TEXT,
                "speed": NOT_NEGATIVE,
                "loop": FLAG,
                "seed": _SEED,
                "ticks_per_s": whole(0, 100_000),
                "stale_after_ms": duration("ms", low_ms=1, is_whole=True),
            },
            moved={"symbols": "`symbols` and `refresh_interval` stand at the top level of gateway.yaml"},
            struct=MarketDataSettings,
        ),
        "simulator": Fields(
            {
                "seed": _SEED,
                "order_latency_ms": _LATENCY,
                "report_latency_ms": _LATENCY,
                "latency_jitter": share(),
                "maker_fee_bps": _FEE,
                "taker_fee_bps": _FEE,
                "queue_position": share(),
            },
            struct=SimulatorSettings,
        ),
        "exchange": SOURCE,
        "symbols": SYMBOLS,
        "refresh_interval": REFRESH,
    }
)
