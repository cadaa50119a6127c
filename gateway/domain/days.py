"""When a trading day begins: the boundary at which daily figures start afresh."""

import msgspec

_NOON = 720


class DayRoll(msgspec.Struct, frozen=True, kw_only=True):
    """A wall-clock time at a place. ``timezone`` is an IANA name, ``minute`` counts from local midnight.

    A boundary in the second half of the day begins the next date (17:00 in Chicago on Sunday begins Monday), one in
    the first half begins its own.
    """

    timezone: str = "UTC"
    minute: int = 0

    def __str__(self) -> str:
        """As a person is told of it."""
        return f"{self.minute // 60:02}:{self.minute % 60:02} {self.timezone}"

    def day_of(self, date_ordinal: int, local_minute: int) -> int:
        """The trading day, as an ordinal of dates, of a moment on that local date at that local minute."""
        if self.minute >= _NOON:
            return date_ordinal + (local_minute >= self.minute)
        return date_ordinal - (local_minute < self.minute)
