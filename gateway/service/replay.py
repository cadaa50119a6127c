"""Decide the past again: every recorded event must give the facts that were recorded (invariant 9)."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from gateway.core.apply import apply, trim
from gateway.core.checkpoint import state_hash
from gateway.core.decide import decide
from gateway.core.state import GatewayState
from gateway.domain.facts import Fact, OrderWithdrawn
from gateway.domain.orders import Order
from gateway.domain.records import Record
from gateway.service.closing import closed_by


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

    def note(self, order: Order) -> None:
        """An order as it goes into the archive; the last call for an order is what is there in the end."""
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
        withdrawn = _withdrawn(state, record.facts) if finished is not None else ()
        for fact in record.facts:
            apply(state, fact)
        if finished is not None:
            for order_id in withdrawn:
                finished.forget(order_id)
            for order in closed_by(state, record.facts):
                finished.note(order)
        trim(state)
        count += 1
        facts += len(record.facts)
    return ReplayReport(count, facts, different, tuple(differences), state_hash(state))


def _withdrawn(state: GatewayState, facts: tuple[Fact, ...]) -> tuple[str, ...]:
    """Orders that these facts take back, with their legs."""
    orders = (state.orders.get(fact.order_id) for fact in facts if isinstance(fact, OrderWithdrawn))
    return tuple([order_id for order in orders if order is not None for order_id in (order.order_id, *order.leg_ids)])
