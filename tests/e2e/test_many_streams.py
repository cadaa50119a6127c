"""Two hundred clients of each stream, one of which does not read: everybody else hears everything, orders go on."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec

from tests.e2e.process import Api, GatewayProcess, Site, running
from tests.patience import PATIENCE_S

CLIENTS, ORDERS = 200, 40
EVENTS, MARKET = "/api/trading/ws/events?types=order", "/api/trading/ws/market-data"


async def hears_all(stream: aiohttp.ClientWebSocketResponse, until: int) -> list[str]:
    """Order ids of admissions, in the order told, until everything up to record ``until`` was sent."""
    admitted: list[str] = []
    await stream.send_str('{"action": "ping"}')
    async for raw in stream:
        message = msgspec.json.decode(raw.data)
        if message["type"] in ("hello", "heartbeat"):
            if message["seq"] >= until:
                return admitted
            await asyncio.sleep(0.2)
            await stream.send_str('{"action": "ping"}')
        elif message["event"] == "admitted":
            admitted.append(message["order_id"])
    raise AssertionError("the stream ended")


async def is_quoted(stream: aiohttp.ClientWebSocketResponse) -> bool:
    async for raw in stream:
        if msgspec.json.decode(raw.data)["type"] == "quote":
            return True
    return False


async def place_all(api: Api) -> list[str]:
    replies = [
        await api.place(symbol="AAPL", quantity=1, side="buy", order_type="limit", limit_price=100, time_in_force="gtc")
        for _ in range(ORDERS)
    ]
    assert {reply.status for reply in replies} == {201}
    return [reply.body["order_id"] for reply in replies]


@contextlib.asynccontextmanager
async def connected(session: aiohttp.ClientSession, url: str) -> AsyncIterator[list[aiohttp.ClientWebSocketResponse]]:
    async with contextlib.AsyncExitStack() as stack:
        opened = [session.ws_connect(url, max_msg_size=0) for _ in range(CLIENTS)]
        yield [await stack.enter_async_context(one) for one in opened]


async def test_two_hundred_clients_hear_the_same_and_one_that_sleeps_holds_nobody_up(site: Site) -> None:
    """Without this, a page that somebody forgot in a browser could slow orders, or cost the others their messages."""
    site.lift_limits()
    async with running(site) as gateway:
        api = gateway.api()
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            async with (
                connected(session, gateway.url + EVENTS) as streams,
                connected(session, gateway.url + MARKET) as quotes,
            ):
                for stream in quotes[1:]:
                    await stream.send_str('{"action": "subscribe", "symbols": ["AAPL"]}')
                sleeper, *readers = streams
                async with asyncio.timeout(PATIENCE_S):
                    placed = await place_all(api)
                    last_seq = (await api.get("/health/ready")).body["last_seq"]
                    heard = await asyncio.gather(*(hears_all(stream, last_seq) for stream in readers))
                    assert all(one == placed for one in heard)
                    assert all(await asyncio.gather(*(is_quoted(stream) for stream in quotes[1:])))
                    assert await hears_all(sleeper, last_seq) == placed, "who slept is told all that he missed"


async def ends_within(stream: aiohttp.ClientWebSocketResponse) -> int | None:
    """The closing code of a stream that ends."""
    async with asyncio.timeout(PATIENCE_S):
        async for _ in stream:
            pass
    return stream.close_code


def helpers(gateway: GatewayProcess) -> list[int]:
    """Process ids of what the gateway runs beside itself."""
    return [int(pid) for pid in Path(f"/proc/{gateway.pid}/task/{gateway.pid}/children").read_text().split()]


async def test_the_process_that_serves_streams_comes_and_goes_with_what_it_serves(site: Site) -> None:
    """Without this, a fault there would cost facts, or it would outlive its gateway and keep the journal open."""
    events = "/api/trading/ws/events?types=order"
    async with running(site) as gateway, aiohttp.ClientSession() as session:
        api = gateway.api()
        assert helpers(gateway) == [], "nobody watches"
        async with session.ws_connect(gateway.url + events) as stream:
            await stream.receive()
            await place_all(api)
            (helper,) = helpers(gateway)
            os.kill(helper, signal.SIGKILL)
            assert await ends_within(stream) == 1006
        last_seq = (await api.get("/health/ready")).body["last_seq"]
        async with session.ws_connect(gateway.url + events + "&after=0") as stream:
            async with asyncio.timeout(PATIENCE_S):
                assert len(await hears_all(stream, last_seq)) == ORDERS
        async with asyncio.timeout(PATIENCE_S):
            while not (found := helpers(gateway)):  # soon a process serves them again
                async with session.ws_connect(gateway.url + events) as stream:
                    await stream.receive()
                await asyncio.sleep(0.2)
        async with session.ws_connect(gateway.url + events) as stream:
            await stream.receive()
            stopping = asyncio.create_task(gateway.stop())
            assert await ends_within(stream) == 1001
            await stopping
    assert not any(path.exists() for path in (Path(f"/proc/{found[0]}"), site.data / "journal.sqlite3-wal")), (
        "it is gone, and had let go of the journal before that was closed"
    )
