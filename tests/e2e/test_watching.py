"""Who watches the stream of events misses nothing and sees nothing twice, a killed gateway included."""

import asyncio
import contextlib
import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest

from tests.crash.traffic import Traffic
from tests.e2e.ledger import signed_fills
from tests.e2e.process import Api, Site, eventually, run_gateway, running
from tests.patience import PATIENCE_S

PATH = "/api/trading/ws/events"


class Watcher:
    """A client that remembers every message, and the last record it has seen completely."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.seq = 0

    async def watch(self, url: str, until: int | None = None) -> None:
        """From where it was, until the connection breaks or record ``until`` was told."""
        # What came of a record that was cut off half way comes again.
        self.messages = [message for message in self.messages if message["seq"] <= self.seq]
        async with aiohttp.ClientSession() as session:
            try:
                async with session.ws_connect(f"{url}{PATH}?after={self.seq}", max_msg_size=0) as stream:
                    pings = asyncio.create_task(_ping(stream)) if until is not None else None
                    async for raw in stream:
                        message = msgspec.json.decode(raw.data)
                        if message["type"] in ("hello", "heartbeat"):
                            self.seq = max(self.seq, message["seq"])
                            if pings is not None and until is not None and message["seq"] >= until:
                                pings.cancel()
                                return
                            continue
                        self.seq = max(self.seq, message["seq"] - 1)
                        self.messages.append(message)
            except (aiohttp.ClientError, OSError):
                return


async def _ping(stream: aiohttp.ClientWebSocketResponse) -> None:
    """Ask now and then how far the stream is, instead of waiting for a heartbeat."""
    while True:
        await stream.send_str('{"action": "ping"}')
        await asyncio.sleep(0.1)


async def newest(api: Api) -> int:
    return int((await api.get("/health/ready")).body["last_seq"])


@pytest.mark.crash
async def test_a_watcher_misses_nothing_through_kills(site: Site) -> None:
    """Without this, a strategy that follows its fills on the stream could end with another position than its own."""
    site.lift_limits()
    site.merge(
        "gateway.yaml",
        {"accounts": {"second": {"initial_cash": 100_000}}, "storage": {"retained_closed_orders": 5, "max_batch": 3}},
    )
    rng = random.Random(5)
    watcher, traffic = Watcher(), Traffic(rng, "watched")
    async with running(site) as gateway:
        for _ in range(4):
            load = asyncio.create_task(traffic.run(gateway.api(), 4))
            watching = asyncio.create_task(watcher.watch(gateway.url))
            await asyncio.sleep(rng.uniform(0.1, 0.3))
            gateway.kill()
            await asyncio.gather(load, watching)
            gateway.spawn()
            await gateway.ready()
        api = gateway.api()

        async def is_quiet() -> bool:
            orders = await api.orders("&status=open")
            return all(one["order_type"] != "market" for one in orders)

        await eventually(is_quiet, PATIENCE_S)
        last = await newest(api)
        fresh = Watcher()
        for one in (watcher, fresh):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await one.watch(gateway.url, last)
            assert one.seq >= last, (one.seq, last)
        told = [message for message in watcher.messages if message["seq"] <= last]
        assert told == [message for message in fresh.messages if message["seq"] <= last]

        orders = await api.orders()
        ids = {order["order_id"] for order in orders}
        legs = {leg["order_id"] for order in orders for leg in order["legs"]}
        spoken_of = {message["order_id"] for message in told if message["type"] == "order"}
        assert ids <= spoken_of <= ids | legs
        positions: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
        for fill in (message for message in told if message["type"] == "fill"):
            key = (fill["route"], fill["account"], fill["strategy_id"], fill["venue"], fill["symbol"])
            positions[key] += Decimal(fill["last_qty"]) * (1 if fill["side"] == "buy" else -1)
        assert {key: qty for key, qty in positions.items() if qty} == signed_fills(orders)

        # A proof and a replay beside the running gateway do not disturb it, nor it them.
        for command in (("audit", "verify"), ("replay",)):
            done = await run_gateway(*command, "--data", site.data)
            assert done.status == 0, done.output
        beyond = await api.get(f"{PATH}?after={last + 1_000_000}")
        assert beyond.status in (400, 426), beyond


async def test_a_watcher_that_reads_nothing_slows_nobody(site: Site) -> None:
    """Without this, one stuck client of the stream could hold up orders, or make the gateway's memory grow."""
    site.lift_limits()
    site.merge("gateway.yaml", {"accounts": {"second": {"initial_cash": 100_000}}})
    async with running(site) as gateway:
        host, _, port = gateway.url.removeprefix("http://").partition(":")
        stuck = [await asyncio.open_connection(host, int(port), limit=1_024) for _ in range(20)]
        for _, writer in stuck:
            writer.write(
                f"GET {PATH}?after=0 HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            )
        traffic = Traffic(random.Random(3), "stuck")
        load = asyncio.create_task(traffic.run(gateway.api(), 4))
        await asyncio.sleep(1.5)  # long enough for what is told to fill what lies between
        await eventually(lambda: asyncio.sleep(0, traffic.answers > 200), PATIENCE_S, lambda: f"{traffic.answers}")
        load.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await load
        assert (await gateway.api().get("/api/trading/modes")).status == 200
        for _, writer in stuck:
            writer.transport.abort()
        assert await gateway.stop() == 0
        assert "Traceback" not in gateway.log
