"""Durable memory: the append-only journal, its checkpoints, and the archive of finished orders."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from gateway.domain.orders import Order
from gateway.domain.positions import ClosedPosition, PortfolioPoint
from gateway.domain.records import Checkpoint, Entry, Record


class JournalUnavailable(Exception):
    """The journal could not be written (disk full, I/O error). Nothing of the batch is in it; try again later."""


class JournalBroken(Exception):
    """The journal on disk is not what was written: altered, missing or reordered records. Says where."""


class Journal(Protocol):
    """``append`` returns only when every record of the batch is durable, all or none."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """Raises JournalUnavailable."""
        ...

    def read(self, after_seq: int) -> AsyncIterator[Record]:
        """Every durable record with ``seq > after_seq``, in order. Raises JournalBroken, JournalUnavailable."""
        ...

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep it beside the records; the one that it is of (``checkpoint.seq``) must be durable. Raises
        JournalUnavailable, JournalBroken."""
        ...

    async def load_checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint that fits the journal, or None; an unusable one is skipped for an older one."""
        ...

    async def close(self) -> None: ...


class Readable(Protocol):
    """The part of a journal that its readers need."""

    def read(self, after_seq: int) -> AsyncIterator[Record]: ...


class History(Readable, Protocol):
    """The part of a journal that a start needs."""

    async def load_checkpoint(self) -> Checkpoint | None: ...


class ArchivesLater(History, Protocol):
    """A journal whose archive of finished orders and closed positions may be some records behind it."""

    @property
    def archived_seq(self) -> int:
        """The last record whose orders and positions are in the archive."""
        ...

    def take_up(self, entries: Sequence[Entry]) -> None:
        """What the records after ``archived_seq`` finished: found as if it were archived, and archived in time. To be
        called once, before the first ``append``."""
        ...


class OrderQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which finished orders to list. Newest first; ``before`` is the (created_ns, order_id) to continue after."""

    accounts: tuple[str, ...] | None = None
    strategies: tuple[str, ...] | None = None
    symbol: str | None = None
    venue: str | None = None
    route: str | None = None
    statuses: tuple[str, ...] | None = None
    before: tuple[int, str] | None = None
    limit: int = 100


class ClosedPositionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which closed positions to list. Newest first; ``before`` is the (closed_ns, closed_id) to continue after."""

    book: str | None = None
    accounts: tuple[str, ...] | None = None
    strategies: tuple[str, ...] | None = None
    symbol: str | None = None
    venue: str | None = None
    before: tuple[int, str] | None = None
    limit: int = 100


class PortfolioQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which portfolio snapshots to list. Newest first; ``before`` is the (ts_ns, account, book) to continue after."""

    book: str | None = None
    accounts: tuple[str, ...] | None = None
    before: tuple[int, str, str] | None = None
    limit: int = 100


class LedgerArchive(Protocol):
    """What the ledger's memory let go of, from the moment that ``Journal.append`` returns."""

    async def list_closed(self, query: ClosedPositionQuery) -> list[ClosedPosition]: ...

    async def list_portfolio(self, query: PortfolioQuery) -> list[tuple[int, PortfolioPoint]]:
        """Points with the moment of each."""
        ...


class OrderArchive(Protocol):
    """Finished orders, found after they left memory, from the moment that ``Journal.append`` returns."""

    def may_hold(self, account: str, cl_ord_id: str) -> bool:
        """False only if no archived order has this client id. In memory, no I/O: asked for every new order."""
        ...

    async def find(self, order_id: str) -> Order | None: ...

    async def find_by_client_id(self, account: str, cl_ord_id: str) -> Order | None: ...

    async def list(self, query: OrderQuery) -> list[Order]: ...


class OrderTrace(msgspec.Struct, frozen=True):
    """The records that speak of one order, in order. ``is_whole`` False: there may be more than were looked for."""

    records: tuple[Record, ...]
    is_whole: bool


class OrderTraces(Protocol):
    async def trace(self, order_id: str, since_ns: int, until_ns: int) -> OrderTrace:
        """What was recorded of the order between these moments. Raises JournalBroken, JournalUnavailable."""
        ...
