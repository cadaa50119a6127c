"""Reconciliation over HTTP: who sees it, accepts a difference, settles an order; and how either is refused."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.domain.enums import Role
from gateway.domain.reconciliation import SettleAs
from gateway.ports.intake import ControlRefused
from tests.http.desk import Desk, principal

D = Decimal
PATH = "/api/trading/reconciliation"
PEOPLE = (
    principal("vera", Role.VIEWER),
    principal("tess", Role.TRADER),
    principal("rita", Role.RISK),
    principal("bound", Role.RISK, accounts=("a1",)),
)
WISH: dict[str, Any] = {"venue": "IBKR", "symbol": "AAPL", "reason": "held before the gateway"}


async def test_what_differs_is_shown_whole_to_who_sees_all_accounts() -> None:
    """Without this, nobody would learn what the venue holds, or a key bound to one account would see all of it."""
    async with Desk(*PEOPLE) as desk:
        answer = await desk.ask("GET", PATH, key="vera")
        assert answer.status == 200
        [venue] = answer.json["venues"]
        assert venue["differences"][0]["difference"] == "5"
        assert venue["differences"][0]["symbols"] == ["AAPL"]
        assert venue["unknown_orders"][0]["venue_order_id"] == "991"
        assert venue["executions"][0]["venue_px"] == "179.5"
        assert venue["holdings"][0]["book_qty"] == "10"
        assert venue["others"] == {"GME": "2"}
        assert (await desk.ask("GET", PATH, key="bound")).status == 403


@pytest.mark.parametrize(
    ("who", "change", "status"),
    [
        ("rita", {}, 200),
        ("rita", {"difference": "5"}, 200),
        ("rita", {"difference": "-5.0"}, 200),
        ("rita", {"difference": "many"}, 400),
        ("rita", {"reason": ""}, 400),
        ("rita", {"qty": 1}, 400),
        ("tess", {}, 403),
        ("bound", {}, 403),
    ],
)
async def test_who_may_accept_what(who: str, change: dict[str, Any], status: int) -> None:
    """Without this, a trader could wave through what his own error made."""
    async with Desk(*PEOPLE) as desk:
        answer = await desk.ask("POST", f"{PATH}/accept", {**WISH, **change}, key=who)
        assert answer.status == status
        if status == 200:
            qty = D(change["difference"]) if "difference" in change else None
            assert desk.agreement.calls == [("accept", "ibkr", "AAPL", qty, "rita", WISH["reason"])]


@pytest.mark.parametrize(
    ("who", "body", "status"),
    [
        ("rita", {"settle_as": "never_sent", "reason": "phoned"}, 200),
        ("rita", {"settle_as": "filled", "quantity": "3", "price": 180.5, "reason": "phoned"}, 200),
        ("rita", {"settle_as": "lost", "reason": "phoned"}, 400),
        ("rita", {"settle_as": "canceled"}, 400),
        ("tess", {"settle_as": "canceled", "reason": "phoned"}, 403),
    ],
)
async def test_who_may_settle_an_order(who: str, body: dict[str, Any], status: int) -> None:
    """Without this, anybody could say of an order that it never was, and send it again."""
    async with Desk(*PEOPLE) as desk:
        order_id = (await desk.place(key="tess")).json["order_id"]
        answer = await desk.ask("POST", f"/api/trading/orders/{order_id}/settle", body, key=who)
        assert answer.status == status
        if status == 200:
            qty, px = (None, None) if "price" not in body else (D(3), D("180.5"))
            assert desk.agreement.calls == [
                ("settle", order_id, SettleAs(body["settle_as"]), qty, px, "rita", "phoned")
            ]
            assert answer.json["order_id"] == order_id
        unknown = await desk.ask("POST", "/api/trading/orders/nobody/settle", body, key="rita")
        assert unknown.status == (400 if status == 400 else 404)


@pytest.mark.parametrize(
    ("code", "status"),
    [("DRIFT_NOT_FOUND", 404), ("DRIFT_MOVED", 409), ("VENUE_SAYS_OTHERWISE", 409), ("ORDER_NOT_IN_DOUBT", 409)],
)
async def test_a_refusal_says_why(code: str, status: int) -> None:
    """Without this, a person would not know that the venue has said otherwise meanwhile."""
    async with Desk(*PEOPLE) as desk:
        desk.agreement.refusal = ControlRefused(code, "because")
        answer = await desk.ask("POST", f"{PATH}/accept", WISH, key="rita")
        assert (answer.status, answer.json["code"], answer.json["detail"]) == (status, code, "because")
