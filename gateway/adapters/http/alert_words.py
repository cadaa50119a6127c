"""Alerts in the words of ws/events."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.adapters.http.told import Told
from gateway.domain.alert_facts import AlertAcknowledged, AlertRaised, AlertResolved
from gateway.domain.alerts import PUBLIC_KINDS, AlertKind


def _raised(fact: AlertRaised) -> Told:
    condition = fact.alert.condition
    fields = {"alert_id": fact.alert.alert_id, "severity": condition.severity, "text": condition.text}
    return _alert("raised", condition.key, **fields)


def _acknowledged(fact: AlertAcknowledged) -> Told:
    return _alert("acknowledged", fact.key, reason=fact.acknowledged.reason, by=fact.acknowledged.actor.name)


def _alert(event: str, key: str, **fields: Any) -> Told:
    kind, _, subject = key.partition(":")
    fields = {"event": event, "kind": kind, "subject": subject, **fields}
    return Told("alert", fields, is_for_desk=AlertKind(kind) not in PUBLIC_KINDS)


ALERT_TELLERS: Mapping[type, Callable[[Any], Told]] = {
    AlertRaised: _raised,
    AlertAcknowledged: _acknowledged,
    AlertResolved: lambda fact: _alert("resolved", fact.key),
}
