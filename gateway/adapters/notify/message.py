"""One alert as a message: the words that every channel shows."""

import datetime

import msgspec

from gateway.domain.alerts import Alert, Severity


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """``key`` is the same for the beginning and the end of one trouble."""

    alert_id: str
    key: str
    kind: str
    severity: Severity
    is_over: bool
    text: str
    at: str

    @property
    def headline(self) -> str:
        return f"{'RESOLVED' if self.is_over else self.severity.value.upper()}: {self.text}"


def message_of(alert: Alert) -> Message:
    condition = alert.condition
    return Message(
        alert_id=alert.alert_id,
        key=condition.key,
        kind=condition.kind.value,
        severity=condition.severity,
        is_over=not alert.is_active,
        text=condition.text,
        at=_rfc3339(alert.resolved_ns or alert.raised_ns),
    )


def _rfc3339(ns: int) -> str:
    return datetime.datetime.fromtimestamp(ns // 1_000_000_000, datetime.UTC).isoformat().replace("+00:00", "Z")
