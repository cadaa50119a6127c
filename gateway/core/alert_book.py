"""What is remembered of alerts. Written by ``core.apply`` only."""

from typing import Any

import msgspec

from gateway.domain.alert_facts import AlertAcknowledged, AlertRaised, AlertResolved
from gateway.domain.alerts import Alert

#: How many that are over are kept; older ones are in the journal.
MAX_RESOLVED = 200


class AlertBook(msgspec.Struct):
    """Alerts that last, by kind and subject, and the latest that are over, the newest last."""

    active: dict[str, Alert] = {}
    resolved: list[Alert] = []

    def take_raised(self, fact: AlertRaised) -> None:
        self.active[fact.alert.condition.key] = fact.alert

    def take_acknowledged(self, fact: AlertAcknowledged) -> None:
        self._replace(fact.key, acknowledged=fact.acknowledged)

    def take_resolved(self, fact: AlertResolved) -> None:
        self._replace(fact.key, resolved_ns=fact.ts_ns)
        self.resolved.append(self.active.pop(fact.key))
        del self.resolved[:-MAX_RESOLVED]

    def _replace(self, key: str, **change: Any) -> None:
        self.active[key] = msgspec.structs.replace(self.active[key], **change)
