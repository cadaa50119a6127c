"""What cannot be read or found: always a problem document, with the right status and headers."""

import asyncio
import json

import pytest

from gateway.domain.settings import ServerSettings
from tests.http.desk import ORDERS, PLACE, Desk
from tests.patience import PATIENCE_S

BODY = {"symbol": "AAPL", "quantity": 1, "side": "buy", "order_type": "market"}


async def test_a_problem_document_has_all_its_members() -> None:
    """RFC 9457 clients read type, title, status and detail; ours read code and errors."""
    async with Desk() as desk:
        answer = await desk.ask("POST", PLACE, {**BODY, "stop": 1, "side": "hold"})
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"] == "urn:order-gateway:problem:REQUEST_INVALID"
    assert {"title", "status", "detail", "code", "errors"} <= set(answer.json)
    assert [(error["field"], error["value"]) for error in answer.json["errors"]] == [("side", "hold"), ("stop", "1")]
    assert {"field", "rule", "value", "hint"} == set(answer.json["errors"][0])


@pytest.mark.parametrize(
    "path", ["/nope", "/api/trading", "/api/trading/orders/o1/more", "/api/trading/orders/", "/a%0Ab", "/%7Bx%7D"]
)
async def test_an_unknown_path_is_404(path: str) -> None:
    """aiohttp's own answer is plain text, which problem readers cannot parse."""
    async with Desk() as desk:
        answer = await desk.ask("GET", path)
        assert desk.server.request_counts()[("(unknown)", "404")] == 1
    assert (answer.status, answer.json["code"]) == (404, "PATH_NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api/trading/session/start", "POST"),
        ("POST", f"{ORDERS}/o1", "DELETE, GET, HEAD, PUT"),
        ("PATCH", ORDERS, "GET, HEAD"),
        ("HEAD", PLACE, "POST"),
        ("DELETE", "/api/trading/ws/events", "GET"),
        ("OPTIONS", PLACE, "POST"),
        ("GET", PLACE, "POST"),
        ("DELETE", f"{PLACE}?x=1", "POST"),
        ("GET", "/api/trading/market-data/subscribe", "POST"),
    ],
)
async def test_a_wrong_method_is_405_and_names_the_right_ones(method: str, path: str, allow: str) -> None:
    """Allow is what the client needs to mend its call; OPTIONS must not turn on cross-origin access."""
    async with Desk() as desk:
        answer = await desk.ask(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allow)
    assert method == "HEAD" or answer.json["code"] == "METHOD_NOT_ALLOWED"
    assert not any(name.startswith("Access-Control") for name in answer.headers)


async def test_whoever_places_an_order_at_another_path_is_led_to_the_right_one() -> None:
    """Without this, a bot that was written for another interface is told to use GET, or that there is no such path."""
    async with Desk() as desk:
        at_the_list = await desk.ask("POST", ORDERS, BODY)
        with_a_slash = await desk.ask("POST", f"{PLACE}/", BODY)
    assert at_the_list.json["detail"] == f"use GET, HEAD; POST {PLACE} places an order"
    assert with_a_slash.json["detail"] == "no path but / ends with a slash; see /openapi.json for the paths"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""]
)
async def test_other_media_types_are_415(content_type: str) -> None:
    """Forms and text are what a browser sends across origins without asking first."""
    async with Desk() as desk:
        headers = {"Content-Type": content_type or "application/octet-stream"}
        answer = await desk.ask("POST", PLACE, json.dumps(BODY).encode(), headers=headers)
    assert (answer.status, answer.json["code"]) == (415, "MEDIA_TYPE_UNSUPPORTED")


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8"])
async def test_json_is_taken_with_and_without_its_charset(content_type: str) -> None:
    """Many client libraries add the charset."""
    async with Desk() as desk:
        answer = await desk.ask("POST", PLACE, json.dumps(BODY).encode(), headers={"Content-Type": content_type})
    assert answer.status == 201


async def test_a_body_too_large_is_413() -> None:
    """An unbounded body is a way to fill memory."""
    async with Desk(settings=ServerSettings(port=0, max_body_bytes=1_000)) as desk:
        answer = await desk.ask("POST", PLACE, {**BODY, "client_order_id": "x" * 2_000})
        again = await desk.ask("POST", PLACE, BODY)
    assert (answer.status, answer.json["code"]) == (413, "BODY_TOO_LARGE")
    assert again.status == 201


async def test_a_body_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that stalls mid-body must not hold its handler for ever."""
    monkeypatch.setattr("gateway.adapters.http.boundary._BODY_TIMEOUT_S", 0.05)
    async with Desk() as desk:
        reader, writer = await desk.connect()
        writer.write(
            b"POST " + PLACE.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        head = await asyncio.wait_for(reader.read(1_000), PATIENCE_S)
        writer.close()
    assert head.startswith(b"HTTP/1.1 408")
    assert b"BODY_TIMEOUT" in head


async def test_a_client_that_leaves_mid_body_is_no_incident(caplog: pytest.LogCaptureFixture) -> None:
    """Dropped connections are daily life; an error log full of them hides the real ones."""
    async with Desk() as desk:
        _, writer = await desk.connect()
        writer.write(
            b"POST " + PLACE.encode() + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.05)
        assert (await desk.ask("GET", "/health/live")).status == 200
    assert "incident" not in caplog.text


async def test_requests_are_counted_by_template_and_status() -> None:
    """The metric behind error-rate alerts; raw paths would make one series per order."""
    async with Desk() as desk:
        await desk.place()
        await desk.place(side="hold")
        await desk.ask("GET", f"{ORDERS}/o1")
        counts = desk.server.request_counts()
    assert counts[(PLACE, "201")] == 1
    assert counts[(PLACE, "400")] == 1
    assert counts[(ORDERS + "/{order_id}", "200")] == 1


async def test_no_reply_names_the_software_behind_it() -> None:
    """Versions of Python and aiohttp in every reply are a gift to attackers."""
    async with Desk() as desk:
        for path in ("/", "/health/live", "/nope", "/metrics", "/openapi.json", ORDERS):
            assert (await desk.ask("GET", path)).headers["Server"] == "order-gateway"


async def test_what_is_no_http_is_neither_answered_at_length_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The broken line may be the one with the key; and scanners would fill the log."""
    async with Desk() as desk:
        reader, writer = await desk.connect()
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer key-\x00secret\r\n\r\n")
        head = await asyncio.wait_for(reader.read(1_000), PATIENCE_S)
        writer.close()
    assert head.startswith(b"HTTP/1.0 400") or head.startswith(b"HTTP/1.1 400")
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{PLACE}?dry_run=true"),
        ("POST", "/api/trading/orders/check?account=a"),
        ("DELETE", f"{ORDERS}/o1?reason=x"),
        ("POST", "/api/trading/trading/disable?scope=strategy&id=s1"),
        ("POST", "/api/trading/trading/enable?scope=strategy&id=s1"),
        ("POST", "/api/trading/trading/flatten?book=shadow"),
        ("GET", "/api/trading/modes?venue=ibkr"),
        ("GET", "/api/trading/rollouts/ibkr?step=1"),
        ("GET", "/api/trading/ws/market-data?symbols=AAPL"),
    ],
)
async def test_a_parameter_where_none_is_taken_is_refused(method: str, path: str) -> None:
    """What was to be a trial would be an order, and what was to halt, or to let go on, one strategy would do so to
    all of them."""
    async with Desk() as desk:
        body = BODY if path.startswith(PLACE) else None
        answer = await desk.ask(method, path, body)
        name = path.partition("?")[2].partition("=")[0]
        assert not desk.fake.stories
        assert not desk.fake.calls
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, name)
    assert answer.json["errors"][0]["hint"] == "this path takes no parameters"


@pytest.mark.parametrize("path", ["/health/live?ts=1", "/metrics?name=x", "/?utm=1", "/openapi.json?v=2"])
async def test_what_probes_and_browsers_ask_may_carry_a_parameter(path: str) -> None:
    """They add some against caches, and an answer that narrows nothing cannot be taken for a narrower one."""
    async with Desk() as desk:
        assert (await desk.ask("GET", path)).status == 200


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/", "/openapi.json", ORDERS])
async def test_the_head_is_what_a_get_would_have(path: str) -> None:
    """Without this, a monitor or load balancer that asks with HEAD would take the gateway for broken."""
    async with Desk() as desk:
        whole, head = await desk.ask("GET", path), await desk.ask("HEAD", path)
    assert (head.status, head.body) == (whole.status, b"")
    assert {**head.headers, "Date": ""} == {**whole.headers, "Date": ""}


@pytest.mark.parametrize("start", [f"POST {PLACE}", "GET /health/live", f"GET {ORDERS}/o1", "GET /nope"])
async def test_an_unknown_expectation_is_refused_in_a_document(start: str) -> None:
    """aiohttp's own answer is plain text, which problem readers cannot parse."""
    async with Desk() as desk:
        reader, writer = await desk.connect()
        writer.write(f"{start} HTTP/1.1\r\nHost: localhost\r\nExpect: a-miracle\r\nConnection: close\r\n\r\n".encode())
        head, body = (await asyncio.wait_for(reader.read(), PATIENCE_S)).split(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 417 ")
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert json.loads(body)["code"] == "EXPECTATION_UNKNOWN"


@pytest.mark.parametrize("start", ["OPTIONS *", "CONNECT localhost:1"])
async def test_what_is_no_path_is_refused_in_a_document(start: str) -> None:
    """The same for what the router takes for no path at all."""
    async with Desk() as desk:
        reader, writer = await desk.connect()
        writer.write(f"{start} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head, body = (await asyncio.wait_for(reader.read(), PATIENCE_S)).split(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 404 ")
    assert json.loads(body)["code"] == "PATH_NOT_FOUND"
