"""Reading: everything, in order, and nothing that was not written."""

from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.journal import SqliteJournal, reading
from gateway.ports.journal import JournalBroken
from tests.journal.helpers import opened, read_all, replace_records, tamper, write_notes
from tests.journal.samples import notes

COUNT = 2 * reading._PAGE + 20


async def test_reading_from_anywhere_gives_the_rest(tmp_path: Path) -> None:
    """A start from a checkpoint, and a client that resumes, begin in the middle: at page edges too."""
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, COUNT))
        page = reading._PAGE
        for after in (0, 1, page - 1, page, page + 1, COUNT - page, COUNT - 1, COUNT, COUNT + 5):
            assert [record.seq for record in await read_all(journal, after)] == list(range(after + 1, COUNT + 1))
        with pytest.raises(ValueError, match="count from 1"):
            await read_all(journal, -1)


async def test_a_reader_meets_what_is_appended_meanwhile(tmp_path: Path) -> None:
    """A slow client is served from the journal until it has caught up; it must not miss the records in between."""
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, 3))
        seen = []
        async for record in journal.read(0):
            seen.append(record.seq)
            if len(seen) < 10:
                await journal.append(notes(3 + len(seen), 1))
        assert seen == list(range(1, 13))


TAMPERINGS: dict[str, tuple[str, tuple[Any, ...], str]] = {
    "body": (
        "UPDATE records SET body = replace(body, 'true', 'fals') WHERE seq = 7",
        (),
        "record 7 is not what",
    ),
    "body as text": ("UPDATE records SET body = 'x' WHERE seq = 7", (), "record 7 is not what"),
    "time": ("UPDATE records SET ts_ns = ts_ns + 1 WHERE seq = 7", (), "record 7 is not what"),
    "time as text": ("UPDATE records SET ts_ns = 'noon' WHERE seq = 7", (), "record 7 is not what"),
    "hash": ("UPDATE records SET hash = zeroblob(32) WHERE seq = 7", (), "record 7 is not what"),
    "kind": (
        "UPDATE records SET kind = 'OrderReceived' WHERE seq = 7",
        (),
        "record 7 is marked as OrderReceived",
    ),
    "first removed": ("DELETE FROM records WHERE seq = 1", (), "record 1 is missing"),
    "one removed": ("DELETE FROM records WHERE seq = 7", (), "record 7 is missing"),
    "moved": ("UPDATE records SET seq = 700000 - seq WHERE seq IN (5, 6)", (), "record 5 is missing"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_reading_stops_at_the_first_record_that_is_not_what_was_written(tmp_path: Path, name: str) -> None:
    """Folding an altered record would make positions, limits and duplicates wrong without a word."""
    sql, parameters, message = TAMPERINGS[name]
    await write_notes(tmp_path, 20)
    assert tamper(tmp_path, sql, *parameters) > 0
    (tmp_path / "journal.head").unlink()
    async with opened(tmp_path) as journal:
        seen: list[int] = []
        with pytest.raises(JournalBroken, match=message):
            await _read_into(seen, journal)
        assert seen == list(range(1, len(seen) + 1))
        assert len(seen) < 7


async def _read_into(seen: list[int], journal: SqliteJournal) -> None:
    async for record in journal.read(0):
        seen.append(record.seq)


async def test_swapped_records_are_noticed(tmp_path: Path) -> None:
    """Each is what was written, but not there: a fill before its order."""
    await write_notes(tmp_path, 20)
    for old, new in ((5, -1), (6, 5), (-1, 6)):
        tamper(tmp_path, "UPDATE records SET seq = ? WHERE seq = ?", new, old)
    async with opened(tmp_path) as journal:
        with pytest.raises(JournalBroken, match="record 5 is not what was written"):
            await read_all(journal)


async def test_an_end_cut_off_behind_a_running_gateway_is_noticed(tmp_path: Path) -> None:
    """The chain alone cannot show it; this process knows where it left the journal."""
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, 20))
        tamper(tmp_path, "DELETE FROM records WHERE seq > 15")
        with pytest.raises(JournalBroken, match="records 16 to 20 are missing"):
            await read_all(journal)


async def test_starting_behind_a_record_that_is_gone_is_refused(tmp_path: Path) -> None:
    """Without the record before, the first one read could not be held against anything."""
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, 20))
        tamper(tmp_path, "DELETE FROM records WHERE seq = 9")
        with pytest.raises(JournalBroken, match="record 9 is missing"):
            await read_all(journal, 9)


async def test_a_history_rewritten_behind_a_running_gateway_is_noticed(tmp_path: Path) -> None:
    """The chain has no secret: whoever rewrites to the very end leaves a valid one, but not the one we wrote."""
    await write_notes(tmp_path / "forged", 20)
    async with opened(tmp_path / "real") as journal:
        await journal.append(notes(1, 20, text="true"))
        replace_records(tmp_path / "real", tmp_path / "forged")
        with pytest.raises(JournalBroken, match="rewritten"):
            await read_all(journal)


async def test_damage_to_the_file_itself_is_told_as_such(tmp_path: Path) -> None:
    """A disk that lost pages: not "try again later", which JournalUnavailable would say."""
    await write_notes(tmp_path, 2_000)
    file = tmp_path / "journal.sqlite3"
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200_000] = b"\xaa" * 200_000
    file.write_bytes(data)
    with pytest.raises(JournalBroken, match=r"damaged, or the disk cannot read a part of it \(.*look at the disk"):
        async with opened(tmp_path) as journal:
            await read_all(journal)
