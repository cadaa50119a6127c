"""What is written together: what nobody waits for goes with what somebody does."""

import asyncio

import pytest

from gateway.domain.enums import Mode, OrdStatus
from gateway.domain.facts import OrderExecuted
from gateway.domain.records import Record
from gateway.ports.intake import NotAccepting, Outcome, Reply
from tests.patience import PATIENCE_S
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


async def test_the_answer_is_made_while_the_disk_writes_and_leaves_when_it_has() -> None:
    """Without the first, every client waits for the disk and then for its answer to be written; without the second, an
    order that a crash forgets would have been confirmed."""
    async with desk(Mode.SHADOW) as one:
        made: list[Reply] = []
        one.journal.gate = asyncio.Event()
        placing = asyncio.create_task(one.place(answer=made.append))
        await one.until(lambda: bool(made))
        await asyncio.sleep(0.02)
        assert not placing.done()
        assert one.engine.durable_seq < one.engine.last_seq
        assert made[0].outcome is Outcome.CREATED
        one.journal.gate.set()
        await asyncio.wait_for(placing, PATIENCE_S)
        assert one.telemetry.timed == ["alpha"]


async def test_an_answer_that_was_made_is_thrown_away_when_the_disk_refuses() -> None:
    """Without this, a client would be told of an order that was taken back."""
    async with desk(Mode.SHADOW) as one:
        made: list[Reply] = []
        one.journal.gate = asyncio.Event()
        placing = asyncio.create_task(one.place(answer=made.append))
        await one.until(lambda: bool(made))
        one.journal.failure = "no space left on device"
        one.journal.gate.set()
        with pytest.raises(NotAccepting, match="no space left"):
            await asyncio.wait_for(placing, PATIENCE_S)


async def test_who_waits_is_answered_before_those_who_watch_are_told() -> None:
    """Without this, each answer would wait until all records of its commit are counted and handed to the streams."""
    async with desk(Mode.SHADOW) as one:
        told: list[str] = []
        watch = one.engine.on_durable

        def tell(record: Record) -> None:
            told.append("watcher")
            watch(record)

        async def ask(number: int) -> None:
            await one.place(cl_ord_id=f"c{number}")
            told.append("answer")

        await one.until(lambda: one.feed.last_seq == one.engine.durable_seq)
        one.engine.on_durable = tell
        await asyncio.gather(*(ask(number) for number in range(3)))
        await one.until(lambda: "watcher" in told)
        assert told[:4] == [*["answer"] * 3, "watcher"]
