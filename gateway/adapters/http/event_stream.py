"""ws/events: every public fact in order, resumable by sequence number."""

import asyncio

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller, Doorman
from gateway.adapters.http.event_press import EventPress
from gateway.adapters.http.reading import read_query, read_struct
from gateway.adapters.http.shapes import EVENT_TYPES, EventsMessage, EventsQuery
from gateway.adapters.http.streams import Connection, Hearer, Pace, Streams, Talker, encode
from gateway.ports.intake import EventFeed, FieldError, RequestInvalid


class HeartbeatMessage(msgspec.Struct, frozen=True):
    """Everything up to ``seq`` has been sent on this stream (resume after it); ``last_seq`` is the newest of all.

    The first message of a stream is one of these, of type ``hello``.
    """

    seq: int
    last_seq: int
    type: str = "heartbeat"


class EventStreams:
    """The endpoint. Clients pull in turns, and are sent all that there is at once: a slow one slows only itself."""

    def __init__(
        self, feed: EventFeed, press: EventPress, streams: Streams, doorman: Doorman, heartbeat_s: float
    ) -> None:
        self._feed = feed
        self._press = press
        self._streams = streams
        self._doorman = doorman
        self._heartbeat_s = heartbeat_s

    async def open(self, request: web.Request, caller: Caller) -> web.WebSocketResponse:
        query = read_query(request.query.items(), EventsQuery)
        last_seq = self._feed.last_seq
        after = last_seq if query.after is None else query.after
        if after > last_seq:
            # Another journal than the one the client knows: resuming would silently skip everything.
            rule = f"must not be beyond the newest sequence number, {last_seq}"
            raise RequestInvalid((FieldError("after", rule, str(after), "start over from 0"),))
        types = frozenset(query.types or EVENT_TYPES)
        stream = _EventStream(self._feed, self._press, self._streams.pace, caller, types, after)

        def begin(connection: Connection) -> tuple[list[Talker], Hearer]:
            async def tell_facts() -> None:
                await stream.tell_facts(connection)

            async def beat() -> None:
                while True:
                    await asyncio.sleep(self._heartbeat_s)
                    if self._doorman.recognize(request) != caller:
                        await connection.refuse(b"the key was withdrawn or changed")
                        return
                    await connection.send(stream.position("heartbeat"))

            return [tell_facts, beat], stream.hear

        return await self._streams.run(request, "events", begin)


class _EventStream:
    """One client, and how far it has been served."""

    def __init__(
        self, feed: EventFeed, press: EventPress, pace: Pace, caller: Caller, types: frozenset[str], after: int
    ) -> None:
        self._feed = feed
        self._press = press
        self._pace = pace
        self._caller = caller
        self._types = types
        self._served_seq = after

    async def tell_facts(self, connection: Connection) -> None:
        await connection.send(self.position("hello"))
        # From the number that hello named, never "only new ones": nothing falls between the two.
        tail = self._feed.tail(self._served_seq)
        try:
            while True:
                await tail.moved()
                async with self._pace:
                    records = await tail.take()
                    frames = await self._press.frames(records, self._types, self._caller)
                    if frames:
                        connection.send_frames(frames)
                    if records:
                        self._served_seq = records[-1].seq
                await connection.kept_up()
        finally:
            tail.close()

    def position(self, kind: str) -> bytes:
        return encode(HeartbeatMessage(self._served_seq, self._feed.last_seq, kind))

    async def hear(self, text: bytes) -> bytes:
        read_struct(text, EventsMessage)
        return self.position("heartbeat")
