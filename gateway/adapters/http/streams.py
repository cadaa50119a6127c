"""What all WebSockets here share: opening, talking and hearing at once, and closing together.

A stream has talkers (tasks that send) and hears the client meanwhile. Sending waits while the client is slow, so
nothing piles up here; what a client sends that makes no sense is answered, not punished with a disconnect.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import ClientConnectionResetError, WSCloseCode, WSMsgType, web
from aiohttp.abc import AbstractStreamWriter

from gateway.adapters.http.auth import WEBSOCKET_PROTOCOL, Caller
from gateway.adapters.http.problem import HttpProblem
from gateway.ports.intake import FieldError, RequestInvalid

_MAX_MESSAGE_BYTES = 65_536
_PING_EVERY_S = 20.0
_CLOSE_WAIT_S = 2.0
_FINAL_TEXT = 0x81
#: Of the time of the event loop, how much streams may take while they have more to send; and what is let pass.
_SHARE = 0.2
_BURST_S = 0.002
_LATE_S = 0.003
_YIELD = 5
_MOST_S = 0.1

log = logging.getLogger("gateway.http")
encode = msgspec.json.Encoder().encode

Talker = Callable[[], Awaitable[None]]
Hearer = Callable[[bytes], Awaitable[bytes | None]]
#: Whether the connection of a request is served elsewhere now. Streams of prices start with some symbols.
HandOver = Callable[[web.Request, Caller, tuple[str, ...]], Awaitable[bool]]


class ErrorMessage(msgspec.Struct, frozen=True):
    """Sent when a client's message made no sense."""

    errors: tuple[FieldError, ...]
    code: str = "REQUEST_INVALID"
    type: str = "error"


def frame(text: bytes) -> bytes:
    """A text message as a server sends it (RFC 6455, 5.2: final, not masked): the same bytes for every client."""
    size = len(text)
    if size < 126:
        return bytes((_FINAL_TEXT, size)) + text
    if size < 1 << 16:
        return bytes((_FINAL_TEXT, 126)) + size.to_bytes(2, "big") + text
    return bytes((_FINAL_TEXT, 127)) + size.to_bytes(8, "big") + text


class NoAnswer(web.StreamResponse):
    """For a request whose connection is served elsewhere, or is gone: nothing is sent from here."""

    def __init__(self) -> None:
        super().__init__(status=101)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None: ...


class Pace:
    """Streams take turns, one at a time, and together at most ``share`` of the time: what is over is the orders'.

    A turn may be a little longer than that allows; whoever comes next waits for it. Where few watch nobody waits. When
    the event loop itself is late, orders wait already: then streams yield many times as long.
    """

    def __init__(self, share: float = _SHARE) -> None:
        self._share = share
        self._turn = asyncio.Lock()
        self._free_s = 0.0
        self._began_s = 0.0

    async def __aenter__(self) -> None:
        await self._turn.acquire()
        try:
            clock = asyncio.get_running_loop().time
            if self._free_s - clock() > _BURST_S:
                await asyncio.sleep(self._free_s - clock())
                late_s = clock() - self._free_s
                if late_s > _LATE_S:
                    await asyncio.sleep(min(late_s * _YIELD, _MOST_S))
        except BaseException:
            self._turn.release()
            raise
        self._began_s = time.perf_counter()

    async def __aexit__(self, *_: object) -> None:
        spent_s = time.perf_counter() - self._began_s
        now_s = asyncio.get_running_loop().time()
        self._free_s = max(self._free_s, now_s - spent_s) + spent_s / self._share
        self._turn.release()


class Streams:
    """The open WebSockets, counted by name. ``hand_over`` may have others served elsewhere, counted by ``elsewhere``;
    all together are ``most``, where that is not 0."""

    def __init__(
        self,
        pace: Pace | None = None,
        hand_over: HandOver | None = None,
        most: int = 0,
        elsewhere: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._open: dict[web.WebSocketResponse, str] = {}
        self._is_closing = False
        self.pace = pace or Pace()
        self._hand_over = hand_over
        self._most = most
        self._elsewhere = elsewhere
        #: Hears that a stream was opened or closed.
        self.on_change: Callable[[], None] = lambda: None

    def counts(self) -> dict[str, int]:
        found = {"events": 0, "market-data": 0}
        for name in self._open.values():
            found[name] += 1
        return found

    def all_counts(self) -> dict[str, int]:
        elsewhere = self._elsewhere()
        return {name: count + elsewhere.get(name, 0) for name, count in self.counts().items()}

    async def run(
        self,
        request: web.Request,
        caller: Caller,
        name: str,
        begin: Callable[["Connection"], tuple[list[Talker], Hearer]],
        watch_list: tuple[str, ...] = (),
    ) -> web.StreamResponse:
        """Open a stream, let it talk and hear until either side closes it."""
        ws = web.WebSocketResponse(
            protocols=(WEBSOCKET_PROTOCOL,),
            heartbeat=_PING_EVERY_S,
            timeout=_CLOSE_WAIT_S,
            compress=False,
            max_msg_size=_MAX_MESSAGE_BYTES,
        )
        if self._is_closing or not ws.can_prepare(request).ok:
            raise HttpProblem("UPGRADE_REQUIRED", "connect with a WebSocket client", {"Upgrade": "websocket"})
        if 0 < self._most <= sum(self.all_counts().values()):
            raise HttpProblem("TOO_MANY_CONNECTIONS", "close streams that nobody reads", {"Retry-After": "1"})
        if self._hand_over is not None and await self._hand_over(request, caller, watch_list):
            return NoAnswer()
        try:
            writer = await ws.prepare(request)
        except ConnectionResetError:
            return NoAnswer()
        transport = request.transport
        if writer is None or transport is None:
            return ws  # gone before it began
        self._open[ws] = name
        self.on_change()
        try:
            talkers, hear = begin(Connection(ws, transport, writer))
            await _converse(ws, talkers, hear)
        finally:
            del self._open[ws]
            self.on_change()
            # A client that reads nothing would keep what is unsent, and the connection, for as long as it likes.
            asyncio.get_running_loop().call_later(_CLOSE_WAIT_S, transport.abort)
        return ws

    async def close(self) -> None:
        """Say goodbye to everybody; whoever does not answer in time is cut off by the server's stop."""
        self._is_closing = True
        goodbyes = (_say_goodbye(ws, WSCloseCode.GOING_AWAY, b"the gateway is stopping") for ws in [*self._open])
        await asyncio.gather(*goodbyes)


class Connection:
    """The sending side of one stream."""

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport, writer: AbstractStreamWriter) -> None:
        self._ws = ws
        self._transport = transport
        self._writer = writer

    async def send(self, message: bytes) -> None:
        """Send one text message; waits while the client does not keep up."""
        await self._ws.send_frame(message, WSMsgType.TEXT)

    def send_frames(self, frames: bytes) -> int:
        """Send what ``frame`` made, as many as there are: one write. Returns how many bytes wait for the client to take
        what was sent; ``kept_up`` waits for that."""
        if self._transport.is_closing():
            raise ClientConnectionResetError("the client is gone")
        self._transport.write(frames)
        return self._transport.get_write_buffer_size()

    async def kept_up(self) -> None:
        """Wait while the client does not take what was sent."""
        await self._writer.drain()

    async def refuse(self, reason: bytes) -> None:
        """Close, because this client may not go on."""
        await _say_goodbye(self._ws, WSCloseCode.POLICY_VIOLATION, reason)


async def _converse(ws: web.WebSocketResponse, talkers: list[Talker], hear: Hearer) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_talk(ws, talker)) for talker in talkers]
        try:
            await asyncio.sleep(0)  # what they begin with comes before any answer
            async for message in ws:
                is_text = message.type is WSMsgType.TEXT
                answer = await _hear(hear, message.data.encode() if is_text else None)
                if answer is not None:
                    await ws.send_frame(answer, WSMsgType.TEXT)
        except ClientConnectionResetError:
            pass  # gone while being answered
        finally:
            for task in tasks:
                task.cancel()


async def _talk(ws: web.WebSocketResponse, talker: Talker) -> None:
    try:
        await talker()
    except ClientConnectionResetError:
        pass  # gone: the hearing side sees it too and ends the stream
    except Exception as error:
        incident = secrets.token_hex(6)
        log.error("incident %s: a stream broke", incident, exc_info=error)
        await _say_goodbye(ws, WSCloseCode.INTERNAL_ERROR, f"incident {incident}".encode())


async def _hear(hear: Hearer, text: bytes | None) -> bytes | None:
    if text is None:
        error = FieldError("(message)", "must be a text message", "binary", "send JSON as text")
        return encode(ErrorMessage((error,)))
    try:
        return await hear(text)
    except RequestInvalid as invalid:
        return encode(ErrorMessage(invalid.errors))


async def _say_goodbye(ws: web.WebSocketResponse, code: WSCloseCode, text: bytes) -> None:
    try:
        async with asyncio.timeout(_CLOSE_WAIT_S):
            await ws.close(code=code, message=text)
    except (TimeoutError, ClientConnectionResetError):
        pass
