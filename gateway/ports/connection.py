"""How a connection to the outside is doing, as the adapter that keeps it knows."""

from typing import Protocol, runtime_checkable

import msgspec


class ConnectionState(msgspec.Struct, frozen=True, kw_only=True):
    """``since_ns`` is when it came up, or was lost. ``failed_attempts`` counts those since it last stood,
    ``last_error`` says why it was lost or the last of them failed (kept while it stands again), ``next_attempt_ns``
    when the next one begins: None while it stands, while one is under way, or when the other side mends it."""

    is_connected: bool
    since_ns: int
    text: str = ""
    failed_attempts: int = 0
    last_error: str = ""
    next_attempt_ns: int | None = None


@runtime_checkable
class HasConnection(Protocol):
    """What keeps a connection; a venue within this process has none."""

    @property
    def connection(self) -> ConnectionState: ...
