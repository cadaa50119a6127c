"""Clients of ws/events that go on together: each hears what it would hear alone, however fast it reads."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.http.auth import LOCAL, Caller
from gateway.adapters.http.broadcast import _MOST_UNSENT, Broadcast
from gateway.adapters.http.event_press import Audience, EventPress, Identity
from gateway.adapters.http.event_stream import _EventStream
from gateway.adapters.http.streams import Pace
from gateway.domain.enums import TradingState
from gateway.domain.events import GatewayStarted
from gateway.domain.facts import TradingStateChanged, VenueStatusRecorded
from gateway.domain.orders import Actor
from gateway.domain.records import Record
from gateway.service.feed import Feed

EVERYTHING = Audience.of(frozenset({"venue", "trading_state"}), LOCAL)
VENUES = Audience.of(frozenset({"venue"}), LOCAL)


class MemoryJournal:
    """Records as the feed reads them; every third is about trading, the others are about a venue."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.feed = Feed(self, 0)

    async def read(self, after_seq: int) -> AsyncIterator[Record]:
        for record in self.records[after_seq:]:
            yield record

    def append(self) -> None:
        seq = len(self.records) + 1
        fact = (
            VenueStatusRecorded(ts_ns=seq, venue="ibkr", is_connected=True, text="")
            if seq % 3
            else TradingStateChanged(ts_ns=seq, state=TradingState.ACTIVE, reason="", actor=LOCAL.actor)
        )
        event = GatewayStarted(ts_ns=seq, version="")
        self.records.append(Record(seq=seq, ts_ns=seq, event=event, facts=(fact,)))
        self.feed.publish(self.records[-1])


class Reader:
    """A client that takes what it is sent while it is awake, and nothing while it sleeps."""

    def __init__(self) -> None:
        self.sent = b""
        self.unsent = 0
        self.writes_asleep = 0
        self._awake = asyncio.Event()
        self._awake.set()

    def sleep(self) -> None:
        self._awake.clear()

    def wake(self) -> None:
        self._awake.set()
        self.unsent = self.writes_asleep = 0

    async def send(self, message: bytes) -> None:
        """Hello."""

    def send_frames(self, frames: bytes) -> int:
        self.sent += frames
        if not self._awake.is_set():
            self.writes_asleep += 1
            self.unsent += _MOST_UNSENT // 2
        return self.unsent

    async def kept_up(self) -> None:
        await self._awake.wait()


async def nobody(order_id: str) -> Identity | None:
    raise AssertionError("no record is about an order")


class Floor:
    """Clients over one journal."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.press = EventPress(nobody)
        self.pace = Pace(share=1.0)
        self.broadcast = Broadcast(self.journal.feed, self.press, self.pace, 0.0)
        self.readers: list[tuple[Reader, Audience, int]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def join(self, after: int, audience: Audience) -> None:
        reader = Reader()
        after = min(after, len(self.journal.records))
        stream = _EventStream(self.journal.feed, self.press, self.pace, reader, audience, after)  # type: ignore[arg-type]
        self.readers.append((reader, audience, after))
        self._tasks.append(asyncio.create_task(stream.tell_facts(self.broadcast)))

    async def leave(self, number: int) -> None:
        _, task = self.readers.pop(number), self._tasks.pop(number)
        task.cancel()
        await asyncio.wait([task])

    async def settle(self) -> None:
        for _ in range(200):
            await asyncio.sleep(0)

    async def check(self) -> None:
        """Everybody has heard everything behind where he began, once and in order."""
        for reader, _, _ in self.readers:
            reader.wake()
        for _ in range(20):
            await self.settle()
        for reader, audience, after in self.readers:
            assert reader.sent == await self.press.frames(self.journal.records[after:], audience)

    async def close(self) -> None:
        while self.readers:
            await self.leave(0)


STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 400)),
    st.tuples(st.just("join"), st.integers(0, 2_000)),
    st.tuples(st.just("leave"), st.integers(0, 20)),
    st.tuples(st.just("sleep"), st.integers(0, 20)),
    st.tuples(st.just("wake"), st.integers(0, 20)),
    st.tuples(st.just("let go"), st.integers(1, 30)),
)


async def live(steps: list[tuple[str, int]]) -> None:
    floor = Floor()
    for what, number in steps:
        reader = floor.readers[number % len(floor.readers)][0] if floor.readers else None
        if what == "append":
            for _ in range(number):
                floor.journal.append()
        elif what == "join":
            floor.join(number, VENUES if number % 2 else EVERYTHING)
        elif what == "let go":
            for _ in range(number):
                await asyncio.sleep(0)
        elif reader is not None and what == "leave":
            await floor.leave(number % len(floor.readers))
        elif reader is not None:
            reader.sleep() if what == "sleep" else reader.wake()
    await floor.check()
    await floor.close()


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_everybody_hears_everything_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    """Books are kept from this stream: a fact lost or doubled, when a client falls behind or comes back, is ruin."""
    asyncio.run(live(steps))


@pytest.mark.parametrize("after", [20, 500])
async def test_who_joins_while_the_others_are_being_told_misses_nothing(after: int) -> None:
    """A client that comes back in such a moment must be counted in for what it lacks, and for no more."""
    for turns in range(25):
        await live([("join", 0)] * 10 + [("let go", 5), ("append", 2 * after), ("let go", turns), ("join", after)])


async def test_a_client_that_sleeps_is_sent_no_more_than_a_bound() -> None:
    """Without this, a page that somebody forgot in a browser would fill the memory with what it does not read."""
    floor = Floor()
    floor.join(0, EVERYTHING)
    floor.join(0, EVERYTHING)
    (sleeper, _, _), (awake, _, _) = floor.readers
    await floor.settle()
    sleeper.sleep()
    for _ in range(20):
        floor.journal.append()
        await floor.settle()
    assert sleeper.writes_asleep == 3, "until more waits than may"
    assert awake.sent == await floor.press.frames(floor.journal.records, EVERYTHING)
    await floor.check()
    await floor.close()


def test_callers_who_see_the_same_share_their_batches() -> None:
    """Without this, two hundred people with keys of their own would have every message made two hundred times."""
    types = frozenset({"fill"})
    people = [Caller(Actor(name, LOCAL.actor.role), LOCAL.rights, frozenset({"a"})) for name in ("ann", "bob")]
    assert Audience.of(types, people[0]) == Audience.of(types, people[1]) != Audience.of(types, LOCAL)
