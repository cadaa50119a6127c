"""Which way each value of a configuration loosens what guards the book, in one table.

Values that guard nothing (names, currencies, trading hours) are neutral, and so are modes: how they may move is the
business of ``core.config_change``. What the directions are for is told in ``core.loosening``.
"""

from collections.abc import Mapping
from enum import Enum, auto

from gateway.domain.breakers import BreakerConfig
from gateway.domain.candidates import CandidateGates, CandidateTerms
from gateway.domain.capabilities import VenueCapabilities
from gateway.domain.config import (
    AccountConfig,
    DropCopy,
    FigureSampling,
    GapEvent,
    Limits,
    LimitTable,
    OverrideWindow,
    ReconciliationPace,
    ReconciliationTerms,
    TradingConfig,
    VenueMode,
)
from gateway.domain.days import DayRoll
from gateway.domain.instruments import Instrument
from gateway.domain.rollout import ApprovalTerms, CanaryCaps, DemotionTerms, Gates, Rollout, RolloutStep, ShadowTerms
from gateway.domain.throttles import Executions, RepeatedExecutions, Throttles, ThrottleTable


class Looser(Enum):
    """Which way a value loosens."""

    WHEN_HIGHER = auto()
    WHEN_LOWER = auto()
    #: A share (under 1) or an amount: a change from one to the other cannot be compared, so it counts as looser.
    WHEN_HIGHER_LOSS = auto()
    #: A list of what is permitted; empty or absent permits all.
    WHEN_LONGER = auto()
    #: The same, but an empty one permits nothing.
    WHEN_LONGER_OR_ABSENT = auto()
    #: A list of what is forbidden.
    WHEN_SHORTER = auto()
    #: A word of a vocabulary that begins with the loosest.
    WHEN_EARLIER = auto()
    #: Any other value may be: nothing says which of two stops more.
    WHEN_OTHER = auto()
    #: The value holds others (a table, or tables by name): they are compared each on their own.
    WITHIN = auto()
    NEVER = auto()


#: Every field of everything that a decision reads. A test compares it with the types.
DIRECTIONS: Mapping[type, Mapping[str, Looser]] = {
    TradingConfig: {
        "revision": Looser.NEVER,
        "global_mode": Looser.NEVER,
        "venues": Looser.WITHIN,
        "capabilities": Looser.NEVER,
        "limits": Looser.WITHIN,
        "throttles": Looser.WITHIN,
        "circuit_breakers": Looser.WITHIN,
        "rollout": Looser.WITHIN,
        "instruments": Looser.WITHIN,
        "accounts": Looser.WITHIN,
        "base_currency": Looser.NEVER,
        "rates": Looser.NEVER,
        "approved_symbols": Looser.WHEN_LONGER_OR_ABSENT,
        "reprice_reserve_bps": Looser.WHEN_LOWER,  # less exposure is held
        "is_market_data_real": Looser.NEVER,
        "invented_venues": Looser.NEVER,
        "retained_closed_orders": Looser.NEVER,
        "retained_executions": Looser.NEVER,
        "overrides": Looser.WITHIN,
        "drop_copy": Looser.WITHIN,
        "reconciliation": Looser.WITHIN,
        "figures": Looser.NEVER,
        "cost_method": Looser.NEVER,
        "snapshot_every_s": Looser.NEVER,
        "day_roll": Looser.WHEN_OTHER,  # a day begun early forgives its losses
        "day_rolls": Looser.NEVER,  # compared beside this table
    },
    VenueCapabilities: dict.fromkeys(VenueCapabilities.__struct_fields__, Looser.NEVER),
    ReconciliationTerms: {
        **dict.fromkeys(("every_s", "grace_s", "in_doubt_alert_s"), Looser.WHEN_HIGHER),
        "venues": Looser.WITHIN,
    },
    ReconciliationPace: {"every_s": Looser.WHEN_HIGHER},
    DropCopy: {"grace_s": Looser.WHEN_HIGHER},
    OverrideWindow: {"default_s": Looser.NEVER, "max_s": Looser.WHEN_HIGHER},
    LimitTable: {
        **dict.fromkeys(LimitTable.__struct_fields__, Looser.WITHIN),
        "gap_events": Looser.WHEN_SHORTER,
        "stop_loss_percentage": Looser.WHEN_LOWER,  # less is taken to be lost at the stop
        "collar_window_s": Looser.NEVER,
        "collar_max_age_s": Looser.WHEN_HIGHER,
        "figures_max_age_s": Looser.WHEN_HIGHER,
    },
    GapEvent: dict.fromkeys(GapEvent.__struct_fields__, Looser.NEVER),  # compared as a whole
    Limits: {
        **{name: Looser.WHEN_HIGHER for name in Limits.__struct_fields__ if name.startswith("max_")},
        **{name: Looser.WHEN_LOWER for name in Limits.__struct_fields__ if name.startswith("min_")},
        **dict.fromkeys(("daily_loss_limit", "max_gross_exposure", "max_net_exposure"), Looser.WHEN_HIGHER_LOSS),
        **dict.fromkeys(
            ("price_collar", "price_collar_window", "risk_per_trade", "volatility_target"), Looser.WHEN_HIGHER
        ),
        # Switches, and `deny`, which sorts after `allow`.
        **dict.fromkeys(
            ("require_market_data", "deny_crossed_market", "market_hours", "short_sale"), Looser.WHEN_LOWER
        ),
        "no_short": Looser.WHEN_SHORTER,
        "restricted_symbols": Looser.WHEN_SHORTER,
        "allowed_symbols": Looser.WHEN_LONGER,
        "blocked_symbols": Looser.WHEN_SHORTER,
    },
    ThrottleTable: {
        **dict.fromkeys(ThrottleTable.__struct_fields__, Looser.WITHIN),
        "self_match_prevention": Looser.WHEN_EARLIER,
        "self_match_scope": Looser.WHEN_EARLIER,
    },
    Throttles: {
        "max_messages_per_second": Looser.WHEN_HIGHER,
        "message_burst": Looser.WHEN_HIGHER,
        "cancel_reserve": Looser.WHEN_LOWER,
        "duplicate_window_ms": Looser.WHEN_LOWER,
        "max_duplicates": Looser.WHEN_HIGHER,
        "repeated_executions": Looser.WITHIN,
        "executions": Looser.WITHIN,
    },
    RepeatedExecutions: {"max": Looser.WHEN_HIGHER, "window_s": Looser.WHEN_LOWER},
    Executions: {
        "window_s": Looser.WHEN_LOWER,
        "max_executed_qty": Looser.WHEN_HIGHER,
        "max_executed_value": Looser.WHEN_HIGHER,
        "min_fill_ratio": Looser.WHEN_LOWER,
        "min_orders": Looser.WHEN_HIGHER,
    },
    BreakerConfig: {
        **dict.fromkeys(("threshold", "min_count", "size_factor", "reset_next_day"), Looser.WHEN_HIGHER),
        **dict.fromkeys(("enabled", "reduce_ratio", "stops_both_books"), Looser.WHEN_LOWER),
        **dict.fromkeys(("action", "scope", "reset_below", "reset_after_s", "window_s"), Looser.WHEN_OTHER),
        "books": Looser.WHEN_SHORTER,
    },
    Rollout: {
        **dict.fromkeys(("salt", "canary_unit"), Looser.NEVER),
        **dict.fromkeys(("caps", "gates", "approval", "demotion", "shadow", "candidates"), Looser.WITHIN),
        "promotions": Looser.WHEN_LONGER_OR_ABSENT,  # the venues that are raised without evidence
        "plan": Looser.WHEN_OTHER,
        "live_after_days": Looser.WHEN_LOWER,
    },
    RolloutStep: dict.fromkeys(RolloutStep.__struct_fields__, Looser.NEVER),  # compared as a whole
    Gates: {
        **{name: Looser.WHEN_HIGHER for name in Gates.__struct_fields__ if name.startswith(("max_", "min_effect"))},
        **dict.fromkeys(("confidence", "min_fill_rate", "min_pairs", "require_alerting"), Looser.WHEN_LOWER),
    },
    ApprovalTerms: {"needed": Looser.WHEN_EARLIER, "expires_h": Looser.WHEN_HIGHER},
    DemotionTerms: {
        "open_orders": Looser.WHEN_OTHER,
        **dict.fromkeys(("cool_down_s", "settle_s"), Looser.WHEN_LOWER),
        "max_outages": Looser.WHEN_HIGHER,
    },
    ShadowTerms: dict.fromkeys(ShadowTerms.__struct_fields__, Looser.WHEN_LOWER),
    CandidateTerms: {"needed": Looser.WHEN_SHORTER, "gates": Looser.WITHIN},
    CandidateGates: {
        **dict.fromkeys(("min_orders", "min_days", "confidence"), Looser.WHEN_LOWER),
        **dict.fromkeys(("max_errors", "max_differences"), Looser.WHEN_HIGHER),
    },
    CanaryCaps: dict.fromkeys(("max_live_orders", "max_live_notional", "max_live_loss"), Looser.WHEN_HIGHER),
    VenueMode: dict.fromkeys(VenueMode.__struct_fields__, Looser.NEVER),
    AccountConfig: {"initial_cash": Looser.WHEN_HIGHER},  # limits that are shares of the equity grow with it
    Instrument: {
        **dict.fromkeys(Instrument.__struct_fields__, Looser.NEVER),
        "max_qty": Looser.WHEN_HIGHER,
        "margin_rate": Looser.WHEN_LOWER,
    },
    DayRoll: dict.fromkeys(DayRoll.__struct_fields__, Looser.NEVER),  # compared as a whole
    FigureSampling: dict.fromkeys(FigureSampling.__struct_fields__, Looser.NEVER),
}
