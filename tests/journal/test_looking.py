"""A journal on a disk that takes no writes, as an auditor's copy or a mounted snapshot is."""

import os
import shutil
from pathlib import Path

import pytest

from gateway.adapters.journal import verify
from gateway.adapters.journal.backup import take_backup
from gateway.adapters.journal.outside import from_outside, read_only
from gateway.app.checks import audit_verify, replay_journal
from gateway.ports.journal import JournalUnavailable
from tests.journal.helpers import opened, write_notes
from tests.journal.read_only import no_writes, open_to_all
from tests.journal.samples import notes


async def left_open(source: Path, copy: Path) -> None:
    """What a gateway that was killed leaves: records in the log, and no shared memory after a boot."""
    async with opened(source) as journal:
        await journal.append(notes(1, 9))
        shutil.copytree(source, copy)
    (copy / "journal.sqlite3-shm").unlink()


async def test_a_closed_journal_is_read_where_nothing_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, only the audit works on a copy that is kept as evidence: replay, explain and whatif say that the
    file cannot be opened."""
    await write_notes(tmp_path, 9)
    with no_writes(tmp_path) as copy:
        async with read_only(copy) as records:
            assert [record.seq async for record in records] == list(range(1, 10))
        assert audit_verify(copy) == 0
        await replay_journal(copy)
    assert "9 events decided again" in capsys.readouterr().out


async def test_an_empty_log_holds_nothing_back(tmp_path: Path) -> None:
    """Without this, a copy of a journal that somebody has looked at cannot be read: a look leaves an empty log."""
    await write_notes(tmp_path, 9)
    (tmp_path / "journal.sqlite3-wal").touch()
    with no_writes(tmp_path) as copy:
        assert verify(copy).records == 9


async def test_a_backup_is_taken_of_what_cannot_be_written(tmp_path: Path) -> None:
    """Without this, a disk that went read-only, as failing disks do, cannot be saved from."""
    await write_notes(tmp_path, 9)
    with open_to_all() as elsewhere, no_writes(tmp_path) as copy:
        assert take_backup(copy, elsewhere / "backup").records == 9


async def test_what_a_log_holds_is_not_left_out_in_silence(tmp_path: Path) -> None:
    """Without this, a journal that was not closed is read without its last records, or is said to be unopenable."""
    await left_open(tmp_path / "data", tmp_path / "killed")
    with no_writes(tmp_path / "killed") as copy:
        with pytest.raises(JournalUnavailable, match=r"journal\.sqlite3-wal beside it .*: copy .* name the copy"):
            async with from_outside(copy):
                pass
        assert "name the copy" in verify(copy).problems[0].what


async def test_a_folder_that_may_not_be_looked_into_is_refused_in_words(tmp_path: Path) -> None:
    """Without this, a data directory of another user is a traceback."""
    await write_notes(tmp_path, 1)
    with no_writes(tmp_path) as copy:
        if os.geteuid() == 65534:
            os.seteuid(0)
            copy.chmod(0)
            os.seteuid(65534)
        else:
            copy.chmod(0)
        with pytest.raises(JournalUnavailable, match="Permission denied"):
            async with from_outside(copy):
                pass
