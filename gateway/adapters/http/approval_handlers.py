"""Edits of the configuration that loosen limits: what waits, and the approval that lets it take effect."""

from typing import Annotated

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response, read_body
from gateway.adapters.http.kinds import Name, Text
from gateway.adapters.http.problem import HttpProblem
from gateway.adapters.http.reading import read_struct
from gateway.adapters.http.times import rfc3339
from gateway.domain.sessions import Approval
from gateway.ports.intake import AlreadyInForce, ConfigApprovals, WaitingEdit


class ApproveConfig(msgspec.Struct, frozen=True):
    """Agree to what a configuration loosens."""

    revision: Annotated[str, Name("The content hash: of what waits, or as `gateway check-config` prints it.")]
    reason: Annotated[str, Text("Words for the record.", 200, is_needed=True)]


class WaitingView(msgspec.Struct, frozen=True):
    """An edit that waits. ``looser`` is why, ``tighter`` waits with it, ``in_force`` took effect at once."""

    revision: str
    since: str
    looser: tuple[str, ...]
    tighter: tuple[str, ...]
    difference: tuple[str, ...]
    in_force: tuple[str, ...]


class ApprovalView(msgspec.Struct, frozen=True):
    """An approval that was given and not used yet."""

    revision: str
    approved_by: str
    reason: str
    expires_at: str


class ApprovalsReply(msgspec.Struct, frozen=True):
    """What waits (null: nothing), and approvals given beforehand."""

    waiting: WaitingView | None
    approvals: tuple[ApprovalView, ...]


class ApprovedReply(msgspec.Struct, frozen=True):
    """``in_force`` False: the approval stands until the files say so, or an objection is mended."""

    revision: str
    in_force: bool


class ApprovalHandlers:
    """The approvals of the configuration."""

    def __init__(self, approvals: ConfigApprovals) -> None:
        self._approvals = approvals

    async def list(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        edit = self._approvals.waiting()
        views = tuple(_approval_view(revision, one) for revision, one in self._approvals.standing().items())
        return json_response(ApprovalsReply(None if edit is None else waiting_view(edit), views))

    async def approve(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), ApproveConfig)
        if caller.is_restricted:
            raise HttpProblem("ACCOUNT_NOT_PERMITTED", "limits concern every account, and this key is bound to some")
        try:
            in_force = await self._approvals.approve(wish.revision, caller.actor, wish.reason)
        except AlreadyInForce:
            raise HttpProblem("CONFIG_IN_FORCE", f"{wish.revision} is the configuration in force") from None
        return json_response(ApprovedReply(wish.revision, in_force))


def waiting_view(edit: WaitingEdit) -> WaitingView:
    return WaitingView(edit.revision, rfc3339(edit.since_ns), edit.looser, edit.tighter, edit.difference, edit.in_force)


def _approval_view(revision: str, approval: Approval) -> ApprovalView:
    return ApprovalView(revision, approval.actor.name, approval.reason, rfc3339(approval.expires_ns))
