"""Streams that another process serves: it is given their connections, and what it has to know beside the journal.

Two hundred clients cost as much as the orders do. In a process of its own, which reads the journal like everybody else,
they cost the gateway a word now and then.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from gateway.adapters.http import channel as said
from gateway.adapters.http.auth import Caller
from gateway.adapters.http.channel import Channel, FromStreams, parts_by_size
from gateway.adapters.http.event_press import Identify
from gateway.adapters.http.market_relay import MarketRelay
from gateway.domain.settings import Principal
from gateway.ports.intake import EventFeed
from gateway.ports.market_data import MarketSources

log = logging.getLogger("gateway.http")

#: Runs the process with that end of a channel until it ends, and says why it did. Raises OSError.
Launch = Callable[[socket.socket], Awaitable[str]]

_READY_WITHIN_S = 10.0
_END_WITHIN_S = 5.0
_AGAIN_AFTER_S = 2.0
_MOST_ENDS = 15
#: Progress is told at once after a pause, else now and then.
_TELL_EVERY_S = 0.01
_ASK_AGAIN_S = 1.0
_log = logging.getLogger(__name__)
#: How soon it is told which keys are gone and which symbols have fallen silent.
_LOOK_EVERY_S = 0.5
#: After so many looks at which nothing was heard of the process it counts as hanging.
_MOST_SILENT = 40
#: Of one connection before it is handed over, in bytes: more than any client has to say before it is answered.
_MOST_RECEIVED = 100_000
_decode = msgspec.msgpack.Decoder(FromStreams).decode


class _Tail:
    """What came right behind the head of a request."""

    def __init__(self) -> None:
        self.received = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.received += data
        return False, b""

    def feed_eof(self) -> None: ...


class Handover:
    """The gateway's side. The process is started with the first stream, and again with the next one after it ended;
    while there is none, and for connections that only this process can read (TLS), streams are served here."""

    def __init__(
        self,
        feed: EventFeed,
        market: MarketSources,
        principals: Callable[[], tuple[Principal, ...]],
        identify: Identify,
    ) -> None:
        self.launch: Launch | None = None
        self._feed = feed
        self._market = market
        self._principals = principals
        self._identify = identify
        self._process: _Process | None = None
        self._is_closed = False
        self._ends = 0
        self._not_before_s = 0.0

    def counts(self) -> Mapping[str, int]:
        return {} if self._process is None else self._process.counts

    async def take(self, request: web.Request, caller: Caller, watch_list: tuple[str, ...]) -> bool:
        """Whether the connection is served elsewhere from now on."""
        process = await self._ready(request)
        return process is not None and process.take(request, caller, watch_list)

    async def close(self) -> None:
        """Let the process say goodbye to its clients, and end it."""
        self._is_closed = True
        if self._process is not None:
            await self._process.end()

    async def _ready(self, request: web.Request) -> "_Process | None":
        if self.launch is None or self._is_closed or _socket_of(request) is None:
            return None
        if self._process is None:
            if asyncio.get_running_loop().time() < self._not_before_s:
                return None
            try:
                self._process = _Process(
                    self.launch, self._feed, self._market, self._principals, self._identify, self._on_end
                )
            except OSError as error:
                self._put_off(f"it cannot be started: {error}")
                return None
        process = self._process
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.is_ready.wait(), _READY_WITHIN_S)
        if process.is_ready.is_set() and not process.has_ended:
            self._ends = 0
            return process
        return None

    def _on_end(self, why: str) -> None:
        self._process = None
        if not self._is_closed:
            self._put_off(why)

    def _put_off(self, why: str) -> None:
        self._ends = min(self._ends + 1, _MOST_ENDS)
        self._not_before_s = asyncio.get_running_loop().time() + _AGAIN_AFTER_S * self._ends
        log.error("the process that serves streams has ended, no order is affected: %s", why)


class _Process:
    """One life of the process."""

    def __init__(
        self,
        launch: Launch,
        feed: EventFeed,
        market: MarketSources,
        principals: Callable[[], tuple[Principal, ...]],
        identify: Identify,
        on_end: Callable[[str], None],
    ) -> None:
        ours, theirs = said.pair()
        self.is_ready = asyncio.Event()
        self.has_ended = False
        self.counts: dict[str, int] = {}
        self._feed = feed
        self._principals = principals
        self._identify = identify
        self._on_end = on_end
        self._channel = Channel(ours, _decode, self._hear, self._lost)
        self._market = MarketRelay(market, self._channel.send)
        self._silent = 0
        self._why = "it was ended"
        self._told: tuple[Principal, ...] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._run = asyncio.get_running_loop().create_task(self._live(launch, theirs), name="stream process")
        for work in (self._tell_progress(), self._tell_changes()):
            self._spawn(work)

    def take(self, request: web.Request, caller: Caller, watch_list: tuple[str, ...]) -> bool:
        connection, transport = _socket_of(request), request.transport
        if connection is None or transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() or not self._channel.is_free:
            return False  # an answer is still under way, or the process does not keep up
        self._tell_people()
        transport.pause_reading()
        tail = _Tail()
        request.protocol.set_parser(tail)  # type: ignore[arg-type]  # of a parser only what _Tail has is used
        head = _head(request) + tail.received
        if len(head) <= _MOST_RECEIVED:
            message = said.Accepted(head, self._feed.last_seq, caller.actor.name, watch_list)
            self._channel.send(message, connection.fileno())
        # Ours is closed; the connection goes on with theirs, or has ended with the process.
        transport.abort()
        return True

    async def end(self) -> None:
        self._channel.close()
        _, late = await asyncio.wait([self._run], timeout=_END_WITHIN_S)
        if late:
            self._run.cancel()
            await asyncio.wait([self._run])

    async def _live(self, launch: Launch, theirs: socket.socket) -> None:
        try:
            with theirs:
                self._why = await launch(theirs)
        except OSError as error:
            self._why = f"it cannot be started: {error}"
        finally:
            self.has_ended = True
            self.is_ready.set()
            self._channel.close()
            self._market.close()
            self.counts = {}
            for task in self._tasks:
                task.cancel()
            self._on_end(self._why)

    def _lost(self) -> None:
        """It is gone, or takes nothing any more: in both cases it is of no use."""
        asyncio.get_running_loop().call_later(_END_WITHIN_S, self._run.cancel)

    def _hear(self, message: FromStreams, connection: socket.socket | None) -> None:
        self._silent = 0
        match message:
            case said.Ready():
                self.is_ready.set()
            case said.Counts():
                self.counts = message.open
            case said.WhoIs():
                self._spawn(self._tell_identity(message.order_id))
            case said.Watch():
                self._market.watch(message.symbols)
            case said.Unwatch():
                self._market.unwatch(message.symbols)

    async def _tell_identity(self, order_id: str) -> None:
        """Asked again until it can be told: whoever waits for it would else wait for ever."""
        while True:
            try:
                self._channel.send(said.Known(order_id, await self._identify(order_id)))
                return
            except Exception:
                _log.exception("whose order %s is cannot be told to the streams now", order_id)
                await asyncio.sleep(_ASK_AGAIN_S)

    async def _tell_progress(self) -> None:
        await self.is_ready.wait()
        seq = 0
        while True:
            newest = await self._feed.beyond(seq)
            if self._channel.is_free:
                self._channel.send(said.Moved(newest))
                seq = newest
            await asyncio.sleep(_TELL_EVERY_S)

    async def _tell_changes(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._silent += 1
            if self._silent > _MOST_SILENT:  # looks, not time: when this process had to wait, so had that one
                self._why = "it did not answer, and was ended"
                self._run.cancel()
                return
            self._tell_people()
            self._market.say_state()

    def _tell_people(self) -> None:
        principals = self._principals()
        if principals is not self._told:
            self._told = principals
            *most, last = parts_by_size(principals)
            for some in most:
                self._channel.send(said.People(some, is_all=False))
            self._channel.send(said.People(last, is_all=True))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _socket_of(request: web.Request) -> socket.socket | None:
    """The socket of a connection that another process can go on with: not of one that is encrypted here."""
    transport = request.transport
    if transport is None or transport.get_extra_info("ssl_object") is not None:
        return None
    found: socket.socket | None = transport.get_extra_info("socket")
    return found


def _head(request: web.Request) -> bytes:
    """The request as it came."""
    lines = [f"{request.method} {request.raw_path} HTTP/1.1".encode("utf-8", "surrogateescape")]
    lines += [name + b": " + value for name, value in request.raw_headers]
    return b"\r\n".join([*lines, b"", b""])
