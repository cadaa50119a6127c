"""The way out, from a terminal and from a file, of a gateway that is a process."""

import asyncio
import os
import sys
from decimal import Decimal

from tests.crash.socket_venue import Faults, launcher, venue_server
from tests.e2e.orders import market, resting
from tests.e2e.process import Api, GatewayProcess, Site, eventually, running
from tests.patience import PATIENCE_S

PRICES = {"AAPL": Decimal(180), "TSLA": Decimal(250)}


async def command(gateway: GatewayProcess, *words: str) -> tuple[int, str]:
    """One run of the command line against this gateway: its exit status and all that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *words,
        env={**os.environ, "GATEWAY_URL": gateway.api().url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def held(api: Api) -> list[str]:
    positions = (await api.fetch("/api/trading/positions"))["positions"]
    return [one["quantity"] for one in positions if one["quantity"] != "0"]


async def test_a_terminal_stops_one_strategy_and_then_gets_everybody_out(site: Site) -> None:
    """Without this, the commands that the operations page tells people to type would be wishes."""
    site.lift_limits()
    site.set_modes("CANARY", ibkr=("CANARY", 100))
    async with venue_server(PRICES, Faults()) as venue, running(site, launcher(venue, site.root)) as gateway:
        api = gateway.api()
        for strategy in ("s1", "s2"):
            assert (await api.place(**market(strategy=strategy))).body["route"] == "live"
        rests = (await api.place(**resting("s3"))).body["order_id"]
        await eventually(lambda: _has(api, 2), PATIENCE_S, lambda: "no positions")
        status, said = await command(gateway, "kill", "--scope", "strategy", "--id", "s1", "--reason", "runs away")
        assert (status, said) == (0, "strategy s1 is halted; open orders are being canceled\n")
        assert (await api.place(**market(strategy="s1"))).body["code"] == "TRADING_HALTED"
        status, said = await command(gateway, "kill", "--scope", "symbol", "--id", "APPL")
        assert status == 1
        assert "configured symbol" in said
        status, said = await command(gateway, "flatten", "--reason", "out")
        assert status == 0, said
        assert said.endswith("flat, with 2 order(s); enable trading when it may go on\n")
        assert await held(api) == []
        assert (await api.order(rests)).body["ord_status"] == "canceled"


async def _has(api: Api, count: int) -> bool:
    return len(await held(api)) == count


async def test_files_in_the_data_directory_do_the_same(site: Site) -> None:
    """Without this, a gateway whose HTTP is dead could only be killed, with its orders at work."""
    site.lift_limits()
    site.set_modes("CANARY", ibkr=("CANARY", 100))
    async with venue_server(PRICES, Faults()) as venue, running(site, launcher(venue, site.root)) as gateway:
        api = gateway.api()
        await api.place(**market())
        await eventually(lambda: _has(api, 1), PATIENCE_S, lambda: "no position")
        (site.data / "FLATTEN").write_text("the phone is dead")
        await eventually(lambda: _has(api, 0), 5, lambda: "still held")
        stops = (await api.fetch("/api/trading/trading"))["stops"]
        assert [(stop["by"], stop["cause"]) for stop in stops] == [("file:FLATTEN", "the phone is dead")]
        assert (await api.post("/api/trading/trading/enable", {})).status == 409
        gateway.kill()
        gateway.spawn()
        await gateway.ready()
        api = gateway.api()
        assert (await api.fetch("/api/trading/modes"))["trading_state"] == "halted"
        (site.data / "FLATTEN").unlink()
        assert (await api.post("/api/trading/trading/enable", {})).status == 200
        assert (await api.place(**market())).status == 201
