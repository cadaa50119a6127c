"""Where a trading day begins and ends, as the simulator needs it: two functions that the composition root may
replace with a real calendar. The default is the always-open market, whose day turns at 00:00 UTC."""

from collections.abc import Callable

from gateway.domain.instruments import Instrument

#: The next boundary strictly after a moment, for an instrument; nanoseconds since the epoch.
SessionBoundary = Callable[[Instrument, int], int]

DAY_NS = 86_400 * 1_000_000_000


def next_midnight_ns(instrument: Instrument, now_ns: int) -> int:
    """The next 00:00 UTC: both the end of this session and the start of the next where a market never closes."""
    return (now_ns // DAY_NS + 1) * DAY_NS
