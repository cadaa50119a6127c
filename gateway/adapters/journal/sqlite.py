"""The journal over one SQLite file: written in group commits, read while it is written, checked as it is read.

What makes it safe: one owner per directory (a lock), one transaction per batch, ``synchronous=FULL``, a key that
refuses a second writer, and a hash chain that shows what was tampered with.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Self

from gateway.adapters.journal import checkpoints, schema
from gateway.adapters.journal.anchor import Anchor, load_anchor, write_anchor
from gateway.adapters.journal.appending import Appender
from gateway.adapters.journal.archive import Archive, order_row
from gateway.adapters.journal.codec import encode_record
from gateway.adapters.journal.connection import Reader, Statement, Writer, chunked
from gateway.adapters.journal.errors import told
from gateway.adapters.journal.history import History
from gateway.adapters.journal.in_place import InPlace
from gateway.adapters.journal.lock import DirectoryLock
from gateway.adapters.journal.opening import (
    Head,
    check_anchor,
    open_files,
    read_archived_seq,
    read_head,
    record_hash_at,
)
from gateway.adapters.journal.reading import read_records
from gateway.adapters.journal.tracing import trace
from gateway.adapters.journal.unarchived import Unarchived
from gateway.domain.orders import Order
from gateway.domain.positions import ClosedPosition, PortfolioPoint
from gateway.domain.records import Checkpoint, Entry, Record
from gateway.ports.journal import (
    ClosedPositionQuery,
    JournalBroken,
    JournalUnavailable,
    OrderQuery,
    OrderTrace,
    PortfolioQuery,
)

_log = logging.getLogger(__name__)
#: ``SqliteJournal.list`` hides the built-in of that name inside the class.
Orders = list[Order]


class SqliteJournal:
    """Implements ``Journal``, ``OrderArchive`` and ``LedgerArchive`` of ``ports.journal``. Build it with ``open``.

    Every method raises JournalUnavailable while the disk does not allow it, and once closed. ``append`` and
    ``save_checkpoint`` may be called while another is under way: they take turns.
    """

    def __init__(
        self,
        directory: Path,
        partition: str,
        lock: DirectoryLock,
        writer: Writer,
        reader: Reader,
        head: Head,
        archived_seq: int,
    ) -> None:
        self._directory = directory
        self._partition = partition
        self._lock = lock
        self._reader = reader
        self._appender = Appender(directory / schema.FILE_NAME, partition, writer, head)
        self._unarchived = Unarchived()
        #: See ``ports.journal.ArchivesLater``.
        self.archived_seq = archived_seq
        self._archive = Archive(reader, lambda: self._unarchived.orders(self._appender.head.seq))
        self._history = History(reader, lambda: self._unarchived.entries(self._appender.head.seq))
        self._in_place = InPlace(directory)
        self._turn = asyncio.Lock()
        self._is_closed = False
        #: Whether the anchor may still say that the journal ends where it stood when it was last closed.
        self._is_anchor_old = True

    @classmethod
    async def open(cls, path: str | Path, partition: str = "main") -> Self:
        """Take the data directory ``path`` (created when missing) and open or create the journal in it.

        Raises JournalLocked when another process owns the directory, JournalBroken when the files are not a
        journal of ours or end before what is known to have been durable, JournalUnavailable otherwise.
        """
        directory = Path(path)
        async with contextlib.AsyncExitStack() as undo:
            with told("opened"):
                lock = await asyncio.to_thread(DirectoryLock.take, directory)
                undo.callback(lock.release)
                writer, reader = await open_files(directory)
                undo.push_async_callback(writer.close)
                undo.push_async_callback(reader.close)
                await check_anchor(reader, await asyncio.to_thread(load_anchor, directory), partition)
                head, archived_seq = await read_head(reader, partition), await read_archived_seq(reader, partition)
                if archived_seq > head.seq:  # an end was lost, and a person let the gateway go on without it
                    archived_seq = head.seq
                    marked = schema.MARK_ARCHIVED, (partition, archived_seq)
                    await writer.run([marked, checkpoints.forgetting(partition, head.seq)])
                journal = cls(directory, partition, lock, writer, reader, head, archived_seq)
                await journal._archive.fill_filter()
            undo.pop_all()
        return journal

    async def append(self, entries: Sequence[Entry]) -> None:
        """Make all records of the batch durable, or none of them. The orders and positions that they closed are found
        at once, and are in the archive some records later.

        Takes everything as it is at the call: what changes while it waits is not written. Raises ValueError when
        the records do not continue the journal (a mistake of the caller).
        """
        if not entries:
            return
        bodies = [encode_record(entry.record) for entry in entries]
        closed = {order.order_id: order for entry in entries for order in entry.closed_orders}
        order_rows = {order_id: order_row(order) for order_id, order in closed.items()}
        self._archive.note(closed.values())
        async with self._turn:
            await self._settle()
            rows, head = self._appender.chained(entries, bodies)
            self._unarchived.add(head.seq, entries, order_rows)
            await self._write([*chunked(schema.insert_records, rows)], head, is_archiving=self._unarchived.is_due)

    def take_up(self, entries: Sequence[Entry]) -> None:
        """See ``ports.journal.ArchivesLater``."""
        closed = {order.order_id: order for entry in entries for order in entry.closed_orders}
        self._archive.note(closed.values())
        rows = {order_id: order_row(order) for order_id, order in closed.items()}
        self._unarchived.add(self._appender.head.seq, entries, rows)

    async def _write(self, statements: list[Statement], head: Head, *, is_archiving: bool) -> None:
        """One transaction, with all that the archive lacks where ``is_archiving``."""
        if is_archiving:
            statements += self._unarchived.statements(self._partition, head.seq)
        await self._appender.write(statements, head)
        if is_archiving:
            self._unarchived.forget()
            self.archived_seq = head.seq

    def read(self, after_seq: int) -> AsyncIterator[Record]:
        """The records after ``after_seq`` up to the last durable one, in order, each checked against the chain.

        Raises JournalBroken at the first one that is not what was written; those before it have been given.
        """
        return read_records(self._reader, self._partition, after_seq, lambda: self._appender.head)

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep it with the newest three, and renew the anchor. ``checkpoint.seq`` must be durable (ValueError)."""
        if not 0 <= checkpoint.seq <= self._appender.head.seq:
            raise ValueError(f"record {checkpoint.seq} is not durable, the last one is {self._appender.head.seq}")
        own_digest = await asyncio.to_thread(checkpoints.digest, checkpoint)
        async with self._turn:
            await self._settle()
            with told("read"):
                record_hash = await record_hash_at(self._reader, self._partition, checkpoint.seq)
            if record_hash is None:
                raise JournalBroken(f"record {checkpoint.seq} is missing")
            # A start folds what comes after the checkpoint: what came before must be in the archive.
            statements = checkpoints.saving(self._partition, checkpoint, own_digest, record_hash)
            await self._write(statements, self._appender.head, is_archiving=True)
            self._in_place.look()
            with told("anchored"):
                await self._drop_anchor(is_closed=False)

    async def load_checkpoint(self) -> Checkpoint | None:
        """The newest one that fits the journal, or None; those skipped are logged with the reason."""
        with told("read"):
            return await checkpoints.load_newest(self._reader, self._partition)

    def may_hold(self, account: str, cl_ord_id: str) -> bool:
        return self._archive.may_hold(account, cl_ord_id)

    async def find(self, order_id: str) -> Order | None:
        with told("read"):
            return await self._archive.find(order_id)

    async def find_by_client_id(self, account: str, cl_ord_id: str) -> Order | None:
        with told("read"):
            return await self._archive.find_by_client_id(account, cl_ord_id)

    async def list_closed(self, query: ClosedPositionQuery) -> list[ClosedPosition]:
        with told("read"):
            return await self._history.list_closed(query)

    async def list_portfolio(self, query: PortfolioQuery) -> list[tuple[int, PortfolioPoint]]:
        with told("read"):
            return await self._history.list_portfolio(query)

    async def _complete_archive(self) -> None:
        if self._unarchived.is_empty:
            return
        await self._settle()
        await self._write([], self._appender.head, is_archiving=True)

    async def list(self, query: OrderQuery) -> Orders:
        with told("read"):
            return await self._archive.list_orders(query)

    async def trace(self, order_id: str, since_ns: int, until_ns: int) -> OrderTrace:
        with told("read"):
            return await trace(self._reader, self._partition, self._appender.head.seq, order_id, since_ns, until_ns)

    async def close(self) -> None:
        """Say in the anchor that this is the end, close the file and let the next owner in. Never raises for the
        disk: without the anchor's word the journal is as after a crash, which is as good."""
        async with self._turn:
            if self._is_closed:
                return
            with contextlib.suppress(JournalUnavailable):
                await self._complete_archive()
            self._is_closed = True
            try:
                await self._appender.settle()
                self._in_place.look()  # the folder may be another journal's by now, and so may the anchor in it
                await self._close_connections()
                # Last, and as the end only when the log was folded into the file: a log that is still there may
                # hold a batch that failed at its very last step, which the next start would find behind the end.
                log = self._directory / f"{schema.FILE_NAME}-wal"
                with told("anchored"):
                    await self._drop_anchor(is_closed=not await asyncio.to_thread(log.exists))
            except JournalUnavailable as error:
                _log.warning("the journal is closed without an anchor: %s", error)
            finally:
                await self._close_connections()
                self._lock.release()

    async def _close_connections(self) -> None:
        """The writer last: the last connection to go folds the write-ahead log into the file."""
        with contextlib.suppress(sqlite3.Error):
            await self._reader.close()
        await self._appender.close()

    async def _settle(self) -> None:
        """Be ready to write."""
        if self._is_closed:
            raise JournalUnavailable("the journal is closed")
        await self._appender.settle()
        self._in_place.look_in_time()
        self._unarchived.forget_after(self._appender.head.seq)
        if self._is_anchor_old:
            with told("anchored"):
                await self._drop_anchor(is_closed=False)

    async def _drop_anchor(self, *, is_closed: bool) -> None:
        """Write down that the journal reached where it stands. Raises OSError."""
        seq, record_hash = self._appender.head
        anchor = Anchor(partition=self._partition, seq=seq, hash=record_hash.hex(), is_closed=is_closed)
        await asyncio.to_thread(write_anchor, self._directory, anchor)
        self._is_anchor_old = False
