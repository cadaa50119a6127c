"""The HTTP server: the way of a request to its handler (``handlers``), where it listens, how it starts and stops."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from aiohttp import HttpVersion11, hdrs, web

from gateway.adapters.http.auth import Doorman, Right
from gateway.adapters.http.boundary import UNKNOWN_PATH, Handler, PlainHandler, Tally, failure_response, guarded
from gateway.adapters.http.connections import Connections
from gateway.adapters.http.event_press import identify
from gateway.adapters.http.event_stream import HEARTBEAT_S
from gateway.adapters.http.fast_lane import FastLane, FastSite
from gateway.adapters.http.handlers import ServerPorts, all_handlers
from gateway.adapters.http.handover import Handover
from gateway.adapters.http.listening import protocol_log, tls_context, why_no_tls, why_not_there
from gateway.adapters.http.operations import OPERATIONS, STREAMS
from gateway.adapters.http.order_handlers import OrderHandlers
from gateway.adapters.http.parameters import without_parameters
from gateway.adapters.http.problem import HttpProblem
from gateway.adapters.http.streams import Streams
from gateway.domain.settings import Principal, ServerSettings

_STOP_WAIT_S = 10.0
#: How long the rest of a body is swallowed after its request was refused.
_LINGER_S = 1.0
#: What a request means that other interfaces take at this path.
_MEANT = {("POST", "/api/trading/orders"): "; POST /api/trading/orders/place places an order"}


class ServerRefused(Exception):
    """The server may not, or cannot, listen as it is told to."""


class HttpServer:
    """The API over the ports it is given."""

    def __init__(
        self,
        ports: ServerPorts,
        principals: Callable[[], tuple[Principal, ...]],
        settings: ServerSettings,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._settings, self._tally, self.connections = settings, Tally(), Connections(settings)
        self._doorman = Doorman(principals)
        self.handover = Handover(ports.feed, ports.market, principals, partial(identify, ports.reads))
        self._streams = Streams(None, self.handover.take, settings.max_connections, self.handover.counts)
        orders = OrderHandlers(ports.intake, ports.reads, ports.clock)
        handlers = all_handlers(ports, orders, self._doorman, self._streams, heartbeat_s)
        #: Handlers of paths without a variable part: found at once instead of by asking route after route.
        self._fixed: dict[tuple[str, str], PlainHandler] = {}
        self._app = self._application(handlers)
        self._fixed_paths = {path for _, path in self._fixed}
        self._lane = self._fast_lane(orders)
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port it listens on; what the system chose when 0 was asked for."""
        assert self._runner is not None, "not started"
        port: int = self._runner.addresses[0][1]
        return port

    def request_counts(self) -> Mapping[tuple[str, str], float]:
        """``(path template, status) -> requests``, for the metrics."""
        return self._tally.counts()

    def auth_failures(self) -> Mapping[tuple[str], float]:
        """``(reason,) -> refused callers``, for the metrics."""
        return {(code.lower(),): count for code, count in self._doorman.failures.items()}

    def open_streams(self) -> Mapping[tuple[str], float]:
        """``(stream,) -> open WebSockets``, for the metrics."""
        return {(name,): count for name, count in self._streams.all_counts().items()}

    async def start(self) -> None:
        """Listen. Raises ServerRefused when anybody could reach a server that asks nobody for a key."""
        settings = self._settings
        if problem := why_not_there(settings, has_keys=self._doorman.has_keys):
            raise ServerRefused(problem)
        connection: dict[str, Any] = {
            "access_log": None,
            "keepalive_timeout": settings.keep_alive_s,
            "auto_decompress": False,  # a small body could grow without bound; none of ours is worth packing
            "lingering_time": _LINGER_S,
            "logger": protocol_log(),
        }
        runner = web.AppRunner(self._app, handle_signals=False, shutdown_timeout=_STOP_WAIT_S, **connection)
        await runner.setup()
        assert runner.server is not None, "set up just now"
        self._routed = runner.server.request_handler
        runner.server.request_handler = self._dispatch
        try:
            tls = tls_context(settings)
            site = FastSite(runner, settings.host, settings.port, tls, self._lane, self.connections, connection)
            await site.start()
        except (OSError, ssl.SSLError) as error:
            await runner.cleanup()
            why = why_no_tls(settings) or str(error)
            raise ServerRefused(f"cannot listen on {settings.host}:{settings.port}: {why}") from error
        self._runner = runner

    async def close(self) -> None:
        """Stop listening, say goodbye to the streams, and answer what is under way."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _application(self, handlers: Mapping[str, Handler]) -> web.Application:
        app = web.Application(client_max_size=self._settings.max_body_bytes)
        for operation in OPERATIONS:
            handler, needs = handlers[operation.name], operation.needs
            guarded_one = self._guarded(handler, needs, operation.path)
            if operation.refuses_parameters:
                handler = without_parameters(handler)
            routed = self._guarded(handler, needs, operation.path)
            for method in operation.methods:
                app.router.add_route(method, operation.pattern, routed)
                if "{" not in operation.pattern:  # found so without a query only
                    self._fixed[method, operation.pattern] = guarded_one
        for stream in STREAMS:
            app.router.add_route("GET", stream.path, self._guarded(handlers[stream.name], Right.READ, stream.path))
        app.router.add_route("*", r"/{rest:[\s\S]*}", self._no_such_path)
        app.on_shutdown.append(self._close_streams)
        return app

    def _fast_lane(self, orders: OrderHandlers) -> FastLane:
        placing = next(one for one in OPERATIONS if one.name == "place_order")
        place = guarded(orders.place_whole, placing.needs, placing.path, self._doorman, self._tally)
        return FastLane(placing.path, place, self._settings.max_body_bytes)

    async def _close_streams(self, _: web.Application) -> None:
        await asyncio.gather(self._streams.close(), self.handover.close())

    def _dispatch(self, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        """The one way of every request: past the router where there is nothing to route."""
        handler = self._fixed.get((request.method, request.raw_path))  # a path with a query is not among them
        expected = request.headers.get(hdrs.EXPECT)
        if handler is None and request.path in self._fixed_paths and (request.method, request.path) not in self._fixed:
            handler = self._no_such_path  # rather than the order, or the quote, whose name is the last word of the path
        elif not request.path.startswith("/"):  # `OPTIONS *`, `CONNECT host:port`: to the router no path
            handler = self._no_such_path
        elif expected and expected.lower() != "100-continue" and request.version == HttpVersion11:
            handler = self._cannot_expect
        elif handler is None or expected:  # aiohttp answers `Expect: 100-continue`
            return self._routed(request)
        assert isinstance(request, web.Request)  # made by the application's own factory
        return handler(request)

    def _guarded(self, handler: Handler, needs: Right, template: str) -> PlainHandler:
        return guarded(handler, needs, template, self._doorman, self._tally)

    async def _no_such_path(self, request: web.Request) -> web.StreamResponse:
        """Whatever no operation took: a known path with another method, or nothing we know."""
        allowed: set[str] = set()
        for resource in self._app.router.resources():
            _, methods = await resource.resolve(request)
            allowed = methods - {"*"}
            if allowed:
                break  # the first is the narrowest: orders/place comes before orders/{order_id}
        if allowed:
            headers = {"Allow": ", ".join(sorted(allowed))}
            meant = _MEANT.get((request.method, request.path), "")
            refusal = HttpProblem("METHOD_NOT_ALLOWED", f"use {headers['Allow']}{meant}", headers)
        else:
            slash = "no path but / ends with a slash; " if request.path.endswith("/") else ""
            refusal = HttpProblem("PATH_NOT_FOUND", f"{slash}see /openapi.json for the paths")
        return self._refuse_unrouted(refusal, request)

    async def _cannot_expect(self, request: web.Request) -> web.StreamResponse:
        refusal = HttpProblem("EXPECTATION_UNKNOWN", "send the request without Expect, or with Expect: 100-continue")
        return self._refuse_unrouted(refusal, request)

    def _refuse_unrouted(self, refusal: HttpProblem, request: web.Request) -> web.StreamResponse:
        response = failure_response(refusal, request)
        counts = self._tally.of_path(UNKNOWN_PATH)
        counts[response.status] = counts.get(response.status, 0) + 1
        return response
