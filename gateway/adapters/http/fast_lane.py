"""New orders past aiohttp: what arrives whole on a connection that is between two requests is handled at once.

aiohttp parses each head anew, builds a request, a body stream and a response, and wakes two tasks: as many instructions
as all that is decided about an order. Here the head of a request is read once, by aiohttp's own parser, and known again
by its bytes; the handler runs at once, and without a task. Whatever is not plain (a body that comes in parts, another
path, pipelining, an old HTTP version) goes aiohttp's way, and so does everything on a connection of which it is not
certain that it is between two requests. Both ways have the same handler, doorman and answers.
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from aiohttp import HttpVersion11, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser
from aiohttp.http_exceptions import HttpProcessingError

from gateway.adapters.http.answer import wire
from gateway.adapters.http.connections import BoundedProtocol, Connections

_END = b"\r\n\r\n"
_MOST_HEADS = 16
#: Heads that are longer are read anew each time: who has no key could else leave them here.
_LONGEST_HEAD = 2_048
_UNKNOWN = -1
_find_length = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ([0-9]{1,15})\r\n").search
_lengths = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})[ \t]*(?=\r\n)", re.IGNORECASE).findall
#: With these in a head, where its request ends is not plain.
_is_special = re.compile(rb"\r\n(?:transfer-encoding|upgrade|expect|content-encoding):", re.IGNORECASE).search


class WholeRequest:
    """A request of which everything is here. It serves again for the next one with the same head on its connection
    (but for the length of the body); a head may hold a key, so it is not kept for longer than that."""

    __slots__ = ("body", "headers", "method", "path", "remote")

    def __init__(self, method: str, path: str, headers: Mapping[str, str], remote: str | None) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.remote = remote
        self.body = b""


Handle = Callable[[WholeRequest], Coroutine[Any, Any, web.StreamResponse]]


class FastLane:
    """The one operation that is served so: ``POST path`` by ``handle``, which turns every failure into an answer."""

    def __init__(self, path: str, handle: Handle, max_body_bytes: int) -> None:
        self.handle = handle
        self.opening = f"POST {path} HTTP/1.1\r\n".encode()
        self.max_body_bytes = max_body_bytes

    def read(self, data: bytes, remote: str | None, loop: asyncio.AbstractEventLoop) -> WholeRequest | None:
        """The request that ``data`` is, read as aiohttp reads it; None when that should rather do it itself."""
        parser = HttpRequestParser(BaseProtocol(loop), loop, 2**16, max_msg_queue_size=2)
        try:
            messages, is_upgraded, tail = parser.feed_data(data)
        except HttpProcessingError:
            return None
        if len(messages) != 1 or is_upgraded or tail:
            return None
        message, payload = messages[0]
        is_plain = message.version == HttpVersion11 and not (message.should_close or message.chunked)
        is_json = message.headers.getall("Content-Type", []) == ["application/json"]
        if not (is_plain and is_json and payload.is_eof()):
            return None
        return WholeRequest(message.method, message.path, message.headers, remote)


class FastProtocol(BoundedProtocol):
    """One connection."""

    __slots__ = ("_heads", "_held", "_lane", "_left", "_remote")

    _under_way: Coroutine[Any, Any, web.StreamResponse] | None

    def __init__(self, lane: FastLane, connections: Connections, server: web.Server, **settings: Any) -> None:
        super().__init__(connections, server, **settings)
        self._lane = lane
        #: Bytes that aiohttp still has to get of its request: 0 between requests, or not known for good.
        self._left = 0
        self._heads: dict[bytes, WholeRequest] = {}
        self._remote: str | None = None
        #: What came while a request was under way.
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._remote = str(peer[0]) if isinstance(peer, (list, tuple)) else None

    def connection_lost(self, exc: BaseException | None) -> None:
        self._heads.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._under_way is not None and data:
            if not self._held:
                self._pause_transport_reading()
            self._held += data
            return
        if self._left == 0 and data.startswith(self._lane.opening) and self._is_waiting():
            request = self._request_in(data)
            if request is not None:
                self._begin(request)
                return
        if data and self._left != _UNKNOWN:
            self._left = _left_after(self._left, data)
        super().data_received(data)

    def _is_waiting(self) -> bool:
        """Whether aiohttp has nothing to do on this connection, and may be given something."""
        waiter = self._waiter
        if waiter is None or waiter.done() or self._messages:
            return False
        is_held = self._paused or self._reading_paused or self._buffer_paused
        return not (is_held or self._close or self._force_close or self._upgraded)

    def _request_in(self, data: bytes) -> WholeRequest | None:
        """The one request that ``data`` is, if it may go this way. Of heads that differ only in the length of the body,
        one is read."""
        end = data.find(_END) + len(_END)
        length = _find_length(data, 0, end)
        if length is None or int(length[1]) != len(data) - end or len(data) - end > self._lane.max_body_bytes:
            return None
        head = data[: length.start(1)] + data[length.end(1) : end]
        request = self._heads.get(head)
        if request is None:
            request = self._lane.read(data, self._remote, self._loop) if _left_after(0, data) == 0 else None
            if request is None:
                return None
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            if len(head) <= _LONGEST_HEAD:
                self._heads[head] = request
        request.body = data[end:]
        return request

    def _begin(self, request: WholeRequest) -> None:
        self._request_in_progress = True
        self._request_count += 1
        self._head_came()
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        self._under_way = self._lane.handle(request)
        self._go_on(None)

    def _go_on(self, awaited: Awaitable[Any] | None) -> None:
        """Run the handler as far as it goes: what a task would do, in the time that making one takes."""
        assert self._under_way is not None
        try:
            awaited = self._under_way.send(None)
        except StopIteration as done:
            self._finish(done.value)
        except BaseException:
            self._finish(None)
            raise
        else:
            if awaited is None:  # it only let others have a turn
                self._loop.call_soon(self._go_on, None)
                return
            assert isinstance(awaited, asyncio.Future)
            awaited._asyncio_future_blocking = False
            awaited.add_done_callback(self._go_on)

    def _finish(self, response: web.StreamResponse | None) -> None:
        self._under_way = None
        self._request_in_progress = False
        transport = self.transport
        if transport is not None and not transport.is_closing():
            if response is None:
                transport.close()
            else:
                transport.write(wire(response))
                if self._close:  # the client says no more
                    transport.close()
        if self._handler_waiter is not None:  # the server is stopping, and waited for this answer
            self._handler_waiter.set_result(None)
        if self._held:
            held, self._held = self._held, b""
            self._resume_transport_reading()
            self.data_received(held)


def _left_after(left: int, data: bytes) -> int:
    """How much of a request is still to come after ``data``, of which ``left`` bytes belong to an earlier head."""
    if left:
        return left - len(data) if len(data) <= left else _UNKNOWN
    end = data.find(_END) + len(_END)
    head = data[:end]
    lengths = _lengths(head)
    is_plain = end >= len(_END) and head.count(b"\n") == head.count(b"\r\n") == head.count(b"\r")
    if not is_plain or _is_special(head) or len(lengths) > 1 or head.startswith(b"CONNECT"):
        return _UNKNOWN
    if head.lower().count(b"content-length") != len(lengths):
        return _UNKNOWN
    missing = (int(lengths[0]) if lengths else 0) - (len(data) - end)
    return missing if missing >= 0 else _UNKNOWN


class FastSite(web.TCPSite):
    """Where the server listens: connections are ``FastProtocol`` instead of aiohttp's own, with the same settings."""

    __slots__ = ("_connection", "_connections", "_lane")

    def __init__(
        self,
        runner: web.AppRunner,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        lane: FastLane,
        connections: Connections,
        connection: Mapping[str, Any],
    ) -> None:
        super().__init__(runner, host, port, ssl_context=tls)
        self._lane = lane
        self._connections = connections
        self._connection = connection

    async def start(self) -> None:
        """Raises OSError, ssl.SSLError."""
        await web.BaseSite.start(self)
        server, loop = self._runner.server, asyncio.get_running_loop()
        assert server is not None, "the runner is set up"
        self._server = await loop.create_server(
            lambda: FastProtocol(self._lane, self._connections, server, loop=loop, **self._connection),
            self._host,
            self._port,
            ssl=self._ssl_context,
            ssl_handshake_timeout=self._connections.head_timeout_s if self._ssl_context is not None else None,
            backlog=self._backlog,
        )
