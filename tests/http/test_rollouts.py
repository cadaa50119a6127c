"""Rollouts over HTTP: seen, commanded with role risk, and Alertmanager's webhook."""

from typing import Any

import pytest

from gateway.domain.enums import Role
from gateway.domain.rollout_facts import HeardAlert
from gateway.ports.intake import ControlRefused
from tests.http.desk import Desk, principal

PATH = "/api/trading/rollouts/IBKR"
PEOPLE = (principal("rita", Role.RISK), principal("tess", Role.TRADER), principal("bound", Role.RISK, accounts=("a",)))
#: As Alertmanager 0.27 sends it, with what newer ones add.
NOTICE: dict[str, Any] = {
    "version": "4",
    "groupKey": "{}:{}",
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "gateway",
    "groupLabels": {},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "notification_reason": "first",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Rejects", "gateway_action": "demote", "venue": "IBKR", "severity": "critical"},
            "annotations": {"summary": "too many"},
            "startsAt": "2026-11-21T08:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph",
            "fingerprint": "f00d",
        },
        {"status": "firing", "labels": {"alertname": "DiskFull"}, "fingerprint": "beef"},
    ],
}


async def test_a_rollout_is_shown_with_what_each_gate_says() -> None:
    """Without it a person could not see why a venue is not promoted."""
    async with Desk(*PEOPLE) as desk:
        answer = await desk.ask("GET", "/api/trading/rollouts", key="tess")
        (one,) = answer.json["rollouts"]
        assert (one["venue"], one["step"], one["measured_bp"], one["orders"]) == ("ibkr", "CANARY 1%", 97, 43)
        assert one["gates"][0]["text"] == "2 of 3 days"
        assert (await desk.ask("GET", PATH, key="tess")).json == one
        assert (await desk.ask("GET", "/api/trading/rollouts/krakn", key="tess")).status == 404


@pytest.mark.parametrize("command", ["pause", "resume", "abort"])
async def test_commands_need_the_role_risk_and_a_reason(command: str) -> None:
    """Without it any key could hold a venue, or let it go on, and nobody would know why."""
    async with Desk(*PEOPLE) as desk:
        assert (await desk.ask("POST", f"{PATH}/{command}", {"reason": "x"}, "tess")).status == 403
        assert (await desk.ask("POST", f"{PATH}/{command}", {"reason": "x"}, "bound")).status == 403
        assert (await desk.ask("POST", f"{PATH}/{command}", {}, "rita")).status == 400
        assert (await desk.ask("POST", f"{PATH}/{command}", {"reason": "looked"}, "rita")).status == 200
        assert desk.rollouts.asked == [(command, "ibkr", "rita", "looked")]


async def test_what_cannot_be_done_is_a_conflict_that_says_why() -> None:
    """Without it a resume within the cool-down would look like a fault."""
    async with Desk(*PEOPLE) as desk:
        desk.rollouts.refusal = ControlRefused("ROLLOUT_NOT_RESUMABLE", "the cool-down lasts another 12 s")
        answer = await desk.ask("POST", f"{PATH}/resume", {"reason": "x"}, "rita")
        assert (answer.status, answer.json["code"]) == (409, "ROLLOUT_NOT_RESUMABLE")
        assert "12 s" in answer.json["detail"]


async def test_approving_and_overriding() -> None:
    """Without it neither could be done from outside."""
    async with Desk(*PEOPLE) as desk:
        answer = await desk.ask(
            "POST", f"{PATH}/approve", {"revision": "abc", "evidence": "e1", "reason": "ok"}, "rita"
        )
        assert answer.json == {"venue": "ibkr", "revision": "abc", "in_force": False}
        wish = {"mode": "canary", "weight_bp": 250, "seconds": 600, "reason": "drill"}
        assert (await desk.ask("POST", f"{PATH}/override", wish, "rita")).status == 200
        assert desk.rollouts.asked[-1][:4] == ("override", "ibkr", "CANARY", 250)
        for wrong in (10_001, 0, "much"):
            assert (await desk.ask("POST", f"{PATH}/override", {**wish, "weight_bp": wrong}, "rita")).status == 400
        assert (await desk.ask("DELETE", f"{PATH}/override", key="rita")).status == 200


async def test_alertmanager_is_heard_where_its_alerts_are_labelled_for_us() -> None:
    """Without it every alert of the site would demote, or none."""
    async with Desk(*PEOPLE) as desk:
        answer = await desk.ask("POST", "/api/trading/alertmanager", NOTICE, "rita")
        assert (answer.status, answer.json) == (200, {"heard": 1})
        ((_, alert),) = desk.rollouts.asked
        assert alert == HeardAlert(
            fingerprint="f00d",
            starts_ns=1_795_248_000_000_000_000,
            is_firing=True,
            name="Rejects",
            venue="ibkr",
            text="too many",
        )


WRONG: list[dict[str, Any]] = [
    {"version": "3"},
    {"alerts": {}},
    {"alerts": [{"status": "firing"}]},
    {"alerts": [{**NOTICE["alerts"][0], "labels": 1}]},
]


@pytest.mark.parametrize("change", WRONG)
async def test_a_notice_of_another_form_is_refused(change: dict[str, Any]) -> None:
    """Without it a newer webhook whose alerts lie elsewhere would be taken and do nothing."""
    async with Desk(*PEOPLE) as desk:
        assert (await desk.ask("POST", "/api/trading/alertmanager", {**NOTICE, **change}, "rita")).status == 400
        assert desk.rollouts.asked == []


async def test_alertmanager_needs_a_key() -> None:
    """Without it anybody on the network could stop the desk's trading."""
    async with Desk(*PEOPLE) as desk:
        assert (await desk.ask("POST", "/api/trading/alertmanager", NOTICE)).status == 401
        assert (await desk.ask("POST", "/api/trading/alertmanager", NOTICE, "tess")).status == 403


async def test_the_review_is_for_who_sees_everything_and_says_when_it_cannot_be_made() -> None:
    """Without it a key bound to one account would read of all, and a journal that cannot be read would look quiet."""
    async with Desk(*PEOPLE) as desk:
        answer = await desk.ask("GET", f"{PATH}/review", key="tess")
        assert (answer.status, answer.json["is_thin"], answer.json["rollout"]["evidence_hash"]) == (200, True, "e1")
        assert (await desk.ask("GET", f"{PATH}/review", key="bound")).status == 403
        assert (await desk.ask("GET", "/api/trading/rollouts/krakn/review", key="tess")).status == 404
        desk.step_records.failure = "record 7 is missing"
        answer = await desk.ask("GET", f"{PATH}/review", key="tess")
        assert (answer.status, answer.json["code"], answer.json["detail"]) == (
            409,
            "REVIEW_FAILED",
            "record 7 is missing",
        )
