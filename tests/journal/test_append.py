"""Appending: all or nothing, in one order, by one owner."""

import asyncio
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.adapters.journal import JournalLocked, SqliteJournal, connection
from gateway.adapters.journal.connection import chunked
from gateway.domain.facts import OrderHeld
from gateway.domain.records import Entry
from gateway.ports.journal import JournalBroken, JournalUnavailable
from tests.journal.helpers import open_and_close, opened, read_all, tamper, write_notes
from tests.journal.samples import admission, note, notes, order


@pytest.mark.parametrize("count", [1, 2, 3, 63, 64, 65, 127, 700])
async def test_a_batch_of_any_size_is_there_after_a_restart(tmp_path: Path, count: int) -> None:
    """Batches are cut into prepared statements of at most 64 rows: a wrong cut would lose or repeat rows."""
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, count))
        await journal.append([])
        await journal.append(notes(count + 1, 1))
    async with opened(tmp_path) as journal:
        assert await read_all(journal) == [entry.record for entry in notes(1, count + 1)]


def test_batches_are_cut_into_few_statements() -> None:
    """Every statement is a fight for the interpreter lock: 512 rows must not be 512 statements."""
    pieces = list(chunked(lambda n: str(n), [(i, i) for i in range(512 + 3)]))
    assert [sql for sql, _ in pieces] == ["64"] * 8 + ["3"]
    assert [value for _, values in pieces for value in values] == [i for i in range(515) for _ in (0, 1)]


async def test_records_that_do_not_continue_the_journal_are_refused(tmp_path: Path) -> None:
    """A gap or a repeated number is a mistake of the caller; written down it would break the journal for good."""
    async with opened(tmp_path) as journal:
        for wrong in (notes(2, 1), notes(0, 1), [Entry(record=note(1)), Entry(record=note(1))]):
            with pytest.raises(ValueError, match="goes on with"):
                await journal.append(wrong)
        await journal.append(notes(1, 2))
        with pytest.raises(ValueError, match="record 2 was given, and the journal goes on with 3"):
            await journal.append(notes(2, 1))
        assert len(await read_all(journal)) == 2


async def test_an_append_writes_what_was_there_when_it_was_called(tmp_path: Path) -> None:
    """The state runs ahead of the journal: an order that changes while its record waits must not change in it."""
    async with opened(tmp_path) as journal:
        first = asyncio.gather(journal.append(notes(1, 1)))
        entry = admission(2, closed_orders=(order("o-1", cl_ord_id="c-1"),))
        second = asyncio.gather(journal.append([entry]))
        await asyncio.sleep(0)  # both have begun
        held = entry.record.facts[0]
        assert isinstance(held, OrderHeld)
        held.order.notes = entry.closed_orders[0].notes = ("changed later",)
        await first
        await second
        (record,) = await read_all(journal, 1)
        held = record.facts[0]
        assert isinstance(held, OrderHeld)
        assert held.order.notes == ()
        found = await journal.find("o-1")
        assert found is not None
        assert found.notes == ()


async def test_appends_that_overlap_take_turns(tmp_path: Path) -> None:
    """Two batches chained to the same head would tear the chain."""
    async with opened(tmp_path) as journal:
        await asyncio.gather(*[journal.append(notes(1 + 3 * i, 3)) for i in range(20)])
        assert [record.seq for record in await read_all(journal)] == list(range(1, 61))


async def test_a_cancelled_append_leaves_the_journal_usable(tmp_path: Path) -> None:
    """The transaction of a cancelled append goes on in its thread. If the journal forgot that, every later append
    would collide with it, or leave a gap."""
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, 1))
        append = asyncio.gather(journal.append(notes(2, 3)))
        await asyncio.sleep(0)
        append.cancel()
        with pytest.raises(asyncio.CancelledError):
            await append
        # Cancelled when it was on its way to the disk already: it came true, and the journal knows.
        with pytest.raises(ValueError, match="goes on with 5"):
            await journal.append(notes(2, 1))
        await journal.append(notes(5, 1))
        assert [record.seq for record in await read_all(journal)] == [1, 2, 3, 4, 5]


async def test_a_second_process_is_refused_by_name(tmp_path: Path) -> None:
    """Two gateways on one data directory would both send the same orders. The message names the owner."""
    pipe = asyncio.subprocess.PIPE
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _OWN_AND_WAIT, str(tmp_path), stdin=pipe, stdout=pipe
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    assert await owner.stdout.readline() == b"owned\n"
    with pytest.raises(JournalLocked, match=f"in use by process {owner.pid}"):
        await open_and_close(tmp_path)
    owner.stdin.close()
    assert await owner.wait() == 0
    await open_and_close(tmp_path)  # free again


_OWN_AND_WAIT = """
import sys
from pathlib import Path
from gateway.adapters.journal.lock import DirectoryLock
lock = DirectoryLock.take(Path(sys.argv[1]))
print("owned", flush=True)
sys.stdin.read()
"""


async def test_a_second_owner_in_the_same_process_is_refused_too(tmp_path: Path) -> None:
    """Locks of the POSIX kind would let it in, and drop the first one's lock when it leaves."""
    async with opened(tmp_path):
        for _ in range(2):
            with pytest.raises(JournalLocked, match=f"process {os.getpid()}"):
                await open_and_close(tmp_path)


async def test_a_failed_opening_lets_go_of_the_directory(tmp_path: Path) -> None:
    """Else the operator who mended the files would be told that a process that is gone still owns them."""
    (tmp_path / "journal.sqlite3").write_bytes(b"this is no database, and long enough to be looked at" * 100)
    for _ in range(2):
        with pytest.raises(JournalBroken, match="not an SQLite database"):
            await open_and_close(tmp_path)
    (tmp_path / "journal.sqlite3").unlink()
    await write_notes(tmp_path, 1)


async def test_a_second_writer_cannot_append(tmp_path: Path) -> None:
    """Whoever gets past the lock (another machine on a shared disk) fails on the key: nothing is overwritten, and
    the first writer notices as well."""
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, 3))
        tamper(
            tmp_path,
            "INSERT INTO records SELECT partition, 4, ts_ns, kind, body, hash FROM records WHERE seq=3",
        )
        with pytest.raises(JournalUnavailable, match="another process wrote to this journal"):
            await journal.append(notes(4, 3))
        # The failed transaction is over: it does not keep the other one from its file.
        assert tamper(tmp_path, "UPDATE records SET kind = kind WHERE seq = 4") == 1
        with pytest.raises(JournalUnavailable, match=r"stands at record 4, and this process left it at 3.*Restart"):
            await journal.append(notes(4, 2))
        assert len(await read_all(journal)) == 3


async def test_another_program_that_holds_the_file_is_an_outage_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Someone's database tool in the middle of a transaction: appends fail, in words, and work once it is done."""
    monkeypatch.setattr(connection, "_BUSY_TIMEOUT_S", 0.05)
    async with opened(tmp_path) as journal:
        with closing(sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalUnavailable, match="another process keeps the journal file locked"):
                await journal.append(notes(1, 1))
        await journal.append(notes(1, 1))
        assert len(await read_all(journal)) == 1


async def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    """And does not hang, or raise what no caller expects."""
    journal = await SqliteJournal.open(tmp_path)
    await journal.append(notes(1, 1))
    await journal.close()
    await journal.close()
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.append(notes(2, 1))
    with pytest.raises(JournalUnavailable, match="closed"):
        await read_all(journal)
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.find("o-1")


async def test_a_file_of_another_kind_or_time_is_refused(tmp_path: Path) -> None:
    """Creating our tables in somebody's database, or writing old rows into a newer schema, cannot be undone."""
    await write_notes(tmp_path, 1)
    tamper(tmp_path, "PRAGMA user_version = 4")
    with pytest.raises(JournalBroken, match="schema version 4, and this gateway knows version 3"):
        await open_and_close(tmp_path)
    tamper(tmp_path, "PRAGMA application_id = 7")
    with pytest.raises(JournalBroken, match="not a journal of this gateway"):
        await open_and_close(tmp_path)


async def test_partitions_do_not_mix(tmp_path: Path) -> None:
    """The key is (partition, seq): accounts spread over machines later share a schema, not numbers or chains."""
    await write_notes(tmp_path, 3)
    (tmp_path / "journal.head").unlink()
    journal = await SqliteJournal.open(tmp_path, partition="other")
    assert await read_all(journal) == []
    await journal.append(notes(1, 2))
    assert len(await read_all(journal)) == 2
    await journal.close()
    tamper(tmp_path, "DELETE FROM records WHERE partition = 'main'")
    tamper(tmp_path, "UPDATE records SET partition = 'main'")
    (tmp_path / "journal.head").unlink()
    async with opened(tmp_path) as main:
        with pytest.raises(JournalBroken, match="record 1 "):
            await read_all(main)
