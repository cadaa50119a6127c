"""With policies on an OPA server, an order waits for an answer from outside between its hold and its admission: kills
and outages in that moment leave nothing held and nothing half admitted."""

import asyncio
import os
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tests.crash.socket_venue import launcher, venue_server
from tests.crash.test_shadow_crash import kill_again_and_again, prepare
from tests.e2e.orders import market, resting
from tests.e2e.process import Site, eventually, run_gateway, running
from tests.patience import PATIENCE_S
from tests.policy.opa_server import OpaServer, opa_server

pytestmark = [pytest.mark.opa, pytest.mark.crash]
RUNS = int(os.environ.get("CRASH_RUNS", "3"))


def use_server(site: Site, server: OpaServer) -> None:
    site.merge("gateway.yaml", {"policy": {"engine": "opa", "url": server.url, "timeout_ms": 300}})


async def test_a_kill_while_the_policy_thinks_leaves_nothing_half_done(tmp_path: Path) -> None:
    """Without this, an order that was held but not admitted at a crash could keep its exposure for ever, or be sent
    later without a verdict."""
    rng = random.Random(3)
    site = Site(tmp_path / "gateway")
    prepare(site, rng)
    with opa_server() as server:
        use_server(site, server)
        traffic = await kill_again_and_again(site, rng, RUNS, may_be_denied=True)
    assert traffic.answers > RUNS * 5
    replayed = await run_gateway("replay", "--data", site.data)
    assert replayed.status == 0, replayed.output


async def test_an_outage_of_the_server_denies_orders_and_never_cancels(site: Site) -> None:
    """Without this, a policy server that is down or hangs would let orders pass, keep their exposure, or stand in the
    way of a cancel (invariant 13)."""
    site.lift_limits()
    with opa_server() as server:
        use_server(site, server)
        async with running(site) as gateway:
            api = gateway.api()
            ids = [(await api.place(**resting(f"s{n}"))).body["order_id"] for n in range(3)]
            before = [view["held_exposure"] for view in await api.portfolio()]

            server.pause()
            replies = await asyncio.gather(*(api.place(**market(strategy=f"h{n}")) for n in range(20)))
            codes = Counter((reply.status, reply.body.get("code")) for reply in replies)
            assert codes == {(422, "POLICY_UNAVAILABLE"): 20}, codes
            assert (await api.cancel(ids[0])).status == 202
            server.go_on()

            server.stop()
            denied = await api.place(**market(strategy="down"))
            assert (denied.status, denied.body["code"]) == (422, "POLICY_UNAVAILABLE"), denied
            assert (await api.cancel(ids[1])).status == 202
            for order_id in ids[:2]:
                await api.until_order(order_id, lambda one: one["ord_status"] == "canceled")
            after = [view["held_exposure"] for view in await api.portfolio()]
            assert sorted(after) == sorted("100" if one == "300" else one for one in before), (before, after)
            assert await api.positions() == []

            server.start()

            async def allows() -> bool:
                return (await api.place(**market(strategy="up"))).status == 201

            await eventually(allows, PATIENCE_S, lambda: gateway.log)
            assert "Traceback" not in gateway.log


async def test_a_canary_cap_holds_for_orders_that_wait_together(site: Site) -> None:
    """Without this, orders that wait for the policy at the same time would each see room for one more, and a cap of
    three live orders a day could be thirty."""
    site.lift_limits()
    site.merge("rollout.yaml", {"caps": {"ibkr": {"max_live_orders": 3}}})
    site.set_modes("CANARY", ibkr=("CANARY", 100))
    async with venue_server({"AAPL": Decimal(180)}) as venue:
        with opa_server() as server:
            use_server(site, server)
            site.merge("gateway.yaml", {"policy": {"timeout_ms": 8_000}})
            async with running(site, launcher(venue, site.root)) as gateway:
                api = gateway.api()
                replies = await asyncio.gather(*(api.place(**market(strategy=f"s{n}")) for n in range(30)))
                assert {reply.status for reply in replies} == {201}, replies
                routes = Counter(reply.body["route"] for reply in replies)
                assert routes == {"live": 3, "shadow": 27}, routes
                assert len(venue.sends) == 3


async def test_an_order_that_waited_through_a_demotion_is_not_sent(site: Site) -> None:
    """Without this, an order that was drawn live before an edit could reach the venue after it (invariant 10)."""
    site.lift_limits()
    site.set_modes("CANARY", ibkr=("CANARY", 100))
    async with venue_server({"AAPL": Decimal(180)}) as venue:
        with opa_server() as server:
            use_server(site, server)
            site.merge("gateway.yaml", {"policy": {"timeout_ms": 8_000}})
            async with running(site, launcher(venue, site.root)) as gateway:
                api = gateway.api()
                assert (await api.place(**market(strategy="before"))).body["route"] == "live"
                server.pause()
                waiting = [asyncio.create_task(api.place(**market(strategy=f"s{n}"))) for n in range(5)]
                await asyncio.sleep(0.1)
                site.set_modes("CANARY", ibkr=("SHADOW", 100))

                async def is_demoted() -> bool:
                    venues = (await api.fetch("/api/trading/modes"))["venues"]
                    return all(view["effective_mode"] == "SHADOW" for view in venues)

                await eventually(is_demoted, PATIENCE_S)
                server.go_on()
                replies = await asyncio.gather(*waiting)
                assert [(reply.status, reply.body["route"]) for reply in replies] == [(201, "shadow")] * 5, replies
                assert len(venue.sends) == 1
