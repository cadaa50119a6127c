"""What is written together: what nobody waits for goes with what somebody does."""

import asyncio

import pytest

from gateway.domain.enums import Mode, OrdStatus
from gateway.domain.facts import OrderExecuted
from tests.service.desk import Desk, desk

_WAIT = "gateway.service.engine._SIMULATED_WAIT_S"


async def filled(one: Desk, **fields: object) -> None:
    reply = await one.place(**fields)
    await one.until(lambda: one.order(reply).ord_status is OrdStatus.FILLED)


async def test_what_the_simulator_tells_waits_for_the_next_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, each simulated fill would cost a flush of its own, and orders queue behind those flushes."""
    monkeypatch.setattr(_WAIT, 3_600)
    async with desk(Mode.SHADOW) as one:
        await filled(one)
        await asyncio.sleep(0.02)
        assert one.engine.durable_seq < one.engine.last_seq
        batches = len(one.journal.batches)
        await one.place()
        assert len(one.journal.batches) == batches + 1
        assert one.journal.batches[-1] >= 2


async def test_whoever_asks_does_not_wait_for_the_next_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a strategy that asks for its position would be held up by what only saves flushes."""
    monkeypatch.setattr(_WAIT, 3_600)
    async with desk(Mode.SHADOW) as one:
        await filled(one)
        await asyncio.wait_for(one.engine.durable(one.engine.last_seq), 30)
        await filled(one)
        await asyncio.wait_for(one.engine.close(), 30)
        assert one.engine.durable_seq == one.engine.last_seq


async def test_it_does_not_wait_for_ever() -> None:
    """Without this, the last fills before a quiet night would be nowhere if the machine lost its power."""
    async with desk(Mode.SHADOW) as one:
        await filled(one)
        await one.until(lambda: one.engine.durable_seq == one.engine.last_seq)


async def test_what_a_real_venue_tells_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a real fill would reach people and disk later than it must."""
    monkeypatch.setattr(_WAIT, 3_600)
    async with desk(Mode.LIVE) as one:
        await filled(one)
        await one.until(lambda: any(type(fact) is OrderExecuted for row in one.journal.records for fact in row.facts))
