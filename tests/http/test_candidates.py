"""What candidates would do otherwise, over HTTP."""

from gateway.domain.enums import Role
from tests.http.desk import Desk, principal

PATH = "/api/trading/candidates"


async def test_a_candidate_tells_what_it_saw_and_what_it_would_do_otherwise() -> None:
    """Without this, nobody could say whether a candidate is ready to be put in force."""
    async with Desk() as desk:
        (candidate,) = (await desk.ask("GET", PATH)).json["candidates"]
    assert (candidate["name"], candidate["state"], candidate["problems"]) == ("tighter", "running", [])
    evidence = candidate["evidence"]
    assert (evidence["orders"], evidence["differences"], evidence["behind"], evidence["errors"]) == (5, 2, 2, 0)
    assert evidence["by_rule"] == [
        {"kind": "denies", "rule": "MAX_ORDER_SIZE", "orders": 2, "notional": "30050"},
    ]
    assert [one["order_id"] for one in candidate["examples"]] == ["o2", "o1"], "the newest first"


async def test_a_bound_key_sees_its_own_examples_and_no_figures_of_others() -> None:
    """Without this, a key for one account could count what the others trade."""
    async with Desk(principal("bob", Role.VIEWER, accounts=("second",))) as desk:
        (candidate,) = (await desk.ask("GET", PATH, key="bob")).json["candidates"]
    assert candidate["evidence"] is None
    assert [one["account"] for one in candidate["examples"]] == ["second"]
