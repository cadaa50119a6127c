"""WebSocket connections of a peer, and the faults between an event and those who listen."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.venues.faults import STREAM_KINDS, Faults, Kind

Payload = str | bytes


class Connection:
    """One client. Sending never waits: a writer of its own empties the queue."""

    def __init__(self, request: web.Request, state: dict[str, Any]) -> None:
        self.request = request
        self.ws = web.WebSocketResponse(autoping=False, max_msg_size=0)
        self.is_silent = False
        #: Whatever the venue's protocol keeps per connection.
        self.state = state
        self._queue: asyncio.Queue[Payload | None] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self.ws.prepare(self.request)
        self._writer = asyncio.create_task(self._write())

    def send(self, payload: Payload) -> None:
        self._queue.put_nowait(payload)

    def end(self) -> None:
        """Close, politely, once what was sent is out."""
        self._queue.put_nowait(None)

    def hang_up(self) -> None:
        """Break the connection without a word."""
        if self.request.transport is not None:
            self.request.transport.abort()

    async def messages(self) -> AsyncIterator[Payload]:
        async for message in self.ws:
            if message.type is WSMsgType.PING:
                if not self.is_silent:
                    await self.ws.pong(message.data)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY) and not self.is_silent:
                yield message.data

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
        await self.ws.close()

    async def _write(self) -> None:
        try:
            while (payload := await self._queue.get()) is not None:
                if self.is_silent:
                    continue
                if isinstance(payload, str):
                    await self.ws.send_str(payload)
                else:
                    await self.ws.send_bytes(payload)
            await self.ws.close()
        except ConnectionError:
            return


@dataclass
class Hub:
    """All connections of a peer."""

    faults: Faults
    connections: set[Connection] = field(default_factory=set)
    _behind: list[Callable[[], None]] = field(default_factory=list)

    def publish(self, event: str, messages: Iterable[tuple[Connection, Payload]]) -> None:
        """Tell one event to those who listen, spoiled by the fault that waits for it."""
        told = list(messages)

        def send() -> None:
            for connection, payload in told:
                connection.send(payload)

        self.tell(event, send)

    def tell(self, event: str, send: Callable[[], None]) -> None:
        """``send`` tells one event: as often, and when, the fault that waits for it wants."""
        fault = self.faults.take(STREAM_KINDS, event)
        kind = None if fault is None else fault.kind
        if fault is not None and kind is Kind.HOLD:
            fault.hold(send)
        elif fault is not None and kind is Kind.SWAP:
            late = _once(send)
            self._behind.append(late)
            fault.hold(late)
        elif kind is not Kind.LOSE:
            send()
            if kind is Kind.TWICE:
                send()
            behind, self._behind = self._behind, []
            for tell in behind:
                tell()

    def hang_up(self) -> None:
        for connection in list(self.connections):
            connection.hang_up()

    def go_silent(self) -> None:
        for connection in self.connections:
            connection.is_silent = True


def _once(send: Callable[[], None]) -> Callable[[], None]:
    left = [send]
    return lambda: left.pop()() if left else None
