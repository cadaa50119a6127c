"""A batch whose very last step failed: all of it lies in the write-ahead log, and nobody may ever believe it."""

import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.adapters.journal import SqliteJournal, connection, verify
from gateway.adapters.journal.connection import Statement
from gateway.domain.records import Entry
from gateway.ports.journal import JournalUnavailable
from tests.journal.helpers import opened, read_all
from tests.journal.samples import notes

_FILES = ("journal.sqlite3", "journal.sqlite3-wal")


def copied(source: Path, target: Path) -> Path:
    """What a process finds that starts after ``kill -9``: the database and its log, without the shared memory."""
    target.mkdir()
    for name in (*_FILES, "journal.head"):
        if (source / name).exists():
            shutil.copy(source / name, target / name)
    return target


async def log_with(directory: Path, scratch: Path, batch: Sequence[Entry]) -> bytes:
    """The write-ahead log of ``directory`` as it would be had ``batch`` been written behind its end."""
    copied(directory, scratch)
    async with opened(scratch) as other:
        await other.append(batch)
        return (scratch / _FILES[1]).read_bytes()


@pytest.mark.parametrize("is_dead", [False, True], ids=["the flush fails once", "every flush fails from now on"])
async def test_a_batch_that_could_not_be_flushed_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_dead: bool
) -> None:
    """Without this, a kill soon after a failed flush would bring orders to life whose clients were told 503: SQLite
    has forgotten the batch, but the bytes stand in the log, complete, and the next process would read them."""
    home = tmp_path / "home"
    async with opened(home) as journal:
        await journal.append(notes(1, 3))
        refused = notes(4, 5, text="refused")
        log = await log_with(home, tmp_path / "scratch", refused)
        run = connection._StagingConnection._run
        runs: list[Sequence[Statement]] = []

        def fails(self: connection._StagingConnection, statements: Sequence[Statement]) -> None:
            """The first is written to the log and not flushed; what follows may be written, but not flushed either."""
            runs.append(statements)
            if len(runs) == 1:
                (home / _FILES[1]).write_bytes(log)
            else:
                run(self, statements)
            if len(runs) == 1 or is_dead:
                raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as patch:
            patch.setattr(connection._StagingConnection, "_run", fails)
            # That this is what a failed flush leaves behind: a process killed here would find the batch.
            await _finds(_with_log(home, tmp_path / "proof", log), 8)
            runs.clear()
            with pytest.raises(JournalUnavailable, match="disk I/O error"):
                await journal.append(refused)
        await _finds(copied(home, tmp_path / "killed"), 3)
        assert len(await read_all(journal)) == 3
        await journal.append(notes(4, 1, text="later"))
        await _finds(copied(home, tmp_path / "killed-later"), 4)
    assert verify(home).is_intact


def _with_log(home: Path, target: Path, log: bytes) -> Path:
    copied(home, target)
    (target / _FILES[1]).write_bytes(log)
    return target


async def _finds(directory: Path, last: int) -> None:
    journal = await SqliteJournal.open(directory)
    try:
        assert [record.seq for record in await read_all(journal)] == list(range(1, last + 1))
    finally:
        await journal.close()
