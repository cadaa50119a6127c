"""Moments on the wire: RFC 3339 in UTC with microseconds, from and to integer nanoseconds since the epoch."""

import re
from datetime import UTC, datetime

_SECOND = 1_000_000_000
_MICROSECONDS = 1_000_000
_MAX_CACHED_SECONDS = 4_096
_prefixes: dict[int, str] = {}

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII).fullmatch


def rfc3339(ns: int) -> str:
    """``1700000000123456789`` -> ``2023-11-14T22:13:20.123456Z``. Truncates, so no moment is shown early."""
    second, rest = divmod(ns, _SECOND)
    prefix = _prefixes.get(second)
    if prefix is None:
        if len(_prefixes) >= _MAX_CACHED_SECONDS:
            _prefixes.clear()
        prefix = _prefixes[second] = f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}."
    return f"{prefix}{str(_MICROSECONDS + rest // 1_000)[1:]}Z"  # six digits, in half the time of a format


def rfc3339_or_none(ns: int | None) -> str | None:
    return None if ns is None else rfc3339(ns)


def parse_rfc3339(text: str) -> int | None:
    """Nanoseconds since the epoch, or None when ``text`` is no RFC 3339 moment with an offset."""
    match = _RFC3339(text)
    if match is None:
        return None
    day, clock, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if offset in 'Zz' else offset}")
        second = int((moment.astimezone(UTC) - _EPOCH).total_seconds())
    except (ValueError, OverflowError):
        return None
    return second * _SECOND + int((fraction or "0").ljust(9, "0"))


_EPOCH = datetime.fromtimestamp(0, UTC)
