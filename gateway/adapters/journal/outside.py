"""The records of a journal that another process may be writing: for commands that only look."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.adapters.journal import schema
from gateway.adapters.journal.checkpoints import FOREVER, load_newest
from gateway.adapters.journal.codec import decode_record
from gateway.adapters.journal.connection import Reader
from gateway.adapters.journal.errors import told
from gateway.adapters.journal.finished import FinishedOrders
from gateway.adapters.journal.looking import uri_for_a_look
from gateway.adapters.journal.opening import Head, read_archived_seq, read_head
from gateway.adapters.journal.reading import read_records
from gateway.adapters.journal.tracing import seq_before
from gateway.domain.records import Checkpoint, Record
from gateway.ports.journal import JournalUnavailable


class NoJournal(JournalUnavailable):
    """There is none."""


class Outside:
    """Implements ``ports.journal.History`` up to the end that the journal has when it is opened."""

    def __init__(self, reader: Reader, partition: str, head: Head) -> None:
        self._reader = reader
        self._partition = partition
        self._head = head

    def read(self, after_seq: int) -> AsyncIterator[Record]:
        """Raises JournalBroken while reading a journal that was altered."""
        return read_records(self._reader, self._partition, after_seq, lambda: self._head)

    async def archive_differences(self, finished: FinishedOrders) -> list[str] | None:
        """What the archive holds otherwise than ``finished``; None when the journal went on meanwhile."""
        with told("read"):
            archived_seq = await read_archived_seq(self._reader, self._partition)
        found = await finished.differences(self._reader, archived_seq)
        with told("read"):
            return found if (await read_head(self._reader, self._partition)).seq == self._head.seq else None

    async def checkpoints(self) -> list[Checkpoint]:
        """All that fit what can be read here."""
        found: list[Checkpoint] = []
        while (one := await self.load_checkpoint(until_seq=found[-1].seq - 1 if found else FOREVER)) is not None:
            found.append(one)
        return found

    @property
    def last_seq(self) -> int:
        """The last record that is read here (0: none)."""
        return self._head.seq

    async def seq_before(self, ts_ns: int) -> int:
        """The last record of before that moment (0: none)."""
        with told("read"):
            return await seq_before(self._reader, self._partition, self._head.seq, ts_ns)

    async def follow(self) -> int:
        """Read up to the end that the journal has now; returns the last record."""
        with told("read"):
            self._head = await read_head(self._reader, self._partition)
        return self._head.seq

    async def last_of(self, kind: str, count: int) -> list[Record]:
        """The last records of an event type, newest first."""
        sql = (
            "SELECT seq, ts_ns, body FROM records WHERE partition = ? AND seq <= ? AND kind = ?"
            " ORDER BY seq DESC LIMIT ?"
        )
        with told("read"):
            rows = await self._reader.fetch(sql, (self._partition, self._head.seq, kind, count))
            return [decode_record(*row) for row in rows]

    async def naming(self, kind: str, order_id: str, after_seq: int = 0) -> Record | None:
        """The first record of an event type, after ``after_seq``, that names the order. Looks through all of them."""
        sql = (
            "SELECT seq, ts_ns, body FROM records WHERE partition = ? AND seq > ? AND seq <= ? AND kind = ?"
            " AND instr(body, ?) > 0 ORDER BY seq LIMIT 1"
        )
        needle = f'"{order_id}"'.encode()
        with told("read"):
            rows = await self._reader.fetch(sql, (self._partition, after_seq, self._head.seq, kind, needle))
            return decode_record(*rows[0]) if rows else None

    async def load_checkpoint(self, until_ns: int = FOREVER, until_seq: int = FOREVER) -> Checkpoint | None:
        """The newest one that fits what can be read here, taken at ``until_ns`` or before, after no later record than
        ``until_seq``."""
        with told("read"):
            return await load_newest(self._reader, self._partition, until_ns, min(until_seq, self._head.seq))


@asynccontextmanager
async def from_outside(directory: Path, partition: str = "main") -> AsyncIterator[Outside]:
    """A journal for a look. Takes no lock and writes nothing. Raises NoJournal, JournalUnavailable."""
    path = directory / schema.FILE_NAME
    with told("opened"):
        if not path.is_file():
            raise NoJournal(f"there is no journal in {directory}")
        reader = await Reader.open(path, await asyncio.to_thread(uri_for_a_look, path))
    try:
        with told("read"):
            head = await read_head(reader, partition)
        yield Outside(reader, partition, head)
    finally:
        await reader.close()


@asynccontextmanager
async def read_only(directory: Path, partition: str = "main") -> AsyncIterator[AsyncIterator[Record]]:
    """All records up to the end that the journal has now. Raises JournalUnavailable when there is no journal,
    JournalBroken while reading one that was altered."""
    async with from_outside(directory, partition) as journal:
        yield journal.read(0)
