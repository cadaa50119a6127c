"""The audit of the file that holds the journal: what was altered there that no chain covers, and that a start meets."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.adapters.journal import verify
from gateway.adapters.journal.backup import BackupRefused, take_backup
from gateway.app.checks import audit_verify, replay_journal
from gateway.domain.records import Checkpoint, Entry
from gateway.ports.journal import JournalBroken
from tests.journal.helpers import open_and_close, opened, read_all, tamper
from tests.journal.samples import note, notes, order


@pytest.fixture
async def kept(tmp_path: Path) -> Path:
    """Three records, one with an order that is finished, and checkpoints at 1 and 3."""
    async with opened(tmp_path) as journal:
        await journal.append(notes(1, 2))
        await journal.save_checkpoint(Checkpoint(seq=1, ts_ns=1, state=b"s", state_hash="h"))
        await journal.append([Entry(record=note(3), closed_orders=(order("o-1", cl_ord_id="c-1"),))])
        await journal.save_checkpoint(Checkpoint(seq=3, ts_ns=1, state=b"s", state_hash="h"))
    return tmp_path


def found(directory: Path) -> list[str]:
    return [problem.what for problem in verify(directory).problems]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE checkpoints SET seq = 'none' WHERE seq = 3", "the checkpoint at record none was altered"),
        ("UPDATE archived SET seq = 'none'", "the archive says that it is complete up to record none, which is not"),
        ("UPDATE archived SET seq = -1", "complete up to record -1, and it was at record 3"),
        ("DELETE FROM archived", "complete up to record 0, and it was at record 3"),
        ("UPDATE orders SET body = CAST(body AS TEXT)", "order o-1 in the archive was altered"),
        ("UPDATE orders SET account = CAST(x'ff' AS TEXT)", "order o-1 in the archive was altered"),
        ("UPDATE records SET kind = CAST(x'ff' AS TEXT) WHERE seq = 2", "is marked as \ufffd"),
    ],
)
async def test_what_is_of_no_kind_is_a_finding_and_stops_no_start(kept: Path, sql: str, words: str) -> None:
    """Without this, the audit ends in a traceback that names nothing, or at the first text that is none; and a start
    ends in one that no operator can read."""
    assert found(kept) == []
    assert tamper(kept, sql) == 1
    (what,) = found(kept)
    assert words in what
    if "CAST(x" not in sql:
        await open_and_close(kept)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE TRIGGER t BEFORE INSERT ON records BEGIN SELECT RAISE(IGNORE); END", "trigger t was not made by"),
        ("CREATE VIEW v AS SELECT 1", "view v was not made by the gateway"),
        ("DROP INDEX orders_by_client_id", "index orders_by_client_id is missing"),
        ("ALTER TABLE orders ADD COLUMN more TEXT", "table orders was altered"),
        ("PRAGMA application_id = 5", "journal.sqlite3 is not marked as a journal of this gateway"),
        ("PRAGMA user_version = 2", "table archived was not made by the gateway"),
    ],
)
def test_tables_that_are_not_the_gateways_are_found(kept: Path, sql: str, words: str) -> None:
    """Without this, the audit calls a file whole on which no gateway starts, or that swallows what is written to it."""
    tamper(kept, sql)
    (what,) = found(kept)
    assert words in what


def test_what_the_audit_does_not_know_is_told_as_that(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, a file of a later release is called broken, and rows beside the journal are called checked."""
    tamper(kept, "PRAGMA user_version = 9")
    tamper(kept, "INSERT INTO records SELECT 'z', seq, ts_ns, kind, body, hash FROM records WHERE seq = 1")
    assert audit_verify(kept) == 1
    said = capsys.readouterr().err.splitlines()
    assert "schema version 9, which this gateway does not know: its tables were not checked" in said[0]
    assert said[1:] == [
        "records of another partition, 'z', were not checked",
        "not checked to its end, and nothing is wrong with what was read",
    ]


async def test_no_gateway_writes_through_a_trigger(kept: Path) -> None:
    """Without this, one that ignores records has orders sent and answered for that no restart remembers."""
    tamper(kept, "CREATE TRIGGER t BEFORE INSERT ON records BEGIN SELECT RAISE(IGNORE); END")
    with pytest.raises(JournalBroken, match="'t', that the gateway did not make"):
        await open_and_close(kept)


async def test_an_index_that_lost_an_order_is_found(kept: Path) -> None:
    """Without this, one bit of the disk gives a client id free that was used: its filter is filled from the index."""
    with closing(sqlite3.connect(kept / "journal.sqlite3")) as connection:
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'orders_by_client_id'"
        ((page,),) = connection.execute(sql)
    file = kept / "journal.sqlite3"
    data = bytearray(file.read_bytes())
    at = data.index(b"c-1", (page - 1) * 8_192)
    assert at < page * 8_192
    data[at + 2] ^= 1
    file.write_bytes(data)
    async with opened(kept) as journal:
        assert not journal.may_hold("a", "c-1")
    (what,) = found(kept)
    assert what.startswith("orders cannot be searched as a whole, for the file is damaged: row 1 missing from index")


def test_damage_in_one_part_hides_none_in_another(kept: Path) -> None:
    """Without this, a page of the archive that cannot be read is told as a record that cannot, and all else is
    unsaid."""
    tamper(kept, "UPDATE records SET body = x'7b7d' WHERE seq = 2")
    tamper(kept, "UPDATE checkpoints SET state = x'7b7d' WHERE seq = 1")
    with closing(sqlite3.connect(kept / "journal.sqlite3")) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'orders'")
    file = kept / "journal.sqlite3"
    data = bytearray(file.read_bytes())
    data[(page - 1) * 8_192 : page * 8_192] = bytes(8_192)
    file.write_bytes(data)
    checkpoint, record, archive, _ = verify(kept).problems
    assert (checkpoint.seq, checkpoint.what) == (None, "the checkpoint at record 1 was altered")
    assert record.seq == 2
    assert (archive.seq, archive.what[:26]) == (None, "the archive cannot be read")


async def test_it_says_from_where_on_a_cut_end_would_not_show(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, the records of a killed gateway whose log was cut pass for all that there were."""
    assert audit_verify(kept) == 0
    assert "would not be noticed" not in capsys.readouterr().out
    async with opened(kept) as journal:
        await journal.append(notes(4, 2))
        assert audit_verify(kept) == 0
        assert "an end cut off behind record 3 would not be noticed" in capsys.readouterr().out


async def test_checkpoints_of_a_lost_end_make_room_for_new_ones(kept: Path) -> None:
    """Without this, they count as the newest three, each later one is dropped in the same breath, and every start folds
    the journal from its beginning."""
    async with opened(kept) as journal:
        await journal.append(notes(4, 6))
        for seq in (7, 8, 9):
            await journal.save_checkpoint(Checkpoint(seq=seq, ts_ns=1, state=b"s", state_hash="h"))
    tamper(kept, "DELETE FROM records WHERE seq > 3")
    (kept / "journal.head").unlink()  # a person's decision
    async with opened(kept) as journal:
        await journal.append(notes(4, 1))
        await journal.save_checkpoint(Checkpoint(seq=4, ts_ns=1, state=b"s", state_hash="h"))
    async with opened(kept) as journal:
        newest = await journal.load_checkpoint()
        assert newest is not None
        assert newest.seq == 4
    assert found(kept) == []


async def test_a_checkpoint_that_is_text_is_passed_over(kept: Path) -> None:
    """Without this, the altered checkpoint that no start is to use ends the start."""
    tamper(kept, "UPDATE checkpoints SET state = 'text' WHERE seq = 3")
    async with opened(kept) as journal:
        newest = await journal.load_checkpoint()
        assert newest is not None
        assert newest.seq == 1


async def test_an_end_without_a_number_is_refused_in_words(kept: Path) -> None:
    """Without this, a start over it ends in a traceback."""
    tamper(kept, "UPDATE records SET seq = 'x' WHERE seq = 3")
    with pytest.raises(JournalBroken, match="the last record has the number 'x'"):
        await open_and_close(kept)
    assert await replay_journal(kept) == 1


async def test_an_archive_whose_end_is_not_known_is_completed(kept: Path) -> None:
    """An upsert too many harms nothing; an order too few frees its client id."""
    tamper(kept, "UPDATE archived SET seq = 'none'")
    async with opened(kept) as journal:
        assert journal.archived_seq == 0
        assert len(await read_all(journal)) == 3


async def test_a_schema_that_is_no_text_is_damage(kept: Path) -> None:
    """SQLite names what it cannot read in its error, and Python cannot decode that: without this, a flipped bit there
    ends the audit, a replay and a start in a traceback."""
    file = kept / "journal.sqlite3"
    file.write_bytes(file.read_bytes().replace(b"CREATE TABLE checkpoints", b"CREATE TABL\xcc checkpoints"))
    (what,) = found(kept)
    assert what.startswith("the journal cannot be read: the journal file is damaged")
    with pytest.raises(JournalBroken, match="the journal file is damaged"):
        await open_and_close(kept)
    assert await replay_journal(kept) == 1
    with pytest.raises(BackupRefused, match="the journal file is damaged"):
        take_backup(kept, kept.with_name("copy"))
