"""Trading hours and holidays, against dates that anybody can look up."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.adapters.calendar import ExchangeCalendar, UnknownCalendar
from gateway.domain.market import MarketPhase
from gateway.ports.clock import Calendar, SessionClock

NEW_YORK = "America/New_York"
S = 1_000_000_000


def ns(text: str, zone: str = NEW_YORK) -> int:
    """Nanoseconds of a wall-clock time (``2024-11-29 13:00``) somewhere."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * S


@pytest.fixture(scope="module")
def calendar() -> ExchangeCalendar:
    return ExchangeCalendar()


def seen(calendar: Calendar, name: str, now_ns: int) -> tuple[bool, int, int]:
    clock: SessionClock = calendar.session(name, now_ns)
    return clock.is_open, clock.local_minute, clock.weekday


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("2024-11-27 09:29:59", False),
        ("2024-11-27 09:30", True),
        ("2024-11-27 15:59:59", True),
        ("2024-11-27 16:00", False),
        ("2024-11-28 12:00", False),  # Thanksgiving
        ("2024-11-29 12:59:59", True),  # the half day after it
        ("2024-11-29 13:00", False),
        ("2024-11-30 12:00", False),  # Saturday
        ("2024-12-01 12:00", False),  # Sunday
        ("2024-12-24 13:00", False),
        ("2024-12-25 12:00", False),
        ("2025-01-09 12:00", False),  # a day of mourning, announced ten days before
        ("2025-07-03 12:59", True),
        ("2025-07-03 13:00", False),
        ("2026-11-20 12:00", True),
    ],
)
def test_new_york_is_open_when_it_is(calendar: ExchangeCalendar, text: str, is_open: bool) -> None:
    """Without it orders would go to a closed exchange, or be denied on an open one."""
    now = ns(text)
    local = datetime.fromisoformat(text)
    expected = (is_open, local.hour * 60 + local.minute, local.isoweekday())
    assert seen(calendar, "XNYS", now) == expected
    assert seen(ExchangeCalendar(), "XNYS", now) == expected


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("2024-11-27 05:29:59", MarketPhase.CLOSED),
        ("2024-11-27 05:30", MarketPhase.PRE_OPEN),
        ("2024-11-27 09:27:59", MarketPhase.PRE_OPEN),
        ("2024-11-27 09:28", MarketPhase.OPENING_AUCTION),
        ("2024-11-27 09:30", MarketPhase.OPEN),
        ("2024-11-27 15:49:59", MarketPhase.OPEN),
        ("2024-11-27 15:50", MarketPhase.CLOSING_AUCTION),
        ("2024-11-27 16:00", MarketPhase.CLOSED),
        ("2024-11-28 09:29", MarketPhase.CLOSED),  # Thanksgiving
        ("2024-11-29 12:49:59", MarketPhase.OPEN),  # the half day after it
        ("2024-11-29 12:50", MarketPhase.CLOSING_AUCTION),
        ("2024-11-29 13:00", MarketPhase.CLOSED),
    ],
)
def test_the_phases_of_a_day_in_new_york(calendar: ExchangeCalendar, text: str, phase: MarketPhase) -> None:
    """Without it an order for an auction would come too late, or be refused before it is."""
    assert calendar.session("XNYS", ns(text)).phase is phase


@pytest.mark.parametrize(
    ("name", "text", "phase"),
    [
        ("24/7", "2024-11-30 12:00", MarketPhase.OPEN),
        ("CMES", "2024-11-27 15:55", MarketPhase.OPEN),
        ("CMES", "2024-11-30 12:00", MarketPhase.CLOSED),
    ],
)
def test_what_has_no_auctions_is_open_or_closed(
    calendar: ExchangeCalendar, name: str, text: str, phase: MarketPhase
) -> None:
    """Without it a future would be refused for the auction of a stock exchange."""
    assert calendar.session(name, ns(text)).phase is phase


@pytest.mark.parametrize(
    ("text", "utc_open"),
    [("2024-03-08", "14:30"), ("2024-03-11", "13:30"), ("2024-11-01", "13:30"), ("2024-11-04", "14:30")],
)
def test_the_clocks_change(calendar: ExchangeCalendar, text: str, utc_open: str) -> None:
    """Without it trading would start an hour early or late for half the year."""
    opening = ns(f"{text} {utc_open}", "UTC")
    assert seen(calendar, "XNYS", opening - 1)[:2] == (False, 569)
    assert seen(calendar, "XNYS", opening)[:2] == (True, 570)


def test_the_wall_clock_on_the_nights_of_the_change(calendar: ExchangeCalendar) -> None:
    """Without it the minute would be wrong from the change until midnight."""
    spring, autumn = ns("2024-03-10 06:59:59", "UTC"), ns("2024-11-03 05:59:59", "UTC")
    assert seen(calendar, "XNYS", spring)[1:] == (1 * 60 + 59, 7)
    assert seen(calendar, "XNYS", spring + S)[1:] == (3 * 60, 7)
    assert seen(calendar, "XNYS", autumn)[1:] == (1 * 60 + 59, 7)
    assert seen(calendar, "XNYS", autumn + S)[1:] == (1 * 60, 7)
    assert seen(calendar, "XNYS", autumn + 3600 * S + S)[1:] == (2 * 60, 7)
    assert seen(calendar, "XNYS", ns("2024-11-03 23:59"))[1:] == (23 * 60 + 59, 7)


@pytest.mark.parametrize("name", ["XNYS", "XHKG", "CMES"])
def test_what_is_remembered_is_what_is_computed(name: str, calendar: ExchangeCalendar) -> None:
    """Without it a remembered session could outlive its end, whichever way time is walked through."""
    start = ns("2024-11-01 00:00", "UTC")
    moments = [start + minutes * 60 * S for minutes in range(0, 6 * 1440, 7)]
    fresh = ExchangeCalendar()
    expected = {}
    for now in moments:
        fresh._spans.clear()
        expected[now] = seen(fresh, name, now)
    assert {now: seen(calendar, name, now) for now in moments} == expected
    assert {now: seen(calendar, name, now) for now in reversed(moments)} == expected
    assert {state[0] for state in expected.values()} == {True, False}


@pytest.mark.parametrize(
    ("text", "is_open"),
    [("09:29", False), ("09:30", True), ("11:59", True), ("12:00", False), ("12:59", False), ("13:00", True)],
)
def test_hong_kong_has_lunch(calendar: ExchangeCalendar, text: str, is_open: bool) -> None:
    """Without it orders would go out in a break that the exchange takes every day."""
    assert calendar.session("XHKG", ns(f"2026-11-20 {text}", "Asia/Hong_Kong")).is_open is is_open


def test_sessions_that_meet_leave_no_gap(calendar: ExchangeCalendar) -> None:
    """Without it a market that is open around the clock would close for an instant at midnight."""
    midnight = ns("2026-11-19 00:00", "UTC")
    assert [calendar.session("24/5", midnight + shift).is_open for shift in (-1, 0, 1)] == [True] * 3
    assert not calendar.session("24/5", ns("2026-11-21 12:00", "UTC")).is_open


def test_around_the_clock_is_utc(calendar: ExchangeCalendar) -> None:
    """Without it a crypto market would have a night."""
    sunday = ns("2026-11-22 23:59:59", "UTC")
    assert seen(calendar, "24/7", sunday) == (True, 1439, 7)
    assert seen(calendar, "24/7", sunday + S) == (True, 0, 1)
    assert calendar.session_end_ns("24/7", sunday) == calendar.session_start_ns("24/7", sunday) == sunday + S
    assert calendar.session_end_ns("24/7", sunday + S) == sunday + S + 86_400 * S


@pytest.mark.parametrize(
    ("now", "end", "start"),
    [
        ("2024-11-27 12:00", "2024-11-27 16:00", "2024-11-29 09:30"),
        ("2024-11-27 16:00", "2024-11-29 13:00", "2024-11-29 09:30"),
        ("2024-11-29 09:30", "2024-11-29 13:00", "2024-12-02 09:30"),
        ("2024-11-30 12:00", "2024-12-02 16:00", "2024-12-02 09:30"),
    ],
)
def test_the_next_boundaries(calendar: ExchangeCalendar, now: str, end: str, start: str) -> None:
    """Without it a day order would expire at the wrong close, or an opening order wait past its opening."""
    assert calendar.session_end_ns("XNYS", ns(now)) == ns(end)
    assert calendar.session_start_ns("XNYS", ns(now)) == ns(start)


def test_a_futures_day_begins_the_evening_before(calendar: ExchangeCalendar) -> None:
    """Without it orders of the evening would be refused as if the market were closed."""
    evening = ns("2026-11-19 18:00", "America/Chicago")
    assert calendar.session("CMES", evening).is_open


def test_an_unknown_calendar_is_closed_and_said_so() -> None:
    """Without it a misspelled name would either stop the engine or trade around the clock."""
    calendar, now = ExchangeCalendar(), ns("2026-11-20 12:00")
    with pytest.raises(UnknownCalendar, match="'NOPE'"):
        calendar.prepare(["24/7", "XNYS", "NOPE"], now)
    assert not calendar.session("NOPE", now).is_open
    assert calendar.session_end_ns("NOPE", now) > now
    assert calendar.session("XNYS", now).is_open


def test_years_go_by() -> None:
    """Without it a process that runs for more than a year, or a replay of an old one, would find it all closed."""
    calendar = ExchangeCalendar()
    for year in (2026, 2028, 2015, 2030):
        assert calendar.session("XNYS", ns(f"{year}-06-15 12:00") + _to_weekday(year) * 86_400 * S).is_open


def _to_weekday(year: int) -> int:
    day, days = datetime(year, 6, 15, tzinfo=UTC), 0
    while (day + timedelta(days=days)).isoweekday() > 5:
        days += 1
    return days


def test_a_calendar_that_ends_too_early_is_closed_and_cheap() -> None:
    """Without it every order after that year would load the calendar anew, for a tenth of a second and more."""
    calendar, late = ExchangeCalendar(), ns("2060-06-15 12:00", "Asia/Shanghai")
    assert not calendar.session("XSHG", late).is_open
    started = time.process_time()
    for _ in range(100):
        assert calendar.session_end_ns("XSHG", late) > late
    assert time.process_time() - started < 0.1


def test_asking_again_is_cheap(calendar: ExchangeCalendar) -> None:
    """Without it the calendar could come to dominate the order's path (measured: 0.4 us; the bound allows for CI)."""
    now = ns("2024-11-27 12:00")
    calendar.session("XNYS", now)
    started = time.process_time()
    for step in range(20_000):
        calendar.session("XNYS", now + step)
    assert (time.process_time() - started) / 20_000 < 20e-6


def test_the_synthetic_market_never_loads_pandas() -> None:
    """Without it every gateway would start 60 MB larger and half a second later."""
    code = (
        "import sys\n"
        "from gateway.adapters.calendar import ExchangeCalendar\n"
        "calendar = ExchangeCalendar()\n"
        "calendar.prepare(['24/7'], 1)\n"
        "assert calendar.session('24/7', 10**18).is_open\n"
        "calendar.session_end_ns('24/7', 1), calendar.session_start_ns('24/7', 1)\n"
        "assert not {'pandas', 'numpy', 'exchange_calendars'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2], timeout=60)
