"""A real gateway with candidates beside it: they see every order and change none."""

from typing import Any

from tests.e2e.orders import market
from tests.e2e.process import Api, GatewayProcess, Site, eventually, running
from tests.patience import PATIENCE_S

LIMITS = "risk_candidate.yaml"


def with_candidates(site: Site, **candidates: dict[str, str]) -> None:
    site.lift_limits()
    site.write(LIMITS, "limits: {max_order_size: 5}\n")
    site.merge("gateway.yaml", {"candidates": candidates})


async def candidate(api: Api, name: str) -> dict[str, Any]:
    found = (await api.fetch("/api/trading/candidates"))["candidates"]
    return next((one for one in found if one["name"] == name), {"state": "", "evidence": None, "problems": []})


async def until(api: Api, name: str, **wanted: Any) -> dict[str, Any]:
    """Wait until the candidate is as ``wanted``, in itself or in its evidence."""
    seen: dict[str, Any] = {}

    async def is_so() -> bool:
        seen.update(await candidate(api, name))
        flat = {**(seen["evidence"] or {}), **seen}
        return all(flat.get(key) == value for key, value in wanted.items())

    await eventually(is_so, PATIENCE_S, lambda: f"{name}: {seen}")
    return seen


async def test_candidates_judge_every_order_change_none_and_outlive_a_restart(tmp_path: Any) -> None:
    """Without this, a rule would be tried on real orders by putting it in force.

    One candidate is what is enforced, one is tighter, one cannot be used, and one has policies of its own.
    """
    site = Site(tmp_path / "gateway")
    with_candidates(
        site,
        same={"limits": "risk.yaml", "policies": "../policies"},
        tighter={"limits": LIMITS},
        broken={"policies": "../nowhere"},
    )
    async with running(site) as process:
        await _first_life(process, site)
    async with running(site) as process:
        api = process.api()
        kept = await until(api, "tighter", state="running", orders=3, differences=2)
        assert kept["evidence"]["by_rule"][0]["rule"] == "MAX_ORDER_SIZE"
        site.write(LIMITS, "limits: {max_order_size: 1}\n")
        await until(api, "tighter", orders=0)
        assert (await api.place(**market(quantity=2))).status == 201
        await until(api, "tighter", orders=1, differences=1)
        await until(api, "same", orders=4, differences=0, errors=0)
        site.merge("gateway.yaml", {"candidates": None})
        await until(api, "tighter", state="")
    assert process.log.count("Traceback") == 0, process.log


async def _first_life(process: GatewayProcess, site: Site) -> None:
    api = process.api()
    await until(api, "tighter", state="running", orders=0)
    await until(api, "same", state="running", orders=0)
    for quantity in (2, 10, 20):
        assert (await api.place(**market(quantity=quantity))).status == 201
    tighter = await until(api, "tighter", orders=3, differences=2)
    (denies,) = tighter["evidence"]["by_rule"]
    assert (denies["kind"], denies["rule"], denies["orders"]) == ("denies", "MAX_ORDER_SIZE", 2)
    assert [one["quantity"] for one in tighter["examples"]] == ["20", "10"]
    assert tighter["examples"][0]["enforced"] == "admitted 20 shadow"
    await until(api, "same", orders=3, differences=0, errors=0)
    broken = await until(api, "broken", state="stopped")
    assert broken["problems"] == [f"{site.root}/nowhere: there is no such folder"]
    warnings = (await api.fetch("/health/ready"))["warnings"]
    assert any("candidate broken changes no order" in text for text in warnings)
    metrics = (await api.get("/metrics")).body
    assert 'gateway_candidate_differences_total{candidate="tighter",kind="denies",rule="MAX_ORDER_SIZE"} 2.0' in metrics
    assert 'gateway_candidate_running{candidate="broken"} 0.0' in metrics
    site.write(LIMITS, "limits: {max_order_siz: 5}\n")
    words = f"{LIMITS}:1:10: limits.max_order_siz is not a known key (did you mean `max_order_size`?)"
    edited = await until(api, "tighter", problems=[words])
    assert edited["state"] == "running", "what ran before runs on"
    site.write(LIMITS, "limits: {max_order_size: 5}\n")
    await until(api, "tighter", problems=[])
