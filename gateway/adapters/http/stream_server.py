"""Serves the streams of a gateway in another process, over the connections that the gateway accepted."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
from aiohttp import web

from gateway.adapters.http import channel as said
from gateway.adapters.http.auth import Doorman, Right
from gateway.adapters.http.boundary import Handler, PlainHandler, Tally, guarded
from gateway.adapters.http.channel import Channel, FromStreams, ToStreams
from gateway.adapters.http.event_press import EventPress, Identity
from gateway.adapters.http.event_stream import HEARTBEAT_S, EventStreams
from gateway.adapters.http.market_handlers import WatchLists
from gateway.adapters.http.market_relay import RelayedMarket
from gateway.adapters.http.market_stream import MarketStreams
from gateway.adapters.http.operations import STREAMS
from gateway.adapters.http.streams import Pace, Streams
from gateway.domain.settings import Principal
from gateway.ports.clock import Clock
from gateway.ports.intake import EventFeed

#: Of the time of this process, how much a stream may take that catches up: the others wait meanwhile.
_SHARE = 0.5
#: How long news gather at most where many have to be written to.
_GATHER_S = 0.05
_TIDY_EVERY_S = 5.0
_STOP_WAIT_S = 3.0
_decode = msgspec.msgpack.Decoder(ToStreams).decode


class StreamServer:
    """``note`` is told how far the journal is durable, and returns when ``feed`` is there too."""

    def __init__(
        self, feed: EventFeed, note: Callable[[int], Awaitable[None]], clock: Clock, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._note = note
        self._people: list[Principal] = []
        self._principals: tuple[Principal, ...] = ()
        self._asked: dict[str, asyncio.Future[Identity | None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._has_ended = asyncio.Event()
        self._watch_lists = WatchLists()
        self._market = RelayedMarket(self._say)
        self._streams = Streams(Pace(_SHARE))
        self._streams.on_change = lambda: self._say(said.Counts(self._streams.counts()))
        doorman = Doorman(lambda: self._principals)
        press = EventPress(self._identify)
        market = MarketStreams(self._market, clock, self._streams, self._watch_lists, doorman, self._market.know)
        events = EventStreams(feed, press, self._streams, doorman, heartbeat_s, _GATHER_S)
        self._runner = web.AppRunner(
            _application({"market_stream": market.open, "event_stream": events.open}, doorman, self._streams),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_STOP_WAIT_S,
        )
        self._channel: Channel[ToStreams] | None = None

    async def run(self, end: socket.socket) -> None:
        """Until the other side of the channel is closed; then say goodbye to all clients."""
        await self._runner.setup()
        assert self._runner.server is not None, "set up just now"
        self._server = self._runner.server
        self._channel = Channel(end, _decode, self._hear, self._has_ended.set)
        self._say(said.Ready())
        self._spawn(self._tidy())
        self._spawn(self._stay_known())
        try:
            await self._has_ended.wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await self._runner.cleanup()

    def _say(self, message: FromStreams) -> None:
        if self._channel is not None:
            self._channel.send(message)

    def _hear(self, message: ToStreams, connection: socket.socket | None) -> None:
        match message:
            case said.Moved():
                self._spawn(self._note(message.last_seq))
            case said.Accepted():
                assert connection is not None
                self._spawn(self._serve(message, connection))
            case said.People():
                self._people += message.principals
                if message.is_all:
                    self._principals, self._people = tuple(self._people), []
            case said.Known():
                self._asked.pop(message.order_id).set_result(message.identity)
            case said.Quotes() | said.MarketState() | said.Watched():
                self._market.hear(message)

    async def _serve(self, message: said.Accepted, connection: socket.socket) -> None:
        """Go on with the connection where the gateway left off."""
        self._watch_lists.set(message.caller, message.watch_list)
        await self._note(message.last_seq)
        connection.setblocking(False)
        protocol = self._server()
        await asyncio.get_running_loop().connect_accepted_socket(lambda: _Beginning(protocol, message.head), connection)

    async def _identify(self, order_id: str) -> Identity | None:
        answer = self._asked.get(order_id)
        if answer is None:
            answer = self._asked[order_id] = asyncio.get_running_loop().create_future()
            self._say(said.WhoIs(order_id))
        return await asyncio.shield(answer)

    async def _stay_known(self) -> None:
        while True:
            await asyncio.sleep(said.ALIVE_EVERY_S)
            self._say(said.Alive())

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_EVERY_S)
            self._market.forget()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Beginning(asyncio.Protocol):
    """What was received before comes first, whatever has come since."""

    def __init__(self, protocol: asyncio.Protocol, head: bytes) -> None:
        self._protocol = protocol
        self._head = head

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).set_protocol(self._protocol)
        self._protocol.connection_made(transport)
        self._protocol.data_received(self._head)


def _application(handlers: dict[str, Handler], doorman: Doorman, streams: Streams) -> web.Application:
    app = web.Application()
    for stream in STREAMS:
        handler = guarded(handlers[stream.name], Right.READ, stream.path, doorman, Tally())
        app.router.add_route("GET", stream.path, _once(handler))
    app.on_shutdown.append(lambda _: streams.close())
    return app


def _once(handler: PlainHandler) -> PlainHandler:
    """A connection on which no stream begins is closed: whatever its client asks next, the gateway has to answer."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = await handler(request)
        response.force_close()
        return response

    return handle
