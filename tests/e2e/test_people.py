"""Commands for people against a real gateway: what they show, what they refuse, and with which exit status."""

import asyncio
import json
import sys

import pytest

from tests.e2e.orders import market, resting
from tests.e2e.process import Api, Command, GatewayProcess, Site, run_gateway, running
from tests.e2e.test_loosening import KEYS, give_keys
from tests.patience import PATIENCE_S
from tests.ports import lasting_port


async def told(gateway: GatewayProcess, *words: str, key: str = "", **environ: str) -> Command:
    return await run_gateway(*words, environ={"GATEWAY_URL": gateway.url, "GATEWAY_KEY": key, **environ})


async def test_a_person_sees_the_day_at_a_glance(site: Site) -> None:
    """Without this, who is called at night would have to read JSON to learn what is live and what is wrong."""
    async with running(site) as gateway:
        api = gateway.api()
        filled = (await api.place(**market(strategy="momentum", quantity=3))).body["order_id"]
        await api.until_order(filled, lambda order: order["ord_status"] == "filled")
        await api.place(**market(strategy="greedy", quantity=100_000))
        await api.place(**resting("patient"))

        status, said = await told(gateway, "status")
        assert status == 0, said
        assert said.startswith("nothing is live: every venue is in SHADOW; trading active\n")
        assert "synthetic prices" in said
        assert "nothing needs attention" in said

        status, said = await told(gateway, "orders", "--strategy", "greedy")
        assert status == 0, said
        assert said.splitlines()[1].split()[-1] == "MAX_ORDER_VALUE"
        assert "momentum" not in said
        assert "momentum" in (await told(gateway, "positions")).output
        assert "max_position_size" in (await told(gateway, "limits", "--book", "shadow")).output
        assert "daily_loss" in (await told(gateway, "breakers")).output
        assert (await told(gateway, "alerts")) == (0, "nothing is wrong\n")

        status, said = await told(gateway, "order", filled, "--checks")
        assert status == 0, said
        for word in ("admitted by policy", "acknowledged as", "made durable", "mode SHADOW", "max_position_size"):
            assert word in said

        status, said = await told(gateway, "fills", "--symbol", "AAPL")
        assert status == 0, said
        assert "fill 3 at" in said

        assert (await told(gateway, "kill", "--reason", "prices look wrong")).status == 0
        status, said = await told(gateway, "status")
        assert "trading halted" in said
        assert "halted: gateway for" in said
        assert "prices look wrong" in said
        assert await told(gateway, "resume") == (0, "gateway is active\n")


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("positions", "--book", "live"), "positions?book=live"),
        (("orders", "--status", "closed", "--limit", "5"), "orders?status=closed&limit=5"),
        (("alerts",), "alerts?state=active"),
    ],
)
async def test_json_is_the_answer_of_the_api(
    shared: GatewayProcess, api: Api, words: tuple[str, ...], path: str
) -> None:
    """Without this, a script would have to learn a second form of everything."""
    status, said = await told(shared, *words, "--json")
    assert (status, json.loads(said)) == (0, await api.fetch(f"/api/trading/{path}"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("order", "nobody"), "404 ORDER_NOT_FOUND"),
        (("order", "../modes"), "404 "),
        (("orders", "--status", "opne"), "400 REQUEST_INVALID"),
        (("alerts", "ack", "nobody", "--reason", "x"), "404 ALERT_NOT_FOUND"),
        (("breakers", "reset", "daily_loss"), "409 BREAKER_NOT_TRIPPED"),
        (("events", "--after", "99999999"), "must not be beyond the newest sequence number"),
        (("events", "--types", "fils"), "400 REQUEST_INVALID"),
    ],
)
async def test_what_is_refused_says_why_and_fails(shared: GatewayProcess, words: tuple[str, ...], said: str) -> None:
    """Without this, a script would take a refusal for a success, and a person would guess."""
    done = await told(shared, *words)
    assert done.status == 1
    assert said in done.output
    assert "Traceback" not in done.output


async def test_without_an_answer_it_says_so(shared: GatewayProcess) -> None:
    """Without this, an address mistyped would look like a gateway without orders."""
    for words in (("status",), ("events",), ("kill",)):
        done = await run_gateway(*words, environ={"GATEWAY_URL": "http://127.0.0.1:1"})
        assert done.status == 1
        assert "http://127.0.0.1:1" in done.output
        assert "does not answer" in done.output
    assert "A file KILL in its data directory" in done.output
    wrong = await run_gateway("orders", environ={"GATEWAY_URL": "file:///etc/passwd"})
    assert wrong.status == 1
    assert "GATEWAY_URL must be an address" in wrong.output


async def test_a_key_that_is_missing_or_may_not_is_told_which_one_would_do(site: Site) -> None:
    """Without this, the person at the kill switch would learn too late that the key in hand may only trade."""
    give_keys(site, "trader", "risk")
    async with running(site) as gateway:
        for words in (("orders",), ("events",)):
            done = await told(gateway, *words)
            assert done.status == 1
            assert "401 KEY_MISSING" in done.output
            assert "GATEWAY_KEY" in done.output
        assert (await told(gateway, "status", key=KEYS["trader"])).status == 0
        done = await told(gateway, "kill", key=KEYS["trader"])
        assert done.status == 1
        assert "403 ROLE_NOT_PERMITTED" in done.output
        assert "role risk or admin" in done.output
        assert (await told(gateway, "kill", key=KEYS["risk"])).status == 0


async def test_following_survives_a_restart_and_tells_each_fill_once(site: Site) -> None:
    """Without this, a fill that came while the gateway was restarted would never be shown."""
    async with running(site, port=lasting_port()) as gateway:
        await gateway.api().place(**market(quantity=1))
        environ = {"GATEWAY_URL": gateway.url, "PATH": "/usr/bin", "PYTHONUNBUFFERED": "1"}
        follower = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "fills", "--follow", "--after", "0", "--json"),
            env=environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            assert follower.stdout is not None
            first = json.loads(await asyncio.wait_for(follower.stdout.readline(), PATIENCE_S))
            gateway.kill()
            gateway.spawn()
            await gateway.ready()
            await gateway.api().place(**market(quantity=2))
            second = json.loads(await asyncio.wait_for(follower.stdout.readline(), PATIENCE_S))
            assert [first["last_qty"], second["last_qty"]] == ["1", "2"]
        finally:
            follower.kill()
            _, said = await follower.communicate()
    assert b"connection lost" in said
