"""Alerts as people read them and take them on, and the channels that carry them outside."""

from typing import Protocol

import msgspec

from gateway.domain.alerts import Alert
from gateway.domain.orders import Actor


class ChannelView(msgspec.Struct, frozen=True, kw_only=True):
    """One channel. ``is_up`` False: its last message could not be delivered; ``error`` says why. ``dropped`` are
    messages that were given up since the start, ``waiting`` those under way."""

    name: str
    kind: str
    min_severity: str
    is_up: bool
    error: str
    sent: int
    dropped: int
    waiting: int
    last_sent_ns: int


class Alerts(Protocol):
    """What is wrong, and whether anybody knows."""

    def active(self) -> tuple[Alert, ...]:
        """The most severe first, and of those the oldest."""
        ...

    def resolved(self) -> tuple[Alert, ...]:
        """The latest that are over, the newest first."""
        ...

    async def acknowledge(self, alert_id: str, actor: Actor, reason: str) -> Alert | None:
        """A person takes it on; None when no such alert lasts. Works while the journal does not."""
        ...

    def channels(self) -> tuple[ChannelView, ...]:
        """Where alerts are sent, as configured."""
        ...


class Notifier(Protocol):
    """Carries alerts outside. Never raises, never waits: what cannot be sent now is queued, within bounds."""

    def notify(self, alert: Alert) -> None:
        """Tell of an alert that was raised, or (``resolved_ns`` set) that is over."""
        ...

    def channels(self) -> tuple[ChannelView, ...]: ...
