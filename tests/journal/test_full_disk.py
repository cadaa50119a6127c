"""A disk that is full: nothing of a batch is in the journal, and the next one works once there is room."""

import contextlib
import resource
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gateway.adapters.journal import SqliteJournal, connection, verify
from gateway.adapters.journal.connection import Statement
from gateway.domain.records import Checkpoint, Entry
from gateway.ports.journal import JournalUnavailable
from tests.disks import small_disk
from tests.journal.helpers import opened, read_all
from tests.journal.samples import note, notes, order


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, "2m") as folder:
        yield folder


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file may grow beyond ``size`` for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def _fill(journal: SqliteJournal, first_seq: int) -> tuple[int, str]:
    """Append until the disk will not have it. Returns the last durable number, and what was said."""
    seq = first_seq
    while True:
        batch = notes(seq, 10, text="x" * 1_000)
        try:
            await journal.append(batch)
        except JournalUnavailable as error:
            return seq - 1, str(error)
        seq += 10


async def test_a_full_disk_loses_nothing_and_can_be_cleared(disk: Path) -> None:
    """The real thing. A batch half in the journal, or one that was refused and turns up later, would be an order
    that was answered with 503 and is traded after the next restart."""
    ballast = disk / "ballast"
    ballast.write_bytes(b"\0" * 600_000)
    async with opened(disk) as journal:
        await journal.append([Entry(record=note(1), closed_orders=(order("o-1", cl_ord_id="c-1"),))])
        last, said = await _fill(journal, 2)
        assert "the disk is full" in said
        for _ in range(3):  # the gateway tries again every half second
            with pytest.raises(JournalUnavailable, match="the disk is full"):
                await journal.append(notes(last + 1, 64, text="y" * 1_000))
        with pytest.raises(JournalUnavailable, match="the disk is full"):
            await journal.save_checkpoint(Checkpoint(seq=last, ts_ns=1, state=b"s" * 200_000, state_hash="h"))
        # Reading goes on meanwhile.
        assert [record.seq for record in await read_all(journal)] == list(range(1, last + 1))
        assert await journal.find("o-1") is not None

        ballast.unlink()
        await journal.append(notes(last + 1, 3, text="z"))
        await journal.save_checkpoint(Checkpoint(seq=last + 3, ts_ns=1, state=b"s", state_hash="h"))
    await _check_after_restart(disk, last)


async def test_a_quota_is_told_and_survived_like_a_full_disk(tmp_path: Path) -> None:
    """Without this, a limit on the size of files, which any user can set, would end the gateway where a full disk
    does not."""
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, 5))
        with file_size_limit(500_000):
            last, said = await _fill(journal, 6)
            with pytest.raises(JournalUnavailable):
                await journal.append(notes(last + 1, 64, text="y" * 1_000))
        assert "quota is used up" in said
        assert [record.seq for record in await read_all(journal)] == list(range(1, last + 1))
        await journal.append(notes(last + 1, 3, text="z"))
    await _check_after_restart(tmp_path, last)


async def _check_after_restart(directory: Path, last: int) -> None:
    async with opened(directory) as journal:
        records = await read_all(journal)
    assert [record.seq for record in records] == list(range(1, last + 4))
    assert [record for record in records if record.seq > last] == [
        entry.record for entry in notes(last + 1, 3, text="z")
    ]
    assert verify(directory).is_intact


def _fill_rest(path: Path) -> None:
    """To the last byte: the database leaves what is less than a page."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 100)


async def test_a_clean_stop_on_a_full_disk_is_still_a_stop(disk: Path) -> None:
    """The anchor cannot be written then; the process must end all the same, and start again on what is there."""
    (disk / "ballast").write_bytes(b"\0" * 600_000)
    journal = await SqliteJournal.open(disk)
    await journal.append(notes(1, 3))
    last, _ = await _fill(journal, 4)
    _fill_rest(disk / "rest")
    await journal.close()
    (disk / "rest").unlink()
    (disk / "ballast").unlink()
    async with opened(disk) as journal:
        assert [record.seq for record in await read_all(journal)] == list(range(1, last + 1))
        assert verify(disk).is_intact


@contextlib.contextmanager
def _failing_after_commit(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A disk error that is reported although the transaction went through."""
    run = connection._StagingConnection._run

    def fails(self: connection._StagingConnection, statements: Sequence[Statement]) -> None:
        run(self, statements)
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(connection._StagingConnection, "_run", fails)
        yield


async def test_a_batch_that_was_reported_lost_and_is_there_is_not_built_upon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was told 503 must not find the order traded. What the process remembers and what the file holds are
    two histories then: only a restart, which believes the file, may go on."""
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, 2))
        with _failing_after_commit(monkeypatch), pytest.raises(JournalUnavailable, match="disk I/O error"):
            await journal.append(notes(3, 2))
        assert len(await read_all(journal)) == 2
        with pytest.raises(JournalUnavailable, match=r"stands at record 4.*left it at 2.*Restart"):
            await journal.append(notes(3, 1, text="other"))
    async with opened(tmp_path) as journal:
        assert [record.seq for record in await read_all(journal)] == [1, 2, 3, 4]
        await journal.append(notes(5, 1))


async def test_a_file_that_cannot_be_opened_again_is_an_outage(tmp_path: Path) -> None:
    """After a failure the connection is replaced; should that fail as well, the next append tries again."""
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, 1))
        file, away = tmp_path / "journal.sqlite3", tmp_path / "away"
        with file_size_limit(500_000):
            last, _ = await _fill(journal, 2)
        file.rename(away)
        for _ in range(2):
            with pytest.raises(JournalUnavailable, match="cannot be opened again"):
                await journal.append(notes(last + 1, 1))
        away.rename(file)
        await journal.append(notes(last + 1, 1))
        assert len(await read_all(journal)) == last + 1
