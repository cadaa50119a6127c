"""What ends late: an order that is over while the venue is asked about it, a cancel for which there was no room."""

import asyncio
from decimal import Decimal

import pytest

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, Mode, OrdStatus, SubmitStatus
from gateway.domain.executions import ExecutionReport
from gateway.ports.venue import Answer, Lookup
from gateway.service import executor
from tests.fakes.venue import FakeVenue
from tests.patience import PATIENCE_S
from tests.service.desk import desk
from tests.world import TRADER

D = Decimal


class SlowToTell(FakeVenue):
    """Knows of a fill that it never told, and takes its time to say so when asked."""

    def __init__(self) -> None:
        super().__init__(fills=False)
        self.asked, self.tell = asyncio.Event(), asyncio.Event()

    async def lookup(self, ticket: OrderTicket) -> Lookup:
        self.asked.set()
        await self.tell.wait()
        fill = ExecutionReport(
            order_id=ticket.order_id,
            exec_type=ExecType.TRADE,
            transact_ns=1,
            exec_id="untold",
            last_qty=D(4),
            last_px=D(100),
        )
        return Lookup(True, (fill,))


async def test_a_fill_that_is_learned_after_the_end_is_booked() -> None:
    """Without this, an order that was canceled while the venue was asked about it would keep its fills from the
    books: the answer came to an order that nobody looked at any more."""
    venue = SlowToTell()
    venue.is_silent = True
    async with desk(Mode.LIVE, venue=venue, timeout_s=0.3) as one:
        order = one.order(await one.place(limit=D(90)))
        await one.until(lambda: order.is_in_doubt)
        await asyncio.wait_for(venue.asked.wait(), PATIENCE_S)
        venue.tell.set()
        venue.report(order.order_id, ExecType.CANCELED)
        await one.until(lambda: order.cum_qty == 4)
        assert order.ord_status is OrdStatus.CANCELED


class Full(FakeVenue):
    """Has no room for a cancel the first times that it is asked."""

    def __init__(self) -> None:
        super().__init__(fills=False)
        self.full_times = 2

    async def cancel(self, ticket: OrderTicket) -> Answer:
        if self.full_times:
            self.full_times -= 1
            return Answer(SubmitStatus.THROTTLED, "the budget is used up; nothing was sent")
        return await super().cancel(ticket)


async def test_a_cancel_that_no_budget_has_room_for_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, an order would work on although somebody, or a halt, has taken it back, for one moment without
    room; or its look-ups would take the room that its cancel waits for."""
    monkeypatch.setattr(executor, "_THROTTLED_FIRST_S", 0.01)
    venue = Full()
    async with desk(Mode.LIVE, venue=venue) as one:
        order = one.order(await one.place(limit=D(90)))
        await one.until(lambda: order.ord_status is OrdStatus.NEW)
        await one.intake.cancel(order.order_id, TRADER)
        await one.until(lambda: order.ord_status is OrdStatus.CANCELED)
    assert (venue.full_times, len(venue.cancels), venue.lookups) == (0, 1, [])


async def test_a_cancel_that_waits_ends_with_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, orders that are done would be taken back for ever, from a budget that has no room."""
    monkeypatch.setattr(executor, "_THROTTLED_FIRST_S", 0.01)
    venue = Full()
    venue.full_times = 1_000
    async with desk(Mode.LIVE, venue=venue) as one:
        order = one.order(await one.place(limit=D(90)))
        await one.until(lambda: order.ord_status is OrdStatus.NEW)
        await one.intake.cancel(order.order_id, TRADER)
        await one.until(lambda: venue.full_times < 1_000)
        venue.fill(order.order_id)
        await one.until(lambda: order.ord_status is OrdStatus.FILLED)
        await one.until(lambda: not one.executor._under_way)
    assert not venue.cancels
