"""The writing end: where the journal stands, and how it moves on, or stays, when the disk does not do its part."""

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from gateway.adapters.journal import schema
from gateway.adapters.journal.chain import link
from gateway.adapters.journal.codec import kind_of
from gateway.adapters.journal.connection import Rows, Statement, Writer
from gateway.adapters.journal.errors import told
from gateway.adapters.journal.opening import Head, read_head
from gateway.domain.records import Entry
from gateway.ports.journal import JournalUnavailable


class Appender:
    """One user at a time: the caller sees to that. ``head`` is the last durable record."""

    def __init__(self, path: Path, partition: str, writer: Writer, head: Head) -> None:
        self.head = head
        self._path = path
        self._partition = partition
        self._writer: Writer | None = writer
        #: Where the journal may stand after a write whose outcome is not known; empty: it stands at ``head``.
        self._possible_heads: tuple[Head, ...] = ()

    def chained(self, entries: Sequence[Entry], bodies: Sequence[bytes]) -> tuple[Rows, Head]:
        """The rows of a batch, and where the journal will stand with them."""
        seq, previous = self.head
        rows: Rows = []
        for entry, body in zip(entries, bodies, strict=True):
            record = entry.record
            seq += 1
            if record.seq != seq:
                raise ValueError(f"record {record.seq} was given, and the journal goes on with {seq}")
            previous = link(previous, seq, record.ts_ns, body)
            rows.append((self._partition, seq, record.ts_ns, kind_of(record), body, previous))
        return rows, Head(seq, previous)

    async def write(self, statements: Sequence[Statement], head: Head) -> None:
        """One transaction, after which the journal stands at ``head``."""
        assert self._writer is not None  # settle has just seen to it
        before = self.head
        # Should this be cancelled, the transaction goes on in its thread: either may come true.
        self._possible_heads = (before, head)
        try:
            with told("written", is_writing=True):
                await self._writer.run(statements)
        except JournalUnavailable:
            self._possible_heads = (before,)
            await self._overwrite()
            raise
        self.head, self._possible_heads = head, ()

    async def _overwrite(self) -> None:
        """Put something harmless over what a failed transaction may have left in the write-ahead log.

        When only its last step failed (the flush), all of it lies there behind the end, and a process that opened
        the log anew would believe it: orders that were refused would be alive. The next transaction begins at the
        same place, whether or not it can be flushed in turn.
        """
        possible = self._possible_heads
        with contextlib.suppress(JournalUnavailable):
            await self.settle()
            self._possible_heads = possible  # should this fail too, the connection is replaced once more
            assert self._writer is not None
            with told("written", is_writing=True):
                await self._writer.run([(schema.NO_CHANGE, ())])

    async def settle(self) -> None:
        """Be ready to write. After a failure or a cancellation: with a new connection, from where the file stands.

        The connection that reads stays open throughout, so the write-ahead log is not recovered here, and a
        batch that failed at its very last step cannot come back.
        """
        if not self._possible_heads:
            return
        with told("opened again", is_writing=True):
            writer, self._writer = self._writer, None
            if writer is not None:
                with contextlib.suppress(sqlite3.Error):
                    await writer.close()
            self._writer = await Writer.open(self._path, may_create=False)
            found = await read_head(self._writer, self._partition)
        if found not in self._possible_heads:
            raise JournalUnavailable(
                f"the journal stands at record {found.seq}, and this process left it at {self.head.seq}: "
                "something else wrote to it. Restart the gateway"
            )
        self.head, self._possible_heads = found, ()

    async def close(self) -> None:
        """Close the connection; never raises for the disk."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(sqlite3.Error):
                await writer.close()
