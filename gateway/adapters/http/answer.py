"""Answers in JSON, written as they leave: one piece of bytes, no map of headers, no coroutine between.

aiohttp's own response class costs as much as the rest of aiohttp together (measured in instructions), and nearly every
answer of ours has the same few headers. What is not plain HTTP/1.1 on a connection that stays goes its way still.
"""

from http import HTTPStatus

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time

SERVER = "order-gateway"
JSON_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store", "Server": SERVER}

_FIXED = "".join(f"{name}: {value}\r\n" for name, value in JSON_HEADERS.items())
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n{_FIXED}" for status in HTTPStatus}


class JsonAnswer(web.StreamResponse):
    """A JSON body with its status, and with ``location`` where something was created (our own ids only: it is
    written as it stands)."""

    def __init__(self, body: bytes, status: int = 200, location: str = "") -> None:
        # The state of the base class is for answers that are built up step by step; of it, only this is used.
        self._status = status
        self._bytes = body
        self._location = location
        self._plain: web.Response | None = None

    @property
    def keep_alive(self) -> bool | None:
        return True if self._plain is None else self._plain.keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write all of it. Raises ConnectionError when the client has gone."""
        if request.version != HttpVersion11 or not request.keep_alive or request.method == hdrs.METH_HEAD:
            self._plain = self._unhurried()
            return await self._plain.prepare(request)
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client left before its answer")
        transport.write(self.wire())
        if request.protocol.writing_paused:  # the client reads nothing: neither does this connection
            await request.protocol._drain_helper()
        return None

    def wire(self) -> bytes:
        """The whole answer, for a connection that stays."""
        location = f"Location: {self._location}\r\n" if self._location else ""
        length = f"Content-Length: {len(self._bytes)}\r\n"
        head = f"{_STATUS_LINES[self._status]}{location}{length}Date: {rfc822_formatted_time()}\r\n\r\n"
        return head.encode("ascii") + self._bytes

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write, but on the unhurried way."""
        if self._plain is not None:
            await self._plain.write_eof(data)

    def _unhurried(self) -> web.Response:
        headers = {**JSON_HEADERS, "Location": self._location} if self._location else JSON_HEADERS
        return web.Response(body=self._bytes, status=self._status, headers=headers)


def wire(response: web.StreamResponse) -> bytes:
    """A whole answer as it leaves on a connection of HTTP/1.1 that stays, past aiohttp."""
    if isinstance(response, JsonAnswer):
        return response.wire()
    assert isinstance(response, web.Response), f"{type(response)} is not whole"
    assert isinstance(response.body, bytes), "a body in parts is not whole"
    headers = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    length = f"Content-Length: {len(response.body)}\r\n"
    first = f"HTTP/1.1 {response.status} {response.reason}\r\n"
    head = f"{first}{headers}{length}Date: {rfc822_formatted_time()}\r\n\r\n"
    return head.encode() + response.body
