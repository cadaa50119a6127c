"""Refusals on the wire: ``application/problem+json`` (RFC 9457) with a ``code`` that never changes its meaning.

Every code that HTTP itself can answer is in ``PROBLEMS``; the code of a denied or refused order is the reason code
of ``domain.reasons``. ``docs/api.md`` lists them, and a test compares.
"""

from collections.abc import Mapping

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from gateway.adapters.http.answer import SERVER
from gateway.adapters.http.views import OrderView
from gateway.ports.intake import FieldError

PROBLEM_TYPE = "application/problem+json"
_HEADERS = {"Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store", "Server": SERVER}
_encode = msgspec.json.Encoder().encode


class ProblemKind(msgspec.Struct, frozen=True):
    """One way to be refused: the status, and words for people (``detail`` tells the particular case)."""

    status: int
    title: str


PROBLEMS: dict[str, ProblemKind] = {
    "REQUEST_INVALID": ProblemKind(400, "The request cannot be read"),
    "KEY_MISSING": ProblemKind(401, "An API key is needed"),
    "KEY_UNKNOWN": ProblemKind(401, "The API key is not known"),
    "NETWORK_NOT_PERMITTED": ProblemKind(403, "The key may not be used from this address"),
    "ORIGIN_NOT_PERMITTED": ProblemKind(403, "Without keys, only programs on this machine may ask"),
    "ROLE_NOT_PERMITTED": ProblemKind(403, "The key's role does not permit this"),
    "ACCOUNT_NOT_PERMITTED": ProblemKind(403, "The key may not trade for this account"),
    "STRATEGY_NOT_PERMITTED": ProblemKind(403, "The key may not trade for this strategy"),
    "PATH_NOT_FOUND": ProblemKind(404, "There is nothing at this path"),
    "ORDER_NOT_FOUND": ProblemKind(404, "There is no such order"),
    "QUOTE_NOT_FOUND": ProblemKind(404, "There is no quote for this symbol"),
    "SUBSCRIPTION_NOT_FOUND": ProblemKind(404, "The symbol is not subscribed"),
    "ALERT_NOT_FOUND": ProblemKind(404, "No such alert lasts"),
    "LOCK_NOT_FOUND": ProblemKind(404, "There is no such lock"),
    "BREAKER_NOT_FOUND": ProblemKind(404, "There is no such circuit breaker"),
    "OVERRIDE_NOT_FOUND": ProblemKind(404, "There is no such override"),
    "DRIFT_NOT_FOUND": ProblemKind(404, "No such difference waits to be accepted"),
    "VENUE_NOT_FOUND": ProblemKind(404, "There is no such venue"),
    "METHOD_NOT_ALLOWED": ProblemKind(405, "The path does not take this method"),
    "HEAD_TIMEOUT": ProblemKind(408, "The request did not arrive in time"),
    "BODY_TIMEOUT": ProblemKind(408, "The body did not arrive in time"),
    "SESSION_MODE_MISMATCH": ProblemKind(409, "The venues are not in the mode that the session expects"),
    "SESSION_NOT_OPEN": ProblemKind(409, "No session is open"),
    "BREAKER_NOT_TRIPPED": ProblemKind(409, "The circuit breaker is not tripped"),
    "BREAKER_CAUSE_LASTS": ProblemKind(409, "What tripped the circuit breaker still lasts"),
    "HELD_BY_FILE": ProblemKind(409, "A file in the data directory keeps the gateway halted"),
    "SUBSCRIPTION_FULL": ProblemKind(409, "The key is subscribed to as many symbols as it may"),
    "OVERRIDE_NEEDS_KEYS": ProblemKind(409, "Without keys nobody can lift a limit"),
    "CONFIG_IN_FORCE": ProblemKind(409, "The configuration is in force already"),
    "DRIFT_MOVED": ProblemKind(409, "The difference is another one now"),
    "ORDER_NOT_IN_DOUBT": ProblemKind(409, "The order is not in doubt"),
    "VENUE_SAYS_OTHERWISE": ProblemKind(409, "The venue has said otherwise"),
    "SETTLEMENT_UNFIT": ProblemKind(409, "The order cannot have ended so"),
    "REVIEW_FAILED": ProblemKind(409, "The review could not be made"),
    "EXPLANATION_FAILED": ProblemKind(409, "The order cannot be decided again"),
    "EVIDENCE_MOVED": ProblemKind(409, "The evidence is not what was reviewed"),
    "ROLLOUT_HELD": ProblemKind(409, "The rollout is held already"),
    "ROLLOUT_NOT_HELD": ProblemKind(409, "The rollout is not held"),
    "ROLLOUT_NOT_RESUMABLE": ProblemKind(409, "The rollout cannot go on yet"),
    "PROMOTION_REFUSED": ProblemKind(409, "The venue may not be raised"),
    "OVERRIDE_NOT_SERVED": ProblemKind(409, "The venue cannot be reached as the override needs it"),
    "BODY_TOO_LARGE": ProblemKind(413, "The body is too large"),
    "MEDIA_TYPE_UNSUPPORTED": ProblemKind(415, "The body must be application/json"),
    "EXPECTATION_UNKNOWN": ProblemKind(417, "The header Expect asks for something that is not known"),
    "UPGRADE_REQUIRED": ProblemKind(426, "This path speaks WebSocket"),
    "INTERNAL_ERROR": ProblemKind(500, "Something went wrong inside the gateway"),
    "NOT_ACCEPTING": ProblemKind(503, "The gateway cannot do this now"),
    "TOO_MANY_CONNECTIONS": ProblemKind(503, "More connections are open than there may be"),
    "PAGE_BEHIND": ProblemKind(503, "The page's read model is not there yet"),
    "NOT_READY": ProblemKind(503, "The gateway is not ready"),
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused. ``code`` is stable; ``detail`` is for people and may change.

    ``errors`` says what is wrong field by field, ``reason`` why the gateway does not accept, ``stage`` which part
    of the path refused, ``order`` is the order as it stands, ``context`` holds what was compared and ``retry_after_s``
    after how many seconds, exactly, the same request may pass; ``incident`` names the entry in the gateway's log.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: tuple[FieldError, ...] | UnsetType = UNSET
    stage: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    reasons: tuple[str, ...] | UnsetType = UNSET
    warnings: tuple[str, ...] | UnsetType = UNSET
    incident: str | UnsetType = UNSET
    order: OrderView | UnsetType = UNSET
    context: dict[str, str] | UnsetType = UNSET
    retry_after_s: str | UnsetType = UNSET


class HttpProblem(Exception):
    """Raised by handlers to answer with one of ``PROBLEMS``."""

    def __init__(self, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = headers


def problem_type(code: str) -> str:
    """The URI that names a kind of problem; an identifier, not an address."""
    return f"urn:order-gateway:problem:{code}"


def problem_of(code: str, detail: str) -> Problem:
    """The problem document for one of ``PROBLEMS``."""
    kind = PROBLEMS[code]
    return Problem(type=problem_type(code), title=kind.title, status=kind.status, detail=detail, code=code)


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    response = web.Response(status=problem.status, body=_encode(problem), headers=_HEADERS)
    if headers:
        response.headers.update(headers)
    return response
