"""A rollout in a running gateway: by edits of files, the terminal, and Alertmanager."""

import asyncio
import time
from datetime import datetime
from typing import Any

from tests.e2e.orders import market
from tests.e2e.process import Api, Site, eventually, run_gateway
from tests.e2e.test_modes import effective, filled, live_site, until_mode
from tests.patience import PATIENCE_S

PATH = "/api/trading/rollouts/ibkr"
#: A plan that a test can follow; a trading day cannot be waited for, so the days are what is missing in the end.
PLAN = [{"weight_pct": 99, "days": 1, "max_error_rate": 0.2}, {"weight_pct": 99.5, "days": 1}]


def by_evidence(site: Site) -> None:
    terms = {"promotions": {"default": "evidence"}, "plan": PLAN, "live_after_days": 1}
    site.merge("rollout.yaml", terms)
    site.merge("notifications.yaml", {"channels": [{"name": "desk", "url": "http://127.0.0.1:9"}]})


async def refused(api: Api, *words: str) -> str:
    """The refusal of the last edit, once it says all of this."""

    async def is_told() -> bool:
        text = str((await api.get("/health/ready")).body)
        return all(word in text for word in words)

    await eventually(is_told, PATIENCE_S, lambda: f"it is not told: {words}")
    return str((await api.get("/health/ready")).body["config_error"])


async def reviewed(site: Site, api: Api, evidence: str, live: int) -> None:
    """The review of the step, of the journal as it is: too thin, with every live order beside its twins."""
    environ, path = {"GATEWAY_URL": api.url}, site.root / "review.html"
    made = await run_gateway("rollout", "review", "IBKR", "--out", path, environ=environ)
    assert made.status == 0, made.output
    assert evidence in made.output
    page = path.read_text()
    assert "Too thin to decide on." in page
    assert f"{live} in this step" in page
    found = await api.fetch(f"{PATH}/review")
    assert (found["live_orders"], found["is_thin"], found["rollout"]["evidence_hash"]) == (live, True, evidence)
    assert found["measured"]["live"] == live
    assert any("CANARY" in line for edit in found["edits"] for line in edit["difference"])
    stale = {"revision": "any", "evidence": "0123456789abcdef", "reason": "looked good"}
    refusal = await api.post(f"{PATH}/approve", stale)
    assert (refusal.status, refusal.body["code"]) == (409, "EVIDENCE_MOVED")


async def test_edits_are_held_to_the_plan_and_an_alert_takes_the_venue_back(site: Site) -> None:
    """Without it evidence, gates and demotion would each work and the gateway would not."""
    by_evidence(site)
    async with live_site(site) as (_, gateway):
        api = gateway.api()
        site.set_modes("LIVE", ibkr=("CANARY", 100))
        await refused(api, "one step at a time: CANARY with canary_pct of at most 99 comes next")
        assert await effective(api) == "SHADOW"
        site.set_modes("LIVE", ibkr=("CANARY", 99))
        await until_mode(api, "CANARY")
        orders = [await filled(api, **market("buy", f"s{n}")) for n in range(12)]
        live = [one for one in orders if one["route"] == "live"]
        assert live
        state: dict[str, Any] = await api.fetch(PATH)
        assert (state["step"], state["orders"], state["errors"]) == ("CANARY 99%", len(live), 0)

        await reviewed(site, api, state["evidence_hash"], len(live))

        site.set_modes("LIVE", ibkr=("CANARY", 99.5))
        text = await refused(api, "0 of 1 trading days with live orders in this step")
        assert f"{len(live)} of 1 live orders" not in text  # what is there is not told as missing
        checked = await run_gateway("check-config", site.config, "--data", site.data)
        assert checked.status == 1
        assert "0 of 1 trading days with live orders in this step" in checked.output
        assert (await api.fetch(PATH))["weight_bp"] == 9_900

        alert = {"status": "firing", "fingerprint": "f", "labels": {"gateway_action": "demote", "venue": "IBKR"}}
        notice = {"version": "4", "alerts": [{**alert, "startsAt": "2026-11-21T08:00:00Z"}]}
        assert (await api.post("/api/trading/alertmanager", notice)).body == {"heard": 1}
        assert (await api.post("/api/trading/alertmanager", notice)).body == {"heard": 0}
        assert (await filled(api, **market("buy", "later")))["route"] == "shadow"
        closed = await filled(api, **market("sell", live[0]["strategy_id"]))
        assert closed["route"] == "live"  # invariant 3

        environ = {"GATEWAY_URL": api.url}
        shown = await run_gateway("rollout", "status", "ibkr", environ=environ)
        assert shown.status == 0, shown.output
        assert "ibkr: SHADOW (evidence)" in shown.output
        assert "DEMOTED" in shown.output
        assert "[.] days: 0 of 1 trading days" in shown.output
        resumed = await run_gateway("rollout", "resume", "ibkr", "--reason", "x", environ=environ)
        assert resumed.status == 1
        assert "cool-down" in resumed.output

        gateway.kill()
        gateway.spawn()
        await gateway.ready()
        again: dict[str, Any] = await gateway.api().fetch(PATH)
        assert (again["hold"]["cause"], again["mode"], again["orders"]) == ("alert", "SHADOW", len(live) + 1)


async def test_under_load_nothing_new_goes_live_a_second_after_an_alert(site: Site) -> None:
    """Without it a demotion would wait its turn behind the very orders that it is about."""
    by_evidence(site)
    async with live_site(site) as (_, gateway):
        api = gateway.api()
        site.set_modes("LIVE", ibkr=("CANARY", 99))
        await until_mode(api, "CANARY")
        labels = {"gateway_action": "demote", "venue": "ibkr"}
        alert = {"status": "firing", "fingerprint": "f", "labels": labels, "startsAt": "2026-11-21T08:00:00Z"}

        async def trade(first: int, count: int) -> None:
            for number in range(first, first + count):
                reply = await api.place(**market("buy", f"l{number}"))
                assert reply.status in (201, 422, 429, 503), reply

        async def demote() -> float:
            await asyncio.sleep(0.3)
            assert (await api.post("/api/trading/alertmanager", {"version": "4", "alerts": [alert]})).status == 200
            return time.time()

        *_, demoted = await asyncio.gather(*(trade(1_000 * n, 60) for n in range(20)), demote())
        orders = await api.orders()
        live = [one for one in orders if one["route"] == "live"]
        assert live
        assert any(one["route"] == "shadow" for one in orders)
        last = max(datetime.fromisoformat(one["created_at"]).timestamp() for one in live)
        assert last < demoted + 1, "the last live opening order is less than a second after the alert was answered"


async def test_without_a_journal_nobody_knows_where_a_venue_stands(site: Site) -> None:
    """Without it the configuration that is in force would be refused by a check that was not told of the past."""
    by_evidence(site)
    site.set_modes("CANARY", ibkr=("CANARY", 99.5))
    checked = await run_gateway("check-config", site.config)
    assert checked.status == 0, checked.output
    assert "as a first configuration it would be refused" in checked.output
    assert "one step at a time" in checked.output
    checked = await run_gateway("check-config", site.config, "--data", site.data)
    assert checked.status == 1
