"""The paths of rollouts. Part of ``operations``."""

from typing import Any

from gateway.adapters.http.auth import Right
from gateway.adapters.http.operation import Operation
from gateway.adapters.http.review_views import ReviewReply
from gateway.adapters.http.rollout_handlers import (
    AlertmanagerNotice,
    AlertmanagerReply,
    ApprovedRolloutReply,
    ApproveRollout,
    CommandRollout,
    OverrideRollout,
)
from gateway.adapters.http.rollout_views import RolloutsReply, RolloutView

_TRADING = "/api/trading"
_ROLLOUT = f"{_TRADING}/rollouts/{{venue}}"


def _post(path: str, name: str, summary: str, reply: type, body: type, **more: Any) -> Operation:
    return Operation(
        method="POST",
        path=path,
        name=name,
        summary=summary,
        replies={200: reply},
        needs=Right.CONTROL,
        body=body,
        is_body_required=True,
        **more,
    )


def _get(path: str, name: str, summary: str, reply: type, **more: Any) -> Operation:
    return Operation(
        method="GET", path=path, name=name, summary=summary, replies={200: reply}, needs=Right.READ, **more
    )


def _command(name: str, summary: str) -> Operation:
    path = f"{_ROLLOUT}/{name}"
    return _post(path, f"{name}_rollout", summary, RolloutView, CommandRollout, refusals=(404, 409, 503))


ROLLOUTS = (
    _get(f"{_TRADING}/rollouts", "list_rollouts", "Where every venue stands on its plan", RolloutsReply),
    _get(_ROLLOUT, "show_rollout", "One of them", RolloutView, refusals=(404,)),
    _get(
        f"{_ROLLOUT}/review",
        "review_rollout",
        "What a person decides on: the step, its evidence, live against twin, and all that went wrong",
        ReviewReply,
        refusals=(404, 409),
    ),
    _command("pause", "Let nothing new go live until it is resumed"),
    _command("resume", "Let a paused or demoted venue go on"),
    _command("abort", "Demote at once; it begins again at the first step"),
    _post(
        f"{_ROLLOUT}/approve",
        "approve_rollout",
        "Agree to a promotion",
        ApprovedRolloutReply,
        ApproveRollout,
        refusals=(404, 409, 503),
    ),
    _post(
        f"{_ROLLOUT}/override",
        "override_rollout",
        "Set mode and share outside the plan, for a while",
        RolloutView,
        OverrideRollout,
        refusals=(404, 409, 503),
    ),
    Operation(
        name="end_rollout_override",
        method="DELETE",
        path=f"{_ROLLOUT}/override",
        summary="Take that back",
        needs=Right.CONTROL,
        replies={200: RolloutView},
        refusals=(404,),
    ),
    _post(
        f"{_TRADING}/alertmanager",
        "hear_alerts",
        "Alertmanager's webhook: a firing alert with our label demotes",
        AlertmanagerReply,
        AlertmanagerNotice,
        is_body_open=True,
        refusals=(503,),
    ),
)
