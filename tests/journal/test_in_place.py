"""The folder taken away under a journal that is open: nothing is called durable that no start would find."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.adapters.journal import SqliteJournal, in_place, verify
from gateway.domain.records import Checkpoint
from gateway.ports.journal import JournalUnavailable
from tests.journal.helpers import opened, read_all
from tests.journal.samples import notes


@pytest.fixture(autouse=True)
def _always_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_place, "_EVERY_S", 0.0)


def _without(name: str) -> Callable[[Path], None]:
    return lambda home: (home / name).unlink()


def _replaced(home: Path) -> None:
    shutil.copytree(home, home.with_name("copy"))
    shutil.rmtree(home)
    home.with_name("copy").rename(home)


@pytest.mark.parametrize(
    "harm",
    [
        shutil.rmtree,
        _replaced,
        _without("journal.lock"),
        _without("journal.sqlite3"),
        _without("journal.sqlite3-wal"),
        _without("journal.sqlite3-shm"),
    ],
)
async def test_what_no_start_would_find_is_not_durable(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """Without this, orders are answered and sent that the next start knows nothing of: their file has no name any
    more. Without its lock or its log, a second gateway would also run beside the first."""
    home = tmp_path / "data"
    journal = await SqliteJournal.open(home)
    try:
        await journal.append(notes(1, 3))
        harm(home)
        for _ in range(2):
            with pytest.raises(JournalUnavailable, match="removed, moved or replaced"):
                await journal.append(notes(4, 1))
        with pytest.raises(JournalUnavailable, match="removed, moved or replaced"):
            await journal.save_checkpoint(Checkpoint(seq=3, ts_ns=1, state=b"s", state_hash="h"))
    finally:
        await journal.close()


async def test_a_folder_that_is_put_back_is_written_to_again(tmp_path: Path) -> None:
    """Without this, a slip that is undone at once would still cost a restart."""
    home, away = tmp_path / "data", tmp_path / "away"
    async with opened(home) as journal:
        await journal.append(notes(1, 3))
        home.rename(away)
        with pytest.raises(JournalUnavailable, match="removed, moved or replaced"):
            await journal.append(notes(4, 1))
        away.rename(home)
        await journal.append(notes(4, 1))
        assert len(await read_all(journal)) == 4
    assert verify(home).is_intact


async def test_the_end_of_one_journal_is_not_written_beside_another(tmp_path: Path) -> None:
    """Without this, a gateway that is stopped after its folder was moved away leaves its own end in the folder that
    took its place: the journal there is refused at its next start."""
    home = tmp_path / "data"
    async with opened(home) as first:
        await first.append(notes(1, 5))
        home.rename(tmp_path / "away")
        async with opened(home) as second:
            await second.append(notes(1, 2))
    async with opened(home) as again:
        assert len(await read_all(again)) == 2
