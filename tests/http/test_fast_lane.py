"""Orders that go past aiohttp: nobody outside can tell, and no byte is taken for what it is not."""

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.adapters.http.fast_lane import FastProtocol, WholeRequest
from gateway.domain.enums import Role
from gateway.domain.settings import ServerSettings
from gateway.ports.intake import NotAccepting
from tests.http.desk import LIMIT_ORDER, PLACE, Desk, principal
from tests.patience import PATIENCE_S

READ = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
DESK = principal("desk", Role.TRADER, accounts=("default",))
READER = principal("reader", Role.VIEWER)


def order(head: str = "", key: str = "desk", kind: str = "application/json", body: bytes = b"", **new: Any) -> bytes:
    """A request to place the sample order."""
    body = body or json.dumps({**LIMIT_ORDER, **new}).encode()
    bearer = f"Authorization: Bearer key-{key}\r\n" if key else ""
    lines = f"Host: localhost\r\n{bearer}Content-Type: {kind}\r\n{head}Content-Length: {len(body)}\r\n"
    return f"POST {PLACE} HTTP/1.1\r\n{lines}\r\n".encode() + body


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies that go by the fast lane, as they come."""
    seen: list[bytes] = []
    begin = FastProtocol._begin

    def noting(self: FastProtocol, request: WholeRequest) -> None:
        seen.append(request.body)
        begin(self, request)

    monkeypatch.setattr(FastProtocol, "_begin", noting)
    return seen


class Client:
    """One connection, spoken to in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await asyncio.sleep(0.001)  # each in a segment of its own

    async def hear(self) -> tuple[int, dict[str, str], bytes]:
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        first, *lines = head.decode().rstrip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        assert len(headers) == len(lines), "a header came twice"
        return int(first.split()[1]), headers, await self._reader.readexactly(int(headers["Content-Length"]))


@asynccontextmanager
async def connected(desk: Desk) -> AsyncIterator[Client]:
    """A connection that has been answered once, as any is after its first request."""
    client = Client(*await desk.connect())
    await client.say(READ)
    assert (await client.hear())[0] == 200
    try:
        yield client
    finally:
        client.writer.close()


#: A request, its status, and whether it goes by the fast lane when it comes whole.
ANSWERS: dict[str, tuple[bytes, int, bool]] = {
    "taken": (order(), 201, True),
    "denied": (order(quantity=2_000_000), 422, True),
    "not readable": (order(body=b"{"), 400, True),
    "wrong in two fields": (order(quantity="NaN", side="up"), 400, True),
    "without a key": (order(key=""), 401, True),
    "with an unknown key": (order(key="nobody"), 401, True),
    "with a key that may only read": (order(key="reader"), 403, True),
    "for another's account": (order(account="second"), 403, True),
    "too large": (order(body=b" " * 3_000), 413, False),
    "of another type": (order(kind="text/plain"), 415, False),
    "packed": (order("Content-Encoding: gzip\r\n"), 415, False),
    "with its length told twice": (order(f"Content-Length: {len(json.dumps(LIMIT_ORDER))}\r\n"), 400, False),
}


@pytest.mark.parametrize(("said", "status", "is_quick"), ANSWERS.values(), ids=ANSWERS)
async def test_both_ways_answer_alike(said: bytes, status: int, is_quick: bool, quick: list[bytes]) -> None:
    """Without this, what a client hears, or the metrics count, could depend on how the network cut its request."""
    settings = ServerSettings(port=0, max_body_bytes=2_000)
    heard = []
    for parts in ((said,), (said[:60], said[60:])):
        async with Desk(DESK, READER, settings=settings) as desk, connected(desk) as client:
            await client.say(*parts)
            answer = await client.hear()
            answer[1].pop("Date")
            heard.append((answer, desk.server.request_counts(), desk.server.auth_failures()))
    assert heard[0] == heard[1]
    assert heard[0][0][0] == status
    assert len(quick) == is_quick


async def test_a_gateway_that_takes_no_orders_says_when_to_come_back(quick: list[bytes]) -> None:
    """Without this, an answer with headers of its own would lose them past aiohttp."""
    async with Desk(DESK) as desk, connected(desk) as client:
        desk.fake.failure = NotAccepting("starting", "the gateway is starting")
        await client.say(order())
        status, headers, body = await client.hear()
    assert (status, headers["Retry-After"], json.loads(body)["reason"]) == (503, "1", "starting")
    assert quick


async def test_a_withdrawn_key_is_refused_on_a_connection_that_stays(quick: list[bytes]) -> None:
    """Without this, what is remembered of a head would let its key outlive the edit that took it away."""
    async with Desk(DESK) as desk, connected(desk) as client:
        await client.say(order())
        assert (await client.hear())[0] == 201
        desk.people = (READER,)
        await client.say(order())
        assert (await client.hear())[0] == 401
    assert len(quick) == 2


async def test_no_byte_is_lost_or_taken_for_what_it_is_not(quick: list[bytes]) -> None:
    """Without this, an order hidden in the body of another request could be placed by cutting the stream in the right
    place, or a request be swallowed."""
    draw = random.Random(5)
    hidden = order(client_order_id="hidden")
    others = (READ, order(body=hidden), READ.replace(b"GET", b"POST")[:-2] + b"Content-Length: 4\r\n\r\nPOST")
    async with Desk(DESK) as desk:
        for number in range(200, 0, -5):
            mine = [order(client_order_id=f"c{one}") for one in range(number, number - 2, -1)]
            requests = draw.sample((*mine, *others), 5)
            stream = b"".join(requests)
            ends = itertools.accumulate(map(len, requests))
            cuts = {0, len(stream), *(end for end in ends if draw.random() < 0.6)}  # often where a request ends
            cuts |= {draw.choice((stream.index(hidden), draw.randrange(len(stream)))) for _ in range(draw.randrange(3))}
            async with connected(desk) as client:
                await client.say(*(stream[start:end] for start, end in itertools.pairwise(sorted(cuts))))
                for _ in requests:
                    await client.hear()
        assert len(desk.fake.stories) == 80
        assert not any(one.cl_ord_id == "hidden" for one in desk.fake.stories.values())
    assert quick, "none of it went by the fast lane"


async def test_what_comes_while_an_order_waits_is_answered_after_it(quick: list[bytes]) -> None:
    """Without this, the second of two orders sent in one go would be lost, or answered first."""
    async with Desk(DESK) as desk, connected(desk) as client:
        desk.fake.gate = asyncio.Event()
        await client.say(order(client_order_id="first"))
        await client.say(order(client_order_id="second"), READ)
        desk.fake.gate.set()
        heard = [await client.hear() for _ in range(3)]
    assert [json.loads(body).get("client_order_id") for _, _, body in heard] == ["first", "second", None]


async def test_an_order_that_waits_is_answered_before_the_server_stops(quick: list[bytes]) -> None:
    """Without this, stopping would leave a client without an answer about an order that was taken."""
    async with Desk(DESK) as desk, connected(desk) as client:
        desk.fake.gate = asyncio.Event()
        await client.say(order())
        await desk.fake.entered.wait()
        stopping = asyncio.create_task(desk.server.close())
        await asyncio.sleep(0.01)
        assert not stopping.done()
        desk.fake.gate.set()
        assert (await client.hear())[0] == 201
        await asyncio.wait_for(stopping, PATIENCE_S)
    assert quick


async def test_a_client_that_leaves_does_not_take_its_order_back(quick: list[bytes]) -> None:
    """Without this, an order could be left half decided, or the server fall over an answer that nobody hears."""
    async with Desk(DESK) as desk:
        async with connected(desk) as client:
            desk.fake.gate = asyncio.Event()
            await client.say(order())
            await desk.fake.entered.wait()
        await asyncio.sleep(0.01)
        desk.fake.gate.set()
        assert (await desk.place(key="desk")).status == 201
        assert len(desk.fake.stories) == 2
    assert quick
