"""Backup and restore: whole, of one moment, while the gateway writes; and nothing is put back that does not verify."""

import asyncio
import shutil
from pathlib import Path

import pytest

from gateway.adapters.journal import verify
from gateway.adapters.journal.backup import BackupRefused, restore_backup, take_backup
from tests.journal.helpers import opened, read_all, tamper, write_notes
from tests.journal.samples import notes


async def test_a_backup_taken_while_the_journal_is_written_is_whole_and_of_one_moment(tmp_path: Path) -> None:
    """Without this, a copy could hold half a transaction, and nobody would know before the day it is needed."""
    data = tmp_path / "data"
    async with opened(data) as journal:
        await journal.append(notes(1, 200))
        (data / "halt_mark.json").write_text("{}")
        (data / "last_good").mkdir()
        (data / "last_good" / "risk.yaml").write_text("limits: {}")
        is_done = False

        async def write() -> None:
            seq = 201
            while not is_done:
                await journal.append(notes(seq, 3))
                seq += 3

        writing = asyncio.ensure_future(write())
        for number in range(4):
            report = await asyncio.to_thread(take_backup, data, tmp_path / f"copy{number}")
            assert report.is_intact
            assert report.last_seq is not None
            assert report.last_seq >= 200
        is_done = True
        await writing
    copy = tmp_path / "copy3"
    assert sorted(path.name for path in copy.iterdir()) == [
        "halt_mark.json",
        "journal.head",
        "journal.sqlite3",
        "last_good",
    ]
    assert (copy / "last_good" / "risk.yaml").read_text() == "limits: {}"


async def test_what_was_restored_goes_on_where_the_backup_was_taken(tmp_path: Path) -> None:
    """Without this, a restored journal would be refused at the start, or go on with a gap."""
    await write_notes(tmp_path / "data", 7)
    take_backup(tmp_path / "data", tmp_path / "copy")
    (tmp_path / "other").mkdir()
    restore_backup(tmp_path / "copy", tmp_path / "other")
    async with opened(tmp_path / "other") as journal:
        assert [record.seq for record in await read_all(journal)] == list(range(1, 8))
        await journal.append(notes(8, 1))
    assert verify(tmp_path / "other").is_intact
    assert verify(tmp_path / "copy").is_intact, "the backup itself stays as it was"


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("UPDATE records SET body = body || ' ' WHERE seq = 3", "not a whole backup"),
        ("DELETE FROM records WHERE seq = 7", "not a whole backup"),
        ("DELETE FROM records WHERE seq = 4", "not a whole backup"),
    ],
)
async def test_a_backup_that_was_altered_or_cut_is_not_put_back(tmp_path: Path, harm: str, words: str) -> None:
    """Without this, a forged or truncated past would become the book that money is traded on."""
    await write_notes(tmp_path / "data", 7)
    take_backup(tmp_path / "data", tmp_path / "copy")
    tamper(tmp_path / "copy", harm)
    with pytest.raises(BackupRefused, match=words):
        restore_backup(tmp_path / "copy", tmp_path / "new")
    assert not (tmp_path / "new").exists()


async def test_nothing_is_written_over(tmp_path: Path) -> None:
    """Without this, a slip of the hand would replace the journal by yesterday's."""
    await write_notes(tmp_path / "data", 3)
    take_backup(tmp_path / "data", tmp_path / "copy")
    before = (tmp_path / "data" / "journal.sqlite3").read_bytes()
    for action in (lambda: restore_backup(tmp_path / "copy", tmp_path / "data"),
                   lambda: take_backup(tmp_path / "data", tmp_path / "copy")):  # fmt: skip
        with pytest.raises(BackupRefused, match="move it away first"):
            action()
    assert (tmp_path / "data" / "journal.sqlite3").read_bytes() == before
    with pytest.raises(BackupRefused, match="holds no journal"):
        take_backup(tmp_path / "nowhere", tmp_path / "copy2")


@pytest.mark.parametrize("harm", ["UPDATE records SET hash = x'00' WHERE seq = 2", "DELETE FROM records WHERE seq = 5"])
async def test_a_damaged_journal_gives_no_backup_and_leaves_no_half_of_one(tmp_path: Path, harm: str) -> None:
    """Without this, a backup of a broken journal would push out the last good one."""
    await write_notes(tmp_path / "data", 5)
    tamper(tmp_path / "data", harm)
    with pytest.raises(BackupRefused, match="does not verify"):
        take_backup(tmp_path / "data", tmp_path / "copy")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["data"]  # noqa: ASYNC240 - one look


async def test_a_copy_never_lies_within_what_it_copies(tmp_path: Path) -> None:
    """Without this, a copy would copy itself until the disk of the journal is full."""
    await write_notes(tmp_path / "data", 3)
    for inside in (tmp_path / "data", tmp_path / "data" / "backup", tmp_path / "data" / ".." / "data" / "b"):
        with pytest.raises(BackupRefused, match="lies within"):
            take_backup(tmp_path / "data", inside)
    take_backup(tmp_path / "data", tmp_path / "copy")
    with pytest.raises(BackupRefused, match="lies within"):
        restore_backup(tmp_path / "copy", tmp_path / "copy" / "data")


async def test_an_unfinished_copy_is_not_taken_for_a_backup(tmp_path: Path) -> None:
    """Without this, the rest of a copy that was killed would be completed by files of another day."""
    await write_notes(tmp_path / "data", 5)
    (tmp_path / "copy.partial").mkdir()
    with pytest.raises(BackupRefused, match="was not finished"):
        take_backup(tmp_path / "data", tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy.partial")
    assert take_backup(tmp_path / "data", tmp_path / "copy").records == 5
