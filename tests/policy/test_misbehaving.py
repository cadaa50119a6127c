"""What the gateway makes of a server that answers wrongly, late, or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.server import OpaServerPolicy
from gateway.adapters.policy.sources import PoliciesInvalid, build_sources
from gateway.domain.reasons import RejectCode
from tests.patience import PATIENCE_S
from tests.policy.documents import order_document

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def misbehaving(handler: Handler) -> AsyncIterator[str]:
    """A loopback server that answers every question with ``handler``."""
    runner = web.AppRunner(_app(handler), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def engine_asking(question: Handler, timeout_s: float) -> AsyncIterator[OpaServerPolicy]:
    """An engine whose server took its policies, and answers every question about an order with ``question``."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.method == "POST" and "answers" not in request.path:
            return await question(request)
        return _takes_a_push(request)

    async with misbehaving(handler) as url:
        server = OpaServerPolicy(url, timeout_s)
        await server.activate(_policies(1))
        yield server
        await server.close()


def _takes_a_push(request: web.Request) -> web.Response:
    status = 204 if "data" in request.path and request.method == "PUT" else 200
    return web.json_response({"result": []}, status=status)


def _policies(decision: int) -> ApprovedPolicies:
    return ApprovedPolicies(build_sources({"trading.rego": f"package trading\n\ndecision := {decision}\n"}))


def _app(handler: Handler) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    return app


def _answer(text: str, status: int = 200, content_type: str = "application/json") -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status, content_type=content_type)

    return handler


def _decided(decisions: str) -> Handler:
    """Answers in the form of the gateway's own rule."""
    return _answer(f'{{"result": {{"revision": "{_policies(1).revision}", "decisions": [{decisions}]}}}}')


async def _slow(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(2 * PATIENCE_S)
    return web.json_response({"result": {"allow": True, "deny": []}})


async def _truncated(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"result": {"allow": tr')
    assert request.transport is not None
    request.transport.close()
    return response


async def _hung_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@pytest.mark.parametrize(
    ("handler", "failure"),
    [
        (_slow, RejectCode.POLICY_UNAVAILABLE),
        (_truncated, RejectCode.POLICY_UNAVAILABLE),
        (_hung_up, RejectCode.POLICY_UNAVAILABLE),
        (_answer('{"result": {"allow": true, "deny": []}}', status=500), RejectCode.POLICY_UNAVAILABLE),
        (_answer('{"result": {"allow": true, "deny": []}}', status=401), RejectCode.POLICY_UNAVAILABLE),
        (_answer("<html>", content_type="text/html"), RejectCode.POLICY_MALFORMED),
        (_answer('{"result": {"allow": tr'), RejectCode.POLICY_MALFORMED),
        (_answer(""), RejectCode.POLICY_MALFORMED),
        (_answer("[]"), RejectCode.POLICY_MALFORMED),
        (_answer("null"), RejectCode.POLICY_MALFORMED),
        (_answer('{"result": null}'), RejectCode.POLICY_MALFORMED),
        (_answer('{"result": true}'), RejectCode.POLICY_MALFORMED),
        (_answer('{"result": {"allow": 1, "deny": []}}'), RejectCode.POLICY_MALFORMED),
        (_decided('{"allow": 1, "deny": []}'), RejectCode.POLICY_MALFORMED),
        (_decided('{"allow": NaN, "deny": []}'), RejectCode.POLICY_MALFORMED),
        (_decided(""), RejectCode.POLICY_UNDEFINED),
        (_answer("{}"), RejectCode.POLICY_UNDEFINED),
    ],
    ids=(
        "slow truncated hung_up 500 401 html cut_json empty list null no_object true no_decisions number nan undecided "
        "undefined"
    ).split(),
)
async def test_every_way_of_not_answering_is_a_denial(handler: Handler, failure: RejectCode) -> None:
    """Without it one of them would allow, raise, or hold the order for as long as the server likes."""
    async with engine_asking(handler, 0.3) as policy:
        async with asyncio.timeout(PATIENCE_S):
            verdict = await policy.evaluate(order_document())
        assert (verdict.is_allowed, verdict.denies, verdict.failure) == (False, (), failure)
        assert verdict.failure_text


async def test_a_change_waits_for_the_open_questions() -> None:
    """Without it an order that was asked before a change could be answered by half of it."""
    log: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.method == "POST" and "answers" not in request.path:
            await asyncio.sleep(0.1)
            log.append("answered")
            return web.json_response({"result": {"revision": first.revision, "decisions": []}})
        log.append(request.method)
        return _takes_a_push(request)

    first, second = _policies(1), _policies(2)
    async with misbehaving(handler) as url:
        server = OpaServerPolicy(url, 5.0)
        await server.activate(first)
        log.clear()
        question = asyncio.ensure_future(server.evaluate(order_document()))
        await asyncio.sleep(0.03)
        await server.activate(second)
        assert (await question).failure == RejectCode.POLICY_UNDEFINED
        await server.close()
    assert log[0] == "answered"
    assert log[1] == "GET"


async def test_a_failed_question_is_asked_once() -> None:
    """Without it the client's retries would hold an order for seconds (they are on by default)."""
    asked = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.Response(status=502)

    async with engine_asking(handler, 5.0) as policy:
        assert (await policy.evaluate(order_document())).failure == RejectCode.POLICY_UNAVAILABLE
    assert asked == 1


async def test_an_unreachable_server_is_a_denial() -> None:
    """Without it a refused connection would raise into the order's path."""
    policy = OpaServerPolicy("http://127.0.0.1:9", 1.0)
    with pytest.raises(PoliciesInvalid):
        await policy.activate(_policies(1))
    verdict = await policy.evaluate(order_document())
    assert (verdict.is_allowed, verdict.failure) == (False, RejectCode.POLICY_UNAVAILABLE)
    await policy.close()


async def test_inexact_documents_are_not_asked_about() -> None:
    """Without it a float, or a number that only OPA compares exactly, would get different answers by engine."""
    policy = OpaServerPolicy("http://127.0.0.1:9", 1.0)
    verdict = await policy.evaluate(order_document(order__size_e8=10**20))
    assert verdict.failure == RejectCode.POLICY_MALFORMED
    await policy.close()


@pytest.mark.parametrize("url", ["127.0.0.1:8181", "ftp://opa", "http://", "http://opa:8181/v1", "http://opa:port"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    """Without it a slip in the config would show as an outage."""
    with pytest.raises(ValueError, match=r"OPA server|[Pp]ort"):
        OpaServerPolicy(url, 1.0)
