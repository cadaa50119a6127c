"""The trade updates: what happens to our orders, as it happens.

Spoken here on our own socket, not through the library: alpaca-py's stream reconnects without a word to anybody, and
Alpaca tells nothing again, so what happened in between would be missed.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp

from gateway.adapters.venues.alpaca.client import RestClient

_FIRST_WAIT_S = 0.5
_MAX_WAIT_S = 30.0
#: Ours go out, and an answer is due within half of it: a dead connection is noticed.
_HEARTBEAT_S = 15.0


class StreamRefused(Exception):
    """Alpaca would not let us listen; the text is its own."""


class TradeUpdates:
    """Calls ``on_update`` with every update, ``on_open`` once listening, before updates go on, ``on_lost`` at its
    end."""

    def __init__(
        self,
        rest: RestClient,
        on_update: Callable[[dict[str, Any]], None],
        on_open: Callable[[], Awaitable[None]],
        on_lost: Callable[[Exception | None], None],
        timeout_s: float,
        seed: str,
    ) -> None:
        self._rest = rest
        self._on_update = on_update
        self._on_open = on_open
        self._on_lost = on_lost
        self._timeout_s = timeout_s
        self._rng = random.Random(seed)  # jitter only
        self._wait_s = _FIRST_WAIT_S

    async def run(self) -> None:
        """Until canceled: listen, and begin again when it breaks, waiting twice as long each time."""
        while True:
            try:
                timeout = aiohttp.ClientTimeout(sock_connect=self._timeout_s)
                async with aiohttp.ClientSession(timeout=timeout) as session:
                    await self._listen(session)
                self._on_lost(None)
            except Exception as error:
                self._on_lost(error)
            await asyncio.sleep(self._wait_s * (0.5 + self._rng.random()))
            self._wait_s = min(self._wait_s * 2, _MAX_WAIT_S)

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(self._rest.stream_url, heartbeat=_HEARTBEAT_S) as socket:
            async with asyncio.timeout(self._timeout_s):
                await self._subscribe(socket)
            await self._on_open()
            self._wait_s = _FIRST_WAIT_S
            async for message in socket:
                said = _read(message)
                if said is not None and said.get("stream") == "trade_updates":
                    self._on_update(said["data"])

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        keys = self._rest.credentials
        await socket.send_json({"action": "authenticate", "data": {"key_id": keys.key, "secret_key": keys.secret}})
        said = await _answer(socket, "authorization")
        if said.get("status") != "authorized":
            raise StreamRefused(f"alpaca refuses the keys on its stream ({said.get('status')})")
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
