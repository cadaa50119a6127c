"""What the journal keeps: one record per event, with the facts that were decided from it."""

import msgspec

from gateway.domain.events import Event
from gateway.domain.facts import Fact
from gateway.domain.orders import Order


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``seq`` counts from 1 without a gap within a partition."""

    seq: int
    ts_ns: int
    event: Event
    facts: tuple[Fact, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record to append, and the orders that it finished (to be findable after they leave memory)."""

    record: Record
    closed_orders: tuple[Order, ...] = ()


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The state after folding records 1..seq, encoded, with its hash: where a restart begins to fold."""

    seq: int
    ts_ns: int
    state: bytes
    state_hash: str
