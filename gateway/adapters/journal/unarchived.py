"""What durable records finished and the archive does not hold yet.

A row of the archive touches a table and four indexes: written with the record that finished the order, it would make
each commit three times as large. So rows wait until there are some dozens of them, and go with a record that is written
anyway. Until then they are here, found like those in the archive; after a crash whoever folds the journal brings back
what the archive lacks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateway.adapters.journal import schema
from gateway.adapters.journal.archive import OrderRow
from gateway.adapters.journal.connection import Statement, chunked
from gateway.adapters.journal.history import history_statements
from gateway.domain.facts import PortfolioRecorded
from gateway.domain.records import Entry

#: As many wait: enough to spread the cost, few enough to hold nobody up when they are written.
MOST_WAITING = 48
#: And no sooner than after as many appends: where one brings dozens by itself, those between are a single statement.
FEWEST_APPENDS = 4


@dataclass(frozen=True)
class _Batch:
    """Of one append. ``seq`` is its last record."""

    seq: int
    entries: Sequence[Entry]
    orders: dict[str, OrderRow] = field(default_factory=dict)


class Unarchived:
    """``add`` comes before the records are durable, for a write may be cancelled and happen all the same: nothing after
    ``durable_seq`` counts."""

    def __init__(self) -> None:
        self._batches: list[_Batch] = []
        self._rows = 0

    def add(self, seq: int, entries: Sequence[Entry], orders: dict[str, OrderRow]) -> None:
        """``orders`` are rows by order id, as ``archive.order_row`` makes them."""
        history = [entry for entry in entries if _is_history(entry)]
        if orders or history:
            self._batches.append(_Batch(seq, history, orders))
            self._rows += len(orders) + len(history)

    def forget_after(self, durable_seq: int) -> None:
        """What was added for a write that did not happen."""
        while self._batches and self._batches[-1].seq > durable_seq:
            batch = self._batches.pop()
            self._rows -= len(batch.orders) + len(batch.entries)

    def forget(self) -> None:
        """All of it is in the archive."""
        self._batches.clear()
        self._rows = 0

    @property
    def is_empty(self) -> bool:
        return not self._batches

    @property
    def is_due(self) -> bool:
        return self._rows >= MOST_WAITING and len(self._batches) >= FEWEST_APPENDS

    def statements(self, partition: str, seq: int) -> Iterator[Statement]:
        """What brings the archive up to record ``seq``, the last one."""
        rows = {order_id: row for batch in self._batches for order_id, row in batch.orders.items()}
        yield from chunked(schema.upsert_orders, list(rows.values()))
        yield from history_statements([entry for batch in self._batches for entry in batch.entries])
        yield schema.MARK_ARCHIVED, (partition, seq)

    def orders(self, durable_seq: int) -> dict[str, OrderRow]:
        """Rows by order id, the latest of each."""
        return {
            order_id: row
            for batch in self._batches
            if batch.seq <= durable_seq
            for order_id, row in batch.orders.items()
        }

    def entries(self, durable_seq: int) -> list[Entry]:
        """What adds to the history, in the order of the records."""
        return [entry for batch in self._batches if batch.seq <= durable_seq for entry in batch.entries]


def _is_history(entry: Entry) -> bool:
    has_points = any(type(fact) is PortfolioRecorded for fact in entry.record.facts)
    return has_points or bool(entry.closed_positions or entry.voided_positions)
