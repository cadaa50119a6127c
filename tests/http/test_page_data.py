"""What the page is told: one answer, as of one record, and no more than its key may see."""

from typing import Any

from gateway.domain.enums import Role
from gateway.ports.page import PageBehind
from tests.fakes.gateway_samples import limits_of
from tests.http.desk import Desk, principal

PEOPLE = (
    principal("vic", Role.VIEWER),
    principal("ann", Role.ADMIN),
    principal("bound", Role.TRADER, accounts=("a1",)),
)


async def page(desk: Desk, key: str, query: str = "") -> Any:
    answer = await desk.ask("GET", f"/api/trading/page{query}", key=key)
    assert answer.status == 200, answer.body
    return answer.json


async def test_one_answer_holds_what_the_paths_of_its_parts_answer() -> None:
    """Without this, the page and the API would show two gateways."""
    async with Desk(*PEOPLE) as desk:
        placed = await desk.place("ann")
        whole = await page(desk, "ann", "?orders=10&history=10")
        for name, path in (
            ("modes", "modes"),
            ("trading", "trading"),
            ("portfolio", "portfolio"),
            ("breakers", "circuit-breakers"),
            ("rollouts", "rollouts"),
            ("alerts", "alerts"),
            ("statistics", "statistics"),
            ("locks", "locks"),
            ("connections", "connections"),
        ):
            assert whole[name] == (await desk.ask("GET", f"/api/trading/{path}", key="ann")).json, name
        assert [one["order_id"] for one in whole["orders"]] == [placed.json["order_id"]]
        assert whole["seq"] == whole["last_seq"] == desk.fake.last_seq
        assert whole["history"] == []
        small = await page(desk, "ann")
        assert (small["orders"], small["history"]) == (None, None)
        story = f"/api/trading/page/orders/{placed.json['order_id']}"
        assert (await desk.ask("GET", story, key="ann")).json["order"] == placed.json


async def test_the_page_knows_who_asks() -> None:
    """Without this, a viewer would learn from a refusal that a button is not his."""
    async with Desk(*PEOPLE) as desk:
        assert (await page(desk, "vic"))["caller"] == {
            "name": "vic",
            "role": "viewer",
            "rights": ["open", "read", "scrape"],
            "is_bound": False,
        }
        assert "control" in (await page(desk, "ann"))["caller"]["rights"]


async def test_a_bound_key_sees_its_own() -> None:
    """Without this, a strategy would read on the page what the API keeps from it."""
    async with Desk(*PEOPLE) as desk:
        desk.fake.risk_view = limits_of("a1", "default")
        await desk.place("ann")
        seen = await page(desk, "bound", "?orders=10")
        assert seen["orders"] == []
        assert {one["scope_id"] for one in seen["risk"]["limits"]} == {"a1"}
        assert seen["risk"]["used"] == len(seen["risk"]["limits"])
        assert seen["alerts"]["channels"] == []
        assert seen["caller"]["is_bound"]


async def test_while_the_journal_is_read_it_says_so() -> None:
    """Without this, a page opened on a long journal would show an empty gateway."""
    async with Desk(*PEOPLE) as desk:
        desk.page.behind = PageBehind("the journal is being read: 1 of 2 records")
        answer = await desk.ask("GET", "/api/trading/page", key="ann")
        assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "PAGE_BEHIND", "1")
        assert answer.json["detail"] == "the journal is being read: 1 of 2 records"
