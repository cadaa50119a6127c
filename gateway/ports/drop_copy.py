"""An independent feed of executions, compared with our own books: the port that HTTP calls."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from gateway.domain.enums import Side, Word
from gateway.domain.orders import Actor


class DropCopyResult(Word):
    """What became of comparing one execution."""

    MATCHED = "matched"
    DIFFERS = "differs"
    #: The venue executed, and our live book has nothing.
    MISSING = "missing"
    #: Differs or is missing, but not for long enough to act on: the fill may still be on its way.
    PENDING = "pending"
    #: Older than what is remembered, and its order is not in the archive: nothing can be said.
    TOO_OLD = "too_old"


class CopiedExecution(msgspec.Struct, frozen=True, kw_only=True):
    """An execution as the independent source tells it. ``order_id`` is ours, empty when it is not known there;
    ``executed_ns`` is 0 when it is not told."""

    exec_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    order_id: str = ""
    executed_ns: int = 0


class Difference(msgspec.Struct, frozen=True):
    """One field that is not the same: what the source says, and what is booked."""

    field: str
    theirs: str
    ours: str


class DropCopyVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One execution compared. ``differences`` are there for what differs (also while it is pending);
    ``stopped`` are symbols that were put into REDUCING because of it, now."""

    exec_id: str
    symbol: str
    result: DropCopyResult
    order_id: str | None = None
    differences: tuple[Difference, ...] = ()
    stopped: tuple[str, ...] = ()


class DropCopies(Protocol):
    async def compare(
        self, venue: str, executions: Sequence[CopiedExecution], actor: Actor
    ) -> tuple[DropCopyVerdict, ...]:
        """One verdict for each execution, in their order. Raises RequestInvalid for a venue that is not configured."""
        ...
