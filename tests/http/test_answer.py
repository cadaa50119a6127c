"""Answers as bytes: ours are written past aiohttp's response class, and must still be the HTTP that was asked for."""

import asyncio
import json

import pytest

from tests.http.desk import LIMIT_ORDER, PLACE, Desk
from tests.patience import PATIENCE_S

_BODY = json.dumps(LIMIT_ORDER).encode()
_HEAD = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(_BODY)}\r\n"


async def _say(desk: Desk, *said: bytes) -> bytes:
    """Everything that the server says until it closes the connection."""
    reader, writer = await desk.connect()
    try:
        writer.write(b"".join(said))
        return await asyncio.wait_for(reader.read(), PATIENCE_S)
    finally:
        writer.close()


def _parts(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert len(headers) == len(lines), "a header came twice"
    return first, headers, body


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_client_that_wants_the_connection_closed_is_told_and_it_is(version: str) -> None:
    """Without this, a client that reads until the end would wait for ever, or a proxy keep a dead connection."""
    async with Desk() as desk:
        request = f"POST {PLACE} HTTP/{version}\r\n{_HEAD}Connection: close\r\n\r\n".encode()
        first, headers, body = _parts(await _say(desk, request, _BODY))
    assert first == f"HTTP/{version} 201 Created"
    assert headers.get("Connection") == ("close" if version == "1.1" else None)
    assert int(headers["Content-Length"]) == len(body)
    assert headers["Location"].endswith(json.loads(body)["order_id"])


async def test_both_ways_of_answering_say_the_same() -> None:
    """Without this, the way that skips aiohttp's response class could lose a header that the other one sends."""
    close = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    keep = close.replace(b"Connection: close\r\n", b"")
    async with Desk() as desk:
        two = await _say(desk, keep, close)
    head, _, rest = two.partition(b"\r\n\r\n")
    length = int(_parts(head)[1]["Content-Length"])
    quick, plain = _parts(head + b"\r\n\r\n" + rest[:length]), _parts(rest[length:])
    assert plain[1].pop("Connection") == "close"
    quick[1].pop("Date"), plain[1].pop("Date")
    assert quick == plain


async def test_requests_sent_in_one_go_are_answered_in_turn() -> None:
    """Without this, pipelined answers could overtake each other, and an order would get another one's answer."""
    async with Desk() as desk:
        wanted = [f"c-{number}" for number in range(5)]
        said = b""
        for name in wanted:
            body = json.dumps({**LIMIT_ORDER, "client_order_id": name}).encode()
            said += f"POST {PLACE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".encode()
            said += f"Content-Length: {len(body)}\r\n".encode()
            said += (b"Connection: close\r\n" if name == wanted[-1] else b"") + b"\r\n" + body
        answer = await _say(desk, said)
    assert [part.split(b'"')[0].decode() for part in answer.split(b'"client_order_id":"')[1:]] == wanted


async def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    """Without this, curl would wait a second before each large body: the quick way knows no `Expect`."""
    async with Desk() as desk:
        request = f"POST {PLACE} HTTP/1.1\r\n{_HEAD}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode()
        answer = await _say(desk, request, _BODY)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n")


async def test_a_query_does_not_hide_a_path_and_a_wrong_method_is_still_told() -> None:
    """Without this, the table of fixed paths could answer for what only the router knows."""
    async with Desk() as desk:
        live = await desk.ask("GET", "/health/live?probe=1")
        wrong = await desk.ask("PATCH", "/health/live")
        spelled = await desk.ask("GET", "/health/%6Cive")
    assert (live.status, wrong.status, spelled.status) == (200, 405, 200)
    assert wrong.headers["Allow"] == "GET, HEAD"
