"""Approvals of what loosens limits, over HTTP: who may give one, and what they see."""

import pytest

from gateway.domain.enums import Role
from gateway.ports.intake import WaitingEdit
from tests.http.desk import Desk, principal

PATH = "/api/trading/config/approvals"
WISH = {"revision": "c2", "reason": "the desk has grown"}
PEOPLE = (
    principal("vera", Role.VIEWER),
    principal("tess", Role.TRADER),
    principal("rita", Role.RISK),
    principal("bound", Role.RISK, accounts=("default",)),
    principal("ada", Role.ADMIN),
)
EDIT = WaitingEdit(
    revision="c2",
    since_ns=1_700_000_000_000_000_000,
    difference=("limits.max_order_value 1 -> 2",),
    looser=("limits.max_order_value 1 -> 2",),
    tighter=(),
    in_force=(),
)


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ("vera", 403, "ROLE_NOT_PERMITTED"),
        ("tess", 403, "ROLE_NOT_PERMITTED"),
        ("bound", 403, "ACCOUNT_NOT_PERMITTED"),
        ("rita", 200, None),
        ("ada", 200, None),
    ],
)
async def test_who_may_approve(who: str, status: int, code: str | None) -> None:
    """Without this, whoever trades could loosen what binds them."""
    async with Desk(*PEOPLE) as desk:
        answer = await desk.ask("POST", PATH, WISH, key=who)
        assert (answer.status, answer.json.get("code")) == (status, code)
        assert bool(desk.fake.approvals) is (status == 200)


async def test_what_waits_is_shown_and_an_approval_says_whether_it_counts() -> None:
    """Without this, a person would approve a hash without seeing what it stands for."""
    async with Desk(*PEOPLE) as desk:
        assert (await desk.ask("GET", PATH, key="vera")).json == {"waiting": None, "approvals": []}
        assert (await desk.ask("POST", PATH, WISH, key="rita")).json == {"revision": "c2", "in_force": False}
        desk.fake.edit = EDIT
        shown = (await desk.ask("GET", PATH, key="vera")).json
        assert shown["waiting"]["looser"] == list(EDIT.looser)
        assert shown["approvals"][0]["approved_by"] == "rita"
        assert (await desk.ask("POST", PATH, WISH, key="rita")).json["in_force"] is True
        done = await desk.ask("POST", PATH, {**WISH, "revision": "c1"}, key="rita")
        assert (done.status, done.json["code"]) == (409, "CONFIG_IN_FORCE")


@pytest.mark.parametrize("reason", ["", "  ", None])
async def test_an_approval_has_a_reason(reason: str | None) -> None:
    """Without this, the record would not say why."""
    async with Desk(*PEOPLE) as desk:
        assert (await desk.ask("POST", PATH, {**WISH, "reason": reason}, key="rita")).status == 400
