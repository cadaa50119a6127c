"""A change of terms at Alpaca: take the order back, see how much of it had filled, place an order for what is left.

Alpaca's own replace (PATCH) is not used. The order that it makes starts anew, without what the old one filled
(alpacahq/Alpaca-API issue 165), and takes no condition: a fill on its way at that moment would come on top, and the sum
could be more than was asked for. Once the old order is gone for good, what is left is known. The price of it: for a
moment nothing works, the place in the queue is lost (as with PATCH), a trailing stop begins anew, and if Alpaca refuses
the new terms the order is over. So terms are checked, and the place for both messages is taken, before the cancel.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.adapters.venues.alpaca import client, outcomes
from gateway.adapters.venues.alpaca.book import OrderBook
from gateway.adapters.venues.alpaca.client import ApiRefused, BudgetSpent, RestClient
from gateway.adapters.venues.alpaca.reading import filled_qty_of, is_done
from gateway.adapters.venues.alpaca.tracking import Tracked
from gateway.adapters.venues.shared.generations import client_order_id_of
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import SubmitStatus
from gateway.ports.sending import IS_WANTED
from gateway.ports.venue import Answer

_POLL_FIRST_S, _POLL_MAX_S = 0.05, 1.0
#: The ticket with the new terms, and the id at Alpaca, to the body of an order. Raises OrderUnsupported.
Form = Callable[[OrderTicket, str], Mapping[str, Any]]


class Changes:
    """Carries out changes, one at a time for each order. Whatever comes in between, a look-up tells how it ended."""

    def __init__(self, rest: RestClient, book: OrderBook, form: Form) -> None:
        self._rest = rest
        self._book = book
        self._form = form

    async def change(self, tracked: Tracked, changed: OrderTicket) -> Answer:
        """Raises OrderUnsupported and what requests raise as long as nothing was changed."""
        self._form(changed, tracked.client_order_id)
        if not tracked.is_certain or not tracked.venue_order_id:
            rows = await self._book.generations(tracked)
            if not rows or is_done(rows[-1]):
                return Answer(SubmitStatus.UNKNOWN, "alpaca does not work the order")
            tracked.settle(rows)
        if not await self._rest.budget.acquire(client.BUDGET_WAIT_S, 2):
            return Answer(SubmitStatus.REJECTED, "the requests of this minute are used up; nothing was changed")
        tracked.is_changing = True
        tracked.changes += 1
        try:
            return await self._swap(tracked, changed)
        finally:
            tracked.is_changing = False

    async def _swap(self, tracked: Tracked, changed: OrderTicket) -> Answer:
        try:
            old = await self._take_back(tracked.venue_order_id)
        except Exception as error:
            outcome = outcomes.answer_of(error)
            return Answer(outcome.status, f"the order could not be taken back to be changed: {outcome.text}")
        if old["status"] != "canceled":
            return Answer(SubmitStatus.UNKNOWN, f"{old['status']} before it could be changed")
        tracked.next_carried_qty = tracked.carried_qty + filled_qty_of(old)
        left = changed.order_qty - tracked.next_carried_qty
        if left <= 0:
            return Answer(SubmitStatus.UNKNOWN, "canceled: all of the new quantity had filled already")
        client_order_id = client_order_id_of(changed.order_id, tracked.generation + 1)
        body = self._form(msgspec.structs.replace(changed, order_qty=left), client_order_id)
        if not IS_WANTED.get()():  # while the old order was taken back
            self._book.on_change_refused(tracked, old, "canceled to be changed, which nobody wants any more")
            return Answer(SubmitStatus.REJECTED, "the new order was not sent")
        tracked.is_change_in_doubt = True
        self._book.note_sent(tracked)
        try:
            row = await self._rest.request("POST", "orders", body, is_paid=True)
        except Exception as error:
            outcome = outcomes.answer_of(error)
            if outcome.status is SubmitStatus.REJECTED:
                text = f"canceled to be changed, and the new terms were refused: {outcome.text}"
                self._book.on_change_refused(tracked, old, text)
            return outcome
        finally:
            self._book.note_sent(tracked)
        self._book.note_successor(row)
        tracked.is_changing = False
        self._book.on_answer(row)
        self._book.note_row(old)
        return Answer(SubmitStatus.ACCEPTED)

    async def _take_back(self, venue_order_id: str) -> Mapping[str, Any]:
        """Cancel, and wait for the order's end, whatever that is. Raises ApiRefused when it cannot be canceled."""
        refusal: ApiRefused | None = None
        try:
            await self._rest.request("DELETE", f"orders/{venue_order_id}", is_paid=True)
        except ApiRefused as error:
            if error.status != 422:
                raise
            refusal = error
        wait_s = _POLL_FIRST_S
        while True:
            try:
                row: Mapping[str, Any] = await self._rest.request("GET", f"orders/{venue_order_id}", is_cancel=True)
            except BudgetSpent:
                continue  # the cancel has left: what became of it must be seen
            if is_done(row):
                return row
            if refusal is not None and row["status"] != "pending_cancel":
                raise refusal
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _POLL_MAX_S)
