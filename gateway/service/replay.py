"""Decide the past again: every recorded event must give the facts that were recorded (invariant 9)."""

from collections.abc import AsyncIterator

import msgspec

from gateway.core.apply import apply_record
from gateway.core.checkpoint import state_hash
from gateway.core.decide import decide
from gateway.core.state import GatewayState
from gateway.domain.facts import Fact
from gateway.domain.records import Record


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


async def replay(records: AsyncIterator[Record], kept: int = 20) -> ReplayReport:
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
        apply_record(state, record.facts)
        count += 1
        facts += len(record.facts)
    return ReplayReport(count, facts, different, tuple(differences), state_hash(state))
