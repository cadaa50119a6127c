"""Connections that ask nothing: whoever holds them keeps nobody out, and is told why he is sent away."""

import asyncio
import json
import logging
import socket
from contextlib import AsyncExitStack

import aiohttp
import pytest
import uvloop

from gateway.adapters.http import connections
from gateway.adapters.http.connections import most_connections
from gateway.adapters.http.fast_lane import FastProtocol
from gateway.domain.enums import Role
from gateway.domain.settings import ServerSettings
from tests.http.desk import Desk, principal
from tests.http.test_fast_lane import READ, Client, connected, order
from tests.patience import PATIENCE_S

DESK = principal("desk", Role.TRADER, accounts=("default",))
FEW = ServerSettings(port=0, max_connections=4)
HASTY = ServerSettings(port=0, head_timeout_s=0.2)


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.read(), PATIENCE_S)


async def test_half_a_head_is_waited_for_only_so_long(caplog: pytest.LogCaptureFixture) -> None:
    """Without this, a client that sends half a head and waits would hold memory and a file descriptor for an hour."""
    async with Desk(DESK, settings=HASTY) as desk:
        reader, writer = await desk.connect()
        writer.write(READ[:30])
        head, body = (await rest_of(reader)).split(b"\r\n\r\n")
        writer.close()
        assert head.startswith(b"HTTP/1.1 408 ")
        assert b"\r\nConnection: close" in head
        assert json.loads(body)["code"] == "HEAD_TIMEOUT"
        assert desk.server.connections.closed() == {("head_timeout",): 1, ("room",): 0, ("full",): 0, ("unread",): 0}
        assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


def test_half_a_head_at_once_is_told_why_it_ends() -> None:
    """uvloop hands over what has come before aiohttp waits for it: without this, it was closed without a word."""

    async def send_before_it_is_accepted() -> bytes:
        async with Desk(DESK, settings=HASTY) as desk:
            client = socket.create_connection(("127.0.0.1", desk.server.port))
            client.sendall(READ[:30])
            reader, writer = await desk.connect(host=None, port=None, sock=client)
            answer = await rest_of(reader)
            writer.close()
            return answer

    assert uvloop.run(send_before_it_is_accepted()).startswith(b"HTTP/1.1 408 ")


async def test_half_a_head_after_a_request_is_waited_for_only_so_long() -> None:
    """Without this, one whole request would buy the same hour."""
    async with Desk(DESK, settings=HASTY) as desk, connected(desk) as client:
        await client.say(READ[:30])
        status, _, body = await client.hear()
    assert (status, json.loads(body)["code"]) == (408, "HEAD_TIMEOUT")


async def test_a_head_that_trickles_in_is_waited_for_no_longer() -> None:
    """Without this, a byte now and then would hold a connection for as long as the client likes."""
    async with Desk(DESK, settings=HASTY) as desk:
        reader, writer = await desk.connect()
        answer = asyncio.create_task(rest_of(reader))
        for byte in READ[:-1]:
            if not answer.done():
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)
        assert (await answer).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_a_connection_on_which_nothing_is_asked_is_closed() -> None:
    """Without this, thousands of them could be held for nothing."""
    async with Desk(DESK, settings=HASTY) as desk:
        reader, writer = await desk.connect()
        assert await rest_of(reader) == b""
        writer.close()


async def test_a_connection_that_has_asked_stays_between_two_requests() -> None:
    """Without this, a strategy that trades now and then would find its connection closed when it has something to
    send, and not know what became of its order."""
    async with Desk(DESK, settings=HASTY) as desk, connected(desk) as client:
        for number in range(2):
            said = order(client_order_id=f"c{number}")
            await client.say(said[:40], said[40:])
            assert (await client.hear())[0] == 201
            await asyncio.sleep(0.3)
            await client.say(order(client_order_id=f"d{number}"))
            assert (await client.hear())[0] == 201
            await asyncio.sleep(0.3)


async def test_an_order_that_waits_is_no_idle_connection() -> None:
    """Without this, an order that waits for a slow disk would lose its answer to the limits of idle connections."""
    settings = ServerSettings(port=0, head_timeout_s=0.2, keep_alive_s=0.3)
    async with Desk(DESK, settings=settings) as desk, connected(desk) as client:
        desk.fake.gate = asyncio.Event()
        await client.say(order())
        await asyncio.sleep(0.6)
        desk.fake.gate.set()
        assert (await client.hear())[0] == 201


async def test_an_idle_connection_makes_room_for_who_has_something_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, whoever opens as many connections as there may be, and asks nothing, keeps the desk out: the kill
    switch too."""
    monkeypatch.setattr(connections, "_IDLE_S", 0.0)
    async with Desk(DESK, settings=FEW) as desk, connected(desk) as client, AsyncExitStack() as idle:
        held = []
        for _ in range(8):
            held.append(await desk.connect())
            idle.callback(held[-1][1].close)
            await asyncio.sleep(0.01)
        assert await rest_of(held[0][0]) == b""
        assert desk.server.connections.open() == {(): 4}
        await client.say(order())  # one that has asked stays before those that never have
        assert (await client.hear())[0] == 201
        async with connected(desk) as another:
            await another.say(order(client_order_id="another"))
            assert (await another.hear())[0] == 201
        assert desk.server.connections.closed()["room",] == 6


async def test_one_more_than_there_may_be_is_told_so() -> None:
    """Without this, connections would be taken until the process has no file descriptor left for its journal."""
    async with Desk(DESK, settings=FEW) as desk, AsyncExitStack() as busy:
        desk.fake.gate = asyncio.Event()
        clients = [await busy.enter_async_context(connected(desk)) for _ in range(4)]
        for number, client in enumerate(clients):
            await client.say(order(client_order_id=f"c{number}"))
        await asyncio.sleep(0.05)
        late = Client(*await desk.connect())
        status, headers, body = await late.hear()
        late.writer.close()
        assert (status, json.loads(body)["code"], headers["Retry-After"]) == (503, "TOO_MANY_CONNECTIONS", "1")
        desk.fake.gate.set()
        assert [(await client.hear())[0] for client in clients] == [201] * 4
        await asyncio.sleep(0.01)
        assert desk.server.connections.closed()["full",] == 1
        clients[0].writer.close()
        await asyncio.sleep(0.05)
        async with connected(desk):
            pass


async def test_a_client_that_takes_no_answers_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a client that asks on and on, and reads nothing, would hold its answers for ever."""
    monkeypatch.setattr(connections, "_UNREAD_S", 0.1)
    async with Desk(DESK) as desk:
        desk.metrics_page = lambda: b"x" * 8_000_000
        _, writer = await desk.connect(limit=1_000)  # and reads no more
        writer.write(READ.replace(b"/health/live", b"/metrics"))
        async with asyncio.timeout(PATIENCE_S):
            while desk.server.connections.open() != {(): 0}:  # noqa: ASYNC110 -- nothing tells when
                await asyncio.sleep(0.02)
        assert desk.server.connections.closed()["unread",] == 1
        writer.close()


async def test_streams_are_no_more_than_there_may_be() -> None:
    """Without this, one key could open streams until the process that serves them has no file descriptor left."""
    async with Desk(settings=FEW) as desk, AsyncExitStack() as streams:
        for _ in range(4):
            await streams.enter_async_context(desk.client.ws_connect(desk.url + "/api/trading/ws/events"))
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await desk.client.ws_connect(desk.url + "/api/trading/ws/events")
        assert refused.value.status == 503


async def test_a_large_head_is_not_remembered() -> None:
    """Without this, a client without a key could leave megabytes of heads with every connection that it opens."""
    async with Desk(DESK) as desk, connected(desk) as client:
        for number in range(4):
            padding = "".join(f"X-{number}-{line}: {'a' * 4_000}\r\n" for line in range(10))
            await client.say(order(padding, key="nobody"))
            assert (await client.hear())[0] == 401
        heads = [head for one in desk.server.connections.all() if isinstance(one, FastProtocol) for head in one._heads]
    assert sum(map(len, heads)) < 10_000


def test_the_journal_keeps_file_descriptors_for_itself() -> None:
    """Without this, a limit above what the system permits would protect nobody."""
    assert most_connections(1_000, files=1_024) == 824
    assert most_connections(1_000, files=65_536) == 1_000
    assert most_connections(1_000, files=-1) == 1_000
    assert most_connections(1_000, files=100) == 16
    assert most_connections(10, files=100) == 10
