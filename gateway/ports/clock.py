"""Time, as a thing that can be replaced: the system's, or a test's by hand."""

from typing import Protocol

from gateway.domain.market import MarketPhase


class Clock(Protocol):
    def now_ns(self) -> int:
        """Nanoseconds since the epoch, UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds on a clock that never steps back; only differences mean anything."""
        ...


class Calendar(Protocol):
    """Trading hours. ``name`` is an exchange_calendars code such as ``XNYS``, or ``24/7``."""

    def session(self, name: str, now_ns: int) -> "SessionClock": ...


class SessionClock(Protocol):
    """Where a moment lies in an exchange's day: ``weekday`` 1 (Monday) to 7, minutes since local midnight."""

    @property
    def is_open(self) -> bool: ...

    @property
    def phase(self) -> MarketPhase: ...

    @property
    def local_minute(self) -> int: ...

    @property
    def weekday(self) -> int: ...
