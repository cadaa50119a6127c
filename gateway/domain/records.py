"""What the journal keeps: one record per event, with the facts that were decided from it."""

import msgspec

from gateway.domain.events import Event
from gateway.domain.facts import Fact
from gateway.domain.orders import Order
from gateway.domain.positions import ClosedPosition


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``seq`` counts from 1 without a gap within a partition."""

    seq: int
    ts_ns: int
    event: Event
    facts: tuple[Fact, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record to append, with the orders that it finished and the positions that it closed (to be findable after
    they leave memory). ``voided_positions`` are ids of closed positions that a correction undid."""

    record: Record
    closed_orders: tuple[Order, ...] = ()
    closed_positions: tuple[ClosedPosition, ...] = ()
    voided_positions: tuple[str, ...] = ()


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The state after folding records 1..seq, encoded, with its hash: where a restart begins to fold."""

    seq: int
    ts_ns: int
    state: bytes
    state_hash: str
