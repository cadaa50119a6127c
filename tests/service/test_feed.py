"""The feed of durable records: each reader gets each record once, from memory or from the journal."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.domain.events import GatewayStarted
from gateway.domain.records import Record
from gateway.service import feed as feeds
from gateway.service.feed import Feed
from tests.patience import PATIENCE_S


class CountingJournal:
    """Records by number, and how often they were read."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.given = 0

    def add(self) -> Record:
        seq = len(self.records) + 1
        self.records.append(Record(seq=seq, ts_ns=seq, event=GatewayStarted(ts_ns=seq, version="x"), facts=()))
        return self.records[-1]

    async def read(self, after_seq: int) -> AsyncIterator[Record]:
        for record in self.records[after_seq:]:
            self.given += 1
            yield record


@pytest.mark.parametrize("after", [0, 1, 31, 255, 256, 257, 511, 900])
async def test_a_reader_who_fell_behind_gets_each_record_once(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, who follows fills on the stream could miss one between memory and journal, or hear it twice."""
    monkeypatch.setattr(feeds, "_KEPT_RECORDS", 100)
    journal = CountingJournal()
    feed = Feed(journal, 0)  # type: ignore[arg-type]
    keeps = feed.tail(0)
    for _ in range(1_000):
        feed.publish(journal.add())
    tail, seen = feed.tail(after), []
    while found := await tail.take():
        seen += [record.seq for record in found]
        if len(seen) % 7 == 0:
            feed.publish(journal.add())
    assert seen == list(range(after + 1, len(journal.records) + 1))
    for one in (tail, keeps):
        one.close()


async def test_readers_side_by_side_share_what_is_read_of_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, two hundred pages that fell behind would each read the journal, and orders would wait for it."""
    monkeypatch.setattr(feeds, "_KEPT_RECORDS", 10)
    journal = CountingJournal()
    feed = Feed(journal, 0)  # type: ignore[arg-type]
    tails = [feed.tail(0) for _ in range(200)]
    for _ in range(512):
        feed.publish(journal.add())
    for _ in range(2):
        for tail in tails:
            await tail.take()
    assert journal.given == 512
    assert not any([await tail.take() for tail in tails])


async def test_who_waits_is_woken_also_when_nobody_reads() -> None:
    """Without this, a stream of prices could wait for ever for records that nobody there wants to read."""
    feed = Feed(CountingJournal(), 0)
    waiting = asyncio.create_task(feed.beyond(6))
    await asyncio.sleep(0)
    assert feed.skip_to(7)
    assert await asyncio.wait_for(waiting, PATIENCE_S) == 7
    tail = feed.tail(7)
    assert not feed.skip_to(9), "somebody reads"
    assert feed.last_seq == 7
    tail.close()
