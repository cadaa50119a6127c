"""Decide the past again: every recorded event must give the facts that were recorded (invariant 9)."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from gateway.core.apply import apply, trim
from gateway.core.checkpoint import state_hash
from gateway.core.decide import decide
from gateway.core.state import GatewayState
from gateway.domain.facts import Fact
from gateway.domain.orders import Order
from gateway.domain.records import Record
from gateway.service.closing import closed_by, withdrawn_by


class Difference(msgspec.Struct, frozen=True):
    """One record whose event would be decided otherwise now."""

    seq: int
    event: str
    recorded: tuple[Fact, ...]
    decided: tuple[Fact, ...]


class ReplayReport(msgspec.Struct, frozen=True):
    """``differences`` holds the first ``kept`` of ``different`` records."""

    records: int
    facts: int
    different: int
    differences: tuple[Difference, ...]
    state_hash: str


class Finished(Protocol):
    """Who is told what the archive of finished orders must hold."""

    def note(self, order: Order, seq: int) -> None:
        """An order as record ``seq`` left it for the archive; what is there in the end is that of the last call."""
        ...

    def forget(self, order_id: str) -> None:
        """The order was taken back before it was durable."""
        ...


async def replay(records: AsyncIterator[Record], kept: int = 20, finished: Finished | None = None) -> ReplayReport:
    """Re-decide from the first record on. State follows the recorded facts, so one difference hides no other."""
    state = GatewayState()
    count = facts = different = 0
    differences: list[Difference] = []
    async for record in records:
        decided = decide(state, record.event).facts
        if decided != record.facts:
            different += 1
            if len(differences) < kept:
                differences.append(Difference(record.seq, type(record.event).__name__, record.facts, decided))
        withdrawn = withdrawn_by(state, record.facts) if finished is not None else ()
        for fact in record.facts:
            apply(state, fact)
        if finished is not None:
            for order_id in withdrawn:
                finished.forget(order_id)
            for order in closed_by(state, record.facts):
                finished.note(order, record.seq)
        trim(state)
        count += 1
        facts += len(record.facts)
    return ReplayReport(count, facts, different, tuple(differences), state_hash(state))
