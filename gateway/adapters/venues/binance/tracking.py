"""Our orders at Binance that are believed to be open: all their fills are told, then their end, however it is heard of.

An end that counts more than was told waits for a look-up, which tells both.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from gateway.adapters.venues.binance.open_orders import OpenOrders
from gateway.adapters.venues.binance.reading import end_of, end_of_answer
from gateway.adapters.venues.shared.background import Background
from gateway.adapters.venues.shared.executed import Executed
from gateway.adapters.venues.shared.expiry import Expiries
from gateway.adapters.venues.shared.link import Backoff
from gateway.domain.effects import OrderTicket
from gateway.domain.executions import ExecutionReport
from gateway.ports.clock import Clock
from gateway.ports.venue import Lookup, VenueListener

#: Ends remembered of orders that nobody has asked about yet, most of them not ours.
_REMEMBERED = 1_000


class Tracking:
    """``lookup`` asks the exchange about an order, ``cancel`` takes back one whose time is over and says whether it is
    gone."""

    def __init__(
        self,
        clock: Clock,
        background: Background,
        lookup: Callable[[OrderTicket], Awaitable[Lookup]],
        cancel: Callable[[OrderTicket], Awaitable[bool]],
    ) -> None:
        self.listener: VenueListener | None = None
        self.open = OpenOrders()
        self._clock = clock
        self._background = background
        self._lookup = lookup
        self._executed = Executed(background, self.ask_again)
        self._expiries = Expiries(clock, background, cancel)
        #: Orders whose end the stream told before anybody asked about them: not open, whatever was asked before.
        self._ended: dict[str, None] = {}

    def tell(self, *reports: ExecutionReport) -> None:
        self.note(reports)
        if reports and self.listener is not None:
            self.listener.on_reports(reports)

    def note(self, reports: tuple[ExecutionReport, ...]) -> None:
        """These are told."""
        self._executed.note(reports)

    def watch(self, ticket: OrderTicket) -> None:
        """The order works: take it back when its time is over."""
        if ticket.order_id in self.open:
            self._expiries.add(ticket)

    def remember(self, ticket: OrderTicket, status: str) -> bool:
        """An order as the exchange had it when it was asked: open, or done. False: it has ended since."""
        if status == "FILLED" or end_of(status) is not None:
            self._ended.pop(ticket.order_id, None)
            self.release(ticket.order_id)
        elif ticket.order_id in self._ended:
            return False
        else:
            self.open.add(ticket)
            self.watch(ticket)
        return True

    def release(self, order_id: str) -> None:
        """The order is done, or a person settled it."""
        self.open.forget(order_id)
        self._expiries.forget(order_id)

    def close(self) -> None:
        self._expiries.close()

    # --- ends -----------------------------------------------------------------------------------------

    def compare(self, order_id: str, cum_qty: str | None) -> bool:
        """The exchange says how much of an order has filled in all; False: not all of that was told yet."""
        ticket, qty = self.open.get(order_id), Decimal(cum_qty or 0)
        if ticket is None:
            return qty <= self._executed.cum_qty(order_id)
        return self._executed.compare(ticket, qty)

    def end_by(self, ticket: OrderTicket, answer: Mapping[str, Any]) -> None:
        """An order as the answer to a request shows it."""
        order_id = ticket.order_id
        is_told = self.compare(order_id, answer.get("executedQty"))
        if (end := end_of_answer(order_id, answer, self._clock.now_ns() // 1_000_000)) is not None:
            if not is_told and order_id not in self.open:
                self.open.add(ticket)  # from before a restart, and not found yet
            self.tell_end(end, is_told=is_told)
        elif answer.get("status") == "FILLED":
            self.release(order_id)

    def tell_end(self, end: ExecutionReport, *, is_told: bool = True) -> None:
        """Told before its fills, an end would say that more is left of a position than is: a look-up tells them all."""
        if is_told:
            self.tell(end)
            self.release(end.order_id)
        elif end.order_id in self.open:
            self.ask_beside(end.order_id)
        else:
            self._ended[end.order_id] = None
            if len(self._ended) > _REMEMBERED:
                del self._ended[next(iter(self._ended))]

    # --- asking ---------------------------------------------------------------------------------------

    async def ask_again(self, ticket: OrderTicket) -> bool:
        """Look an order up and tell what is found; False: the exchange could not say."""
        found = await self._lookup(ticket)
        self.tell(*found.reports)
        return found.is_known is not None

    def ask_beside(self, order_id: str) -> None:
        """Ask what became of an order that is believed to be open, beside all else."""
        if (ticket := self.open.get(order_id)) is not None:
            self._background.spawn(self._ask_until_known(ticket), f"state of {order_id}")

    async def _ask_until_known(self, ticket: OrderTicket) -> None:
        backoff = Backoff(self._clock.now_ns())
        while ticket.order_id in self.open and not await self.ask_again(ticket):  # noqa: ASYNC110 - asking is all
            await asyncio.sleep(backoff.next_s())
