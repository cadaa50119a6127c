"""Trading hours and holidays of exchanges, from exchange_calendars; ``24/7`` needs no library.

That library brings pandas (60 MB and half a second), so it is imported when the first other name is asked for:
call ``prepare`` at the start and after a config change, not with the first order. A session is remembered as a
span of time in which nothing about it changes, so asking again costs about a microsecond.
"""

import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from gateway.domain.market import TRADING_PHASES, MarketPhase

ALWAYS_OPEN = "24/7"

_S = 1_000_000_000
_DAY_S = 86_400
#: How much of a calendar is computed at once, around the moment asked for.
_BEFORE = timedelta(days=20)
_AFTER = timedelta(days=400)
#: How long before the open orders are taken for it, and how long before an auction it is too late for one. Those of
#: New York (orders for the opening until 9:28, for the close until 15:50); elsewhere they are on the safe side.
_PRE_OPEN_NS = 4 * 3_600 * _S
_OPENING_CUT_OFF_NS = 2 * 60 * _S
_CLOSING_CUT_OFF_NS = 10 * 60 * _S
#: They trade from the first to the last moment of a session.
_WITHOUT_AUCTIONS = frozenset(("24/5", "CBOT", "CFE", "CME", "CMES", "COMEX", "NYMEX", "XCBF", "us_futures"))
_MARGIN_NS = 15 * _DAY_S * _S


class UnknownCalendar(ValueError):
    """There are no trading hours under this name."""


class Session(msgspec.Struct, frozen=True, gc=False):
    """A ``SessionClock``. ``local_minute`` is what the clock on the exchange's wall shows."""

    phase: MarketPhase
    local_minute: int
    weekday: int

    @property
    def is_open(self) -> bool:
        return self.phase in TRADING_PHASES


class _Span(msgspec.Struct, frozen=True, gc=False):
    """From ``start_ns`` to before ``end_ns``: one day, one offset from UTC, one phase throughout."""

    start_ns: int
    end_ns: int
    offset_s: int
    weekday: int
    phase: MarketPhase


class _Hours(msgspec.Struct, frozen=True):
    """One exchange's sessions over a stretch of time, in nanoseconds.

    ``points`` are the moments at which its phase changes (breaks too), ``phases`` what it is from each on.
    ``opens`` and ``closes`` are of whole sessions, by index. ``loaded_on`` is the day (since 1970) of
    the moment it was loaded for: a calendar that ends too early is not loaded again on the same day.
    """

    loaded_on: int
    zone: tzinfo
    points: list[int]
    phases: list[MarketPhase]
    opens: list[int]
    closes: list[int]


class ExchangeCalendar:
    """Implements ``ports.clock.Calendar``. A calendar that cannot be had is closed at all times."""

    def __init__(self) -> None:
        self._spans: dict[str, _Span] = {}
        self._hours: dict[str, _Hours] = {}
        self._unknown: set[str] = set()

    def prepare(self, names: Iterable[str], now_ns: int) -> None:
        """Load these calendars now; raise ``UnknownCalendar`` for one that does not exist."""
        for name in names:
            self._unknown.discard(name)
            if name != ALWAYS_OPEN and self._hours_at(name, now_ns) is None:
                raise UnknownCalendar(f"there is no trading calendar {name!r}")

    def session(self, name: str, now_ns: int) -> Session:
        span = self._spans.get(name)
        if span is None or not span.start_ns <= now_ns < span.end_ns:
            span = self._spans[name] = self._span(name, now_ns)
        return Session(span.phase, (now_ns // _S + span.offset_s) % _DAY_S // 60, span.weekday)

    def session_end_ns(self, name: str, now_ns: int) -> int:
        """The next end of a session after ``now_ns``: of the one under way, or else of the next one.

        The end of the UTC day for ``24/7``, and where a calendar knows no further session.
        """
        hours = self._hours_at(name, now_ns)
        return _next_after(hours.closes if hours else [], now_ns)

    def session_start_ns(self, name: str, now_ns: int) -> int:
        """The next start of a session after ``now_ns``, even if one is under way; else as ``session_end_ns``."""
        hours = self._hours_at(name, now_ns)
        return _next_after(hours.opens if hours else [], now_ns)

    def _span(self, name: str, now_ns: int) -> _Span:
        hours = self._hours_at(name, now_ns)
        if hours is None:
            return _span(UTC, now_ns, MarketPhase.OPEN if name == ALWAYS_OPEN else MarketPhase.CLOSED)
        index = bisect_right(hours.points, now_ns)
        until = hours.points[index] if index < len(hours.points) else None
        since = hours.points[index - 1] if index else None
        phase = hours.phases[index - 1] if index else MarketPhase.CLOSED
        return _span(hours.zone, now_ns, phase, since=since, until=until)

    def _hours_at(self, name: str, now_ns: int) -> _Hours | None:
        if name == ALWAYS_OPEN or name in self._unknown:
            return None
        hours = self._hours.get(name)
        if hours is not None:
            if hours.opens[0] <= now_ns < hours.closes[-1] - _MARGIN_NS or hours.loaded_on == _day(now_ns):
                return hours
        hours = _load(name, now_ns)
        if hours is None:
            self._unknown.add(name)
        else:
            self._hours[name] = hours
        return hours


def _span(
    zone: tzinfo, now_ns: int, phase: MarketPhase, *, since: int | None = None, until: int | None = None
) -> _Span:
    """The stretch around a moment, cut at local midnights, at a change of the clocks, and at the given moments."""
    local = _utc(now_ns).astimezone(zone)
    offset_s = _offset_s(zone, now_ns)
    day_start = (now_ns // _S + offset_s) // _DAY_S * _DAY_S - offset_s
    start_ns, end_ns = day_start * _S, (day_start + _DAY_S) * _S
    if since is not None:
        start_ns = max(start_ns, since)
    if until is not None:
        end_ns = min(end_ns, until)
    if _offset_s(zone, start_ns) != offset_s:
        start_ns = _change(zone, start_ns, now_ns)
    if _offset_s(zone, end_ns - 1) != offset_s:
        end_ns = _change(zone, now_ns, end_ns - 1)
    return _Span(start_ns, end_ns, offset_s, local.isoweekday(), phase)


def _change(zone: tzinfo, before_ns: int, after_ns: int) -> int:
    """The second at which the offset from UTC becomes what it is at ``after_ns``."""
    low, high = before_ns // _S, after_ns // _S
    wanted = _offset_s(zone, after_ns)
    while low + 1 < high:
        middle = (low + high) // 2
        if _offset_s(zone, middle * _S) == wanted:
            high = middle
        else:
            low = middle
    return high * _S


def _offset_s(zone: tzinfo, now_ns: int) -> int:
    offset = _utc(now_ns).astimezone(zone).utcoffset()
    assert offset is not None  # the time is aware
    return int(offset.total_seconds())


def _day(now_ns: int) -> int:
    return now_ns // (_DAY_S * _S)


def _utc(now_ns: int) -> datetime:
    return datetime.fromtimestamp(now_ns // _S, UTC)


def _next_after(moments: list[int], now_ns: int) -> int:
    index = bisect_right(moments, now_ns)
    return moments[index] if index < len(moments) else (_day(now_ns) + 1) * _DAY_S * _S


def _load(name: str, now_ns: int) -> _Hours | None:
    """A calendar around a moment, or None when there is none of that name."""
    with warnings.catch_warnings():
        # What the library does with pandas that a later pandas will not allow is not for our log.
        warnings.simplefilter("ignore")
        from exchange_calendars import get_calendar
        from exchange_calendars.errors import CalendarError

        today = _utc(now_ns).date()
        try:
            try:
                found = get_calendar(name, start=today - _BEFORE, end=today + _AFTER)
            except ValueError:
                # Some calendars are only known up to a certain year: take all there is.
                found = get_calendar(name)
        except CalendarError:
            return None
        return _hours(found, now_ns, has_auctions=name not in _WITHOUT_AUCTIONS) if len(found.opens_nanos) else None


def _hours(calendar: Any, now_ns: int, *, has_auctions: bool) -> _Hours:
    opens, closes = calendar.opens_nanos.tolist(), calendar.closes_nanos.tolist()
    changes = [(at, MarketPhase.OPEN) for at in opens] + [(at, MarketPhase.CLOSED) for at in closes]
    # A session without a break has one of a negative number (pandas' missing time).
    changes += [(at, MarketPhase.CLOSED) for at in calendar.break_starts_nanos.tolist() if at > 0]
    changes += [(at, MarketPhase.OPEN) for at in calendar.break_ends_nanos.tolist() if at > 0]
    if has_auctions:
        changes += _auctions(opens, closes)
    # Closing before what begins at the same moment, so that back-to-back sessions leave it open.
    changes.sort(key=lambda change: (change[0], change[1] is not MarketPhase.CLOSED))
    points, phases = [at for at, _ in changes], [phase for _, phase in changes]
    return _Hours(_day(now_ns), ZoneInfo(str(calendar.tz)), points, phases, opens, closes)


def _auctions(opens: list[int], closes: list[int]) -> Iterator[tuple[int, MarketPhase]]:
    """Around each session: orders are entered before it, and auctions open and close it."""
    for index, (opened, closed) in enumerate(zip(opens, closes, strict=True)):
        earliest = opened - _PRE_OPEN_NS
        yield max(earliest, closes[index - 1]) if index else earliest, MarketPhase.PRE_OPEN
        yield opened - _OPENING_CUT_OFF_NS, MarketPhase.OPENING_AUCTION
        yield closed - _CLOSING_CUT_OFF_NS, MarketPhase.CLOSING_AUCTION
