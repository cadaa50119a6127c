"""A venue that does what a test tells it: answers, stays silent, fills, forgets. Counts every send."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import msgspec

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, SubmitStatus
from gateway.domain.executions import ExecutionReport
from gateway.ports.venue import Answer, Lookup, VenueListener

D = Decimal
HUNDRED = D(100)


class FakeVenue:
    """Implements ``ports.venue.Venue``. ``book`` is what the venue itself holds: the truth of what was sent."""

    def __init__(self, name: str = "fake", px: Decimal = HUNDRED, *, fills: bool = True) -> None:
        self.name = name
        self.px = px
        self.fills = fills
        self.book: dict[str, OrderTicket] = {}
        self.sends: list[str] = []
        self.cancels: list[str] = []
        self.lookups: list[str] = []
        self.released: list[str] = []
        #: Every call in the order it took effect, and how long a submit takes to arrive.
        self.calls: list[str] = []
        self.delay_s = 0.0
        self.is_started = self.is_closed = False
        #: Takes the order and never answers; or loses it on the way and never answers.
        self.is_silent = self.is_deaf = False
        self.answer: Callable[[OrderTicket], Answer] = lambda ticket: Answer(SubmitStatus.ACCEPTED)
        self.can_look_up = True
        self._listener: VenueListener | None = None
        self._executions = 0

    async def start(self, listener: VenueListener) -> None:
        self._listener = listener
        self.is_started = True

    def release(self, order_id: str) -> None:
        self.released.append(order_id)

    async def submit(self, ticket: OrderTicket) -> Answer:
        self.sends.append(ticket.order_id)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        self.calls.append("submit")
        if self.is_deaf:
            await asyncio.sleep(3600)
        answer = self.answer(ticket)
        if answer.status is SubmitStatus.ACCEPTED:
            self.book[ticket.order_id] = ticket
            if self.is_silent:
                await asyncio.sleep(3600)
            self.report(ticket.order_id, ExecType.NEW)
            if self.fills:
                self.fill(ticket.order_id)
        return answer

    async def cancel(self, ticket: OrderTicket) -> Answer:
        self.cancels.append(ticket.order_id)
        self.calls.append("cancel")
        if ticket.order_id in self.book:
            self.report(ticket.order_id, ExecType.CANCELED)
        return Answer(SubmitStatus.ACCEPTED)

    async def replace(
        self, ticket: OrderTicket, order_qty: Decimal, limit_px: Decimal | None, stop_px: Decimal | None
    ) -> Answer:
        self._tell(
            ExecutionReport(
                order_id=ticket.order_id,
                exec_type=ExecType.REPLACED,
                transact_ns=1,
                order_qty=order_qty,
                limit_px=limit_px,
                stop_px=stop_px,
                is_twin=ticket.is_twin,  # also of one from before a restart, which is not in the book
                is_second_twin=ticket.is_second_twin,
            )
        )
        return Answer(SubmitStatus.ACCEPTED)

    async def lookup(self, ticket: OrderTicket) -> Lookup:
        self.lookups.append(ticket.order_id)
        if not self.can_look_up:
            return Lookup(None)
        if ticket.order_id not in self.book:
            return Lookup(False)
        report = ExecutionReport(
            order_id=ticket.order_id, exec_type=ExecType.NEW, transact_ns=1, venue_order_id=f"v-{ticket.order_id}"
        )
        return Lookup(True, (report,))

    async def close(self) -> None:
        self.is_closed = True

    def fill(self, order_id: str, qty: Decimal | None = None) -> None:
        self._executions += 1
        self._tell(
            ExecutionReport(
                order_id=order_id,
                exec_type=ExecType.TRADE,
                transact_ns=1,
                exec_id=f"{self.name}-{self._executions}",
                last_qty=qty or self.book[order_id].order_qty,
                last_px=self.px,
                venue_order_id=f"v-{order_id}",
            )
        )

    def report(self, order_id: str, exec_type: ExecType) -> None:
        report = ExecutionReport(order_id=order_id, exec_type=exec_type, transact_ns=1, venue_order_id=f"v-{order_id}")
        self._tell(report)

    def _tell(self, report: ExecutionReport) -> None:
        assert self._listener is not None
        ticket = self.book.get(report.order_id)
        if ticket is not None and ticket.is_twin:
            report = msgspec.structs.replace(report, is_twin=True, is_second_twin=ticket.is_second_twin)
        self._listener.on_reports((report,))
