"""Alerts over HTTP: what is wrong, who has taken it on, and the channels that carry it outside."""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response, read_body
from gateway.adapters.http.kinds import Choice, Text, Whole
from gateway.adapters.http.problem import HttpProblem
from gateway.adapters.http.reading import read_query, read_struct
from gateway.adapters.http.times import rfc3339
from gateway.domain.alerts import PUBLIC_KINDS, Alert, Severity
from gateway.domain.enums import ScopeKind
from gateway.ports.alerts import Alerts, ChannelView

_MAX = 200


class AlertsQuery(msgspec.Struct, frozen=True):
    """Which alerts to show."""

    state: Annotated[str | None, Choice("Only these; default: both.", {"active": "active", "resolved": "resolved"})] = (
        None
    )
    severity: Annotated[str | None, Choice("Only this or worse.", {one.value: one.value for one in Severity})] = None
    limit: Annotated[int, Whole("How many that are over, at most.", 1, _MAX)] = 50


class AcknowledgeAlert(msgspec.Struct, frozen=True):
    """Take an alert on."""

    reason: Annotated[str, Text("Words for the record: what is being done.", 200, is_needed=True)]


class AlertView(msgspec.Struct, frozen=True):
    """One alert; ``resolved_at`` null while it lasts, ``acknowledged_*`` null until somebody takes it on."""

    alert_id: str
    kind: str
    subject: str
    severity: str
    state: str
    text: str
    raised_at: str
    resolved_at: str | None
    acknowledged_by: str | None
    acknowledged_at: str | None
    acknowledged_reason: str | None


class ChannelReply(msgspec.Struct, frozen=True):
    """One channel; ``is_up`` false: its last message could not be delivered, ``error`` says why."""

    name: str
    kind: str
    min_severity: str
    is_up: bool
    error: str
    sent: int
    dropped: int
    waiting: int
    last_sent_at: str | None


class AlertsReply(msgspec.Struct, frozen=True):
    """What lasts, the most severe first; then what is over, the newest first."""

    alerts: tuple[AlertView, ...]
    channels: tuple[ChannelReply, ...]


class AlertHandlers:
    """The alerts. A key that is bound to accounts or strategies sees those that name none."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts

    async def list(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        query = read_query(request.query.items(), AlertsQuery)
        alerts = self._alerts
        return json_response(alerts_reply(alerts.active(), alerts.resolved(), alerts.channels(), query, caller))

    async def acknowledge(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), AcknowledgeAlert)
        alert_id = request.match_info["alert_id"]
        visible = {one.alert_id for one in self._alerts.active() if is_visible(one, caller)}
        if alert_id in visible:
            alert = await self._alerts.acknowledge(alert_id, caller.actor, wish.reason)
            if alert is not None:
                return json_response(alert_view(alert))
        raise HttpProblem("ALERT_NOT_FOUND", "no alert that lasts has this id; GET alerts lists them")


def alerts_reply(
    active: Iterable[Alert],
    resolved: Iterable[Alert],
    channels: Iterable[ChannelView],
    query: AlertsQuery,
    caller: Caller,
) -> AlertsReply:
    """What the query asks for, of what the caller may see."""
    least = Severity(query.severity or Severity.INFO)

    def is_wanted(alert: Alert) -> bool:
        return alert.condition.severity.rank >= least.rank and is_visible(alert, caller)

    lasts = [] if query.state == "resolved" else [one for one in active if is_wanted(one)]
    over = [] if query.state == "active" else [one for one in resolved if is_wanted(one)][: query.limit]
    shown = () if caller.is_restricted else channels
    return AlertsReply(tuple(map(alert_view, [*lasts, *over])), tuple(map(_channel_reply, shown)))


def is_visible(alert: Alert, caller: Caller) -> bool:
    condition = alert.condition
    is_whole = condition.subject.startswith(f"{ScopeKind.GATEWAY.value}:")
    return not caller.is_restricted or condition.kind in PUBLIC_KINDS or is_whole


def alert_view(alert: Alert) -> AlertView:
    condition, taken = alert.condition, alert.acknowledged
    return AlertView(
        alert_id=alert.alert_id,
        kind=condition.kind.value,
        subject=condition.subject,
        severity=condition.severity.value,
        state="active" if alert.is_active else "resolved",
        text=condition.text,
        raised_at=rfc3339(alert.raised_ns),
        resolved_at=rfc3339(alert.resolved_ns) if alert.resolved_ns else None,
        acknowledged_by=None if taken is None else taken.actor.name,
        acknowledged_at=None if taken is None else rfc3339(taken.at_ns),
        acknowledged_reason=None if taken is None else taken.reason,
    )


def _channel_reply(view: ChannelView) -> ChannelReply:
    return ChannelReply(
        name=view.name,
        kind=view.kind,
        min_severity=view.min_severity,
        is_up=view.is_up,
        error=view.error,
        sent=view.sent,
        dropped=view.dropped,
        waiting=view.waiting,
        last_sent_at=rfc3339(view.last_sent_ns) if view.last_sent_ns else None,
    )
