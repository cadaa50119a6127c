"""Durable records for whoever watches. Readers pull: a slow one falls back to the journal and slows nobody."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from itertools import islice

from gateway.domain.records import Record
from gateway.ports.journal import Readable

_KEPT_RECORDS = 4_096
#: How many a reader is given at once; and where it is told less, it stops at a multiple of the second, so that readers
#: who fell behind go on side by side and what is made for one serves the next.
_AT_ONCE = 256
_STEP = 32
#: Pages of the journal that are kept for the next reader.
_KEPT_PAGES = 8


class Feed:
    """Implements ``ports.intake.EventFeed`` over the last records in memory and the journal behind them."""

    def __init__(self, journal: Readable, last_seq: int) -> None:
        self._journal = journal
        self._last_seq = last_seq
        self._recent: deque[Record] = deque(maxlen=_KEPT_RECORDS)
        self._readers = 0
        self._moved: asyncio.Future[None] | None = None
        self._pages: OrderedDict[int, tuple[Record, ...]] = OrderedDict()

    @property
    def last_seq(self) -> int:
        return self._last_seq

    def publish(self, record: Record) -> None:
        """A record became durable. Kept only while somebody reads, so that nobody reading costs nothing."""
        self._last_seq = record.seq
        if self._readers:
            self._recent.append(record)
        self._wake()

    def tail(self, after_seq: int) -> "FeedTail":
        return FeedTail(self, after_seq)

    async def records(self, after_seq: int) -> AsyncIterator[Record]:
        """Records with ``seq > after_seq`` and then each new one as it becomes durable."""
        tail = self.tail(after_seq)
        try:
            while True:
                for record in await tail.take():
                    yield record
                await tail.moved()
        finally:
            tail.close()

    def join(self) -> None:
        self._readers += 1

    def leave(self) -> None:
        self._readers -= 1
        if not self._readers:
            self._recent.clear()
            self._pages.clear()

    def recent(self, after_seq: int) -> Sequence[Record] | None:
        """The next ones behind ``after_seq``; None when memory does not hold all of them."""
        if not self._recent or self._recent[0].seq > after_seq + 1:
            return None
        start = after_seq + 1 - self._recent[0].seq
        return list(islice(self._recent, start, start + _AT_ONCE - after_seq % _STEP))

    async def past(self, after_seq: int) -> Sequence[Record]:
        """The next ones behind ``after_seq``, from the journal: the rest of their page."""
        number, known = divmod(after_seq, _AT_ONCE)
        page = self._pages.get(number) or await self._read(number)
        return page[known:]

    async def _read(self, number: int) -> tuple[Record, ...]:
        found: list[Record] = []
        records = self._journal.read(number * _AT_ONCE)
        try:
            async for record in records:
                found.append(record)
                if len(found) == _AT_ONCE:
                    break
        finally:
            if isinstance(records, AsyncGenerator):
                await records.aclose()
        page = tuple(found)
        if len(page) == _AT_ONCE:
            self._pages[number] = page
            if len(self._pages) > _KEPT_PAGES:
                self._pages.popitem(last=False)
        return page

    def skip_to(self, seq: int) -> bool:
        """Go on behind ``seq`` without what lies before; False, and nothing done, while somebody reads."""
        if self._readers:
            return False
        self._last_seq = max(self._last_seq, seq)
        self._wake()
        return True

    async def beyond(self, seq: int) -> int:
        """Wait until something behind ``seq`` is durable; returns the newest."""
        while self._last_seq <= seq:
            await self._wait()
        return self._last_seq

    def _wake(self) -> None:
        if self._moved is not None and not self._moved.done():
            self._moved.set_result(None)

    async def _wait(self) -> None:
        if self._moved is None or self._moved.done():
            self._moved = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._moved)


class FeedTail:
    """Implements ``ports.intake.EventTail``: one reader's place."""

    def __init__(self, feed: Feed, after_seq: int) -> None:
        self._feed = feed
        self._seq = after_seq
        feed.join()

    async def take(self) -> Sequence[Record]:
        if self._seq >= self._feed.last_seq:
            return ()
        found = self._feed.recent(self._seq)
        if found is None:
            found = await self._feed.past(self._seq)
        if found:
            self._seq = found[-1].seq
        return found

    async def moved(self) -> None:
        await self._feed.beyond(self._seq)

    def close(self) -> None:
        self._feed.leave()
