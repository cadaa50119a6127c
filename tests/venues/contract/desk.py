"""An adapter on its venue, with what it said."""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, SubmitStatus
from gateway.ports.venue import Answer, Lookup
from tests.patience import PATIENCE_S
from tests.venues.contract.drivers import Driver, Truth
from tests.venues.listening import Heard

UNKNOWN = SubmitStatus.UNKNOWN


class Desk:
    """``venue`` is the adapter of now: ``restart`` makes another, as a process that died and came back."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.heard = Heard()
        self.venue = driver.new_venue()

    async def open(self) -> None:
        await self.venue.start(self.heard)
        await self.connected()

    async def connected(self) -> None:
        await self.heard.until(lambda: self.heard.is_connected)

    async def lost(self) -> None:
        await self.heard.until(lambda: not self.heard.is_connected)

    async def die(self) -> None:
        await self.venue.close()
        self.heard, self.venue = Heard(), self.driver.new_venue()

    async def restart(self) -> None:
        await self.die()
        await self.open()

    async def ask(self, request: Any) -> Answer:
        """An answer within the time that the gateway gives a venue; none is doubt."""
        try:
            async with asyncio.timeout(float(self.driver.timeout_s)):
                answer: Answer = await request
                return answer
        except TimeoutError:
            return Answer(UNKNOWN, "no answer")

    async def submit(self, ticket: OrderTicket) -> Answer:
        return await self.ask(self.venue.submit(ticket))

    async def cancel(self, ticket: OrderTicket) -> Answer:
        return await self.ask(self.venue.cancel(ticket))

    async def replace(self, ticket: OrderTicket, **terms: Any) -> Answer:
        return await self.ask(
            self.venue.replace(
                ticket,
                terms.get("order_qty", ticket.order_qty),
                terms.get("limit_px", ticket.limit_px),
                terms.get("stop_px", ticket.stop_px),
            )
        )

    async def settle(self, ticket: OrderTicket) -> bool:
        """Ask until the venue knows, as the gateway does; what it tells is heard like any other report."""
        async with asyncio.timeout(PATIENCE_S):
            while (found := await self.look_up(ticket)).is_known is None:  # noqa: ASYNC110 - asking is all one can do
                await asyncio.sleep(0.02)
        return found.is_known

    async def look_up(self, ticket: OrderTicket) -> Lookup:
        found = await self.venue.lookup(ticket)
        if found.reports:
            self.heard.on_reports(found.reports)
        return found

    async def work(self, **terms: Any) -> OrderTicket:
        """An order that the venue works."""
        ticket = self.driver.ticket(**terms)
        answer = await self.submit(ticket)
        assert answer.status is SubmitStatus.ACCEPTED, answer
        await self.heard.until_kind(ticket.order_id, ExecType.NEW)
        return ticket

    def truth(self, ticket: OrderTicket) -> Truth | None:
        return self.driver.truths().get(ticket.order_id)

    async def until(self, is_so: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait for something that nobody tells."""
        async with asyncio.timeout(seconds):
            while not is_so():  # noqa: ASYNC110 - conditions at the venue, which sets no event of ours
                await asyncio.sleep(0.005)
