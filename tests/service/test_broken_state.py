"""A state in which a fact failed half way: it takes no orders, and no start goes on from it."""

import asyncio

import pytest

from gateway.core.checkpoint import state_hash
from gateway.core.state import GatewayState
from gateway.domain.enums import Mode, OrdStatus, TradingState
from gateway.domain.events import TradingSwitched
from gateway.domain.facts import Fact, OrderHeld
from gateway.ports.intake import NotAccepting
from gateway.service import engine as engine_module
from gateway.service.recovery import recover
from tests.fakes.journal import MemoryJournal
from tests.fakes.venue import FakeVenue
from tests.service.desk import Desk, desk
from tests.world import ADMIN


async def break_state(one: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One order of which the first fact is applied and the next is not."""
    real = engine_module.apply

    def fails(state: GatewayState, fact: Fact) -> None:
        real(state, fact)
        if isinstance(fact, OrderHeld):
            raise ArithmeticError("a sum went wrong")

    with monkeypatch.context() as patch:
        patch.setattr(engine_module, "apply", fails)
        with pytest.raises(ArithmeticError):
            await one.place(cl_ord_id="half")


@pytest.mark.parametrize("when", ["at the stop", "while running"])
async def test_a_broken_state_becomes_no_checkpoint(when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, the restart that the gateway asks for would go on from the very state that is broken: an order
    that is in no record would hold exposure for ever."""
    journal = MemoryJournal()
    async with desk(Mode.LIVE, journal=journal) as one:
        filled = await one.place(cl_ord_id="whole")
        await one.until(lambda: one.order(filled).ord_status is OrdStatus.FILLED)
        await one.engine.durable(one.engine.last_seq)
        await break_state(one, monkeypatch)
        assert one.engine.is_broken
        with pytest.raises(NotAccepting, match="restart the gateway"):
            await one.place(cl_ord_id="later")
        await (one.engine.close() if when == "at the stop" else one.engine.checkpoint())
        await asyncio.sleep(0.01)
    records_alone = MemoryJournal()
    records_alone.rows = journal.rows
    by_records, _ = await recover(records_alone)
    by_checkpoint, _ = await recover(journal)
    assert state_hash(by_checkpoint) == state_hash(by_records)
    assert [order.cl_ord_id for order in by_checkpoint.orders.values()] == ["whole"]


async def test_a_full_disk_does_not_hide_that_a_restart_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, people would make room on the disk and wait for ever: only a restart helps."""
    async with desk(Mode.LIVE, venue=FakeVenue(fills=False)) as one:
        await break_state(one, monkeypatch)
        one.journal.failure = "the disk is full"
        one.engine.process(TradingSwitched(ts_ns=1, state=TradingState.HALTED, actor=ADMIN, reason="t"))
        await one.until(lambda: one.telemetry.failures)
        assert "restart the gateway" in str(one.engine.failure)


async def test_an_effect_that_fails_stops_no_record() -> None:
    """Without this, a fault in what follows a record would end the task that writes the journal: every later client
    would wait for an answer that never comes."""
    async with desk(Mode.LIVE) as one:
        run = one.engine.run_effects

        def fails(_: object) -> None:
            raise RuntimeError("an adapter's mistake")

        one.engine.run_effects = fails
        await one.place(cl_ord_id="first")
        one.engine.run_effects = run
        second = await one.place(cl_ord_id="second")
        await one.until(lambda: one.order(second).ord_status is OrdStatus.FILLED)
        assert len(one.venue.sends) == 1
