"""Health, metrics, the API's description and the page."""

from collections.abc import Callable

import msgspec
from aiohttp import web

from gateway.adapters.http.answer import JSON_HEADERS
from gateway.adapters.http.auth import Caller, Doorman
from gateway.adapters.http.boundary import json_response
from gateway.adapters.http.openapi import openapi_document
from gateway.adapters.http.problem import problem_of, problem_response
from gateway.adapters.http.state_views import LiveReply, ReadyReply
from gateway.ports.read_model import Status

_METRICS_HEADERS = {**JSON_HEADERS, "Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


class SystemHandlers:
    """What operators and their tools ask."""

    def __init__(self, status: Status, doorman: Doorman, metrics_page: Callable[[], bytes]) -> None:
        self._status = status
        self._doorman = doorman
        self._metrics_page = metrics_page
        self._documents: dict[bool, bytes] = {}

    async def live(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return json_response(LiveReply())

    async def ready(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        """Open to probes, which read the status code; the revisions and warnings are for those with a key."""
        health = self._status.health()
        is_known = self._doorman.recognize(request) is not None
        warnings = health.warnings if is_known else ()
        if not health.is_ready:
            problem = problem_of("NOT_READY", "; ".join(health.reasons) or "not ready")
            answer = msgspec.structs.replace(problem, reasons=health.reasons, warnings=warnings)
            return problem_response(answer, {"Retry-After": "1"})
        return json_response(
            ReadyReply(
                status="ready",
                warnings=warnings if is_known else None,
                last_seq=health.last_seq,
                durable_seq=health.durable_seq,
                config_revision=health.config_revision,
                policy_revision=health.policy_revision,
                config_error=health.config_error if is_known else None,
            )
        )

    async def metrics(self, request: web.Request, caller: Caller) -> web.Response:
        return web.Response(body=self._metrics_page(), headers=_METRICS_HEADERS)

    async def openapi(self, request: web.Request, caller: Caller) -> web.Response:
        has_keys = self._doorman.has_keys
        document = self._documents.get(has_keys)
        if document is None:
            document = self._documents[has_keys] = openapi_document(has_keys)
        return web.Response(body=document, headers=JSON_HEADERS)
