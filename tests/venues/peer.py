"""What the peers over HTTP and WebSocket share: a port, faults between the request and the venue, a switchboard.

A peer's state (orders, balances, quotes) outlives ``stop`` and ``start``, as a venue outlives its front end. Another
process plays the same verbs over HTTP: ``POST /_control/{verb}`` with a JSON object of arguments, ``GET /_control``
lists them.
"""

import asyncio
import inspect
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any, ClassVar, Self

from aiohttp import web

from tests.ports import lasting_port
from tests.venues.faults import REQUEST_KINDS, Fault, Faults, Kind
from tests.venues.streams import Connection, Hub

Number = str | int | Decimal
Act = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Peer:
    """Base of a venue. A subclass adds its routes and says how it words an error (``error_body``)."""

    #: What ``/_control`` may call.
    VERBS: ClassVar[tuple[str, ...]] = (
        "quote",
        "trade",
        "fault",
        "release",
        "clear",
        "skew",
        "refuse_credentials",
        "hang_up",
        "go_silent",
        "roll_back",
        "orders",
        "hits",
        "restart",
    )

    def __init__(self, port: int = 0) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self.faults = Faults()
        self.hub = Hub(self.faults)
        #: The venue's clock minus this machine's.
        self.skew_ms = 0
        self.is_refusing_credentials = False
        #: The latest requests as they came: (operation, parameters). What a client really sent is judged by this.
        self.requests: deque[tuple[str, dict[str, Any]]] = deque(maxlen=10_000)
        #: Everything that came to the door, also what a fault then kept out: (operation, query and body).
        self.door: deque[tuple[str, str]] = deque(maxlen=100_000)
        self._runner: web.AppRunner | None = None
        self._serving: set[asyncio.Task[Any]] = set()
        self._restarts: set[asyncio.Task[Any]] = set()

    # --- the port -------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{self.host}:{self.port}"

    async def start(self) -> None:
        """Listen, on the same port as before when there was one."""
        app = web.Application()
        app.router.add_get("/_control", self._list_verbs)
        app.router.add_post("/_control/{verb}", self._obey)
        self.add_routes(app.router)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05, access_log=None)
        await self._runner.setup()
        self.port = self.port or lasting_port()
        await web.TCPSite(self._runner, self.host, self.port).start()

    async def stop(self) -> None:
        """Cut every connection and stop listening. What was asked and has not taken effect never will."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        self.hub.hang_up()
        for task in list(self._serving):
            task.cancel()
        await runner.cleanup()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        raise NotImplementedError

    # --- time -----------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.skew_ms

    # --- requests under faults ------------------------------------------------------------------------

    def error_body(self, status: int) -> tuple[str, str]:
        """(content type, body) of this venue's answer with ``status`` when nothing else is known."""
        return "application/json", json.dumps({"message": f"status {status}"})

    def route(self, op: str, act: Act) -> Act:
        """``act`` as the handler of a route, with the faults of ``op`` in between."""

        async def serve(request: web.Request) -> web.StreamResponse:
            task = asyncio.current_task()
            assert task is not None
            self._serving.add(task)
            try:
                return await self.serve(op, request, act)
            finally:
                self._serving.discard(task)

        return serve

    async def serve(self, op: str, request: web.Request, act: Act) -> web.StreamResponse:
        self.door.append((op, f"{request.query_string}&{await request.text()}"))
        fault = self.faults.take(REQUEST_KINDS, op)
        if fault is None:
            return await act(request)
        if fault.kind is Kind.DROP_BEFORE:
            return _drop(request)
        if fault.kind is Kind.ERROR:
            return self._error(fault)
        if fault.kind is Kind.STUCK:
            await fault.wait()
        response = await act(request)
        return await self._spoil(request, response, fault)

    async def _spoil(self, request: web.Request, response: web.StreamResponse, fault: Fault) -> web.StreamResponse:
        match fault.kind:
            case Kind.DROP_AFTER:
                return _drop(request)
            case Kind.LATE:
                await fault.wait()
            case Kind.SILENT:
                await asyncio.Event().wait()
            case Kind.ERROR_AFTER:
                return self._error(fault)
            case Kind.GARBLE:
                return web.Response(text="<html><body>We will be right back.</body></html>", content_type="text/html")
            case Kind.CUT:
                return await _cut(request, response)
        return response

    def _error(self, fault: Fault) -> web.Response:
        content_type, body = self.error_body(fault.status)
        told = {"Retry-After": fault.retry_after_s, "Location": fault.location}
        headers = {name: str(value) for name, value in told.items() if value is not None}
        return web.Response(
            status=fault.status,
            text=body if fault.body is None else fault.body,
            content_type=content_type,
            headers=headers,
        )

    # --- what a test, or another process, plays -------------------------------------------------------

    def quote(self, symbol: str, bid: Number, ask: Number, qty: Number = 1_000_000) -> None:
        """Move a market; limits that it crosses fill."""
        raise NotImplementedError

    def trade(self, symbol: str, px: Number, qty: Number, side: str | None = None) -> None:
        """Somebody trades ``qty`` at ``px``: resting orders at that price or better get their share."""
        raise NotImplementedError

    def orders(self) -> list[dict[str, Any]]:
        """Every order that the venue knows, in its own words: the truth to compare with."""
        raise NotImplementedError

    def roll_back(self, count: int = 1_000) -> None:
        """Give ids that were given before, as a venue does that was set up anew."""
        raise NotImplementedError

    def fault(self, kind: str, on: str = "*", **details: Any) -> None:
        self.faults.add(kind, on, **details)

    def release(self) -> None:
        self.faults.release()

    def clear(self) -> None:
        self.faults.clear()

    def hits(self) -> list[tuple[str, str]]:
        """What the faults have hit so far: (kind, operation or event)."""
        return list(self.faults.log)

    def skew(self, ms: int) -> None:
        self.skew_ms = ms

    def refuse_credentials(self, is_on: bool = True) -> None:
        self.is_refusing_credentials = is_on

    def hang_up(self) -> None:
        """Cut every stream without a word."""
        self.hub.hang_up()

    def go_silent(self) -> None:
        """Streams that are open stay open and say nothing more, not even to a ping."""
        self.hub.go_silent()

    async def _list_verbs(self, _: web.Request) -> web.Response:
        return web.json_response({verb: inspect.signature(getattr(self, verb)).__str__() for verb in self.VERBS})

    async def _obey(self, request: web.Request) -> web.Response:
        verb = request.match_info["verb"]
        if verb not in self.VERBS:
            return web.json_response({"message": f"{verb} is no verb; these are: {', '.join(self.VERBS)}"}, status=404)
        arguments = await request.json() if request.can_read_body else {}
        if verb == "restart":
            task = asyncio.create_task(self.restart())
            self._restarts.add(task)
            task.add_done_callback(self._restarts.discard)
            return web.json_response(None)
        try:
            return web.json_response(getattr(self, verb)(**arguments))
        except (TypeError, ValueError, KeyError, ArithmeticError) as error:
            return web.json_response({"message": repr(error)}, status=400)

    # --- streams --------------------------------------------------------------------------------------

    async def open_stream(
        self,
        request: web.Request,
        hear: Callable[[Connection, str | bytes], None],
        state: dict[str, Any] | None = None,
        greet: str | bytes | None = None,
    ) -> web.StreamResponse:
        """Serve one WebSocket until either side ends it. ``hear`` gets every message."""
        connection = Connection(request, state or {})
        await connection.open()
        self.hub.connections.add(connection)
        try:
            if greet is not None:
                connection.send(greet)
            async for message in connection.messages():
                hear(connection, message)
        finally:
            self.hub.connections.discard(connection)
            await connection.close()
        return connection.ws


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _cut(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    body = response.body if isinstance(response, web.Response) else b""
    raw = bytes(body) if isinstance(body, bytes | bytearray) else b"{}"
    half = web.StreamResponse(status=response.status, headers={"Content-Type": "application/json"})
    half.content_length = len(raw)
    with suppress(ConnectionError):  # whoever asked may be gone
        await half.prepare(request)
        await half.write(raw[: len(raw) // 2])
    if request.transport is not None:
        request.transport.close()
    return half
