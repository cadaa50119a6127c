"""How many connections may be open, and how long one may be held without a request.

A strategy may keep its connection for an hour between two orders; whoever never asks, sends half a head, or takes no
answers is sent away, so that connections that do nothing keep nobody out.
"""

import asyncio
import heapq
from collections.abc import Mapping
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler

from gateway.adapters.http.answer import wire
from gateway.adapters.http.problem import problem_of, problem_response
from gateway.domain.settings import ServerSettings

try:
    import resource
except ImportError:  # no such limits here
    _FILES = -1
else:
    _FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[0]

#: File descriptors that connections leave to the journal, the venues and the rest of the process.
_KEPT_FILES = 200
_LEAST = 16
#: Where as many are open as may be, those that have waited this long make room, some at once.
_IDLE_S = 1.0
_ROOM_PART = 64
#: How long a client may take nothing of its answer.
_UNREAD_S = 60.0
#: How long who is sent away may take to read why, and how many at once.
_LINGER_S = 1.0
_MOST_LINGERING = 50
_WHY = ("head_timeout", "room", "full", "unread")


def most_connections(wanted: int, files: int = _FILES) -> int:
    """As many as are wanted, as far as the process may have the file descriptors (``files``; negative: no limit)."""
    return wanted if files < 0 else min(wanted, max(_LEAST, files - _KEPT_FILES))


class Connections:
    """Those that are open."""

    def __init__(self, settings: ServerSettings) -> None:
        self.head_timeout_s = settings.head_timeout_s
        self._most = most_connections(settings.max_connections)
        self._open: set[BoundedProtocol] = set()
        self._closed = dict.fromkeys(_WHY, 0)
        self._lingering = 0

    def open(self) -> Mapping[tuple[()], float]:
        """How many, for the metrics."""
        return {(): len(self._open)}

    def closed(self) -> Mapping[tuple[str], float]:
        """``(why,) -> connections that were closed from here``, for the metrics."""
        return {(why,): count for why, count in self._closed.items()}

    def all(self) -> "frozenset[BoundedProtocol]":
        return frozenset(self._open)

    def let_in(self, one: "BoundedProtocol") -> bool:
        """Whether there is room, if need be that of others who ask nothing."""
        if len(self._open) >= self._most:
            self._make_room()
        if len(self._open) >= self._most:
            self._closed["full"] += 1
            return False
        self._open.add(one)
        return True

    def leave(self, one: "BoundedProtocol") -> None:
        self._open.discard(one)

    def count(self, why: str) -> None:
        self._closed[why] += 1

    def close_heard(self, transport: asyncio.Transport) -> None:
        """Close once the client has had time to read what was written, though it may still be sending."""
        if self._lingering >= _MOST_LINGERING or not transport.can_write_eof():
            transport.close()
            return
        self._lingering += 1
        transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_S, self._end_linger, transport)

    def _end_linger(self, transport: asyncio.Transport) -> None:
        self._lingering -= 1
        transport.abort()

    def _make_room(self) -> None:
        """Close what has waited longest, first where nothing was ever asked."""
        idle = [one for one in self._open if one.idle_s > _IDLE_S]
        some = self._most // _ROOM_PART + 1
        for one in heapq.nlargest(some, idle, key=lambda one: (not one.has_asked, one.idle_s)):
            self._closed["room"] += 1
            self._open.discard(one)
            one.force_close()


class BoundedProtocol(RequestHandler):
    """A connection that is not held for nothing."""

    __slots__ = ("_connections", "_ended_s", "_has_part", "_head_timer", "_last_body", "_under_way", "_unread_timer")

    def __init__(self, connections: Connections, server: web.Server, **settings: Any) -> None:
        super().__init__(server, **settings)
        self._connections = connections
        #: Runs while a head is waited for: the first one, or the rest of one of which a part came.
        self._head_timer: asyncio.TimerHandle | None = None
        self._has_part = False
        #: Since when the client says no more, and only its answer is waited for.
        self._ended_s: float | None = None
        #: Of the last request that aiohttp was given.
        self._last_body: StreamReader = EMPTY_PAYLOAD
        self._unread_timer: asyncio.TimerHandle | None = None
        #: A request that is served past aiohttp.
        self._under_way: Any = None

    @property
    def has_asked(self) -> bool:
        return self._request_count > 0

    @property
    def is_waiting(self) -> bool:
        """Whether a request, or the rest of its head, is waited for."""
        waiter = self._waiter
        return waiter is not None and not waiter.done() and not self._messages and self._under_way is None

    @property
    def idle_s(self) -> float:
        """For how long nothing was asked; 0 while a request is under way, but for a client that says no more: it may
        have left for good."""
        if self._ended_s is not None:
            return self._loop.time() - self._ended_s
        if not self.is_waiting or self._upgraded:
            return 0.0
        return self._loop.time() + self._keepalive_timeout - self._next_keepalive_close_time

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._connections.let_in(self):
            self._await_head()
        else:
            self._turn_away("TOO_MANY_CONNECTIONS", "close those that are not used, or see server.max_connections")

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.leave(self)
        self._last_body = EMPTY_PAYLOAD  # it knows this connection: else neither would go before the next collection
        self._head_came()
        self._took_some()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages:
            self._last_body = self._messages[-1][1]
        if self.has_asked and not self.is_waiting:
            self._head_came()
        elif data and not self._upgraded:  # perhaps of the first request, while aiohttp does not wait for it yet
            self._has_part = True
            self._await_head()

    def eof_received(self) -> bool:  # type: ignore[override]  # of asyncio: True keeps the other direction open
        """A client that says no more may still listen (``nc -N``, some proxies): what it asked whole is answered. It
        was done already, or is about to be; without its answer nobody would know what became of the order."""
        is_asked = self.has_asked and not self.is_waiting and self._last_body.is_eof()
        transport = self.transport
        if not is_asked or self._upgraded or transport is None or transport.get_extra_info("ssl_object") is not None:
            return False  # and so it is closed; TLS has no halves
        if self._messages and isinstance(last := self._messages[-1][0], RawRequestMessage):
            self._messages[-1] = (last._replace(should_close=True), self._messages[-1][1])
        elif not self._messages:
            self._close = True  # once the request that is under way has its answer
        self._ended_s = self._loop.time()
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_taking(None)

    def resume_writing(self) -> None:
        self._took_some()
        super().resume_writing()

    def _process_keepalive(self) -> None:
        if self._under_way is not None:  # an order waits for its answer: the connection is not idle
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self._loop.call_later(self._connections.head_timeout_s, self._end_of_patience)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer, self._has_part = None, False

    def _end_of_patience(self) -> None:
        self._head_timer = None
        if not self.is_waiting:
            return
        self._connections.count("head_timeout")
        if self._has_part:
            self._turn_away("HEAD_TIMEOUT", "send the whole request")
        else:
            self.force_close()

    def _turn_away(self, code: str, detail: str) -> None:
        headers = {"Connection": "close", **({"Retry-After": "1"} if code == "TOO_MANY_CONNECTIONS" else {})}
        transport, self.transport = self.transport, None
        self.force_close()  # what comes now is not read
        if transport is not None:
            transport.write(wire(problem_response(problem_of(code, detail), headers)))
            self._connections.close_heard(transport)

    def _await_taking(self, unread: int | None) -> None:
        self._unread_timer = self._loop.call_later(_UNREAD_S, self._look_whether_taken, unread)

    def _look_whether_taken(self, before: int | None) -> None:
        """Cut off who took nothing since the last look; a stream has heartbeats for that."""
        self._unread_timer = None
        transport = self.transport
        if transport is None or self._upgraded:
            return
        unread = transport.get_write_buffer_size()
        if before is None or unread < before:
            self._await_taking(unread)
            return
        self._connections.count("unread")
        transport.abort()

    def _took_some(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None
