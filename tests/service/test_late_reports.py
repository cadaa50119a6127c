"""Reports on orders that left memory: booked once, however they arrive and whatever the archive does meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from gateway.domain.enums import ExecType, Mode, OrderClass, OrdStatus
from gateway.domain.executions import ExecutionReport
from gateway.domain.order_class import StopLoss, TakeProfit
from gateway.domain.orders import Order
from gateway.ports.journal import JournalBroken, JournalUnavailable
from gateway.service import executor
from tests.fakes.journal import MemoryJournal
from tests.fakes.venue import FakeVenue
from tests.service.desk import Desk, desk
from tests.world import TRADER, trading_config

D = Decimal


class SlowArchive(MemoryJournal):
    """Takes a turn of the loop to look, like any that is on a disk, and fails as often as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: dict[str, list[Exception]] = {}

    async def find(self, order_id: str) -> Order | None:
        found = self.archived.get(order_id)
        await asyncio.sleep(0)
        if failures := self.failures.get(order_id):
            raise failures.pop()
        return found


@asynccontextmanager
async def _two_forgotten(journal: SlowArchive) -> AsyncIterator[tuple[Desk, list[Order]]]:
    """A desk with two canceled orders, of which its memory holds neither."""
    venue = FakeVenue(fills=False)
    config = trading_config(Mode.LIVE, retained_closed_orders=1)
    async with desk(config=config, venue=venue, journal=journal) as one:
        orders = []
        for _ in range(3):
            order = one.order(await one.place(limit=D(90)))
            await one.intake.cancel(order.order_id, TRADER)
            venue.report(order.order_id, ExecType.CANCELED)
            await one.engine.durable(one.engine.last_seq)
            orders.append(order)
        forgotten = orders[:2]
        assert not {order.order_id for order in forgotten} & one.engine.state.orders.keys()
        yield one, forgotten


def _late_fill(order: Order) -> ExecutionReport:
    return ExecutionReport(
        order_id=order.order_id,
        exec_type=ExecType.TRADE,
        transact_ns=1,
        exec_id=f"late-{order.order_id}",
        last_qty=D(4),
        last_px=D(90),
    )


def _position(one: Desk, order: Order) -> Decimal:
    position = one.engine.state.books[order.route].positions.get(order.position_key)
    return D(0) if position is None else position.qty


async def test_fills_that_are_told_twice_at_once_are_booked_once() -> None:
    """Without this, a venue that tells of late fills on its stream and, in the same moment, once more with all of the
    day doubles the position: both tellings bring the order back as it was before either."""
    async with _two_forgotten(SlowArchive()) as (one, orders):
        fills = tuple(map(_late_fill, orders))
        one.executor.on_reports(fills)
        one.executor.on_reports(fills)
        await one.until(lambda: not any(task.get_name() == "late reports" for task in one.tasks._tasks))
        await one.engine.durable(one.engine.last_seq)
        assert _position(one, orders[0]) == 8
        assert [one.journal.archived[order.order_id].cum_qty for order in orders] == [4, 4]


@pytest.mark.parametrize("error", [JournalUnavailable("the disk reports an error"), JournalBroken("it is malformed")])
async def test_a_fill_outlives_an_archive_that_cannot_be_read(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, one error of the disk loses the fill of an order that left memory: the venue does not tell it
    again, and position and cash are wrong from then on. A fill beside it does not wait."""
    monkeypatch.setattr(executor, "_UNREAD_FIRST_S", 0.05)
    journal = SlowArchive()
    async with _two_forgotten(journal) as (one, orders):
        journal.failures[orders[0].order_id] = [error, error]
        one.executor.on_reports(tuple(map(_late_fill, orders)))
        await one.until(lambda: _position(one, orders[1]) == 4)
        await one.until(lambda: _position(one, orders[0]) == 8)
        await one.engine.durable(one.engine.last_seq)
        assert [one.journal.archived[order.order_id].cum_qty for order in orders] == [4, 4]


async def test_a_bust_of_a_leg_that_left_memory_changes_what_its_parent_came_to() -> None:
    """Without this, a bracket whose entry is busted a day later would be listed among the filled orders, and itself
    say that it was canceled: only the leg would be brought back, and its parent stay as it was archived."""
    journal, venue = MemoryJournal(), FakeVenue()
    config = trading_config(Mode.LIVE, retained_closed_orders=1)
    async with desk(config=config, venue=venue, journal=journal) as one:
        exits = {"order_class": OrderClass.BRACKET, "take_profit": TakeProfit(D(110)), "stop_loss": StopLoss(D(90))}
        bracket = one.order(await one.place(**exits))
        entry, *rest = one.engine.state.legs_of(bracket)
        await one.until(lambda: bool(entry.fills))
        venue.report(rest[0].order_id, ExecType.CANCELED)
        venue.report(rest[1].order_id, ExecType.CANCELED)
        for _ in range(2):
            await one.place()
        await one.until(lambda: not one.engine.state.orders.keys() & {bracket.order_id, entry.order_id})
        assert journal.archived[bracket.order_id].ord_status is OrdStatus.FILLED
        bust = ExecutionReport(
            order_id=entry.order_id,
            exec_type=ExecType.TRADE_CANCEL,
            transact_ns=2,
            exec_id="bust",
            exec_ref_id=entry.fills[0].exec_id,
        )
        one.executor.on_reports((bust,))
        await one.until(lambda: not journal.archived[entry.order_id].fills)
        story = await one.reads.order(bracket.order_id)
        assert story is not None
        assert journal.archived[bracket.order_id].ord_status is story.order.ord_status is OrdStatus.CANCELED
