"""A journal in memory that can be told to fail, to be slow, and to show what it has made durable."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec

from gateway.domain.facts import PortfolioRecorded
from gateway.domain.orders import Order
from gateway.domain.positions import ClosedPosition, PortfolioPoint
from gateway.domain.records import Checkpoint, Entry, Record
from gateway.ports.journal import ClosedPositionQuery, JournalUnavailable, OrderQuery, PortfolioQuery


class MemoryJournal:
    """Implements ``ports.journal.Journal`` and ``OrderArchive``. Keeps encoded bytes, as a disk would."""

    def __init__(self) -> None:
        self.rows: list[bytes] = []
        self.archived: dict[str, Order] = {}
        self.closed: dict[str, ClosedPosition] = {}
        self.checkpoints: list[Checkpoint] = []
        self.batches: list[int] = []
        #: Why the next appends fail; None while they work.
        self.failure: str | None = None
        #: Set to hold every append back until it is set again.
        self.gate: asyncio.Event | None = None

    @property
    def records(self) -> list[Record]:
        return [msgspec.json.decode(row, type=Record) for row in self.rows]

    async def append(self, entries: Sequence[Entry]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        if self.failure is not None:
            raise JournalUnavailable(self.failure)
        self.batches.append(len(entries))
        for entry in entries:
            self.rows.append(msgspec.json.encode(entry.record))
            for order in entry.closed_orders:
                self.archived[order.order_id] = order
            for closed_id in entry.voided_positions:
                self.closed.pop(closed_id, None)
            self.closed.update((one.closed_id, one) for one in entry.closed_positions)

    async def read(self, after_seq: int) -> AsyncIterator[Record]:
        for record in self.records[after_seq:]:
            yield record

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        self.checkpoints.append(checkpoint)

    async def load_checkpoint(self) -> Checkpoint | None:
        return self.checkpoints[-1] if self.checkpoints else None

    async def close(self) -> None:
        pass

    def may_hold(self, account: str, cl_ord_id: str) -> bool:
        return any((order.account, order.cl_ord_id) == (account, cl_ord_id) for order in self.archived.values())

    async def find(self, order_id: str) -> Order | None:
        return self.archived.get(order_id)

    async def find_by_client_id(self, account: str, cl_ord_id: str) -> Order | None:
        for order in self.archived.values():
            if (order.account, order.cl_ord_id) == (account, cl_ord_id):
                return order
        return None

    async def list_closed(self, query: ClosedPositionQuery) -> list[ClosedPosition]:
        found = sorted(self.closed.values(), key=lambda one: (one.closed_ns, one.closed_id), reverse=True)
        return found[: query.limit]

    async def list_portfolio(self, query: PortfolioQuery) -> list[tuple[int, PortfolioPoint]]:
        facts = [fact for record in self.records for fact in record.facts if isinstance(fact, PortfolioRecorded)]
        return [(fact.ts_ns, point) for fact in reversed(facts) for point in fact.points][: query.limit]

    async def list(self, query: OrderQuery) -> list[Order]:
        found = [order for order in self.archived.values() if not order.parent_id]
        return sorted(found, key=lambda order: (order.created_ns, order.order_id), reverse=True)[: query.limit]
