"""What may stand in risk.yaml of throttles, per scope; what the values mean is told in ``docs/configuration.md``."""

from collections.abc import Mapping
from decimal import Decimal

from gateway.adapters.config import words
from gateway.adapters.config.kinds import POSITIVE, duration, number, ratio, whole
from gateway.adapters.config.schema import Fields, Rule
from gateway.domain.enums import ScopeKind, SelfMatchPrevention, SelfMatchScope
from gateway.domain.throttles import Executions, RepeatedExecutions

RATE_STEP = Decimal("0.001")
_SECONDS = duration("s", low_ms=1_000, is_whole=True)

MESSAGE_THROTTLES: Mapping[str, Rule] = {
    "max_messages_per_second": number(low=RATE_STEP, high=Decimal(1_000_000)),
    "message_burst": whole(1, 1_000_000),
    "cancel_reserve": whole(0, 1_000_000),
}
_WHAT: Mapping[str, Rule] = {
    "duplicate_window_ms": duration("ms", low_ms=1, is_whole=True),
    "max_duplicates": whole(0, 1_000),
    "executions": Fields(
        {
            "window_s": _SECONDS,
            "max_executed_qty": POSITIVE,
            "max_executed_value": POSITIVE,
            "min_fill_ratio": ratio(high=Decimal(1), hint='5 percent is 0.05 or "5%"'),
            "min_orders": whole(1, 1_000_000),
        },
        struct=Executions,
    ),
    "repeated_executions": Fields(
        {"max": whole(1, 10_000), "window_s": _SECONDS}, required=("max", "window_s"), struct=RepeatedExecutions
    ),
}
SCOPE_THROTTLES: Mapping[str, Rule] = {**MESSAGE_THROTTLES, **_WHAT}
#: Every throttle may stand in the first three. A symbol is no place to count messages, a venue only counts them.
_THROTTLES_OF: Mapping[ScopeKind, Mapping[str, Rule]] = {
    ScopeKind.GATEWAY: SCOPE_THROTTLES,
    ScopeKind.ACCOUNT: SCOPE_THROTTLES,
    ScopeKind.STRATEGY: SCOPE_THROTTLES,
    ScopeKind.SYMBOL: _WHAT,
    ScopeKind.VENUE: MESSAGE_THROTTLES,
}
SELF_MATCH: Mapping[str, Rule] = {
    "self_match_prevention": words.choice(SelfMatchPrevention),
    "self_match_scope": words.choice(SelfMatchScope),
}


def throttles_of(kind: ScopeKind) -> Mapping[str, Rule]:
    """The throttles that one kind of scope may have."""
    return _THROTTLES_OF.get(kind, {})


def misplaced_throttles(kind: ScopeKind) -> dict[str, str]:
    """The others, with where they may stand."""
    return {
        key: f"it stands under limits, accounts, strategies or {'venues' if key in MESSAGE_THROTTLES else 'symbols'}"
        for key in SCOPE_THROTTLES
        if key not in throttles_of(kind)
    }
