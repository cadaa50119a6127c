"""The audit: from the file alone, everything that is not as the gateway wrote it."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from gateway.adapters.journal import anchor, audit, verify
from gateway.adapters.journal.chain import genesis, link
from gateway.app.checks import audit_verify
from gateway.domain.events import SnapshotDue
from gateway.domain.facts import PortfolioRecorded
from gateway.domain.positions import ClosedPosition, PortfolioPoint
from gateway.domain.records import Checkpoint, Entry, Record
from gateway.ports.journal import JournalBroken
from tests.journal.helpers import archive_as_soon_as, open_and_close, opened, replace_records, tamper, write_notes
from tests.journal.read_only import no_writes
from tests.journal.samples import note, notes, order, specimen

COUNT = 40


CLOSED = specimen(ClosedPosition).closed_id


def snapshot(seq: int) -> Record:
    """A record with one portfolio snapshot, of the moment 7."""
    point = msgspec.structs.replace(specimen(PortfolioPoint), account="a", book="live")
    fact = PortfolioRecorded(ts_ns=7, points=(point,))
    return msgspec.structs.replace(note(seq), event=SnapshotDue(ts_ns=7), facts=(fact,))


@pytest.fixture
def journal_dir(tmp_path: Path) -> Path:
    """A journal of 40 records, cleanly closed, with checkpoints at 10 and 30."""

    async def write() -> None:
        async with opened(tmp_path) as journal:
            await journal.append(notes(1, COUNT))
            for seq in (10, 30):
                await journal.save_checkpoint(Checkpoint(seq=seq, ts_ns=1, state=b"s", state_hash="h"))

    asyncio.run(write())
    return tmp_path


def found(directory: Path) -> list[tuple[int | None, str]]:
    report = verify(directory)
    assert report.is_intact is not bool(report.problems)
    return [(problem.seq, problem.what) for problem in report.problems]


def test_an_intact_journal_passes(journal_dir: Path) -> None:
    """With what it is: the head hash is what a person notes down to hold a later audit against."""
    report = verify(journal_dir)
    assert report.problems == ()
    assert report.is_intact
    assert (report.records, report.first_seq, report.last_seq) == (COUNT, 1, COUNT)
    head = anchor.load_anchor(journal_dir)
    assert isinstance(head, anchor.Anchor)
    assert (head.seq, head.hash, head.is_closed) == (COUNT, report.head_hash, True)


async def test_an_empty_journal_passes(tmp_path: Path) -> None:
    """A gateway that was just started, and one that was stopped before anything happened."""
    async with opened(tmp_path):
        assert verify(tmp_path).is_intact
    report = verify(tmp_path)
    assert report.is_intact
    assert (report.records, report.first_seq, report.last_seq) == (0, None, None)
    assert report.head_hash == genesis("main").hex()


@pytest.mark.parametrize("page", [19, 4_096])
@pytest.mark.parametrize(
    ("sql", "seq", "words"),
    [
        ("UPDATE records SET body = replace(body, 'true', 'fals') WHERE seq = 20", 20, "altered"),
        ("UPDATE records SET body = CAST(body AS TEXT) WHERE seq = 20", 20, "altered"),
        ("UPDATE records SET body = x'7b7d' WHERE seq = 20", 20, "altered"),
        ("UPDATE records SET ts_ns = ts_ns - 1 WHERE seq = 20", 20, "altered"),
        ("UPDATE records SET ts_ns = 1.5 WHERE seq = 20", 20, "altered"),
        ("UPDATE records SET hash = zeroblob(32) WHERE seq = 20", 20, "altered"),
        ("UPDATE records SET hash = 'text' WHERE seq = 20", 20, "altered"),
        ("UPDATE records SET kind = 'OrderReceived' WHERE seq = 20", 20, "is marked as OrderReceived"),
        ("UPDATE records SET body = replace(body, 'true', 'fals') WHERE seq = 1", 1, "altered"),
        ("UPDATE records SET body = replace(body, 'true', 'fals') WHERE seq = 40", 40, "altered"),
        ("DELETE FROM records WHERE seq = 20", 20, "is missing"),
        ("DELETE FROM records WHERE seq = 1", 1, "is missing"),
        ("DELETE FROM records WHERE seq BETWEEN 20 AND 29", 20, "is missing, and all up to 29"),
        ("UPDATE records SET seq = -3 WHERE seq = 20", 20, "is missing"),
    ],
)
def test_one_tampering_is_one_finding_at_its_place(
    journal_dir: Path, monkeypatch: pytest.MonkeyPatch, sql: str, seq: int, words: str, page: int
) -> None:
    """Blaming every record behind the altered one would hide which it was. Wherever pages begin and end."""
    monkeypatch.setattr(audit, "_PAGE", page)
    assert tamper(journal_dir, sql) > 0
    problems = [problem for problem in found(journal_dir) if problem[0] != -3]
    assert [problem[0] for problem in problems] == [seq]
    assert words in problems[0][1]


@pytest.mark.parametrize("page", [1, 4_096])
@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE checkpoints SET state = x'7b7d' WHERE seq = 10", "the checkpoint at record 10 was altered"),
        ("UPDATE checkpoints SET state = 'text' WHERE seq = 10", "the checkpoint at record 10 was altered"),
        ("UPDATE checkpoints SET state_hash = 'x' WHERE seq = 30", "the checkpoint at record 30 was altered"),
        ("UPDATE checkpoints SET digest = zeroblob(32) WHERE seq = 30", "the checkpoint at record 30 was altered"),
        ("UPDATE orders SET cl_ord_id = 'free' WHERE order_id = 'o-2'", "order o-2 in the archive was altered"),
        ("UPDATE orders SET ord_status = 'canceled' WHERE order_id = 'o-2'", "order o-2 in the archive was altered"),
        ("UPDATE orders SET created_ns = 1.5 WHERE order_id = 'o-2'", "order o-2 in the archive was altered"),
        ("UPDATE orders SET order_id = 'other' WHERE order_id = 'o-2'", "order other in the archive was altered"),
        ("UPDATE orders SET body = x'7b7d' WHERE order_id = 'o-2'", "order o-2 in the archive was altered"),
        ("UPDATE orders SET body = 5 WHERE order_id = 'o-2'", "order o-2 in the archive was altered"),
        ("UPDATE closed_positions SET account = 'other'", f"closed position {CLOSED} in the archive was altered"),
        ("UPDATE closed_positions SET body = x'7b7d'", f"closed position {CLOSED} in the archive was altered"),
        ("UPDATE closed_positions SET body = 5", f"closed position {CLOSED} in the archive was altered"),
        (
            "UPDATE portfolio_history SET account = 'other'",
            "portfolio snapshot 7 other live in the archive was altered",
        ),
        ("UPDATE portfolio_history SET body = x'7b7d'", "portfolio snapshot 7 a live in the archive was altered"),
        (
            "UPDATE archived SET seq = 1000",
            "the archive says that it is complete up to record 1000, which is not there",
        ),
    ],
)
async def test_tampering_beside_the_records_is_found(
    journal_dir: Path, monkeypatch: pytest.MonkeyPatch, sql: str, words: str, page: int
) -> None:
    """Without this, a client id could be freed, or a state slipped in, while the audit says that all is well."""
    monkeypatch.setattr(audit, "_PAGE", page)
    archive_as_soon_as(monkeypatch, 1)
    async with opened(journal_dir) as journal:
        closed = tuple(order(f"o-{n}", cl_ord_id=f"c-{n}") for n in (1, 2, 3))
        await journal.append([Entry(record=note(COUNT + 1), closed_orders=closed)])
        await journal.append([Entry(record=snapshot(COUNT + 2), closed_positions=(specimen(ClosedPosition),))])
    assert found(journal_dir) == []
    assert tamper(journal_dir, sql) == 1
    assert found(journal_dir) == [(None, words)]


@pytest.mark.parametrize("page", [7, 4_096])
@pytest.mark.parametrize("number", ["'x'", "20.5", "x'00'"])
def test_a_number_that_is_none_is_a_finding(
    journal_dir: Path, monkeypatch: pytest.MonkeyPatch, number: str, page: int
) -> None:
    """Without this, the audit would end with the traceback of a comparison instead of naming what is wrong."""
    monkeypatch.setattr(audit, "_PAGE", page)
    assert tamper(journal_dir, f"UPDATE records SET seq = {number} WHERE seq = 20") == 1
    words = "; ".join(what for _, what in found(journal_dir))
    assert "whose number is" in words
    assert (20, "is missing") in found(journal_dir)


def test_swapped_records_are_found_at_both_places(journal_dir: Path) -> None:
    """Each is genuine, and hashes to what it says: only not after that predecessor."""
    for old, new in ((15, -1), (16, 15), (-1, 16)):
        tamper(journal_dir, "UPDATE records SET seq = ? WHERE seq = ?", new, old)
    assert [seq for seq, _ in found(journal_dir)] == [15, 16, 17]


def test_a_record_inserted_twice_is_found(journal_dir: Path) -> None:
    """A fill copied to the end would be booked again at the next start."""
    tamper(
        journal_dir,
        "INSERT INTO records SELECT partition, 41, ts_ns, kind, body, hash FROM records WHERE seq = 20",
    )
    (first, second) = found(journal_dir)
    assert (first[0], second[0]) == (41, 41)
    assert "does not match its hash" in first[1]
    assert "appended after the gateway had closed" in second[1]


def test_a_repeated_number_is_found(journal_dir: Path) -> None:
    """The key forbids it; a table that was built anew without the key does not."""
    tamper(journal_dir, "CREATE TABLE copy AS SELECT * FROM records")
    tamper(journal_dir, "INSERT INTO copy SELECT * FROM records WHERE seq IN (7, 20)")
    tamper(journal_dir, "DROP TABLE records")
    tamper(journal_dir, "ALTER TABLE copy RENAME TO records")
    assert [(seq, what[:25]) for seq, what in found(journal_dir)] == [
        (None, "table records was altered"),
        (7, "occurs more than once, or"),
        (20, "occurs more than once, or"),
    ]


def test_a_repeated_number_at_the_edge_of_a_page_is_found(journal_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the second one is never met: it is missing from the count."""
    monkeypatch.setattr(audit, "_PAGE", 7)
    tamper(journal_dir, "CREATE TABLE copy AS SELECT * FROM records")
    tamper(journal_dir, "INSERT INTO copy SELECT * FROM records WHERE seq = 7")
    tamper(journal_dir, "DROP TABLE records")
    tamper(journal_dir, "ALTER TABLE copy RENAME TO records")
    assert found(journal_dir) == [
        (None, "table records was altered"),
        (None, "the table holds 41 records up to 40, of which 40 could be walked"),
    ]


def append_forged(directory: Path, seq: int) -> None:
    """A record with a correct hash: anyone who knows the formula can make one."""
    with closing(sqlite3.connect(directory / "journal.sqlite3")) as connection, connection:
        row = connection.execute("SELECT ts_ns, kind, body, hash FROM records WHERE seq = ?", (seq - 1,)).fetchone()
        ts_ns, kind, body, previous = row
        connection.execute(
            "INSERT INTO records VALUES ('main', ?, ?, ?, ?, ?)",
            (seq, ts_ns, kind, body, link(previous, seq, ts_ns, body)),
        )


async def test_a_record_appended_after_the_clean_close_is_found(journal_dir: Path) -> None:
    """It fits the chain. But the gateway had said that it was done, and it refuses to start on that."""
    append_forged(journal_dir, COUNT + 1)
    ((seq, what),) = found(journal_dir)
    assert seq == COUNT + 1
    assert "appended after the gateway had closed the journal" in what
    with pytest.raises(JournalBroken, match="something other than the gateway appended to it"):
        await open_and_close(journal_dir)


async def test_an_end_that_was_cut_off_is_found(journal_dir: Path) -> None:
    """The chain of what is left is whole. The anchor knows better, and the gateway refuses to forget orders."""
    tamper(journal_dir, "DELETE FROM records WHERE seq > 35")
    ((seq, what),) = found(journal_dir)
    assert seq == COUNT
    assert "is named by journal.head, but the journal ends at record 35" in what
    with pytest.raises(JournalBroken, match="records 36 to 40 are missing"):
        await open_and_close(journal_dir)
    (journal_dir / "journal.head").unlink()
    async with opened(journal_dir) as journal:  # a person's decision
        await journal.append(notes(36, 1))
    assert found(journal_dir) == []


async def test_a_journal_that_vanished_beside_its_anchor_is_not_silently_begun_anew(
    journal_dir: Path,
) -> None:
    """An unmounted disk looks like this: every order ever sent would be forgotten, every id free again."""
    (journal_dir / "journal.sqlite3").unlink()
    assert "there is no journal" in found(journal_dir)[-1][1]
    for _ in range(2):
        with pytest.raises(JournalBroken, match="the journal ends at record 0, but record 40 was durable"):
            await open_and_close(journal_dir)


async def test_the_lost_log_of_a_killed_gateway_is_found(tmp_path: Path) -> None:
    """Someone tidied up the ``-wal`` file: what was appended since the last clean close is gone with it."""
    source, copy = tmp_path / "source", tmp_path / "copy"
    async with opened(source) as journal:
        await journal.append(notes(1, 5))
        await journal.save_checkpoint(Checkpoint(seq=5, ts_ns=1, state=b"s", state_hash="h"))
        copy.mkdir()
        for name in ("journal.sqlite3", "journal.head"):
            shutil.copy(source / name, copy / name)
    assert [seq for seq, _ in found(copy)] != []
    with pytest.raises(JournalBroken):
        await open_and_close(copy)


async def test_a_history_rewritten_to_its_end_is_found(tmp_path: Path) -> None:
    """A valid chain over other records: anchor and checkpoints name hashes that are no longer there."""
    await write_notes(tmp_path / "forged", COUNT)
    async with opened(tmp_path / "real") as journal:
        await journal.append(notes(1, COUNT, text="true"))
        await journal.save_checkpoint(Checkpoint(seq=30, ts_ns=1, state=b"s", state_hash="h"))
    replace_records(tmp_path / "real", tmp_path / "forged")
    problems = found(tmp_path / "real")
    assert [seq for seq, _ in problems] == [30, COUNT]
    assert "a checkpoint names: the journal up to here was rewritten" in problems[0][1]
    with pytest.raises(JournalBroken, match=r"record 40 is not the one that journal\.head names"):
        await open_and_close(tmp_path / "real")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "journal.head is missing"),
        (b"", "not readable as an anchor"),
        (b'{"partition":"main","seq":40,"hash":"zz","is_closed":true}', "not readable as an anchor"),
        (b'{"partition":"other","seq":1,"hash":"' + b"0" * 64 + b'","is_closed":true}', "another partition"),
    ],
)
async def test_an_anchor_that_is_of_no_use_is_reported(journal_dir: Path, content: bytes | None, words: str) -> None:
    """Else removing or spoiling it would be the way to cut the end off unseen. Only its absence lets one in."""
    (journal_dir / "journal.head").unlink()
    if content is not None:
        (journal_dir / "journal.head").write_bytes(content)
    ((seq, what),) = found(journal_dir)
    assert seq is None
    assert words in what
    if content is not None:
        with pytest.raises(JournalBroken, match=r"delete journal\.head"):
            await open_and_close(journal_dir)
    else:
        async with opened(journal_dir) as journal:
            await journal.append(notes(COUNT + 1, 1))
            assert found(journal_dir) == []  # written anew


async def test_a_journal_in_use_can_be_audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again while batches and checkpoints go on: no false alarm, and the writer is not held up."""
    monkeypatch.setattr(audit, "_PAGE", 16)
    async with opened(tmp_path) as journal:
        is_done = False

        async def write() -> None:
            nonlocal is_done
            for i in range(60):
                await journal.append(notes(1 + 20 * i, 20))
                if i % 10 == 9:
                    seq = 20 * i
                    await journal.save_checkpoint(Checkpoint(seq=seq, ts_ns=1, state=b"s", state_hash="h"))
            is_done = True

        reports = []

        async def audits() -> None:
            while not is_done:
                reports.append(await asyncio.to_thread(verify, tmp_path))

        await asyncio.gather(write(), audits())
    assert len(reports) >= 3
    assert [report.problems for report in reports] == [()] * len(reports)
    assert [report.records for report in reports] == sorted(report.records for report in reports)
    assert verify(tmp_path).records == 1_200


async def test_very_many_problems_are_counted_not_listed(tmp_path: Path) -> None:
    """A million findings would fill memory and terminal; the number still says how bad it is."""
    await write_notes(tmp_path, 3_000)
    tamper(tmp_path, "UPDATE records SET body = CAST('x' AS BLOB)")
    report = verify(tmp_path)
    assert len(report.problems) == 1_000
    assert report.omitted == 2_000
    assert report.records == 3_000


def test_a_journal_that_cannot_be_read_is_a_finding(tmp_path: Path, journal_dir: Path) -> None:
    """Not a traceback: the command's answer is that the journal is not in order."""
    assert found(tmp_path / "nowhere") == [(None, f"there is no journal in {tmp_path / 'nowhere'}")]
    file = journal_dir / "journal.sqlite3"
    file.write_bytes(file.read_bytes()[:20_000])
    assert "cannot be read: the journal file is damaged" in found(journal_dir)[-1][1]
    file.write_bytes(b"no database" * 1_000)
    assert "cannot be read: the journal file is not an SQLite database" in found(journal_dir)[-1][1]


def _verdict(directory: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """What the command ends with, and the last that it says."""
    status = audit_verify(directory)
    return status, capsys.readouterr().err.splitlines()[-1]


def test_what_was_not_read_is_not_called_broken(
    tmp_path: Path, journal_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, a slip in ``--data`` tells somebody that the records of their money are damaged; and a journal that
    vanished beside its anchor must not pass for such a slip."""
    assert _verdict(tmp_path / "nowhere", capsys) == (1, "not checked at all: nothing was read")
    monkeypatch.setattr(audit, "_check_whole", _reports_a_disk_error)
    assert _verdict(journal_dir, capsys) == (1, "not checked to its end, and nothing is wrong with what was read")
    tamper(journal_dir, "UPDATE records SET body = body || ' ' WHERE seq = 3")
    assert _verdict(journal_dir, capsys) == (1, "BROKEN: 2 problem(s)")
    (journal_dir / "journal.sqlite3").unlink()
    assert _verdict(journal_dir, capsys) == (1, "BROKEN: 1 problem(s)")


def _reports_a_disk_error(*_: object) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    raise error


def test_a_journal_on_a_read_only_disk_can_be_audited(journal_dir: Path) -> None:
    """An auditor's copy. SQLite wants to create its side files even for reading, and may not."""
    with no_writes(journal_dir) as copy:
        assert found(copy) == []
