"""Durable records for whoever watches. Readers pull: a slow one falls back to the journal and slows nobody."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from gateway.domain.records import Record
from gateway.ports.journal import Journal

_KEPT_RECORDS = 1_000


class Feed:
    """Implements ``ports.intake.EventFeed`` over the last records in memory and the journal behind them."""

    def __init__(self, journal: Journal, last_seq: int) -> None:
        self._journal = journal
        self._last_seq = last_seq
        self._recent: deque[Record] = deque(maxlen=_KEPT_RECORDS)
        self._readers = 0
        self._moved: asyncio.Future[None] | None = None

    @property
    def last_seq(self) -> int:
        return self._last_seq

    def publish(self, record: Record) -> None:
        """A record became durable. Kept only while somebody reads, so that nobody reading costs nothing."""
        self._last_seq = record.seq
        if not self._readers:
            return
        self._recent.append(record)
        if self._moved is not None and not self._moved.done():
            self._moved.set_result(None)

    async def records(self, after_seq: int | None) -> AsyncIterator[Record]:
        cursor = self._last_seq if after_seq is None else after_seq
        self._readers += 1
        try:
            while True:
                async for record in self._available(cursor):
                    cursor = record.seq
                    yield record
                if cursor >= self._last_seq:
                    await self._wait()
        finally:
            self._readers -= 1
            if not self._readers:
                self._recent.clear()

    async def _available(self, cursor: int) -> AsyncIterator[Record]:
        """What is durable beyond ``cursor``: from memory if all of it is there, else from the journal."""
        if cursor >= self._last_seq:
            return
        if self._recent and self._recent[0].seq <= cursor + 1:
            for record in list(self._recent):
                if record.seq > cursor:
                    yield record
            return
        async for record in self._journal.read(cursor):
            yield record

    async def _wait(self) -> None:
        if self._moved is None or self._moved.done():
            self._moved = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._moved)
