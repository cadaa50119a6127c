"""Closed positions and portfolio snapshots: found page by page, corrected when history is, and in old journals too."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.adapters.journal import SqliteJournal
from gateway.domain.events import SnapshotDue
from gateway.domain.facts import PortfolioRecorded
from gateway.domain.positions import ClosedPosition, PortfolioPoint
from gateway.domain.records import Entry, Record
from gateway.ports.journal import ClosedPositionQuery, JournalBroken, PortfolioQuery
from tests.journal.helpers import opened, tamper, write_notes
from tests.journal.samples import note, specimen


def closed(number: int, **fields: Any) -> ClosedPosition:
    plain = msgspec.structs.replace(specimen(ClosedPosition), book="live", number=number, closed_ns=number)
    return msgspec.structs.replace(plain, **fields)


async def keep(journal: SqliteJournal, seq: int, *positions: ClosedPosition, voided: tuple[str, ...] = ()) -> None:
    await journal.append([Entry(record=note(seq), closed_positions=positions, voided_positions=voided)])


async def numbers(journal: SqliteJournal, **query: Any) -> list[int]:
    return [one.number for one in await journal.list_closed(ClosedPositionQuery(**query))]


async def test_closed_positions_are_listed_newest_first_page_by_page(tmp_path: Path) -> None:
    """Without this, what left memory would be gone, or a page would repeat or leave out a position."""
    async with opened(tmp_path) as journal:
        await keep(journal, 1, *(closed(n, account="a" if n % 2 else "b") for n in range(1, 6)))
    async with opened(tmp_path) as journal:
        assert await numbers(journal, limit=2) == [5, 4]
        last = (await journal.list_closed(ClosedPositionQuery(limit=2)))[-1]
        assert await numbers(journal, before=(last.closed_ns, last.closed_id), limit=2) == [3, 2]
        assert await numbers(journal, accounts=("a",)) == [5, 3, 1]
        assert await numbers(journal, accounts=(), limit=2) == []
        assert await numbers(journal, book="shadow") == []
        assert (await journal.list_closed(ClosedPositionQuery(limit=1)))[0] == closed(5, account="a")


async def test_a_correction_replaces_or_takes_back_what_was_archived(tmp_path: Path) -> None:
    """Without this, a busted execution would live on in the history of results."""
    async with opened(tmp_path) as journal:
        await keep(journal, 1, closed(1), closed(2))
        await keep(journal, 2, closed(1, realized=Decimal(7)), voided=(closed(2).closed_id,))
        assert [one.realized for one in await journal.list_closed(ClosedPositionQuery())] == [7]
        await journal.append(  # within one batch the last word counts too
            [
                Entry(record=note(3), closed_positions=(closed(3),)),
                Entry(record=note(4), voided_positions=(closed(3).closed_id,)),
                Entry(record=note(5), closed_positions=(closed(4),), voided_positions=(closed(4).closed_id,)),
            ]
        )
        assert await numbers(journal) == [4, 1]


async def test_portfolio_snapshots_are_listed_from_the_facts_that_took_them(tmp_path: Path) -> None:
    """Without this, the line of an account's equity could only be had by replaying the journal."""
    point = specimen(PortfolioPoint)
    points = tuple(msgspec.structs.replace(point, account=name, book="live") for name in ("a", "b"))
    async with opened(tmp_path) as journal:
        for seq, ts_ns in ((1, 10), (2, 20)):
            fact = PortfolioRecorded(ts_ns=ts_ns, points=points)
            record = Record(seq=seq, ts_ns=ts_ns, event=SnapshotDue(ts_ns=ts_ns), facts=(fact,))
            await journal.append([Entry(record=record)])
        found = await journal.list_portfolio(PortfolioQuery(limit=3))
        assert [(ts_ns, one.account) for ts_ns, one in found] == [(20, "b"), (20, "a"), (10, "b")]
        rest = await journal.list_portfolio(PortfolioQuery(before=(10, "b", "live")))
        assert rest == [(10, points[0])]
        assert await journal.list_portfolio(PortfolioQuery(accounts=("c",))) == []


async def test_a_journal_of_the_first_version_goes_on(tmp_path: Path) -> None:
    """Without this, an upgrade would lock people out of their own journal."""
    await write_notes(tmp_path, 2)
    for sql in ("DROP TABLE closed_positions", "DROP TABLE portfolio_history", "DROP TABLE archived"):
        tamper(tmp_path, sql)
    tamper(tmp_path, "PRAGMA user_version = 1")
    async with opened(tmp_path) as journal:
        assert journal.archived_seq == 2
        await keep(journal, 3, closed(1))
        assert await numbers(journal) == [1]


async def test_a_journal_of_the_second_version_goes_on(tmp_path: Path) -> None:
    """Without this, an upgrade would fold the whole journal once more for an archive that lacks nothing."""
    await write_notes(tmp_path, 2)
    tamper(tmp_path, "DROP TABLE archived")
    tamper(tmp_path, "PRAGMA user_version = 2")
    async with opened(tmp_path) as journal:
        assert journal.archived_seq == 2


async def test_what_is_no_text_is_told_as_unreadable(tmp_path: Path) -> None:
    """Without this, one bit of a row answers 500 and a traceback to whoever lists positions or the portfolio."""
    async with opened(tmp_path) as journal:
        point = msgspec.structs.replace(specimen(PortfolioPoint), account="a", book="live")
        fact = PortfolioRecorded(ts_ns=7, points=(point,))
        await journal.append(
            [Entry(record=msgspec.structs.replace(note(1), event=SnapshotDue(ts_ns=7), facts=(fact,)))]
        )
        await keep(journal, 2, closed(1))
    for table in ("closed_positions", "portfolio_history"):
        assert tamper(tmp_path, f"UPDATE {table} SET body = CAST(x'7b22626f6f6b223a22ff227d' AS BLOB)") == 1
    async with opened(tmp_path) as journal:
        with pytest.raises(JournalBroken, match="a closed position in the archive is unreadable"):
            await journal.list_closed(ClosedPositionQuery())
        with pytest.raises(JournalBroken, match="a portfolio snapshot in the archive is unreadable"):
            await journal.list_portfolio(PortfolioQuery())
