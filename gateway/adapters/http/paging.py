"""Pages of long lists: what of them a caller may see, and where the next one begins.

A cursor is an opaque word that comes back as it went.
"""

import base64
import binascii

from gateway.ports.intake import FieldError, RequestInvalid

#: What the journal's columns hold.
_LATEST_NS = 2**63


def write_cursor(moment_ns: int, *keys: str) -> str:
    text = ":".join((str(moment_ns), *keys))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, count: int) -> tuple[int, list[str]]:
    """The moment and the ``count`` keys in it; the last may hold colons. Raises RequestInvalid."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        moment, *keys = text.split(":", count)
        is_number = len(moment) <= 19 and moment.isascii() and moment.isdigit()
        if is_number and len(keys) == count and int(moment) < _LATEST_NS:
            return int(moment), keys
    except (binascii.Error, ValueError):
        pass
    raise RequestInvalid((FieldError("cursor", "is not one of ours", cursor[:64], "use next_cursor as it came"),))


def narrowed(wanted: str | None, allowed: frozenset[str] | None) -> tuple[str, ...] | None:
    """A filter within what the caller may see; empty: nothing can match."""
    if allowed is None:
        return None if wanted is None else (wanted,)
    return tuple(sorted(allowed)) if wanted is None else (wanted,) if wanted in allowed else ()
