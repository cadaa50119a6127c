"""Closed positions and portfolio snapshots, found after memory let go of them. Rows are written by the journal's own
transactions."""

from collections.abc import Callable, Iterator, Sequence
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


class Additions(msgspec.Struct, frozen=True):
    """What records add to the history, and what they take back."""

    closed: dict[str, ClosedPosition]
    voided: dict[str, None]
    points: dict[tuple[int, str, str], PortfolioPoint]


def additions(entries: Sequence[Entry]) -> Additions:
    """The last word of these records, in their order."""
    found = Additions({}, {}, {})
    for entry in entries:
        for closed_id in entry.voided_positions:
            found.closed.pop(closed_id, None)
            found.voided[closed_id] = None
        found.closed.update((one.closed_id, one) for one in entry.closed_positions)
        for fact in entry.record.facts:
            if type(fact) is PortfolioRecorded:
                found.points.update(((fact.ts_ns, point.account, point.book), point) for point in fact.points)
    return found


def history_statements(entries: Sequence[Entry]) -> Iterator[Statement]:
    """What a batch adds to the history, and what it takes back."""
    new = additions(entries)
    yield from chunked(schema.delete_closed, [(closed_id,) for closed_id in new.voided])
    yield from chunked(schema.upsert_closed, [closed_row(one) for one in new.closed.values()])
    yield from chunked(schema.insert_points, [point_row(ts_ns, one) for (ts_ns, *_), one in new.points.items()])


def is_closed_row(row: tuple[Any, ...]) -> bool:
    """Whether it is found under what it says itself."""
    try:
        return isinstance(row[-1], bytes) and closed_row(_decode_closed(row[-1]))[:-1] == row[:-1]
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        return False


def is_point_row(row: tuple[Any, ...]) -> bool:
    try:
        is_typed = isinstance(row[0], int) and isinstance(row[-1], bytes)
        return is_typed and point_row(row[0], _decode_point(row[-1]))[:-1] == row[:-1]
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

    def __init__(self, reader: Reader, unarchived: Callable[[], Sequence[Entry]]) -> None:
        """``unarchived`` gives what is durable and not in the tables yet."""
        self._reader = reader
        self._unarchived = unarchived

    async def list_closed(self, query: ClosedPositionQuery) -> list[ClosedPosition]:
        waiting = additions(self._unarchived())
        where = _Where()
        where.equals("book", query.book)
        where.among("account", query.accounts)
        where.among("strategy", query.strategies)
        where.equals("symbol", query.symbol)
        where.equals("venue", query.venue)
        if query.before is not None:
            where.add("(closed_ns, closed_id) < (?, ?)", *query.before)
        sql = f"SELECT body FROM closed_positions {where} ORDER BY closed_ns DESC, closed_id DESC LIMIT ?"
        # A row of one that waits is of before: it is left out, and what is behind it moves up.
        limit = max(query.limit, 0)
        rows = await self._reader.fetch(sql, [*where.parameters, limit + len(waiting.closed) + len(waiting.voided)])
        try:
            stored = [_decode_closed(body) for (body,) in rows]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise JournalBroken(f"a closed position in the archive is unreadable: {error}") from error
        found = [one for one in stored if one.closed_id not in waiting.closed and one.closed_id not in waiting.voided]
        found += [one for one in waiting.closed.values() if _is_wanted_closed(one, query)]
        return sorted(found, key=_closed_age, reverse=True)[:limit]

    async def list_portfolio(self, query: PortfolioQuery) -> list[tuple[int, PortfolioPoint]]:
        waiting = additions(self._unarchived()).points
        where = _Where()
        where.equals("book", query.book)
        where.among("account", query.accounts)
        if query.before is not None:
            where.add("(ts_ns, account, book) < (?, ?, ?)", *query.before)
        order = "ORDER BY ts_ns DESC, account DESC, book DESC LIMIT ?"
        sql = f"SELECT ts_ns, account, book, body FROM portfolio_history {where} {order}"
        limit = max(query.limit, 0)
        rows = await self._reader.fetch(sql, [*where.parameters, limit + len(waiting)])
        try:
            found = {tuple(key): _decode_point(body) for *key, body in rows}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise JournalBroken(f"a portfolio snapshot in the archive is unreadable: {error}") from error
        found |= {key: point for key, point in waiting.items() if _is_wanted_point(key, query)}
        return [(key[0], found[key]) for key in sorted(found, reverse=True)[:limit]]


def _closed_age(one: ClosedPosition) -> tuple[int, str]:
    return one.closed_ns, one.closed_id


def _is_wanted_closed(one: ClosedPosition, query: ClosedPositionQuery) -> bool:
    """The conditions of the listing for one that is not in its table yet."""
    among = ((query.accounts, one.account), (query.strategies, one.strategy_id))
    equal = ((query.book, one.book), (query.symbol, one.symbol), (query.venue, one.venue))
    return (
        all(wanted is None or value in wanted for wanted, value in among)
        and all(wanted is None or value == wanted for wanted, value in equal)
        and (query.before is None or _closed_age(one) < query.before)
    )


def _is_wanted_point(key: tuple[int, str, str], query: PortfolioQuery) -> bool:
    _, account, book = key
    return (
        (query.book is None or book == query.book)
        and (query.accounts is None or account in query.accounts)
        and (query.before is None or key < query.before)
    )


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
