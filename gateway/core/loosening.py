"""Does an edit of the configuration loosen a limit? Each value that guards anything has a direction, in one table.

Lowering a limit is immediate; loosening one needs a person with the role for it. An absent limit is the loosest.
Values that guard nothing (names, currencies, trading hours) are neutral, and so are modes: how they may move is the
business of ``core.config_change``.
"""

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Any

import msgspec

from gateway.core.unsaid import left_groups, throttles_in_force
from gateway.domain.as_written import as_written
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
from gateway.domain.enums import Mode
from gateway.domain.instruments import Instrument
from gateway.domain.money import ZERO
from gateway.domain.rollout import (
    ApprovalTerms,
    CanaryCaps,
    DemotionTerms,
    Gates,
    Rollout,
    RolloutStep,
    ShadowTerms,
)
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
#: What a table that is not there is compared as; of any other, coming and going loosens nothing by itself.
_ABSENT: Mapping[type, msgspec.Struct] = {
    Limits: Limits(),
    Throttles: Throttles(),
    CanaryCaps: CanaryCaps(),
    AccountConfig: AccountConfig(initial_cash=ZERO),  # a new account is more to lose
}
#: How a person finds the table in the files, where its name there is another.
_NAMES = {
    "limits.gateway": "limits",
    "limits.accounts": "risk.accounts",
    "limits.strategies": "risk.strategies",
    "limits.venues": "risk.venues",
    "limits.symbols": "risk.symbols",
    "limits.sectors": "risk.sectors",
    "limits.asset_classes": "risk.asset_classes",
    **{f"limits.{name}": name for name in ("gap_events", "collar_max_age", "figures_max_age")},
    "throttles.gateway": "limits",
    "throttles.accounts": "risk.accounts",
    "throttles.strategies": "risk.strategies",
    "throttles.symbols": "risk.symbols",
    "throttles.venues": "risk.venues",
    "throttles.self_match_prevention": "self_match_prevention",
    "throttles.self_match_scope": "self_match_scope",
    **{f"rollout.{name}": name for name in Rollout.__struct_fields__},
    "instruments": "symbols",
    "approved_symbols": "policy.approved_symbols",
}
#: Tables whose durations are written with a unit (``reset_after: 30m``), and so without one in their names.
_WITH_UNITS = (BreakerConfig, DemotionTerms, LimitTable)
_SHADOW = VenueMode()


class Change(msgspec.Struct, frozen=True):
    """What an edit does to the guards, one clause each: ``limits.max_order_value 50000 -> 60000``."""

    looser: tuple[str, ...] = ()
    tighter: tuple[str, ...] = ()


def compare(old: TradingConfig, new: TradingConfig) -> Change:
    """Sort what differs between two configurations into looser and tighter; what is neither is left out."""
    looser: list[str] = []
    tighter: list[str] = []
    moved = ((f"symbols.{path}", before, after, Looser.WHEN_OTHER) for path, before, after in left_groups(old, new))
    for path, before, after, direction in (*_values(old, new, ""), *_other_days(old, new), *moved):
        found = tighter if _is_within(after, before, direction) else looser
        found.append(f"{path} {as_written(before)} -> {as_written(after)}")
    return Change(tuple(looser), tuple(tighter))


def _values(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any, Looser]]:
    """Every guarding value that differs, with its path in the words of the files."""
    if isinstance(old, Throttles):
        old, new = throttles_in_force(old, new), throttles_in_force(new, old)
    for name, direction in DIRECTIONS[type(old)].items():
        before, after = getattr(old, name), getattr(new, name)
        if before == after or direction is Looser.NEVER:
            continue
        word = name.removesuffix("_s") if isinstance(old, _WITH_UNITS) else name
        at = f"{path}.{word}" if path else word
        at = _NAMES.get(at, at)
        if direction is not Looser.WITHIN:
            yield at, before, after, direction
        elif isinstance(before, Mapping):
            yield from _named(before, after, at)
        elif before is None or after is None:
            yield at, before, after, Looser.WHEN_HIGHER
        else:
            yield from _values(before, after, at)


def _other_days(old: TradingConfig, new: TradingConfig) -> Iterator[tuple[str, Any, Any, Looser]]:
    """The venues that are in both, and whose day begins at another moment now."""
    for venue, before in old.day_rolls.items():
        after = new.day_rolls.get(venue, before)
        if after != before:
            yield f"venues.{venue}.day_roll", before, after, Looser.WHEN_OTHER


def _named(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any, Any, Looser]]:
    for name in sorted({*old, *new}):
        kind = type(old.get(name, new.get(name)))
        absent = _ABSENT.get(kind)
        before, after = old.get(name, absent), new.get(name, absent)
        if before is not None and after is not None and before != after:
            yield from _values(before, after, f"{path}.{name}")


def _is_within(after: Any, before: Any, direction: Looser) -> bool:
    """Whether everything that ``after`` lets pass, ``before`` let pass too."""
    if direction is Looser.WHEN_OTHER:
        return False
    if direction is Looser.WHEN_SHORTER:
        return set(after) >= set(before)
    if direction is Looser.WHEN_LONGER:
        return not before or (bool(after) and set(after) <= set(before))
    if before is None or after is None:
        return before is None
    if direction is Looser.WHEN_LONGER_OR_ABSENT:
        return set(after) <= set(before)
    if direction is Looser.WHEN_EARLIER:
        words = list(type(before).__members__.values())
        return words.index(after) >= words.index(before)
    if direction is Looser.WHEN_LOWER:
        return bool(after >= before)
    if direction is Looser.WHEN_HIGHER_LOSS and (after < 1) != (before < 1):
        return False
    return bool(after <= before)


def with_lower_modes(old: TradingConfig, new: TradingConfig) -> TradingConfig:
    """``old`` with every mode and canary share at most as in ``new``: the part of an edit that never waits.

    Its revision is still that of ``old``; equal to ``old`` when ``new`` lowers nothing.
    """
    lowered = msgspec.structs.replace(
        old,
        global_mode=min(old.global_mode, new.global_mode, key=_rank),
        venues={
            name: msgspec.structs.replace(own, mode=min(own.mode, new.venues.get(name, _SHADOW).mode, key=_rank))
            for name, own in old.venues.items()
        },
    )
    shares = {
        name: msgspec.structs.replace(own, canary_weight_bp=min(old.weight_bp(name), new.weight_bp(name)))
        for name, own in lowered.venues.items()
        if lowered.effective_mode(name) is Mode.CANARY
    }
    return msgspec.structs.replace(lowered, venues={**lowered.venues, **shares})


def _rank(mode: Mode) -> int:
    return mode.rank
