"""Where the lists of TWS begin: an absence proves nothing about orders of before."""

from datetime import UTC, datetime

import pytest

from gateway.adapters.venues.ibkr.days import ListDay

NS = 1_000_000_000


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS


@pytest.mark.parametrize(
    ("zone", "now", "begin"),
    [
        ("America/New_York", "2026-07-01T12:00", "2026-07-01T04:00"),
        ("America/New_York", "2026-07-01T03:00", "2026-06-30T04:00"),
        ("Europe/Zurich", "2026-01-15T12:00", "2026-01-14T23:00"),
        ("UTC", "2026-01-15T23:58", "2026-01-16T00:00"),  # clocks may differ: the new day may have begun there
        ("", "2026-07-01T05:00", "2026-07-01T04:00"),  # not told: the latest of those that it may be
        ("", "2026-07-01T03:00", "2026-07-01T00:00"),
    ],
)
def test_the_day_begins_at_its_latest_possible_midnight(zone: str, now: str, begin: str) -> None:
    """Without this, an order that filled before midnight would be called never sent after it."""
    options = {"time_zone": zone} if zone else {}
    assert ListDay(options).begin_ns(moment(now)) == moment(begin)


def test_a_zone_that_is_none_is_refused_in_words() -> None:
    """Without this, a slip of the pen would be an incident in the log."""
    with pytest.raises(ValueError, match="no IANA name"):
        ListDay({"time_zone": "Zurich"})
