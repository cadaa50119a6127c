"""What an edit of the configuration loosens without saying so: by what it leaves out, or by what it calls something."""

from collections.abc import Iterator

import msgspec

from gateway.core.throttle.buckets import bucket_plan
from gateway.domain.config import Limits, TradingConfig
from gateway.domain.enums import ScopeKind
from gateway.domain.throttles import Throttles

_NO_LIMITS = Limits()


def throttles_in_force(throttles: Throttles, other: Throttles) -> Throttles:
    """``throttles`` with what only ``other`` says, or says otherwise, as it is in force where it was left out: no burst
    is not an endless one. What both leave out moves with the rate, which is compared by itself."""
    burst, reserve, repeats = throttles.message_burst, throttles.cancel_reserve, throttles.max_duplicates
    if (rate := throttles.max_messages_per_second) is not None:
        plan = bucket_plan(ScopeKind.GATEWAY, "", rate, burst, reserve)
        burst, reserve = plan.capacity, plan.reserve
    if throttles.duplicate_window_ms is not None:
        repeats = repeats or 0
    known = {"message_burst": burst, "cancel_reserve": reserve, "max_duplicates": repeats}
    said = {key: value for key, value in known.items() if getattr(throttles, key) != getattr(other, key)}
    return msgspec.structs.replace(throttles, **said) if said else throttles


def left_groups(old: TradingConfig, new: TradingConfig) -> Iterator[tuple[str, str, str | None]]:
    """Instruments that leave a sector or an asset class with limits, which bind them no more: what was called what."""
    for symbol, before in sorted(old.instruments.items()):
        after = new.instruments.get(symbol, before)
        for key, limits in (("sector", old.limits.sectors), ("asset_class", old.limits.asset_classes)):
            group: str = getattr(before, key)
            if group != getattr(after, key) and limits.get(group, _NO_LIMITS) != _NO_LIMITS:
                yield f"{symbol}.{key}", group, getattr(after, key) or None
