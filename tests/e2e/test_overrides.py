"""An exception from a limit: asked for before, granted by another key, used once, and on record for good."""

import time

import pytest

from tests.e2e.orders import resting
from tests.e2e.process import Site, eventually, run_gateway, running
from tests.e2e.test_loosening import KEYS, give_keys
from tests.patience import PATIENCE_S

PATH = "/api/trading/overrides"
CHECK = "/api/trading/orders/check"
#: Worth 2000 where 1500 is the most.
LARGE = resting(quantity=20)
WISH = {"rules": ["MAX_ORDER_VALUE"], "strategy_id": "s1", "max_value": "2500", "reason": "index rebalancing"}


@pytest.fixture
def tight(site: Site) -> Site:
    site.change("risk.yaml", "max_order_value: 50000", "max_order_value: 1500")
    give_keys(site, "trader", "risk")
    return site


async def test_an_exception_lets_one_order_pass_also_across_a_crash(tight: Site) -> None:
    """Without this, an exception would be lost with the process, or serve twice, or nobody would know who made it."""
    async with running(tight) as gateway:
        trader, risk = gateway.api(KEYS["trader"]), gateway.api(KEYS["risk"])
        before = (await trader.post(CHECK, LARGE)).body
        assert (before["would_be"], before["refusal"]["code"]) == ("denied", "MAX_ORDER_VALUE")
        (broken,) = [one for one in before["legs"][0]["checks"] if not one["passed"]]
        assert (broken["rule"], broken["limit"], broken["value"], broken["headroom"]) == (
            "max_order_value",
            "1500",
            "2000",
            "-500",
        )
        assert before["legs"][0]["policy"]["is_allowed"] is True
        assert (await trader.place(**LARGE)).status == 422
        assert (await trader.post(PATH, WISH)).status == 403
        granted = await risk.post(PATH, WISH)
        assert granted.status == 200, granted
        after = (await trader.post(CHECK, LARGE)).body
        assert (after["would_be"], after["legs"][0]["overrides"][0]["granted_by"]) == ("admitted", "risk-1")

        gateway.kill()
        gateway.spawn()
        await gateway.ready()
        trader, risk = gateway.api(KEYS["trader"]), gateway.api(KEYS["risk"])
        assert (await trader.place(**resting(quantity=30))).status == 422  # worth more than max_value
        assert (await trader.place(**resting("s2", quantity=20))).status == 422  # another strategy
        placed = await trader.place(**LARGE)
        assert placed.status == 201, placed
        (use,) = placed.body["overrides"]
        assert (use["granted_by"], use["reason"]) == ("risk-1", "index rebalancing")
        assert [one["code"] for one in use["lifted"]] == ["MAX_ORDER_VALUE"]
        assert (await trader.place(**LARGE)).status == 422

        gateway.kill()
        gateway.spawn()
        await gateway.ready()
        trader, risk = gateway.api(KEYS["trader"]), gateway.api(KEYS["risk"])
        assert (await trader.place(**LARGE)).status == 422
        (listed,) = (await trader.fetch(PATH))["overrides"]
        assert (listed["used_by"], listed["uses"]) == (placed.body["order_id"], 1)
        assert (await trader.fetch(f"/api/trading/orders/{placed.body['order_id']}"))["overrides"] == [use]
        # A halt is not lifted, and one for several orders ends with its revocation.
        several = await risk.post(PATH, {**WISH, "orders": "any"})
        assert (await trader.place(**LARGE)).status == 201
        await risk.post("/api/trading/trading/disable", {"reason": "test"})
        halted = await trader.place(**LARGE)
        assert (halted.status, halted.body["code"]) == (422, "TRADING_HALTED")
        await risk.post("/api/trading/trading/enable", {"reason": "test"})
        assert (await trader.place(**LARGE)).status == 201
        assert (await risk.ask("DELETE", f"{PATH}/{several.body['override_id']}")).status == 200
        assert (await trader.place(**LARGE)).status == 422
        await gateway.stop()
    assert (await run_gateway("audit", "verify", "--data", tight.data)).status == 0
    replayed = await run_gateway("replay", "--data", tight.data)
    assert replayed.status == 0, replayed.output


async def test_an_exception_ends_by_the_clock(tight: Site) -> None:
    """Without this, what was for a minute would be for ever."""
    async with running(tight) as gateway:
        trader, risk = gateway.api(KEYS["trader"]), gateway.api(KEYS["risk"])
        soon = str(time.time_ns() + 1_500_000_000)
        assert (await risk.post(PATH, {**WISH, "orders": "any", "expires_at": soon})).status == 200
        assert (await trader.place(**LARGE)).status == 201

        async def is_over() -> bool:
            return (await trader.fetch(PATH))["overrides"] == []

        await eventually(is_over, PATIENCE_S)
        assert (await trader.place(**LARGE)).status == 422
