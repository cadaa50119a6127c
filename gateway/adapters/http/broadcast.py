"""Clients of ws/events that are up to date go on together: what is new is read once, worded once for all who are told
the same, and written to one after the other."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Protocol

from aiohttp import ClientConnectionResetError

from gateway.adapters.http.event_press import Audience, EventPress
from gateway.adapters.http.streams import Connection, Pace
from gateway.domain.records import Record
from gateway.ports.intake import EventFeed, EventTail

#: Clients that are written to before others of the event loop have their turn.
_SLICE = 8
#: After a round, news gather for as long as it took, times this.
_REST = 4
#: What may wait to be sent to a client in bytes, and one more batch; with more it goes on alone, at its own pace.
_MOST_UNSENT = 256_000


class Member(Protocol):
    """One client, and how far it has been served."""

    connection: Connection
    audience: Audience
    served_seq: int


class Broadcast:
    """``gather_s`` bounds how long news gather where many have been written to: the fewer and larger the writes, the
    less they cost. A client alone hears at once."""

    def __init__(self, feed: EventFeed, press: EventPress, pace: Pace, gather_s: float) -> None:
        self._feed = feed
        self._press = press
        self._pace = pace
        self._gather_s = gather_s
        self._members: dict[Member, asyncio.Future[None]] = {}
        self._seq = 0
        self._rounds: asyncio.Task[None] | None = None

    def is_at(self, member: Member) -> bool:
        """Whether the others are no further than ``member``, so that it can go on with them."""
        return member.served_seq >= (self._seq if self._members else self._feed.last_seq)

    async def go_along(self, member: Member) -> None:
        """Return when ``member``, who is where the others are, does not keep up with them. Raises
        ClientConnectionResetError when it is gone, and whatever the feed raises."""
        if not self._members:
            self._seq = member.served_seq
        slow = self._members[member] = asyncio.get_running_loop().create_future()
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.get_running_loop().create_task(self._go_round(), name="broadcast")
        try:
            await slow
        finally:
            self._members.pop(member, None)
            if not self._members and self._rounds is not None:
                self._rounds.cancel()
                self._rounds = None

    async def _go_round(self) -> None:
        try:
            tail = self._feed.tail(self._seq)
            try:
                while True:
                    await self._next_round(tail)
            finally:
                tail.close()
        except Exception as error:
            for slow in self._members.values():
                _end(slow, error)

    async def _next_round(self, tail: EventTail) -> None:
        await tail.moved()
        began_s = time.perf_counter()
        async with self._pace:
            records = await tail.take()
        if records:
            await self._tell_all(records)
            self._seq = records[-1].seq
        await asyncio.sleep(min((time.perf_counter() - began_s) * _REST, self._gather_s))

    async def _tell_all(self, records: Sequence[Record]) -> None:
        """Whoever joins meanwhile is told too, so that nobody is behind in the end."""
        made: dict[tuple[Audience, int], bytes] = {}
        last_seq = records[-1].seq
        while behind := [one for one in self._members if one.served_seq < last_seq][:_SLICE]:
            async with self._pace:
                for member in behind:
                    await self._tell(member, records, made)
            await asyncio.sleep(0)

    async def _tell(self, member: Member, records: Sequence[Record], made: dict[tuple[Audience, int], bytes]) -> None:
        first = max(member.served_seq + 1 - records[0].seq, 0)
        key = (member.audience, first)
        frames = made.get(key)
        if frames is None:
            frames = made[key] = await self._press.frames(records[first:], member.audience)
        slow = self._members.get(member)
        if slow is None:
            return  # left while the words were made
        member.served_seq = records[-1].seq
        try:
            if frames and member.connection.send_frames(frames) > _MOST_UNSENT:
                self._leave_behind(member)
        except ClientConnectionResetError as error:
            _end(slow, error)

    def _leave_behind(self, member: Member) -> None:
        with contextlib.suppress(asyncio.InvalidStateError):
            self._members.pop(member).set_result(None)


def _end(slow: asyncio.Future[None], error: Exception) -> None:
    if not slow.done():
        slow.set_exception(error)
