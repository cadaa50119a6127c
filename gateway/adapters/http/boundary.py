"""The one layer between aiohttp and the handlers: who asks, what went wrong, how often.

Every route is wrapped once at start, so a request passes a single function on its way. Whatever a handler raises
becomes a problem document here and nowhere else; what nobody expected becomes a 500 whose incident number, and
nothing else, leaves the process.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import msgspec
from aiohttp import hdrs, web

from gateway.adapters.http.answer import JsonAnswer
from gateway.adapters.http.auth import Caller, Doorman, Right
from gateway.adapters.http.fast_lane import WholeRequest
from gateway.adapters.http.problem import HttpProblem, Problem, problem_of, problem_response
from gateway.ports.intake import ControlRefused, NotAccepting, RequestInvalid
from gateway.ports.journal import JournalBroken, JournalUnavailable

#: What reaches a handler: a request of aiohttp, or a whole one of the fast lane.
Asked = TypeVar("Asked", web.Request, WholeRequest)
Handler = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]
PlainHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_BODY_TIMEOUT_S = 15.0
_RETRY_AFTER_S = "1"
_UTF8 = ("utf-8", "utf8")
#: Counted instead of an unknown path: what clients invent must not become a metric label.
UNKNOWN_PATH = "(unknown)"

log = logging.getLogger("gateway.http")
_encode = msgspec.json.Encoder().encode


class Tally:
    """Requests by path template and status. Plain numbers: the metrics read them when scraped."""

    def __init__(self) -> None:
        self._by_path: dict[str, dict[int, int]] = {}

    def of_path(self, template: str) -> dict[int, int]:
        return self._by_path.setdefault(template, {})

    def counts(self) -> dict[tuple[str, str], int]:
        """``(path template, status) -> requests``."""
        return {
            (template, str(status)): count
            for template, by_status in self._by_path.items()
            for status, count in by_status.items()
        }


def guarded(
    handler: Callable[[Asked, Caller], Awaitable[web.StreamResponse]],
    needs: Right,
    template: str,
    doorman: Doorman,
    tally: Tally,
) -> Callable[[Asked], Coroutine[Any, Any, web.StreamResponse]]:
    """``handler`` behind the doorman, with every failure turned into an answer."""
    counts = tally.of_path(template)

    async def handle(request: Asked) -> web.StreamResponse:
        response: web.StreamResponse
        try:
            response = await handler(request, doorman.admit(request, needs))
        except Exception as error:
            response = failure_response(error, request)
        status = response.status
        counts[status] = counts.get(status, 0) + 1
        return response

    return handle


def failure_response(error: Exception, request: web.Request | WholeRequest) -> web.Response:
    """The answer to a request that raised ``error``."""
    match error:
        case RequestInvalid():
            problem = problem_of("REQUEST_INVALID", str(error)[:1_000])
            return problem_response(msgspec.structs.replace(problem, errors=error.errors))
        case HttpProblem():
            return problem_response(problem_of(error.code, error.detail), error.headers)
        case ControlRefused():
            return problem_response(problem_of(error.code, error.text))
        case NotAccepting():
            return _not_accepting(error.reason, error.text)
        case JournalUnavailable() | JournalBroken():  # an outage of the disk: nothing was changed by asking
            log.error("%s %s cannot be answered: %s", request.method, request.path, error)
            return _not_accepting("journal_unavailable", f"what is on record cannot be looked up now: {error}")
        case web.HTTPRequestEntityTooLarge():
            return problem_response(problem_of("BODY_TOO_LARGE", "see server.max_body_bytes"))
        case web.RequestPayloadError() | web.HTTPBadRequest():
            return problem_response(problem_of("REQUEST_INVALID", "the body could not be received"))
    return problem_response(_incident(error, request))


def _not_accepting(reason: str, text: str) -> web.Response:
    problem = msgspec.structs.replace(problem_of("NOT_ACCEPTING", text), reason=reason)
    return problem_response(problem, {"Retry-After": _RETRY_AFTER_S})


def _incident(error: Exception, request: web.Request | WholeRequest) -> Problem:
    incident = secrets.token_hex(6)
    # The path only: a query string may hold what a client should not have put there.
    log.error("incident %s: %s %s", incident, request.method, request.path, exc_info=error)
    problem = problem_of("INTERNAL_ERROR", f"quote incident {incident} to whoever runs this gateway")
    return msgspec.structs.replace(problem, incident=incident)


async def read_body(request: web.Request) -> bytes:
    """The body of a JSON request, whole. A slow sender does not hold a handler for ever."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise HttpProblem("MEDIA_TYPE_UNSUPPORTED", "send the body without Content-Encoding")
    if request.headers.get(hdrs.CONTENT_TYPE) != "application/json":
        if not request.can_read_body:
            return b""  # whatever type its library claims for nothing
        if request.content_type != "application/json" or (request.charset or "utf-8").lower() not in _UTF8:
            raise HttpProblem("MEDIA_TYPE_UNSUPPORTED", "send Content-Type: application/json, in UTF-8")
    if request.content.is_eof():  # all of it is here already, as nearly always
        body: bytes = request.content.read_nowait()
        if len(body) > request.client_max_size:
            raise web.HTTPRequestEntityTooLarge(request.client_max_size)
        return body
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            return await request.read()
    except TimeoutError:
        raise HttpProblem("BODY_TIMEOUT", "send the whole body", {"Connection": "close"}) from None
    except ConnectionError:
        raise HttpProblem("REQUEST_INVALID", "the client left before its body was complete") from None


def json_response(value: object, status: int = 200, location: str = "") -> JsonAnswer:
    return JsonAnswer(_encode(value), status, location)
