"""Whatever bytes arrive at the door: a clean answer that names what is wrong, never a failure, nothing half done."""

import asyncio
import contextlib
import json
import random
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.http.boundary import _BODY_TIMEOUT_S
from tests.e2e.orders import resting
from tests.e2e.process import Api, GatewayProcess, Site, eventually, running
from tests.patience import PATIENCE_S

PLACE = "/api/trading/orders/place"
FIELDS = tuple(
    "symbol quantity side order_type limit_price stop_price time_in_force strategy_id account venue client_order_id "
    "execution_algorithm trailing_amount trailing_percent expire_time".split()
)
BASE: dict[str, Any] = {
    "symbol": "AAPL",
    "quantity": 1,
    "side": "buy",
    "order_type": "limit",
    "limit_price": "100",
    "strategy_id": "fuzz",
}


def body_with(name: str, value: str) -> bytes:
    """A good order, but for one field whose JSON text is ``value``."""
    own = {key: item for key, item in BASE.items() if key != name}
    return f"{json.dumps(own)[:-1]}, {json.dumps(name)}: {value}}}".encode("utf-8", "surrogatepass")


def read_table() -> Iterator[tuple[str, str]]:
    """The lines of wrong_fields.txt: a field, and the JSON text that stands for its value."""
    for line in Path(__file__).with_name("wrong_fields.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, text = line.partition(" ")
            yield "" if name == "(empty)" else name, text


WRONG_FIELDS = (
    *read_table(),
    ("quantity", "1" * 400),
    ("quantity", "1." + "0" * 400),
    ("quantity", '"' + "9" * 5_000 + '"'),
    ("symbol", '"' + "A" * 65 + '"'),
    ("strategy_id", '"' + "s" * 65 + '"'),
    ("client_order_id", '"' + "c" * 65 + '"'),
)

#: Bodies that are no order at all.
WRONG_BODIES = (
    b"", b" ", b"null", b"true", b"1", b'"AAPL"', b"[]", b"[{}]", b"{", b"}", b"{}", b"{]", b'{"a"}', b"{'a': 1}",
    b"\x00", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"\xc3\x28", b"{}{}", b"{} {}", b"[" * 30_000, b'{"a":' * 10_000,
    b'{"symbol": "AAPL"', b"NaN", b"-", b"\x1f\x8b\x08", b"symbol=AAPL&quantity=1", b"<order/>", b'{"symbol": "\xff"}',
    b'{"symbol": "AAPL",}', b"// no\n{}", b'{"symbol": "AAPL", "symbol": "AAPL"}',
    b"{" + b",".join(b'"k%d": %d' % (n, n) for n in range(4_000)) + b"}",
    b"{" + b",".join(b'"execution_algorithms%d": 1' % n for n in range(2_000)) + b"}",
)  # fmt: skip


async def post(api: Api, body: bytes, **headers: str) -> Any:
    return await api.ask("POST", PLACE, data=body, headers={"Content-Type": "application/json", **headers})


def assert_clean(reply: Any, status: int | None = None) -> None:
    """A problem document with a 4xx status: ours, readable, and no incident."""
    assert 400 <= reply.status < 500, reply
    assert status is None or reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/problem+json", reply
    assert reply.body["status"] == reply.status
    assert reply.body["code"]
    assert reply.body["detail"]
    assert "incident" not in reply.body
    assert len(json.dumps(reply.body)) < 100_000, "an answer far larger than a person can read"


@pytest.fixture(autouse=True)
async def nothing_happened(api: Api, shared: GatewayProcess) -> Any:
    """After every test: the process lives, no order came of the noise, and a good order is taken."""
    before, seen = await api.statistics(), len(shared.log)
    yield
    after = await api.statistics()
    assert after.get("orders", {}).get("received", 0) == before.get("orders", {}).get("received", 0)
    good = await api.place(**resting("good"))
    assert good.status == 201, good
    assert (await api.order(good.body["order_id"])).status == 200
    said = shared.log[seen:]
    assert "Traceback" not in said, said
    assert "incident" not in said, said


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _ in WRONG_FIELDS))
async def test_a_wrong_field_is_refused_and_named(api: Api, name: str) -> None:
    """Without this, a number that is none could reach the books, or a client be told that "something" is wrong."""
    for text in (text for field, text in WRONG_FIELDS if field == name):
        reply = await post(api, body_with(name, text))
        assert_clean(reply, 400)
        assert reply.body["code"] == "REQUEST_INVALID"
        for error in reply.body["errors"]:
            assert set(error) == {"field", "rule", "value", "hint"}, error
            assert error["field"] or name == "", error
            assert len(error["value"]) <= 80, error
        named = " ".join(f"{error['field']} {error['rule']}" for error in reply.body["errors"])
        others = {"order_type": "limit_price", "expire_time": "expire_time"}
        assert name in named or others.get(name, name) in named or "(body)" in named, (name, text, reply.body)


@pytest.mark.parametrize("number", range(len(WRONG_BODIES)))
async def test_what_is_no_order_is_refused(api: Api, number: int) -> None:
    """Without this, bytes that are no JSON object could end in a failure of the gateway, or in an order."""
    async with asyncio.timeout(10):  # milliseconds are meant: one bad request must not hold up everybody
        assert_clean(await post(api, WRONG_BODIES[number]), 400)


async def test_headers_that_do_not_fit_are_refused(api: Api) -> None:
    """Without this, a form, a wrong charset or a packed body would be guessed at instead of refused."""
    body = json.dumps(BASE).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "nonsense"):
        assert_clean(await post(api, body, **{"Content-Type": kind}), 415)
    for coding in ("gzip", "deflate", "br"):
        assert_clean(await post(api, body, **{"Content-Encoding": coding}))
    assert_clean(await post(api, b" " * 70_000), 413)
    assert_clean(await post(api, body_with("symbol", '"' + "A" * 66_000 + '"')), 413)


@pytest.mark.parametrize(
    "path",
    [
        "/api/trading/orders/%00", "/api/trading/orders/%ff%fe", "/api/trading/orders/%ed%a0%80",
        "/api/trading/orders/" + "x" * 5_000, "/api/trading/orders/..%2f..%2fetc", "/api/trading/orders/%F0%9F%92%A5",
        "/api/trading/orders/' OR 1=1 --", "/api/trading/market-data/%ff", "/api/trading/market-data/" + "y" * 3_000,
        "/api/trading/orders?limit=-1", "/api/trading/orders?limit=1e9", "/api/trading/orders?cursor=%ff",
        "/api/trading/orders?cursor=AAAA", "/api/trading/orders?symbol=%ff", "/api/trading/orders?status=open,,",
        "/api/trading/orders?strategy=s1", "/api/trading/orders?limit=1&limit=2", "/api/trading/positions?book=other",
        "/api/trading/portfolio?account=%00", "/nothing", "/%ff", "//", "/api/trading/orders/place/",
    ],
)  # fmt: skip
async def test_paths_and_queries_are_refused_like_bodies(api: Api, path: str) -> None:
    """Without this, a strange id in a path could reach the database, and a misspelled filter would widen the answer."""
    reader, writer = await connect(api.url)
    try:
        target = path.replace(" ", "%20")
        writer.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await asyncio.wait_for(reader.read(), PATIENCE_S)).partition(b"\r\n\r\n")
    finally:
        await leave(writer)
    status = int(head.split(b" ")[1])
    assert 400 <= status < 500, (path, head)
    assert b"application/problem+json" in head, (path, head)
    assert json.loads(body)["status"] == status
    for method in ("DELETE", "PUT"):
        if path.startswith("/api/trading/orders/"):
            reply = await api.ask(method, path.replace(" ", "%20"), json={"quantity": 1} if method == "PUT" else None)
            assert_clean(reply)


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def leave(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


_POST = b"POST " + PLACE.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_JSON_TYPE = b"Content-Type: application/json\r\n"
RAW = (
    b"\r\n\r\n",
    b"GARBAGE\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),  # someone speaks TLS
    b"POST " + PLACE.encode() + b" HTTP/9.9\r\nHost: x\r\n\r\n",
    _POST + b"Content-Length: -5\r\n\r\n",
    _POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    _POST + _CHUNKED + b"\r\nzz\r\n",
    _POST + _CHUNKED + b"Content-Length: 3\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"".join(b"H%d: v\r\n" % n for n in range(5_000)) + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nBad Header: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n",
    _POST + _JSON_TYPE + b"Content-Length: 99\r\n\r\n{",
)


async def test_bytes_that_are_no_http_do_no_harm(api: Api) -> None:
    """Without this, a port scanner, a TLS client or half a request could stop a gateway or leave something behind."""
    for data in RAW:
        reader, writer = await connect(api.url)
        try:
            writer.write(data)
            with contextlib.suppress(OSError):
                await writer.drain()
                writer.write_eof()
                answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
                assert not answer.startswith(b"HTTP/1.1 5"), (data[:80], answer[:200])
        finally:
            await leave(writer)
        assert (await api.get("/health/live")).status == 200, data[:80]


@pytest.mark.parametrize("stream", ["events", "market-data"])
async def test_noise_on_a_stream_does_no_harm(api: Api, stream: str) -> None:
    """Without this, a client that sends nonsense on its WebSocket could break the stream of others, or the gateway."""
    noise = ["", "null", "[]", "{", "[" * 5_000, "💥" * 99, '{"action": "buy"}', '{"action": "ping", "x": 1}']
    noise += ['{"action": "subscribe"}', '{"action": "subscribe", "symbols": [' + ",".join(['"X"'] * 600) + "]}"]
    async with aiohttp.ClientSession() as session:
        url = f"{api.url}/api/trading/ws/{stream}"
        for text in noise:
            async with session.ws_connect(url) as socket:
                await socket.send_str(text)
                with contextlib.suppress(TimeoutError):
                    async for message in _for_a_moment(socket):
                        assert message.type is not aiohttp.WSMsgType.ERROR, (text, message)
        async with session.ws_connect(url) as socket:
            await socket.send_bytes(bytes(range(256)))
            await socket.send_str("x" * 1_000_000)
            with contextlib.suppress(TimeoutError, ConnectionError):
                async for _ in _for_a_moment(socket):
                    pass
        for query in ("after=-1", "after=x", "types=order,nonsense", "after=999999999999", "a=b"):
            reply = await api.get(f"/api/trading/ws/{stream}?{query}")
            assert reply.status in (400, 426), (query, reply)


async def _for_a_moment(socket: aiohttp.ClientWebSocketResponse) -> Any:
    """What comes within a moment."""
    async with asyncio.timeout(0.05):
        async for message in socket:
            yield message


async def test_more_connections_than_there_are_files(site: Site) -> None:
    """Without this, clients that connect and say nothing could keep the journal from being written, or lock everybody
    out for good."""
    async with running(site) as gateway:
        api = gateway.api()
        assert (await api.place(**resting("before"))).status == 201
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (80, 80))
        silent = [await connect(gateway.url) for _ in range(120)]
        try:
            for number in range(20):  # on its own connection, this client goes on trading
                assert (await api.place(**resting("during", f"d{number}"))).status == 201
        finally:
            for _, writer in silent:
                writer.transport.abort()
            await asyncio.sleep(0)  # what is aborted is closed by the loop's next turn

        async def lets_in() -> bool:
            with contextlib.suppress(aiohttp.ClientError):
                return (await gateway.api().place(**resting("after"))).status == 201
            return False

        await eventually(lets_in, PATIENCE_S)
        assert (await api.get("/health/ready")).status == 200
        assert len(gateway.log) < 100_000, "a log that grows with every attempt fills the disk"


async def test_random_bytes_do_no_harm(api: Api) -> None:
    """Without this, only the mistakes that someone thought of would be refused."""
    rng = random.Random(7)
    good = json.dumps(BASE).encode()

    async def one() -> None:
        body = bytearray(good)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(body))
            match rng.randrange(4):
                case 0:
                    body[at] = rng.randrange(256)
                case 1:
                    del body[at : at + rng.randrange(1, 6)]
                case 2:
                    body[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 5)))
                case _:
                    body[at:at] = rng.choice([b'"', b"{", b"}", b",", b":", b"\\", b"\x00", b"1e999", b"NaN"])
        body += b'{"' if rng.random() < 0.5 else b"\xff"  # no body stays a good one
        assert_clean(await post(api, bytes(body)), 400)

    for _ in range(10):
        await asyncio.gather(*(one() for _ in range(40)))


async def test_slow_and_half_requests_hold_nobody_up(api: Api) -> None:
    """Without this, a few clients that send a byte now and then could keep everybody else from trading."""
    body = json.dumps(BASE).encode()
    head = f"POST {PLACE} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n".encode()
    slow = [await connect(api.url) for _ in range(100)]
    try:
        for number, (_, writer) in enumerate(slow):
            match number % 4:
                case 0:
                    writer.write(head[: number + 10])  # half a header
                case 1:
                    writer.write(head + f"Content-Length: {len(body)}\r\n\r\n".encode())  # no body
                case 2:
                    writer.write(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:-1])  # all but a byte
                case _:
                    writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{")
        async with asyncio.timeout(_BODY_TIMEOUT_S):  # by then the slow ones are gone, and would hold nobody up
            for _ in range(20):
                assert_clean(await post(api, b"{}"), 400)
    finally:
        for _, writer in slow:
            writer.transport.abort()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
values = st.one_of(
    json_values,
    st.sampled_from(["AAPL", "buy", "limit", "market", "gtc", "100", 1, "0.5", 10**14, "1e5", 1e-7]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(fields=st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=10), values, max_size=16))
def test_any_json_is_answered_cleanly(shared: GatewayProcess, fields: dict[str, Any]) -> None:
    """Without this, some combination of fields would be a failure of the gateway. An order that is good by chance would
    trade, so its quantity is never one."""

    async def ask() -> None:
        api = Api(shared.url)
        try:
            reply = await post(api, json.dumps({**fields, "quantity": [fields.get("quantity")]}).encode())
            assert_clean(reply, 400)
            body = json.dumps(fields).encode()
            assert_clean(await api.ask("PUT", "/api/trading/orders/none", data=body, headers=_JSON))
            for path in ("session/start", "trading/enable", "market-data/subscribe"):
                reply = await api.ask("POST", f"/api/trading/{path}", data=body, headers=_JSON)
                assert reply.status in (200, 400, 409), (path, reply)
        finally:
            await api.close()

    asyncio.run(ask())


_JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def _trading_goes_on(shared: GatewayProcess) -> Iterator[None]:
    """Sessions that the noise started end with it."""
    yield

    async def end() -> None:
        api = Api(shared.url)
        try:
            await api.post("/api/trading/session/end")
        finally:
            await api.close()

    asyncio.run(end())
