"""Which changes of the configuration are refused although both sides are valid by themselves.

Pure. Called with the configuration in force (None: there never was one) before a new one is applied; what this
refuses leaves the old one in force.
"""

from gateway.domain.config import TradingConfig
from gateway.domain.enums import Mode


def refusals(old: TradingConfig | None, new: TradingConfig) -> tuple[str, ...]:
    """Why ``new`` may not follow ``old``, in words that say what to do instead; empty when it may.

    The effective mode of a venue never goes from SHADOW to LIVE in one step, and a gateway without a past has no
    evidence that would carry LIVE.
    """
    found = [text for venue in sorted(new.venues) if (text := _mode_refusal(old, new, venue)) is not None]
    if old is not None and old.base_currency != new.base_currency:
        found.append(
            f"gateway.yaml: base_currency {old.base_currency} -> {new.base_currency}: the books of this gateway are "
            f"kept in {old.base_currency}; start with a new data directory to keep them in {new.base_currency}"
        )
    return tuple(found)


def _mode_refusal(old: TradingConfig | None, new: TradingConfig, venue: str) -> str | None:
    if new.effective_mode(venue) is not Mode.LIVE:
        return None
    place = f"gateway.yaml: modes.venues.{venue}.mode"
    if old is None:
        return (
            f"{place}: venue {venue} would be LIVE: a new gateway starts in SHADOW or CANARY; set "
            f"modes.venues.{venue}.mode (or modes.global) to CANARY with a small canary_pct first"
        )
    if old.effective_mode(venue) is Mode.SHADOW:
        return (
            f"{place}: venue {venue} would go from SHADOW to LIVE in one step: set modes.venues.{venue}.mode to CANARY "
            "with a small canary_pct first, and go LIVE from there"
        )
    return None
