"""Checkpoints: a restart may begin at one, if it is what was written and fits the journal."""

import logging
from pathlib import Path

import pytest

from gateway.domain.records import Checkpoint
from gateway.ports.journal import JournalBroken
from tests.journal.helpers import opened, read_all, replace_records, tamper, write_notes
from tests.journal.samples import notes


def checkpoint(seq: int, state: bytes = b"the state") -> Checkpoint:
    return Checkpoint(seq=seq, ts_ns=1_000 + seq, state=state, state_hash=f"hash of {seq}")


async def _journal_with_checkpoints(directory: Path, *seqs: int) -> None:
    async with opened(directory) as journal:
        await journal.append(notes(1, 20))
        for seq in seqs:
            await journal.save_checkpoint(checkpoint(seq))


async def _loaded_seq(directory: Path) -> int | None:
    async with opened(directory) as journal:
        loaded = await journal.load_checkpoint()
        return loaded.seq if loaded else None


async def test_the_newest_checkpoint_comes_back_whole(tmp_path: Path) -> None:
    """Also a large one, of any bytes, and one before the first record; and none where there is none."""
    state = bytes(range(256)) * 20_000
    async with opened(tmp_path) as journal:
        assert await journal.load_checkpoint() is None
        await journal.save_checkpoint(checkpoint(0))
        assert await journal.load_checkpoint() == checkpoint(0)
        await journal.append(notes(1, 20))
        await journal.save_checkpoint(checkpoint(10, state))
    async with opened(tmp_path) as journal:
        assert await journal.load_checkpoint() == checkpoint(10, state)
        await journal.append(notes(21, 1))
        assert [record.seq for record in await read_all(journal, 10)] == list(range(11, 22))


async def test_three_are_kept(tmp_path: Path) -> None:
    """Fewer, and two bad ones in a row cost a fold from the start; more, and the file grows for ever."""
    await _journal_with_checkpoints(tmp_path, 2, 4, 4, 6, 8)
    for seq in (8, 6, 4):
        assert await _loaded_seq(tmp_path) == seq
        assert tamper(tmp_path, "DELETE FROM checkpoints WHERE seq = ?", seq) == 1
    assert await _loaded_seq(tmp_path) is None


@pytest.mark.parametrize(
    "change",
    [
        "state = CAST('other' AS BLOB)",
        "state = substr(state, 2)",
        "ts_ns = ts_ns + 1",
        "state_hash = 'forged'",
        "digest = zeroblob(32)",
        "record_hash = zeroblob(32)",
    ],
)
async def test_a_checkpoint_that_was_altered_is_passed_over(
    tmp_path: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A start from a wrong state would never be noticed again: the next checkpoint carries it on."""
    await _journal_with_checkpoints(tmp_path, 5, 10)
    assert tamper(tmp_path, f"UPDATE checkpoints SET {change} WHERE seq = 10") == 1
    with caplog.at_level(logging.WARNING):
        assert await _loaded_seq(tmp_path) == 5
    assert "checkpoint at record 10 is not used" in caplog.text


async def test_a_checkpoint_of_another_history_is_passed_over(tmp_path: Path) -> None:
    """The records were put back from a copy that went another way: the state of the lost way must not return."""
    await _journal_with_checkpoints(tmp_path / "ours", 5, 20)
    await write_notes(tmp_path / "other", 12)
    replace_records(tmp_path / "ours", tmp_path / "other")
    tamper(
        tmp_path / "ours",
        "UPDATE checkpoints SET record_hash = (SELECT hash FROM records WHERE seq = 5) WHERE seq = 5",
    )
    (tmp_path / "ours" / "journal.head").unlink()
    # Record 20 is gone; 5 was made to fit.
    assert await _loaded_seq(tmp_path / "ours") == 5


async def test_a_checkpoint_ahead_of_the_journal_is_refused(tmp_path: Path) -> None:
    """A state that holds what is not durable would bring back orders that were taken back."""
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, 3))
        with pytest.raises(ValueError, match="record 4 is not durable"):
            await journal.save_checkpoint(checkpoint(4))
        tamper(tmp_path, "DELETE FROM records WHERE seq = 2")
        with pytest.raises(JournalBroken, match="record 2 is missing"):
            await journal.save_checkpoint(checkpoint(2))
