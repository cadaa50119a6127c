"""Decide the past again: every recorded event must give the facts that were recorded (invariant 9)."""

from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Protocol

import msgspec

from gateway.core.checkpoint import state_hash
from gateway.core.decide import decide
from gateway.core.state import GatewayState
from gateway.domain.facts import Fact
from gateway.domain.records import Entry, Record
from gateway.service.closed_orders import withdrawn_by
from gateway.service.recovery import MISFITS, applied, fold, misfit


class Difference(msgspec.Struct, frozen=True):
    """One record whose event would be decided otherwise now."""

    seq: int
    event: str
    recorded: tuple[Fact, ...]
    decided: tuple[Fact, ...]


class ReplayReport(msgspec.Struct, frozen=True):
    """``differences`` holds the first ``kept`` of ``different`` records; ``checkpoints`` are the records whose
    checkpoint holds another state than they come to."""

    records: int
    facts: int
    different: int
    differences: tuple[Difference, ...]
    state_hash: str
    checkpoints: tuple[int, ...] = ()


class Finished(Protocol):
    """Who is told what the archive must hold."""

    def note(self, entry: Entry) -> None:
        """A record with what it left for the archive; what is there in the end is that of the last call."""
        ...

    def forget(self, order_id: str) -> None:
        """The order was taken back before it was durable."""
        ...


_NONE: Mapping[int, str] = MappingProxyType({})


async def replay(
    records: AsyncIterator[Record],
    kept: int = 20,
    finished: Finished | None = None,
    checkpoints: Mapping[int, str] = _NONE,
) -> ReplayReport:
    """Re-decide from the first record on. State follows the recorded facts, so one difference hides no other.
    ``checkpoints`` are state hashes by record. Raises JournalBroken where records do not fit each other."""
    state = GatewayState()
    count = facts = different = 0
    differences: list[Difference] = []
    otherwise: list[int] = []
    async for record in records:
        decided = _decided(state, record)
        if decided != record.facts:
            different += 1
            if len(differences) < kept:
                differences.append(Difference(record.seq, type(record.event).__name__, record.facts, decided))
        _apply(state, record, finished)
        if record.seq in checkpoints and checkpoints[record.seq] != state_hash(state):
            otherwise.append(record.seq)
        count += 1
        facts += len(record.facts)
    return ReplayReport(count, facts, different, tuple(differences), state_hash(state), tuple(otherwise))


def _decided(state: GatewayState, record: Record) -> tuple[Fact, ...]:
    try:
        return decide(state, record.event).facts
    except MISFITS as error:
        raise misfit(record.seq, error) from error


def _apply(state: GatewayState, record: Record, finished: Finished | None) -> None:
    if finished is None:
        fold(state, record.seq, record.facts)
        return
    for order_id in withdrawn_by(state, record.facts):
        finished.forget(order_id)
    finished.note(applied(state, record))
