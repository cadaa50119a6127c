"""ws/events: every public fact in order, resumable by sequence number."""

import asyncio

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller, Doorman
from gateway.adapters.http.broadcast import Broadcast
from gateway.adapters.http.event_press import Audience, EventPress
from gateway.adapters.http.reading import read_query, read_struct
from gateway.adapters.http.shapes import EVENT_TYPES, EventsMessage, EventsQuery
from gateway.adapters.http.streams import Connection, Hearer, Pace, Streams, Talker, encode
from gateway.ports.intake import EventFeed, FieldError, RequestInvalid

HEARTBEAT_S = 5.0


class HeartbeatMessage(msgspec.Struct, frozen=True):
    """Everything up to ``seq`` has been sent on this stream (resume after it); ``last_seq`` is the newest of all.

    The first message of a stream is one of these, of type ``hello``.
    """

    seq: int
    last_seq: int
    type: str = "heartbeat"


class EventStreams:
    """The endpoint. Clients that are up to date go on together (``broadcast``); each of the others pulls in its turn
    what it has missed: a slow one slows only itself. ``gather_s`` bounds how long news gather where many listen."""

    def __init__(
        self,
        feed: EventFeed,
        press: EventPress,
        streams: Streams,
        doorman: Doorman,
        heartbeat_s: float,
        gather_s: float = 0.0,
    ) -> None:
        self._feed = feed
        self._press = press
        self._streams = streams
        self._broadcast = Broadcast(feed, press, streams.pace, gather_s)
        self._doorman = doorman
        self._heartbeat_s = heartbeat_s

    async def open(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        query = read_query(request.query.items(), EventsQuery)
        last_seq = self._feed.last_seq
        after = last_seq if query.after is None else query.after
        if after > last_seq:
            # Another journal than the one the client knows: resuming would silently skip everything.
            rule = f"must not be beyond the newest sequence number, {last_seq}"
            raise RequestInvalid((FieldError("after", rule, str(after), "start over from 0"),))
        audience = Audience.of(frozenset(query.types or EVENT_TYPES), caller)

        def begin(connection: Connection) -> tuple[list[Talker], Hearer]:
            stream = _EventStream(self._feed, self._press, self._streams.pace, connection, audience, after)

            async def tell_facts() -> None:
                await stream.tell_facts(self._broadcast)

            async def beat() -> None:
                while True:
                    await asyncio.sleep(self._heartbeat_s)
                    if self._doorman.recognize(request) != caller:
                        await connection.refuse(b"the key was withdrawn or changed")
                        return
                    await connection.send(stream.position("heartbeat"))

            return [tell_facts, beat], stream.hear

        return await self._streams.run(request, caller, "events", begin)


class _EventStream:
    """One client, and how far it has been served."""

    def __init__(
        self,
        feed: EventFeed,
        press: EventPress,
        pace: Pace,
        connection: Connection,
        audience: Audience,
        after: int,
    ) -> None:
        self._feed = feed
        self._press = press
        self._pace = pace
        self.connection = connection
        self.audience = audience
        self.served_seq = after

    async def tell_facts(self, broadcast: Broadcast) -> None:
        """From the number that hello names, never "only new ones": nothing falls between the two."""
        await self.connection.send(self.position("hello"))
        while True:
            await self._catch_up(broadcast)
            await broadcast.go_along(self)
            await self.connection.kept_up()

    async def _catch_up(self, broadcast: Broadcast) -> None:
        """Tell what the others have been told already."""
        if broadcast.is_at(self):
            return
        tail = self._feed.tail(self.served_seq)
        try:
            while not broadcast.is_at(self):
                async with self._pace:
                    records = await tail.take()
                    frames = await self._press.frames(records, self.audience)
                    if frames:
                        self.connection.send_frames(frames)
                    if records:
                        self.served_seq = records[-1].seq
                await self.connection.kept_up()
        finally:
            tail.close()

    def position(self, kind: str) -> bytes:
        return encode(HeartbeatMessage(self.served_seq, self._feed.last_seq, kind))

    async def hear(self, text: bytes) -> bytes:
        read_struct(text, EventsMessage)
        return self.position("heartbeat")
