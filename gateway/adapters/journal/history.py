"""Closed positions and portfolio snapshots, found after memory let go of them. Rows are written by the journal's own
transactions."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from gateway.adapters.journal import schema
from gateway.adapters.journal.connection import Reader, Statement, chunked
from gateway.domain.facts import PortfolioRecorded
from gateway.domain.positions import ClosedPosition, PortfolioPoint
from gateway.domain.records import Entry
from gateway.ports.journal import ClosedPositionQuery, JournalBroken, PortfolioQuery

_encode = msgspec.json.Encoder().encode
_decode_closed = msgspec.json.Decoder(ClosedPosition).decode
_decode_point = msgspec.json.Decoder(PortfolioPoint).decode


def history_statements(entries: Sequence[Entry]) -> Iterator[Statement]:
    """What a batch adds to the history, and what it takes back."""
    closed: dict[str, ClosedPosition] = {}
    voided: dict[str, None] = {}
    points: list[tuple[Any, ...]] = []
    for entry in entries:
        for closed_id in entry.voided_positions:
            closed.pop(closed_id, None)
            voided[closed_id] = None
        closed.update((one.closed_id, one) for one in entry.closed_positions)
        for fact in entry.record.facts:
            if type(fact) is PortfolioRecorded:
                points.extend(point_row(fact.ts_ns, point) for point in fact.points)
    yield from chunked(schema.delete_closed, [(closed_id,) for closed_id in voided])
    yield from chunked(schema.upsert_closed, [closed_row(one) for one in closed.values()])
    yield from chunked(schema.insert_points, points)


def is_closed_row(row: tuple[Any, ...]) -> bool:
    """Whether it is found under what it says itself."""
    try:
        return closed_row(_decode_closed(row[-1]))[:-1] == row[:-1]
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return False


def is_point_row(row: tuple[Any, ...]) -> bool:
    try:
        return isinstance(row[0], int) and point_row(row[0], _decode_point(row[-1]))[:-1] == row[:-1]
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return False


def point_row(ts_ns: int, point: PortfolioPoint) -> tuple[Any, ...]:
    """A portfolio snapshot in the column order of ``schema.insert_points``."""
    return (ts_ns, point.account, point.book, _encode(point))


def closed_row(one: ClosedPosition) -> tuple[Any, ...]:
    """A closed position in the column order of ``schema.upsert_closed``."""
    owner = (one.book, one.account, one.strategy_id, one.symbol, one.venue)
    return (one.closed_id, *owner, one.closed_ns, _encode(one))


class History:
    """Implements ``ports.journal.LedgerArchive``. Raises sqlite3.Error, and JournalBroken for what is unreadable."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def list_closed(self, query: ClosedPositionQuery) -> list[ClosedPosition]:
        where = _Where()
        where.equals("book", query.book)
        where.among("account", query.accounts)
        where.among("strategy", query.strategies)
        where.equals("symbol", query.symbol)
        where.equals("venue", query.venue)
        if query.before is not None:
            where.add("(closed_ns, closed_id) < (?, ?)", *query.before)
        sql = f"SELECT body FROM closed_positions {where} ORDER BY closed_ns DESC, closed_id DESC LIMIT ?"
        rows = await self._reader.fetch(sql, [*where.parameters, max(query.limit, 0)])
        try:
            return [_decode_closed(body) for (body,) in rows]
        except msgspec.DecodeError as error:
            raise JournalBroken(f"a closed position in the archive is unreadable: {error}") from error

    async def list_portfolio(self, query: PortfolioQuery) -> list[tuple[int, PortfolioPoint]]:
        where = _Where()
        where.equals("book", query.book)
        where.among("account", query.accounts)
        if query.before is not None:
            where.add("(ts_ns, account, book) < (?, ?, ?)", *query.before)
        order = "ORDER BY ts_ns DESC, account DESC, book DESC LIMIT ?"
        sql = f"SELECT ts_ns, body FROM portfolio_history {where} {order}"
        rows = await self._reader.fetch(sql, [*where.parameters, max(query.limit, 0)])
        try:
            return [(ts_ns, _decode_point(body)) for ts_ns, body in rows]
        except msgspec.DecodeError as error:
            raise JournalBroken(f"a portfolio snapshot in the archive is unreadable: {error}") from error


class _Where:
    """The conditions of one listing and what stands for their question marks."""

    def __init__(self) -> None:
        self.parameters: list[Any] = []
        self._conditions: list[str] = []

    def add(self, condition: str, *values: Any) -> None:
        self._conditions.append(condition)
        self.parameters.extend(values)

    def equals(self, column: str, value: str | None) -> None:
        if value is not None:
            self.add(f"{column} = ?", value)

    def among(self, column: str, values: tuple[str, ...] | None) -> None:
        """One of these; an empty choice matches nothing, None is no condition."""
        if values is not None:
            self.add(f"{column} IN ({','.join('?' * len(values))})", *values)

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self._conditions)}" if self._conditions else ""
