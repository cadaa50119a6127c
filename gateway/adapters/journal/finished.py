"""The archive held against the journal: no chain covers its rows, replaying the records does."""

from collections.abc import AsyncIterator
from hashlib import blake2b
from typing import Any

from gateway.adapters.journal import schema
from gateway.adapters.journal.archive import order_row
from gateway.adapters.journal.connection import Reader
from gateway.adapters.journal.errors import told
from gateway.adapters.journal.history import closed_row, point_row
from gateway.domain.facts import PortfolioRecorded
from gateway.domain.records import Entry

_PAGE = 4_096
_DIGEST_BYTES = 16
_SELECT_ORDERS = "SELECT order_id, body FROM orders WHERE order_id > ? ORDER BY order_id LIMIT ?"
_SELECT_CLOSED = "SELECT closed_id, body FROM closed_positions WHERE closed_id > ? ORDER BY closed_id LIMIT ?"
_SELECT_POINTS = (
    "SELECT ts_ns, account, book, body FROM portfolio_history WHERE (ts_ns, account, book) > (?, ?, ?)"
    " ORDER BY ts_ns, account, book LIMIT ?"
)

#: What names a row.
Key = tuple[Any, ...]


class _Rows:
    """What one table must hold: a digest per row, with the record that left it so."""

    def __init__(self, what: str, sql: str, before: Key) -> None:
        self._what = what
        self._sql = sql
        self._before = before
        self._expected: dict[Key, tuple[bytes, int]] = {}
        self._undone: dict[Key, int] = {}

    def __len__(self) -> int:
        return len(self._expected)

    def note(self, key: Key, body: bytes, seq: int) -> None:
        self._expected[key] = _digest(body), seq

    def forget(self, key: Key, seq: int = 0) -> None:
        """Record ``seq`` undid it."""
        self._expected.pop(key, None)
        self._undone[key] = seq

    @property
    def first_seq(self) -> int:
        return min((seq for _, seq in self._expected.values()), default=schema.LAST_SEQ)

    async def differences(self, reader: Reader, archived_seq: int, first_seq: int = 0) -> list[str]:
        """What is missing before ``first_seq``, and before the first row, was never in the table."""
        found: list[str] = []
        missing = dict(self._expected)
        async for key, body in self._present(reader):
            expected, seq = missing.pop(key, (None, 0))
            if expected is None:
                if self._undone.get(key, 0) <= archived_seq:
                    found.append(f"{self._named(key)} is in the archive, but no record finished it")
                continue
            first_seq = min(first_seq, seq)
            if seq <= archived_seq and (not isinstance(body, bytes) or _digest(body) != expected):
                found.append(f"{self._named(key)} in the archive is not as its records left it")
        lost = (key for key, (_, seq) in missing.items() if first_seq <= seq <= archived_seq)
        return [*found, *(f"{self._named(key)} is missing from the archive" for key in lost)]

    def _named(self, key: Key) -> str:
        return f"{self._what} {' '.join(str(part) for part in key)}"

    async def _present(self, reader: Reader) -> AsyncIterator[tuple[Key, object]]:
        last = self._before
        while True:
            with told("read"):
                page = await reader.fetch(self._sql, (*last, _PAGE))
            for *key, body in page:
                yield tuple(key), body
            if len(page) < _PAGE:
                return
            last = page[-1][:-1]


class FinishedOrders:
    """What the archive must hold, by the records: a million orders are some 200 MB."""

    def __init__(self) -> None:
        self._orders = _Rows("order", _SELECT_ORDERS, ("",))
        self._closed = _Rows("closed position", _SELECT_CLOSED, ("",))
        self._points = _Rows("portfolio snapshot", _SELECT_POINTS, (-(2**63), "", ""))

    def __len__(self) -> int:
        """Orders."""
        return len(self._orders)

    def note(self, entry: Entry) -> None:
        """A record with what it left for the archive; a later call for the same order or position replaces that."""
        seq = entry.record.seq
        for order in entry.closed_orders:
            self._orders.note((order.order_id,), order_row(order)[-1], seq)
        for closed_id in entry.voided_positions:
            self._closed.forget((closed_id,), seq)
        for one in entry.closed_positions:
            self._closed.note((one.closed_id,), closed_row(one)[-1], seq)
        for fact in entry.record.facts:
            if type(fact) is PortfolioRecorded:
                for point in fact.points:
                    *key, body = point_row(fact.ts_ns, point)
                    self._points.note(tuple(key), body, seq)

    def forget(self, order_id: str) -> None:
        """The order was taken back: it never was in the archive."""
        self._orders.forget((order_id,))

    async def differences(self, reader: Reader, archived_seq: int) -> list[str]:
        """One line per row that is altered, missing, or of what no record finished. What later records than
        ``archived_seq`` left need not be there yet.

        The journal must not be written to meanwhile. Raises JournalUnavailable.
        """
        # Version 1 of the journal kept neither snapshots nor closed positions: these begin with those at the latest.
        return [
            *await self._orders.differences(reader, archived_seq),
            *await self._closed.differences(reader, archived_seq, min(self._points.first_seq, archived_seq + 1)),
            *await self._points.differences(reader, archived_seq),
        ]


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=_DIGEST_BYTES).digest()
