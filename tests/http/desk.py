"""A server over the fake gateway on a real socket, and a client to it: what most HTTP tests need."""

import asyncio
import contextlib
import hashlib
import json
import os
import socket
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import aiohttp

from gateway.adapters.dashboard import page_files
from gateway.adapters.http import HttpServer
from gateway.adapters.http.handlers import ServerPorts
from gateway.adapters.http.stream_server import StreamServer
from gateway.domain.enums import Role
from gateway.domain.settings import Principal, ServerSettings
from gateway.ports.page import Page
from tests.fakes.agreement import FakeAgreement
from tests.fakes.alerts import MemoryAlerts
from tests.fakes.clock import ManualClock
from tests.fakes.gateway import FakeGateway
from tests.fakes.gateway_samples import FakeMarket
from tests.fakes.page import FakePage
from tests.fakes.rollouts import FakeRollouts, FakeStepRecords

ORDERS = "/api/trading/orders"
PLACE = "/api/trading/orders/place"
LIMIT_ORDER: dict[str, Any] = {
    "symbol": "AAPL",
    "quantity": 100,
    "side": "buy",
    "order_type": "limit",
    "limit_price": 150.25,
    "time_in_force": "day",
    "strategy_id": "strategy_001",
}


class Answer:
    """One reply, read whole."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def principal(name: str, role: Role, **limits: tuple[str, ...]) -> Principal:
    """Somebody whose key is ``key-NAME``."""
    digest = hashlib.sha256(f"key-{name}".encode()).hexdigest()
    return Principal(name=name, role=role, key_sha256=digest, **limits)


class Desk:
    """``async with Desk(...) as desk``: started server, open client."""

    #: Streams are handed over as to another process, which is the test's own; else they are served by the server.
    hands_streams_over = False

    def __init__(self, *people: Principal, settings: ServerSettings | None = None, heartbeat_s: float = 5.0) -> None:
        self.people = people
        self.clock = ManualClock()
        self.fake = FakeGateway(self.clock)
        self.market = FakeMarket()
        self.alerts = MemoryAlerts()
        self.agreement = FakeAgreement()
        self.rollouts = FakeRollouts()
        self.step_records = FakeStepRecords()
        self.page = FakePage(self.fake, self.alerts, self.rollouts)
        self.metrics_page: Callable[[], bytes] = lambda: b"up 1\n"
        self.server = HttpServer(
            ServerPorts(
                intake=self.fake,
                checks=self.fake,
                controls=self.fake,
                approvals=self.fake,
                overrides=self.fake,
                drop_copies=self.fake,
                agreement=self.agreement,
                alerts=self.alerts,
                rollouts=self.rollouts,
                step_records=self.step_records,
                risk=self.fake,
                candidates=self.fake,
                reads=self.fake,
                stories=self.fake,
                explainer=self.fake,
                status=self.fake,
                feed=self.fake,
                market=self.market,
                clock=self.clock,
                metrics_page=lambda: self.metrics_page(),
                page=Page(page_files(), self.page, self.fake),
            ),
            principals=lambda: self.people,
            settings=settings or ServerSettings(port=0),
            heartbeat_s=heartbeat_s,
        )
        self.url = ""
        self.client: aiohttp.ClientSession
        self._heartbeat_s = heartbeat_s
        self._writers: list[asyncio.StreamWriter] = []
        if self.hands_streams_over:
            self.server.handover.launch = self.serve_streams

    async def serve_streams(self, end: socket.socket) -> str:
        """What the process does that serves streams; it reads the same journal."""

        async def note(durable_seq: int) -> None: ...

        server = StreamServer(self.fake, note, self.clock, self._heartbeat_s)
        await server.run(socket.socket(fileno=os.dup(end.fileno())))
        return "it ended"

    async def __aenter__(self) -> "Desk":
        await self.server.start()
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.client = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.close()
        for writer in self._writers:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        await self.server.close()

    async def connect(self, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection for bytes that no client library would send. It ends with the desk at the latest."""
        reader, writer = await asyncio.open_connection(**({"host": "127.0.0.1", "port": self.server.port} | options))
        self._writers.append(writer)
        return reader, writer

    async def ask(self, method: str, path: str, body: Any = None, key: str = "", **more: Any) -> Answer:
        """One request. ``body`` is JSON unless it is bytes already."""
        headers = dict(more.pop("headers", {}))
        if key:
            headers["Authorization"] = f"Bearer key-{key}"
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            more["data"] = body if isinstance(body, bytes) else json.dumps(body)
        async with self.client.request(method, self.url + path, headers=headers, **more) as reply:
            return Answer(reply.status, reply.headers, await reply.read())

    async def place(self, key: str = "", **changes: Any) -> Answer:
        """Place the sample order with some fields changed; a field set to ``...`` is left out."""
        body = {name: value for name, value in {**LIMIT_ORDER, **changes}.items() if value is not ...}
        return await self.ask("POST", PLACE, body, key)
