"""The user data stream: what happens to our orders, as it happens.

Spoken here on our own socket, not through the library: its reader drops events when its queue is full, and after a
reconnect it does not subscribe again, so the stream is silent for ever while looking alive.
"""

import asyncio
import itertools
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from gateway.adapters.venues.binance.client import RestClient

_FIRST_WAIT_S = 0.5
_MAX_WAIT_S = 30.0
#: The exchange pings every 20 s; ours go out as often, so that a dead connection is noticed by whoever is first.
_HEARTBEAT_S = 15.0
_SUBSCRIBE = "userDataStream.subscribe.signature"


class UserStream:
    """Calls ``on_event`` with every event, ``on_open`` once subscribed, before events go on, ``on_lost`` at its end."""

    def __init__(
        self,
        rest: RestClient,
        on_event: Callable[[dict[str, Any]], None],
        on_open: Callable[[], Awaitable[None]],
        on_lost: Callable[[str], None],
        timeout_s: float,
        seed: str,
    ) -> None:
        self._rest = rest
        self._on_event = on_event
        self._on_open = on_open
        self._on_lost = on_lost
        self._timeout_s = timeout_s
        self._timeout = aiohttp.ClientTimeout(sock_connect=timeout_s)
        self._rng = random.Random(seed)  # jitter only
        self._numbers = itertools.count(1)

    async def run(self) -> None:
        """Until canceled: subscribe, listen, and begin again when it breaks, waiting twice as long each time."""
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                async with aiohttp.ClientSession(timeout=self._timeout) as session:
                    await self._listen(session)
                wait_s = _FIRST_WAIT_S
                self._on_lost("binance closed the user data stream")
            except (aiohttp.ClientError, OSError, TimeoutError, StreamRefused) as error:
                self._on_lost(f"the user data stream of binance broke: {error or repr(error)}")
            await asyncio.sleep(wait_s * (0.5 + self._rng.random()))
            wait_s = min(wait_s * 2, _MAX_WAIT_S)

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(self._timeout_s):
            await self._rest.set_clock()
        async with session.ws_connect(self._rest.stream_url, heartbeat=_HEARTBEAT_S) as socket:
            async with asyncio.timeout(self._timeout_s):
                await self._subscribe(socket)
            await self._on_open()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    said = json.loads(message.data)
                    if "event" in said:
                        self._on_event(said["event"])

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        number = next(self._numbers)
        await socket.send_json({"id": number, "method": _SUBSCRIBE, "params": self._rest.signed()})
        async for message in socket:
            said = json.loads(message.data)
            if said.get("id") != number:
                continue
            if said.get("status") != 200:
                raise StreamRefused(f"{said.get('error', said)}")
            return
        raise StreamRefused("closed before it was subscribed")


class StreamRefused(Exception):
    """The exchange would not subscribe us; the text is its own."""
