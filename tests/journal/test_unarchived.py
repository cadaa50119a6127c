"""What was finished and is not in its table yet: found all the same, also after a crash, and there in time."""

import random
import shutil
from pathlib import Path

import msgspec
import pytest

from gateway.adapters.journal import SqliteJournal
from gateway.adapters.journal.finished import FinishedOrders
from gateway.adapters.journal.outside import from_outside
from gateway.adapters.journal.unarchived import FEWEST_APPENDS, MOST_WAITING
from gateway.domain.enums import OrdStatus
from gateway.domain.events import SnapshotDue
from gateway.domain.facts import PortfolioRecorded
from gateway.domain.orders import Order
from gateway.domain.positions import ClosedPosition, PortfolioPoint
from gateway.domain.records import Checkpoint, Entry
from gateway.ports.journal import ClosedPositionQuery, JournalUnavailable, OrderQuery, PortfolioQuery
from tests.journal.helpers import archive_as_soon_as, opened, tamper
from tests.journal.samples import note, order, specimen


def closing(seq: int, *orders: Order) -> Entry:
    return Entry(record=note(seq), closed_orders=orders or (order(f"o-{seq}", cl_ord_id=f"c-{seq}"),))


def archived(directory: Path) -> int:
    """Rows in the table, whatever waits."""
    return tamper(directory, "UPDATE orders SET account = account")


async def test_rows_are_written_some_dozens_at_a_time(tmp_path: Path) -> None:
    """Without this, each commit would write the pages of a table and four indexes more than it must."""
    async with opened(tmp_path) as journal:
        for seq in range(1, MOST_WAITING):
            await journal.append([closing(seq)])
        assert (archived(tmp_path), journal.archived_seq) == (0, 0)
        assert await journal.find("o-1") is not None
        await journal.append([closing(MOST_WAITING)])
        assert (archived(tmp_path), journal.archived_seq) == (MOST_WAITING, MOST_WAITING)


async def test_large_appends_share_a_writing_of_the_archive(tmp_path: Path) -> None:
    """Without this, a busy gateway would write a table and four indexes with every commit: five statements more, each
    of them several turns of the interpreter lock that the event loop has to wait for."""
    dozens = MOST_WAITING
    async with opened(tmp_path) as journal:
        for number in range(FEWEST_APPENDS):
            assert archived(tmp_path) == 0
            await journal.append([closing(number * dozens + k + 1) for k in range(dozens)])
        assert archived(tmp_path) == FEWEST_APPENDS * dozens


async def test_a_checkpoint_leaves_nothing_behind_that_a_start_would_not_fold(tmp_path: Path) -> None:
    """Without this, an order that was finished before a checkpoint would be nowhere after a crash."""
    async with opened(tmp_path) as journal:
        await journal.append([closing(1)])
        await journal.save_checkpoint(Checkpoint(seq=1, ts_ns=1, state=b"s", state_hash="h"))
        assert (archived(tmp_path), journal.archived_seq) == (1, 1)


async def test_a_stop_completes_the_archive(tmp_path: Path) -> None:
    """Without this, whoever looks at the files of a stopped gateway would not see its last orders."""
    async with opened(tmp_path) as journal:
        await journal.append([closing(1), closing(2)])
    assert archived(tmp_path) == 2


async def test_what_was_not_written_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, an order that was refused with 503 would be listed as finished, and archived in the end."""
    async with opened(tmp_path) as journal:
        await journal.append([closing(1)])
        real = journal._appender.write

        async def fails(*_: object) -> None:
            raise JournalUnavailable("the disk is full")

        monkeypatch.setattr(journal._appender, "write", fails)
        with pytest.raises(JournalUnavailable):
            await journal.append([closing(2, order("refused", cl_ord_id="c-2"))])
        assert await journal.find("refused") is None
        assert [one.order_id for one in await journal.list(OrderQuery())] == ["o-1"]
        monkeypatch.setattr(journal._appender, "write", real)
        await journal.append([closing(2)])
    assert archived(tmp_path) == 2
    async with opened(tmp_path) as journal:
        assert await journal.find("refused") is None


async def test_what_a_start_gives_back_is_found_and_archived(tmp_path: Path) -> None:
    """Without this, orders that were finished just before a crash would be gone from every list."""
    async with opened(tmp_path) as journal:
        await journal.append([closing(1), closing(2)])
    tamper(tmp_path, "DELETE FROM orders")
    tamper(tmp_path, "DELETE FROM archived")  # as if it had crashed before
    async with opened(tmp_path) as journal:
        assert journal.archived_seq == 0
        assert not journal.may_hold("a", "c-1")
        journal.take_up([closing(1), closing(2)])
        assert journal.may_hold(order("o-1").account, "c-1")
        assert await journal.find("o-1") is not None
    assert archived(tmp_path) == 2


async def test_a_journal_that_lost_its_end_archives_what_comes_then(tmp_path: Path) -> None:
    """Without this, after a journal was cut short and a person let the gateway go on, a crash would lose the orders
    that finished since from the archive: a client that repeats one would trade twice."""
    async with opened(tmp_path) as journal:
        await journal.append([closing(seq) for seq in range(1, 6)])
    tamper(tmp_path, "DELETE FROM records WHERE seq > 2")
    (tmp_path / "journal.head").unlink()  # the person's decision, as the start asks for it
    async with opened(tmp_path) as journal:
        assert journal.archived_seq == 2
        await journal.append([closing(3), closing(4)])
        shutil.copytree(tmp_path, tmp_path.with_name("crashed"))  # what a start after ``kill -9`` finds
    async with opened(tmp_path.with_name("crashed")) as journal:
        assert journal.archived_seq == 2
        assert len([record async for record in journal.read(0)]) == 4


async def test_a_replay_beside_a_gateway_misses_nothing_that_need_not_be_there(tmp_path: Path) -> None:
    """Without this, `gateway replay` would call the journal of a running gateway incomplete."""
    async with opened(tmp_path) as journal:
        await journal.append([closing(1)])
        await journal.save_checkpoint(Checkpoint(seq=1, ts_ns=1, state=b"s", state_hash="h"))
        await journal.append([closing(2), closing(3, order("o-1", cl_ord_id="c-1", ord_status=OrdStatus.FILLED))])
        finished = FinishedOrders()
        for entry in (closing(1), closing(2), closing(3, order("o-1", cl_ord_id="c-1", ord_status=OrdStatus.FILLED))):
            finished.note(entry)
        async with from_outside(tmp_path) as outside:
            assert await outside.archive_differences(finished) == []
        await journal.save_checkpoint(Checkpoint(seq=3, ts_ns=1, state=b"s", state_hash="h"))
        tamper(tmp_path, "DELETE FROM orders WHERE order_id = 'o-2'")
        async with from_outside(tmp_path) as outside:
            assert await outside.archive_differences(finished) == ["order o-2 is missing from the archive"]


async def test_closed_positions_and_snapshots_are_held_against_the_records(tmp_path: Path) -> None:
    """Without this, a result that was rewritten as a whole, columns and all, would pass every check there is."""
    one = specimen(ClosedPosition)
    point = specimen(PortfolioPoint)
    kept = msgspec.structs.replace(
        note(1), event=SnapshotDue(ts_ns=7), facts=(PortfolioRecorded(ts_ns=7, points=(point,)),)
    )
    entries = [Entry(record=kept, closed_positions=(one,)), Entry(record=note(2), voided_positions=("gone",))]
    finished = FinishedOrders()
    async with opened(tmp_path) as journal:
        await journal.append(entries)
    for entry in entries:
        finished.note(entry)

    async def differences() -> list[str]:
        async with from_outside(tmp_path) as outside:
            return await outside.archive_differences(finished) or []

    assert await differences() == []
    better = msgspec.structs.replace(one, realized=one.realized + 1_000)
    tamper(tmp_path, "UPDATE closed_positions SET body = ?", msgspec.json.encode(better))
    tamper(tmp_path, "DELETE FROM portfolio_history")
    name = f"portfolio snapshot 7 {point.account} {point.book}"
    assert await differences() == [
        f"closed position {one.closed_id} in the archive is not as its records left it",
        f"{name} is missing from the archive",
    ]
    tamper(tmp_path, "UPDATE closed_positions SET closed_id = 'gone'")
    assert "closed position gone is in the archive, but no record finished it" in await differences()
    tamper(tmp_path, "UPDATE archived SET seq = 1")  # as if it had crashed: the correction is not there yet
    assert not [line for line in await differences() if "gone" in line]


async def test_results_are_listed_while_the_disk_takes_no_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, the latest results would be missing from every list on the day on which the disk is full, and a
    result that was taken back would still be there."""
    old, new = (closed_position(number) for number in (1, 2))
    point = msgspec.structs.replace(specimen(PortfolioPoint), account="a", book="live")
    kept = msgspec.structs.replace(
        note(3), event=SnapshotDue(ts_ns=7), facts=(PortfolioRecorded(ts_ns=7, points=(point,)),)
    )
    async with opened(tmp_path) as journal:
        await journal.append([Entry(record=note(1), closed_positions=(old,))])
        await journal.save_checkpoint(Checkpoint(seq=1, ts_ns=1, state=b"s", state_hash="h"))
        await journal.append([Entry(record=note(2), closed_positions=(new,), voided_positions=(old.closed_id,))])
        await journal.append([Entry(record=kept)])

        async def fails(*_: object) -> None:
            raise JournalUnavailable("the disk is full")

        monkeypatch.setattr(journal._appender, "write", fails)
        assert await journal.list_closed(ClosedPositionQuery()) == [new]
        assert await journal.list_closed(ClosedPositionQuery(before=(2, new.closed_id))) == []
        assert await journal.list_closed(ClosedPositionQuery(accounts=("other",))) == []
        assert await journal.list_portfolio(PortfolioQuery()) == [(7, point)]
        assert await journal.list_portfolio(PortfolioQuery(book="shadow")) == []


def closed_position(number: int) -> ClosedPosition:
    return msgspec.structs.replace(specimen(ClosedPosition), book="live", number=number, closed_ns=number)


@pytest.mark.parametrize("most", [1, 7, 10_000])
async def test_results_are_listed_alike_wherever_they_are(
    most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, a page would hold a result twice, miss one, or show it as it was before a correction."""
    archive_as_soon_as(monkeypatch, most)
    rng = random.Random(1)
    expected: dict[str, ClosedPosition] = {}
    async with opened(tmp_path) as journal:
        for seq in range(1, 60):
            one = msgspec.structs.replace(closed_position(rng.randint(1, 20)), executions=seq)
            voided = (rng.choice(list(expected)),) if expected and rng.random() < 0.3 else ()
            await journal.append([Entry(record=note(seq), closed_positions=(one,), voided_positions=voided)])
            for closed_id in voided:
                del expected[closed_id]
            expected[one.closed_id] = one
            newest = sorted(expected.values(), key=lambda one: (one.closed_ns, one.closed_id), reverse=True)
            found: list[ClosedPosition] = []
            query = ClosedPositionQuery(limit=3)
            while page := await journal.list_closed(query):
                found += page
                query = msgspec.structs.replace(query, before=(page[-1].closed_ns, page[-1].closed_id))
            assert found == newest


@pytest.mark.parametrize("seed", range(12))
async def test_lists_do_not_depend_on_what_is_written_already(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, a page would hold an order twice, miss one, or show it as it was before."""
    rng = random.Random(seed)
    steps = [_step(rng, seq) for seq in range(1, 40)]
    queries = [_query(rng) for _ in range(60)]
    answers = []
    for most in (1, rng.choice((5, 11, 10_000))):
        archive_as_soon_as(monkeypatch, most)
        async with opened(tmp_path / str(most)) as journal:
            for step in steps:
                await journal.append([step])
            answers.append([await _pages(journal, query) for query in queries])
    assert answers[0] == answers[1]


def _step(rng: random.Random, seq: int) -> Entry:
    """An order, some of them known already and changed since."""
    number = rng.randint(1, 25)
    one = order(
        f"o-{number}",
        cl_ord_id=f"c-{number}",
        account=f"a{number % 3}",
        symbol=f"S{number % 2}",
        created_ns=number // 2,
        parent_id="p" if number % 7 == 0 else "",
        ord_status=rng.choice((OrdStatus.FILLED, OrdStatus.CANCELED)),
    )
    return closing(seq, one)


def _query(rng: random.Random) -> OrderQuery:
    return OrderQuery(
        accounts=rng.choice((None, None, ("a0",), ("a1", "a2"), ())),
        symbol=rng.choice((None, None, "S1")),
        statuses=rng.choice((None, None, (OrdStatus.FILLED,))),
        limit=rng.choice((1, 2, 5, 100)),
    )


async def _pages(journal: SqliteJournal, query: OrderQuery) -> list[Order]:
    """All pages of a listing, one after the other."""
    found: list[Order] = []
    while page := await journal.list(query):
        found += page
        query = msgspec.structs.replace(query, before=(page[-1].created_ns, page[-1].order_id))
    return found
