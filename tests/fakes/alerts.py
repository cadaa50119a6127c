"""Alerts in memory, and a notifier that remembers what it was told."""

import msgspec

from gateway.domain.alerts import Acknowledgment, Alert, AlertCondition, AlertKind, Severity
from gateway.domain.orders import Actor
from gateway.ports.alerts import ChannelView


def an_alert(
    kind: AlertKind = AlertKind.VENUE_LOST,
    subject: str = "venue:ibkr",
    severity: Severity = Severity.CRITICAL,
    text: str = "the connection is lost",
    raised_ns: int = 1_700_000_000_000_000_000,
    resolved_ns: int = 0,
) -> Alert:
    condition = AlertCondition(kind=kind, subject=subject, severity=severity, text=text)
    return Alert(
        alert_id=f"{condition.key}:{raised_ns}", condition=condition, raised_ns=raised_ns, resolved_ns=resolved_ns
    )


class MemoryAlerts:
    """Implements ``ports.alerts.Alerts``."""

    def __init__(self) -> None:
        self.lasting: list[Alert] = []
        self.over: list[Alert] = []
        self.views: tuple[ChannelView, ...] = ()

    def active(self) -> tuple[Alert, ...]:
        return tuple(self.lasting)

    def resolved(self) -> tuple[Alert, ...]:
        return tuple(self.over)

    async def acknowledge(self, alert_id: str, actor: Actor, reason: str) -> Alert | None:
        for index, alert in enumerate(self.lasting):
            if alert.alert_id == alert_id:
                taken = msgspec.structs.replace(alert, acknowledged=Acknowledgment(actor, reason, alert.raised_ns))
                self.lasting[index] = taken
                return taken
        return None

    def channels(self) -> tuple[ChannelView, ...]:
        return self.views


class ListNotifier:
    """Implements ``ports.alerts.Notifier``."""

    def __init__(self) -> None:
        self.told: list[Alert] = []

    def notify(self, alert: Alert) -> None:
        self.told.append(alert)

    def channels(self) -> tuple[ChannelView, ...]:
        return ()
