"""Streams that another process serves: nothing is lost on the way there, and orders never depend on it."""

import asyncio
import contextlib
import os
import socket

import aiohttp
import msgspec
import pytest

from gateway.adapters.http import channel as said
from gateway.adapters.http import handover
from gateway.adapters.http.channel import Channel, FromStreams, ToStreams
from gateway.domain.enums import Role
from tests.fakes.gateway_samples import D
from tests.http.desk import Desk, principal
from tests.patience import PATIENCE_S

EVENTS, MARKET = "/api/trading/ws/events", "/api/trading/ws/market-data"
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PING = b'{"action": "ping"}'
#: A text message as a client sends it: masked, here with zeros (RFC 6455, 5.3).
MASKED_PING = bytes((0x81, 0x80 | len(PING), 0, 0, 0, 0)) + PING


class HandingOver(Desk):
    hands_streams_over = True


async def test_what_a_client_sends_too_early_is_heard() -> None:
    """Some clients send their subscription right behind the request; it must not be lost between two processes."""
    async with HandingOver() as desk:
        reader, writer = await desk.connect()
        writer.write(UPGRADE.format(path=EVENTS).encode() + MASKED_PING)
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            told = [(await reader.readexactly((await reader.readexactly(2))[1])) for _ in range(2)]
        writer.close()
    assert head.startswith(b"HTTP/1.1 101 ")
    assert [msgspec.json.decode(text)["type"] for text in told] == ["hello", "heartbeat"]


async def test_a_refused_stream_leaves_its_connection_with_the_gateway() -> None:
    """A client whose stream is refused asks for other things on the same connection."""
    async with HandingOver() as desk:
        reader, writer = await desk.connect()
        for path, status in ((f"{EVENTS}?after=7", b"400"), ("/health/live", b"200")):
            writer.write(UPGRADE.format(path=path).encode())
            async with asyncio.timeout(PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(size)
            assert head.split()[1] == status
        writer.close()
        assert desk.server.open_streams()["events",] == 0


async def test_streams_outlive_their_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault there must cost clients a reconnect, nothing more: they are served here until it runs again."""
    monkeypatch.setattr(handover, "_AGAIN_AFTER_S", 0.05)
    async with HandingOver() as desk:
        lives: list[asyncio.Task[str]] = []

        async def launch(end: socket.socket) -> str:
            lives.append(asyncio.create_task(desk.serve_streams(end)))
            await asyncio.wait([lives[-1]])
            return "it was killed"

        desk.server.handover.launch = launch
        async with desk.client.ws_connect(desk.url + EVENTS) as ws:
            await ws.receive_json(timeout=PATIENCE_S)
            await desk.place()
            assert (await ws.receive_json(timeout=PATIENCE_S))["seq"] == 1
            lives[0].cancel()
            while (await ws.receive(timeout=PATIENCE_S)).type is aiohttp.WSMsgType.TEXT:
                pass
        assert (await desk.place(client_order_id="2")).status == 201
        async with desk.client.ws_connect(f"{desk.url}{EVENTS}?after=1") as ws:
            await ws.receive_json(timeout=PATIENCE_S)
            assert (await ws.receive_json(timeout=PATIENCE_S))["seq"] == 2
            assert len(lives) == 1, "served here"
        await asyncio.sleep(0.06)
        async with desk.client.ws_connect(f"{desk.url}{EVENTS}?after=1") as ws:
            assert (await ws.receive_json(timeout=PATIENCE_S))["type"] == "hello"
            assert len(lives) == 2
            assert desk.server.open_streams() == {("events",): 1, ("market-data",): 0}


@pytest.mark.parametrize("is_refused", [False, True], ids=["ends at once", "cannot be started"])
async def test_a_process_that_does_not_start_is_not_missed(is_refused: bool) -> None:
    """Without this, a machine that is out of memory or processes would have no streams at all."""
    launches = []
    async with HandingOver() as desk:

        async def launch(end: socket.socket) -> str:
            launches.append(end)
            if is_refused:
                raise OSError("out of processes")
            return "no journal"

        desk.server.handover.launch = launch
        for path in (EVENTS, MARKET):
            async with desk.client.ws_connect(desk.url + path) as ws:
                await ws.send_str('{"action": "nonsense"}')
                while (await ws.receive_json(timeout=PATIENCE_S))["type"] != "error":
                    pass
    assert launches, "no process was tried"


async def test_many_keys_of_many_strategies_do_not_end_the_process() -> None:
    """Without this, two hundred keys with long lists made a packet that no socket takes: the process ended with each
    client that came, and every stream cost the orders' own loop its time."""
    strategies = tuple(f"a-strategy-with-a-long-name-{number}" for number in range(60))
    people = [principal(f"p{number}", Role.VIEWER, strategies=strategies) for number in range(200)]
    async with HandingOver(*people) as desk:
        headers = {"Authorization": "Bearer key-p7"}
        async with desk.client.ws_connect(desk.url + EVENTS, headers=headers) as ws:
            assert (await ws.receive_json(timeout=PATIENCE_S))["type"] == "hello"
            async with asyncio.timeout(PATIENCE_S):  # else it is served in the gateway
                while not desk.server.handover.counts().get("events"):  # noqa: ASYNC110 -- nothing tells when
                    await asyncio.sleep(0.01)


def test_long_troubles_fit_into_packets() -> None:
    """Without this, the same would happen with what a library says of two hundred symbols."""
    troubles = [(f"S{number}", "x" * 2_000) for number in range(200)]
    found = said.parts_by_size(troubles)
    assert [one for some in found for one in some] == troubles
    assert max(len(msgspec.msgpack.encode(some)) for some in found) < 70_000
    assert said.parts_by_size([]) == [()]


async def test_a_process_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Without this, a process that hangs would be handed every client that connects, and none would hear a word: while
    few orders come, nothing piles up before it, so nothing else gives it away."""
    monkeypatch.setattr(handover, "_LOOK_EVERY_S", 0.01)
    async with HandingOver() as desk:

        async def launch(end: socket.socket) -> str:
            theirs = socket.socket(fileno=os.dup(end.fileno()))
            try:
                theirs.send(msgspec.msgpack.encode(said.Ready()))
                await asyncio.Event().wait()
            finally:
                theirs.close()
            return ""

        desk.server.handover.launch = launch
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(aiohttp.ClientError):  # the first one is lost with the process, or tries again
                await desk.client.ws_connect(desk.url + EVENTS)
            async with desk.client.ws_connect(desk.url + EVENTS) as ws:
                assert (await ws.receive_json())["type"] == "hello"
    assert "it did not answer" in caplog.text


async def test_a_process_at_work_is_not_taken_for_one_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, streams on which nothing happens would be cut off again and again."""
    monkeypatch.setattr(handover, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(said, "ALIVE_EVERY_S", 0.05)
    async with HandingOver() as desk, desk.client.ws_connect(desk.url + EVENTS) as ws:
        await ws.receive_json(timeout=PATIENCE_S)
        await asyncio.sleep(1.0)
        await desk.place()
        assert (await ws.receive_json(timeout=PATIENCE_S))["seq"] == 1


async def test_who_leaves_before_the_process_is_there_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    """Pages are closed while they load; each would fill the log with an incident that is none."""
    async with HandingOver() as desk:
        is_left, is_over = asyncio.Event(), asyncio.Event()

        async def launch(end: socket.socket) -> str:
            await is_left.wait()
            is_over.set()
            return "it is slow, and then it fails"

        desk.server.handover.launch = launch
        _, writer = await desk.connect()
        writer.write(UPGRADE.format(path=EVENTS).encode())
        assert (await desk.ask("GET", "/health/live")).status == 200
        writer.transport.abort()
        assert (await desk.ask("GET", "/health/live")).status == 200
        is_left.set()
        await is_over.wait()
        assert (await desk.ask("GET", "/health/live")).status == 200
    assert "incident" not in caplog.text


async def test_whose_order_it_is_is_asked_of_the_gateway() -> None:
    """Messages about an order that is older than the process would reach no restricted key, or every one."""
    async with HandingOver() as desk:
        order_id = (await desk.place()).json["order_id"]
        async with desk.client.ws_connect(desk.url + EVENTS) as ws:
            await ws.receive_json(timeout=PATIENCE_S)
            await desk.fake.fill(order_id, D(1), D(1))
            message = await ws.receive_json(timeout=PATIENCE_S)
    assert (message["order_id"], message["account"], message["symbol"]) == (order_id, "default", "AAPL")


async def test_a_side_that_takes_nothing_is_given_up() -> None:
    """Without this, a process that hangs would let the gateway's memory grow with every tick."""
    ours, theirs = said.pair()
    ends: list[str] = []
    decode = msgspec.msgpack.Decoder(FromStreams).decode
    one: Channel[FromStreams] = Channel(ours, decode, lambda *_: None, lambda: ends.append("over"))
    packet = said.MarketState(0, {"AAPL": "x" * 100_000})
    said_so_far = 0
    while one.send(packet):
        said_so_far += 1
        assert said_so_far < 1_000
    assert not one.is_free
    assert ends == ["over"]
    theirs.close()


async def test_what_waits_arrives_in_order() -> None:
    """A quote that overtakes another would be an older price told as news."""
    ours, theirs = said.pair()
    heard: list[ToStreams] = []
    is_all = asyncio.Event()

    def hear(message: ToStreams, _: socket.socket | None) -> None:
        heard.append(message)
        if len(heard) == 2_000:
            is_all.set()

    sender: Channel[FromStreams] = Channel(
        ours, msgspec.msgpack.Decoder(FromStreams).decode, lambda *_: None, lambda: None
    )
    for number in range(2_000):
        sender.send(said.MarketState(number, {"AAPL": "x" * 1_000}))
    assert not sender.is_free, "more than the system keeps"
    receiver: Channel[ToStreams] = Channel(theirs, msgspec.msgpack.Decoder(ToStreams).decode, hear, lambda: None)
    async with asyncio.timeout(PATIENCE_S):
        await is_all.wait()
    assert [message.stale_after_ns for message in heard if isinstance(message, said.MarketState)] == [*range(2_000)]
    sender.close()
    receiver.close()
