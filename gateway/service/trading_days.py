"""Which trading day it is, for the gateway and at every venue: computed here, so that decisions find it in events."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from gateway.domain.config import TradingConfig
from gateway.domain.days import DayRoll

#: Ordinal of 1970-01-01, so that days count from the epoch.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date().toordinal()


def gateway_day(config: TradingConfig, now_ns: int) -> int:
    """The gateway's own trading day, in days since the epoch."""
    return _day(config.day_roll, now_ns)


def venue_days(config: TradingConfig, now_ns: int) -> dict[str, int]:
    """The trading day of every configured venue, in days since the epoch."""
    days: dict[DayRoll, int] = {}
    found: dict[str, int] = {}
    for venue in config.venues:
        roll = config.day_roll_of(venue)
        if roll not in days:
            days[roll] = _day(roll, now_ns)
        found[venue] = days[roll]
    return found


def _day(roll: DayRoll, now_ns: int) -> int:
    local = datetime.fromtimestamp(now_ns // 1_000_000_000, ZoneInfo(roll.timezone))
    return roll.day_of(local.toordinal(), local.hour * 60 + local.minute) - _EPOCH
