"""Time for windows and token buckets: it goes on with the time of events and never back."""

import msgspec


class SteadyClock(msgspec.Struct):
    """Moved by facts only. When the machine's clock steps back, this one stands still for the step and then goes on:
    so a step back fills no bucket and brings no window back, and neither does it freeze them until the old time is
    reached again. ``last_ns`` is the newest time told, ``offset_ns`` what all steps back come to."""

    last_ns: int = 0
    offset_ns: int = 0

    def at(self, ts_ns: int) -> int:
        """The steady time of ``ts_ns``."""
        return max(ts_ns, self.last_ns) + self.offset_ns

    def is_behind(self, ts_ns: int) -> bool:
        """Whether ``ts_ns`` lies before what was told last: until a fact tells of it, this clock stands still."""
        return ts_ns < self.last_ns

    def advance(self, ts_ns: int) -> int:
        """Take ``ts_ns`` as the time of now, and give its steady time."""
        if ts_ns < self.last_ns:
            self.offset_ns += self.last_ns - ts_ns
        self.last_ns = ts_ns
        return ts_ns + self.offset_ns
