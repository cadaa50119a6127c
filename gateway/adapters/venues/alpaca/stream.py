"""The trade updates: what happens to our orders, as it happens.

Spoken here on our own socket, not through the library: alpaca-py's stream reconnects without a word to anybody, and
Alpaca tells nothing again, so what happened in between would be missed.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp

from gateway.adapters.venues.alpaca.client import (
    AnswerUnreadable,
    ApiRefused,
    BudgetSpent,
    CredentialsUnfit,
    RestClient,
)
from gateway.adapters.venues.shared.link import Link

#: Ours go out, and an answer is due within half of it: a dead connection is noticed.
_HEARTBEAT_S = 15.0
_CHECK_KEYS = "check ALPACA_API_KEY and ALPACA_SECRET_KEY, and whether they belong to the paper or the live account"


class StreamRefused(Exception):
    """Alpaca would not let us listen; the text is its own."""


#: What a broken network, or a venue that is down, raises here.
_EXPECTED = (aiohttp.ClientError, ApiRefused, AnswerUnreadable, BudgetSpent, CredentialsUnfit, StreamRefused)


def explained(error: Exception) -> str:
    """What a person is told of an error that ended the connection, or that a request met."""
    if isinstance(error, StreamRefused) or (isinstance(error, ApiRefused) and error.is_about_credentials):
        return f"alpaca refuses the keys ({error}): {_CHECK_KEYS}"
    return f"the stream of trade updates of alpaca broke: {str(error) or repr(error)}"


class TradeUpdates:
    """Calls ``on_update`` with every update, and ``on_open`` once listening, before updates go on. ``link`` is its own
    connection, and stands as long as it does."""

    def __init__(
        self,
        rest: RestClient,
        link: Link,
        on_update: Callable[[dict[str, Any]], None],
        on_open: Callable[[], Awaitable[None]],
        timeout_s: float,
    ) -> None:
        self._rest = rest
        self._link = link
        self._on_update = on_update
        self._on_open = on_open
        self._timeout_s = timeout_s
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def run(self) -> None:
        """Until canceled: listen, and begin again when it breaks."""
        await self._link.keep(self._stay, _EXPECTED, explained)

    async def drop(self) -> None:
        """End this connection; the next one is made as after any other loss."""
        if self._socket is not None:
            await self._socket.close()

    async def _stay(self) -> None:
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await self._listen(session)
        if self._link.is_up:
            self._link.down("alpaca closed the stream of trade updates")

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(self._rest.stream_url, heartbeat=_HEARTBEAT_S) as socket:
            self._socket = socket
            async with asyncio.timeout(self._timeout_s):
                await self._subscribe(socket)
            await self._on_open()
            async for message in socket:
                said = _read(message)
                if said is not None and said.get("stream") == "trade_updates":
                    self._on_update(said["data"])

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        keys = self._rest.credentials
        await socket.send_json({"action": "authenticate", "data": {"key_id": keys.key, "secret_key": keys.secret}})
        said = await _answer(socket, "authorization")
        if said.get("status") != "authorized":
            raise StreamRefused(f"stream {said.get('status')}")
        await socket.send_json({"action": "listen", "data": {"streams": ["trade_updates"]}})
        said = await _answer(socket, "listening")
        if "trade_updates" not in said.get("streams", ()):
            raise StreamRefused(f"alpaca does not let us listen to trade updates: {said}")


async def _answer(socket: aiohttp.ClientWebSocketResponse, stream: str) -> dict[str, Any]:
    async for message in socket:
        said = _read(message)
        if said is not None and said.get("stream") == stream:
            data: dict[str, Any] = said.get("data") or {}
            return data
    raise StreamRefused(f"closed before the answer ({stream}) came")


def _read(message: aiohttp.WSMessage) -> dict[str, Any] | None:
    """Alpaca writes JSON into binary frames; text does as well."""
    if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
        return None
    said = json.loads(message.data, parse_float=Decimal)
    return said if isinstance(said, dict) else None
