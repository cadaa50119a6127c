"""What people set up around trading: sessions, and their word on a configuration."""

import msgspec

from gateway.domain.orders import Actor


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A trading session: from when, by whom, for which strategies (empty: all)."""

    session_id: str
    label: str
    strategies: tuple[str, ...]
    actor: Actor
    started_ns: int
    ended_ns: int | None = None


class Approval(msgspec.Struct, frozen=True, gc=False):
    """Who agreed to what a configuration loosens, why, and until when it may take effect."""

    actor: Actor
    reason: str
    expires_ns: int
