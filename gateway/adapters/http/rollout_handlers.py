"""Rollouts over HTTP: how they stand, what people command, and what Alertmanager tells."""

from typing import Annotated, Any

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response, read_body
from gateway.adapters.http.kinds import Choice, Name, Text, Whole, is_name
from gateway.adapters.http.problem import HttpProblem
from gateway.adapters.http.reading import Items, Labels, read_struct
from gateway.adapters.http.review_views import review_view
from gateway.adapters.http.rollout_views import RolloutsReply, RolloutView, rollout_view
from gateway.adapters.http.times import parse_rfc3339
from gateway.domain.enums import Mode
from gateway.domain.rollout_events import RolloutCommand
from gateway.domain.rollout_facts import HeardAlert
from gateway.ports.candidates import Candidates
from gateway.ports.clock import Clock
from gateway.ports.review import ReviewFailed, StepRecords
from gateway.ports.rollouts import Rollouts, RolloutState

MAX_ALERTS = 200
#: The label that makes an alert demote, with one of these values.
ACTION_LABEL, ACTIONS = "gateway_action", ("demote", "abort")


class CommandRollout(msgspec.Struct, frozen=True):
    """Pause, resume or abort a rollout."""

    reason: Annotated[str, Text("Words for the record.", 200, is_needed=True)]


class ApproveRollout(msgspec.Struct, frozen=True):
    """Agree that the configuration with this revision raises the venue."""

    revision: Annotated[str, Name("The content hash, as the refusal or `gateway check-config` prints it.")]
    evidence: Annotated[str, Name("The hash of the evidence that was reviewed: `evidence_hash` of the rollout.")]
    reason: Annotated[str, Text("Words for the record.", 200, is_needed=True)]


class OverrideRollout(msgspec.Struct, frozen=True):
    """Set mode and share of a venue outside its plan, for at most 24 hours."""

    mode: Annotated[Mode, Choice("The mode until then.", {"canary": Mode.CANARY, "live": Mode.LIVE})]
    seconds: Annotated[int, Whole("How long it lasts.", 60, 86_400)]
    weight_bp: Annotated[int, Whole("The share of new positions, basis points; not looked at in LIVE.", 1, 10_000)]
    reason: Annotated[str, Text("Words for the record.", 200, is_needed=True)]


class AlertItem(msgspec.Struct, frozen=True):
    """One alert, as Alertmanager sends it."""

    status: Annotated[str, Choice("What became of it.", {"firing": "firing", "resolved": "resolved"})]
    fingerprint: Annotated[str, Text("The same for the same labels.", 64, is_needed=True)]
    labels: Annotated[dict[str, str], Labels("`gateway_action: demote` makes it count; `venue` says for which.")]
    annotations: Annotated[dict[str, str] | None, Labels("`summary` is kept for the record.")] = None
    startsAt: Annotated[str | None, Text("When it began.", 64)] = None  # Alertmanager's name


class AlertmanagerNotice(msgspec.Struct, frozen=True):
    """Alertmanager's webhook, version 4."""

    version: Annotated[str, Choice("Of the webhook's form.", {"4": "4"})]
    alerts: Annotated[tuple[dict[str, Any], ...], Items("The alerts.", AlertItem, 0, MAX_ALERTS, is_open=True)]


class AlertmanagerReply(msgspec.Struct, frozen=True):
    """``heard`` is how many of the alerts were for us and news."""

    heard: int


class ApprovedRolloutReply(msgspec.Struct, frozen=True):
    """``in_force`` False: the word stands until the files say so, or what else is missing is there."""

    venue: str
    revision: str
    in_force: bool


class RolloutHandlers:
    """The rollouts."""

    def __init__(self, rollouts: Rollouts, records: StepRecords, candidates: Candidates, clock: Clock) -> None:
        self._rollouts = rollouts
        self._records = records
        self._candidates = candidates
        self._clock = clock

    async def list(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return json_response(RolloutsReply(tuple(rollout_view(one) for one in self._rollouts.states())))

    async def show(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return json_response(self._view(_venue(request)))

    async def review(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        """Of everybody's orders: not for a key that is bound to some. The journal is read first, so that what stands
        beside it is not older than it."""
        _check_unbound(caller)
        venue = _venue(request)
        before = self._state(venue)
        try:
            record = await self._records.since(venue, before.entered_ns)
        except ReviewFailed as failed:
            raise HttpProblem("REVIEW_FAILED", str(failed)) from None
        state = self._state(venue)
        if state.entered_ns != before.entered_ns:
            raise HttpProblem("REVIEW_FAILED", f"{venue} came to another step while the journal was read; ask again")
        return json_response(review_view(self._clock.now_ns(), state, record, self._candidates.candidates()))

    async def pause(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return await self._command(request, caller, RolloutCommand.PAUSE)

    async def resume(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return await self._command(request, caller, RolloutCommand.RESUME)

    async def abort(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return await self._command(request, caller, RolloutCommand.ABORT)

    async def _command(self, request: web.Request, caller: Caller, command: RolloutCommand) -> web.StreamResponse:
        wish = read_struct(await read_body(request), CommandRollout)
        _check_unbound(caller)
        venue = _venue(request)
        await self._rollouts.command(venue, command, caller.actor, wish.reason)
        return json_response(self._view(venue))

    async def approve(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), ApproveRollout)
        _check_unbound(caller)
        venue = _venue(request)
        in_force = await self._rollouts.approve(venue, wish.revision, wish.evidence, caller.actor, wish.reason)
        return json_response(ApprovedRolloutReply(venue, wish.revision, in_force))

    async def override(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), OverrideRollout)
        _check_unbound(caller)
        venue = _venue(request)
        weight_bp = 10_000 if wish.mode is Mode.LIVE else wish.weight_bp
        await self._rollouts.override(venue, wish.mode, weight_bp, wish.seconds, caller.actor, wish.reason)
        return json_response(self._view(venue))

    async def end_override(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        _check_unbound(caller)
        venue = _venue(request)
        self._view(venue)
        await self._rollouts.end_override(venue, caller.actor)
        return json_response(self._view(venue))

    async def hear_alerts(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        notice = read_struct(await read_body(request), AlertmanagerNotice, is_open=True)
        _check_unbound(caller)
        alerts = tuple(_alert(AlertItem(**fields)) for fields in notice.alerts)
        wanted = tuple(alert for alert in alerts if alert is not None)
        return json_response(AlertmanagerReply(await self._rollouts.hear_alerts(wanted) if wanted else 0))

    def _view(self, venue: str) -> RolloutView:
        return rollout_view(self._state(venue))

    def _state(self, venue: str) -> RolloutState:
        found = next((one for one in self._rollouts.states() if one.venue == venue), None)
        if found is None:
            raise HttpProblem("VENUE_NOT_FOUND", f"{venue} is not a venue of the configuration")
        return found


def _venue(request: web.Request) -> str:
    """Venue names are the same in any case."""
    venue = request.match_info["venue"]
    if not is_name(venue):
        raise HttpProblem("VENUE_NOT_FOUND", "a venue has a name of letters, digits and . _ : / @ + -")
    return venue.lower()


def _check_unbound(caller: Caller) -> None:
    if caller.is_restricted:
        raise HttpProblem("ACCOUNT_NOT_PERMITTED", "a rollout concerns every account, and this key is bound to some")


def _alert(item: AlertItem) -> HeardAlert | None:
    """The alert, if it is labelled for us."""
    if item.labels.get(ACTION_LABEL) not in ACTIONS:
        return None
    return HeardAlert(
        fingerprint=item.fingerprint,
        starts_ns=parse_rfc3339(item.startsAt or "") or 0,
        is_firing=item.status == "firing",
        name=item.labels.get("alertname", item.fingerprint),
        venue=item.labels.get("venue", "").lower(),
        text=(item.annotations or {}).get("summary", ""),
    )
