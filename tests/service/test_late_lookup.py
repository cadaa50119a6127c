"""An order that ends while the venue is being asked about it."""

import asyncio
from decimal import Decimal

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, Mode, OrdStatus
from gateway.domain.orders import ExecutionReport
from gateway.ports.venue import Lookup
from tests.fakes.venue import FakeVenue
from tests.service.desk import desk

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
        await asyncio.wait_for(venue.asked.wait(), 2)
        venue.tell.set()
        venue.report(order.order_id, ExecType.CANCELED)
        await one.until(lambda: order.cum_qty == 4)
        assert order.ord_status is OrdStatus.CANCELED
