"""The user data stream: what happens to our orders, as it happens.

Spoken here on our own socket, not through the library: its reader drops events when its queue is full, and after a
reconnect it does not subscribe again, so the stream is silent for ever while looking alive.
"""

import asyncio
import itertools
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from binance.exceptions import BinanceAPIException, BinanceRequestException

from gateway.adapters.venues.binance.client import BudgetSpent, RestClient
from gateway.adapters.venues.shared.generations import order_id_of
from gateway.adapters.venues.shared.link import Link

_log = logging.getLogger(__name__)
#: The exchange pings every 20 s; ours go out as often, so that a dead connection is noticed by whoever is first.
_HEARTBEAT_S = 15.0
_SUBSCRIBE = "userDataStream.subscribe.signature"
#: Events after which nothing more comes, though the socket may stay open.
_LAST_WORDS = frozenset({"eventStreamTerminated", "serverShutdown"})


class UserStream:
    """Calls ``on_event`` with every event, and ``on_open`` once subscribed, before events go on. ``link`` is its own
    connection, and stands as long as it does."""

    def __init__(
        self,
        rest: RestClient,
        link: Link,
        on_event: Callable[[dict[str, Any]], None],
        on_open: Callable[[], Awaitable[None]],
        timeout_s: float,
    ) -> None:
        self._rest = rest
        self._link = link
        self._on_event = on_event
        self._on_open = on_open
        #: Called with the ids of the orders that an event names which cannot be read.
        self.on_unread: Callable[[str], None] = lambda order_id: None
        self._timeout_s = timeout_s
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._numbers = itertools.count(1)
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def run(self) -> None:
        """Until canceled: subscribe, listen, and begin again when it breaks."""
        await self._link.keep(self._stay, EXPECTED, _explained)

    async def drop(self) -> None:
        """End this connection; the next one is made as after any other loss."""
        if self._socket is not None:
            await self._socket.close()

    async def _stay(self) -> None:
        async with aiohttp.ClientSession(timeout=self._timeout) as session:
            await self._listen(session)
        if self._link.is_up:
            self._link.down("binance closed the user data stream")

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(self._timeout_s):
            await self._rest.set_clock()
        async with session.ws_connect(self._rest.stream_url, heartbeat=_HEARTBEAT_S) as socket:
            self._socket = socket
            async with asyncio.timeout(self._timeout_s):
                await self._subscribe(socket)
            await self._on_open()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    said = json.loads(message.data)
                    if "event" in said:
                        self._hear(said["event"])

    def _hear(self, event: dict[str, Any]) -> None:
        """Raises StreamOver when the exchange says that this was all. An event that cannot be read costs no other."""
        if event.get("e") in _LAST_WORDS:
            raise StreamOver(f"the exchange ends it ({event['e']})")
        try:
            self._on_event(event)
        except Exception:
            _log.exception("an event of binance cannot be read: %.500s", event)
            for order_id in {order_id_of(str(event.get(name))) for name in ("c", "C")}:
                self.on_unread(order_id)

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


class StreamOver(Exception):
    """The exchange says that nothing more will come; the text is its word for it."""


#: What a broken network, or an exchange that is down, raises here.
EXPECTED = (aiohttp.ClientError, BinanceAPIException, BinanceRequestException, StreamRefused, StreamOver, BudgetSpent)


def _explained(error: Exception) -> str:
    return f"the user data stream of binance broke: {str(error) or repr(error)}"
