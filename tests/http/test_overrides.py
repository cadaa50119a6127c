"""Overrides, checks and limits over HTTP: who may do what, and what they see."""

from typing import Any

import pytest

from gateway.domain.enums import Role
from tests.fakes.gateway_samples import limits_of
from tests.http.desk import LIMIT_ORDER, Desk, principal

PATH = "/api/trading/overrides"
CHECK = "/api/trading/orders/check"
WISH: dict[str, Any] = {"rules": ["max_order_value"], "account": "a1", "max_qty": 5, "reason": "rebalancing"}
PEOPLE = (
    principal("vera", Role.VIEWER),
    principal("tess", Role.TRADER, accounts=("a2",)),
    principal("rita", Role.RISK),
    principal("bound", Role.RISK, accounts=("a1",)),
)


@pytest.mark.parametrize(
    ("who", "change", "status", "code"),
    [
        ("vera", {}, 403, "ROLE_NOT_PERMITTED"),
        ("tess", {}, 403, "ROLE_NOT_PERMITTED"),
        ("rita", {}, 200, None),
        ("bound", {}, 200, None),
        ("bound", {"account": "a2"}, 403, "ACCOUNT_NOT_PERMITTED"),
        ("bound", {"account": None, "symbol": "AAPL"}, 403, "ACCOUNT_NOT_PERMITTED"),
        ("rita", {"reason": ""}, 400, "REQUEST_INVALID"),
        ("rita", {"rules": []}, 400, "REQUEST_INVALID"),
        ("rita", {"max_qty": -1}, 400, "REQUEST_INVALID"),
        ("rita", {"max_quantity": 5}, 400, "REQUEST_INVALID"),
    ],
)
async def test_who_may_lift_what(who: str, change: dict[str, Any], status: int, code: str | None) -> None:
    """Without this, a trader could lift what binds him, or a risk officer of one account that of another."""
    async with Desk(*PEOPLE) as desk:
        answer = await desk.ask("POST", PATH, {**WISH, **change}, key=who)
        assert (answer.status, answer.json.get("code")) == (status, code)
        assert bool(desk.fake.overrides) is (status == 200)


async def test_what_is_lifted_is_seen_by_whom_it_concerns() -> None:
    """Without this, the exceptions of one account would be told to another, or could be revoked from there."""
    async with Desk(*PEOPLE) as desk:
        granted = (await desk.ask("POST", PATH, WISH, key="rita")).json
        assert granted["granted_by"] == "rita"
        assert (granted["orders"], granted["used_by"], granted["max_qty"]) == ("one", None, "5")
        assert (await desk.ask("GET", PATH, key="tess")).json == {"overrides": []}
        assert [one["override_id"] for one in (await desk.ask("GET", PATH, key="vera")).json["overrides"]] == ["v1"]
        assert (await desk.ask("DELETE", f"{PATH}/v1", key="tess")).status == 403
        assert (await desk.ask("DELETE", f"{PATH}/v1", key="bound")).status == 200
        gone = await desk.ask("DELETE", f"{PATH}/v1", key="rita")
        assert (gone.status, gone.json["code"]) == (404, "OVERRIDE_NOT_FOUND")


async def test_without_keys_nobody_lifts_a_limit() -> None:
    """Without this, the one caller of a gateway without keys would be asked by nobody."""
    async with Desk() as desk:
        answer = await desk.ask("POST", PATH, WISH)
        assert (answer.status, answer.json["code"]) == (409, "OVERRIDE_NEEDS_KEYS")


async def test_a_check_answers_200_whatever_the_verdict_and_only_for_own_orders() -> None:
    """Without this, a denial that was only asked about would look like an error, or another's limits be read."""
    async with Desk(*PEOPLE) as desk:
        order = {**LIMIT_ORDER, "account": "a2"}
        good = await desk.ask("POST", CHECK, order, key="tess")
        assert (good.status, good.json["would_be"], good.json["refusal"]) == (200, "admitted", None)
        bad = await desk.ask("POST", CHECK, {**order, "quantity": 2_000_000}, key="tess")
        assert (bad.status, bad.json["would_be"], bad.json["refusal"]["code"]) == (200, "denied", "MAX_ORDER_SIZE")
        assert (await desk.ask("POST", CHECK, {**order, "account": "a1"}, key="tess")).status == 403
        assert (await desk.ask("POST", CHECK, order, key="rita")).status == 403
        assert (await desk.ask("POST", CHECK, {"symbol": "AAPL"}, key="tess")).status == 400
        assert desk.fake.stories == {}


@pytest.mark.parametrize(("bound", "values"), [((), ["4", "4", "4"]), (("a2",), ["4", "", "4"])])
async def test_a_bound_key_hears_nothing_of_what_others_hold(bound: tuple[str, ...], values: list[str]) -> None:
    """Without this, whoever trades one account could read the exposure of all by asking about small orders."""
    async with Desk(principal("tess", Role.TRADER, accounts=bound)) as desk:
        answer = await desk.ask("POST", CHECK, {**LIMIT_ORDER, "account": "a2"}, key="tess")
        assert [check["value"] for check in answer.json["legs"][0]["checks"]] == values


@pytest.mark.parametrize(
    ("who", "query", "seen"),
    [
        ("rita", "", {"gateway", "default", "second", "s1", "ibkr"}),
        ("rita", "?scope=venue&id=IBKR", {"ibkr"}),
        ("rita", "?scope=account", {"default", "second"}),
        ("rita", "?scope=account&id=second", {"second"}),
        ("bound", "", {"a1"}),
        ("tess", "", set()),
    ],
)
async def test_limits_are_shown_to_whom_they_bind(who: str, query: str, seen: set[str]) -> None:
    """Without this, a strategy would read how much another may still lose; or nobody how much is left."""
    async with Desk(*PEOPLE) as desk:
        desk.fake.risk_view = limits_of("default", "second") if who == "rita" else limits_of("a1", "default")
        answer = await desk.ask("GET", f"/api/trading/risk{query}", key=who)
        assert answer.status == 200
        assert {one["scope_id"] for one in answer.json["limits"]} == seen
        live = (await desk.ask("GET", f"/api/trading/risk{query or '?'}&book=live".replace("?&", "?"), key=who)).json
        assert {one["book"] for one in live["limits"]} <= {"live"}
        assert (await desk.ask("GET", "/api/trading/risk?account=default", key=who)).status == 400
