"""Where the lists of TWS begin: at the last midnight, of a time zone that TWS does not tell."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

#: That of the servers, and the one in which TWS talks when nothing else is set.
_SERVERS = "America/New_York"
#: What our clock and that of TWS may differ by.
_CLOCKS_NS = 300 * 1_000_000_000


class ListDay:
    """``options.time_zone`` is the time zone that TWS is set to. Raises ValueError when it is none."""

    def __init__(self, options: Mapping[str, str]) -> None:
        named = options.get("time_zone", "")
        try:
            servers = ZoneInfo(named or _SERVERS)
        except (KeyError, ValueError, OSError):
            text = f"options.time_zone {named} is no IANA name of a time zone, such as Europe/Zurich"
            raise ValueError(text) from None
        # Unless it is named: that of the servers, UTC, or that of this machine, beside which TWS usually runs.
        self._zones: tuple[tzinfo | None, ...] = (servers,) if named else (servers, UTC, None)

    def begin_ns(self, now_ns: int) -> int:
        """The earliest moment from which on finished orders and executions are certainly listed: the latest of the
        midnights that it may have been."""
        now = datetime.fromtimestamp((now_ns + _CLOCKS_NS) // 1_000_000_000, UTC)
        midnights = [now.astimezone(zone).replace(hour=0, minute=0, second=0) for zone in self._zones]
        return int(max(midnights).timestamp()) * 1_000_000_000
