"""What all WebSockets here share: opening, talking and hearing at once, and closing together.

A stream has talkers (tasks that send) and hears the client meanwhile. Sending waits while the client is slow, so
nothing piles up here; what a client sends that makes no sense is answered, not punished with a disconnect.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import ClientConnectionResetError, WSCloseCode, WSMsgType, web

from gateway.adapters.http.auth import WEBSOCKET_PROTOCOL
from gateway.adapters.http.problem import HttpProblem
from gateway.ports.intake import FieldError, RequestInvalid

_MAX_MESSAGE_BYTES = 65_536
_PING_EVERY_S = 20.0
_CLOSE_WAIT_S = 2.0

log = logging.getLogger("gateway.http")
encode = msgspec.json.Encoder().encode

Talker = Callable[[], Awaitable[None]]
Hearer = Callable[[bytes], Awaitable[bytes | None]]


class ErrorMessage(msgspec.Struct, frozen=True):
    """Sent when a client's message made no sense."""

    errors: tuple[FieldError, ...]
    code: str = "REQUEST_INVALID"
    type: str = "error"


class Streams:
    """The open WebSockets, counted by name."""

    def __init__(self) -> None:
        self._open: dict[web.WebSocketResponse, str] = {}
        self._is_closing = False

    def counts(self) -> dict[str, int]:
        found = {"events": 0, "market-data": 0}
        for name in self._open.values():
            found[name] += 1
        return found

    async def run(
        self, request: web.Request, name: str, begin: Callable[["Connection"], tuple[list[Talker], Hearer]]
    ) -> web.WebSocketResponse:
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
        await ws.prepare(request)
        self._open[ws] = name
        try:
            talkers, hear = begin(Connection(ws))
            await _converse(ws, talkers, hear)
        finally:
            del self._open[ws]
        return ws

    async def close(self) -> None:
        """Say goodbye to everybody; whoever does not answer in time is cut off by the server's stop."""
        self._is_closing = True
        goodbyes = (_say_goodbye(ws, WSCloseCode.GOING_AWAY, b"the gateway is stopping") for ws in [*self._open])
        await asyncio.gather(*goodbyes)


class Connection:
    """The sending side of one stream."""

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self._ws = ws

    async def send(self, message: bytes) -> None:
        """Send one text message; waits while the client does not keep up."""
        await self._ws.send_frame(message, WSMsgType.TEXT)

    async def refuse(self, reason: bytes) -> None:
        """Close, because this client may not go on."""
        await _say_goodbye(self._ws, WSCloseCode.POLICY_VIOLATION, reason)


async def _converse(ws: web.WebSocketResponse, talkers: list[Talker], hear: Hearer) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_talk(ws, talker)) for talker in talkers]
        try:
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
