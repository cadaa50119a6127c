"""Changes whose answer got lost, while the venue is asked about the order already: an older word must not deny them."""

import asyncio
from decimal import Decimal

from gateway.core.tickets import ticket_of
from gateway.domain.effects import LookupOrder, OrderTicket
from gateway.domain.enums import ExecType, Mode, OrdStatus
from gateway.domain.facts import ReplaceDenied
from gateway.domain.orders import ReplaceRequest
from gateway.ports.venue import Answer, Lookup
from tests.fakes.venue import FakeVenue
from tests.service.desk import Desk, desk
from tests.world import TRADER

D = Decimal


class Slow(FakeVenue):
    """Takes its time for look-ups, and never answers a change; whether it is in force shows when it is asked."""

    def __init__(self) -> None:
        super().__init__(fills=False)
        self.tells: list[asyncio.Event] = []
        self.changed = asyncio.Event()

    async def lookup(self, ticket: OrderTicket) -> Lookup:
        self.tells.append(asyncio.Event())
        await self.tells[-1].wait()
        return await super().lookup(ticket)

    async def replace(
        self, ticket: OrderTicket, order_qty: Decimal, limit_px: Decimal | None, stop_px: Decimal | None
    ) -> Answer:
        self.changed.set()
        await asyncio.sleep(3600)
        raise AssertionError


def denials(one: Desk) -> int:
    return sum(isinstance(fact, ReplaceDenied) for record in one.journal.records for fact in record.facts)


async def test_a_word_from_before_a_change_does_not_deny_it_and_is_asked_for_again() -> None:
    """Without this, a change that the venue has would be denied here, and what is held for it let go; or, once it is
    not denied any more, nobody would ever ask how it ended."""
    venue = Slow()
    venue.is_silent = True
    async with desk(Mode.LIVE, venue=venue, timeout_s=0.3) as one:
        order = one.order(await one.place(limit=D(90)))
        await one.until(lambda: len(venue.tells) == 1)  # in doubt: the venue is asked
        venue.report(order.order_id, ExecType.NEW)
        reply = one.tasks.spawn(one.intake.replace(order.order_id, ReplaceRequest(order_qty=D(20)), TRADER), "replace")
        await asyncio.wait_for(venue.changed.wait(), 2)
        venue.tells[0].set()
        await reply
        await one.until(lambda: len(venue.tells) == 2)  # its answer got lost: asked once more
        assert order.pending_replace is not None
        assert denials(one) == 0
        venue.tells[1].set()
        await one.until(lambda: order.pending_replace is None)
        assert (denials(one), order.order_qty, order.ord_status) == (1, 10, OrdStatus.NEW)


async def test_a_word_that_was_asked_for_while_the_change_was_on_its_way_does_not_deny_it() -> None:
    """Without this, the same would happen where the change left first and the question was faster."""
    venue = Slow()
    async with desk(Mode.LIVE, venue=venue, timeout_s=2) as one:
        order = one.order(await one.place(limit=D(90)))
        await one.until(lambda: order.ord_status is OrdStatus.NEW)
        await one.intake.replace(order.order_id, ReplaceRequest(order_qty=D(20)), TRADER)
        await asyncio.wait_for(venue.changed.wait(), 2)
        one.executor.run([LookupOrder(ticket=ticket_of(order))])
        await one.until(lambda: len(venue.tells) == 1)
        venue.tells[0].set()
        await one.until(lambda: venue.lookups)
        await asyncio.sleep(0.05)
        assert order.pending_replace is not None
        assert denials(one) == 0
