"""An order of the past with every check as it was, decided again from the journal."""

from typing import Any

import msgspec

from tests.e2e.orders import market, resting
from tests.e2e.process import Site, run_gateway, running


async def test_an_order_is_explained_as_it_was_decided_whatever_came_after(site: Site) -> None:
    """Without this, a person would be told today's limits and today's positions about yesterday's order."""
    wishes = [
        market(quantity=5),
        market(quantity=100_000),
        resting(quantity=90),
        market(quantity=120),  # fits alone, and not beside what is held by then
        market("sell", quantity=2),
        market(symbol="NONE"),
    ]
    async with running(site) as gateway:
        api = gateway.api()
        placed: list[dict[str, Any]] = []
        for wish in wishes:
            answer = (await api.place(**wish)).body
            placed.append(answer.get("order") or answer)
        site.merge("risk.yaml", {"limits": {"max_order_value": 1}})
        for order in placed:
            found = await api.fetch(f"/api/trading/orders/{order['order_id']}/checks")
            _holds(order, found)
        assert await gateway.stop() == 0
    for order in placed:  # and the same from the files alone, from a checkpoint of a clean stop or not
        command = await run_gateway("explain", order["order_id"], "--json", "--data", site.data)
        assert command.status == 0, command.output
        _holds(order, msgspec.json.decode(command.output))
    unknown = await run_gateway("explain", "nobody", "--data", site.data)
    assert (unknown.status, "holds no order nobody" in unknown.output) == (1, True)


def _holds(order: dict[str, Any], found: dict[str, Any]) -> None:
    reject = order["reject"]
    assert found["would_be"] == ("admitted" if reject is None else "denied")
    if reject is None:
        assert found["refusal"] is None
        assert found["legs"][0]["policy"]["is_allowed"]
        assert found["policy_revision"] == order["policy_revision"]
        assert found["legs"][0]["route"] == order["route"]
    else:
        assert (found["refusal"]["code"], found["refusal"]["text"]) == (reject["code"], reject["text"])
    broken = [check["code"] for leg in found["legs"] for check in leg["checks"] if not check["passed"]]
    assert set(broken) == {breach["code"] for breach in (reject or {"breaches": ()})["breaches"]}
