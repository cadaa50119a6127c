"""Binance spot as a venue: REST for what we ask, the user data stream for what happens.

Nothing is ever sent twice: the exchange takes an id again once its order is filled, so after any doubt the order is
looked up. It is believed absent only once every request that might still be under way has lost its validity.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from binance.exceptions import BinanceAPIException

from gateway.adapters.venues.binance import outcomes
from gateway.adapters.venues.binance.account import BinanceAccount
from gateway.adapters.venues.binance.asking import Asker
from gateway.adapters.venues.binance.changes import Changes
from gateway.adapters.venues.binance.client import BUDGET_WAIT_S, RECV_WINDOW_MS, BudgetSpent, RestClient
from gateway.adapters.venues.binance.orders import OrderTooSmall, OrderUnsupported, symbol_of
from gateway.adapters.venues.binance.reading import (
    change_id_of,
    end_of_event,
    fill_of_event,
    fills_of_answer,
    is_change_id,
    plain_report,
    reports_of,
)
from gateway.adapters.venues.binance.rulebook import Rulebook
from gateway.adapters.venues.binance.stream import UserStream
from gateway.adapters.venues.binance.tracking import Tracking
from gateway.adapters.venues.shared.background import Background
from gateway.adapters.venues.shared.generations import client_order_id_of, generation_of, order_id_of
from gateway.adapters.venues.shared.link import Link
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, SubmitStatus
from gateway.domain.instruments import Instrument
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock
from gateway.ports.connection import ConnectionState
from gateway.ports.venue import Answer, Lookup, VenueListener

_ACCEPTED = Answer(SubmitStatus.ACCEPTED)
_NS = 1_000_000_000
#: After this a request that was cut off can no longer be executed: it waited for weight, then it was valid for so long;
#: a second is for clocks.
_IN_FLIGHT_S = BUDGET_WAIT_S + RECV_WINDOW_MS / 1_000 + 1.0


class BinanceVenue:
    """Implements ``ports.venue.Venue``. ``instruments`` are those whose trades the account tells."""

    def __init__(
        self,
        settings: VenueSettings,
        rest: RestClient,
        clock: Clock,
        instruments: Mapping[str, Instrument] | None = None,
    ) -> None:
        self._clock = clock
        self._rest = rest
        self._link = Link(settings.name, clock)
        self._stream = UserStream(rest, self._link, self._on_event, self._on_open, float(settings.timeout_s))
        self._account = BinanceAccount(rest, instruments or {}, settings.name, clock)
        self._started_ns = clock.monotonic_ns()
        #: When an order was sent last, by our id: nobody can call it absent soon after, nor while it is under way.
        self._sent_ns: dict[str, int] = {}
        self._sending: set[str] = set()
        self._changes = Changes()
        self._asker = Asker(rest, self._changes)
        self._background = Background(settings.name)
        rest.on_clock_wrong = lambda: self._background.spawn(rest.set_clock(), "clock")
        self._orders = Tracking(clock, self._background, self.lookup, self._expire)
        self._stream.on_unread = self._orders.ask_beside
        self._rulebook = Rulebook(rest, instruments or {}, settings.name, clock, self._background)

    @property
    def connection(self) -> ConnectionState:
        return self._link.state

    @property
    def account(self) -> BinanceAccount:
        """Reads what the exchange says of the account."""
        return self._account

    async def start(self, listener: VenueListener) -> None:
        self._orders.listener = self._link.listener = listener
        self._background.spawn(self._stream.run(), "user data stream")
        self._background.spawn(self._rulebook.keep(), "filters")

    async def close(self) -> None:
        self._orders.close()
        await self._background.close()
        await self._rest.close()

    # --- requests -----------------------------------------------------------------------------------

    async def submit(self, ticket: OrderTicket) -> Answer:
        self._sending.add(ticket.order_id)
        try:
            return await self._submit(ticket)
        finally:
            self._sending.discard(ticket.order_id)

    async def _submit(self, ticket: OrderTicket) -> Answer:
        if self._link.trouble:
            return Answer(SubmitStatus.REJECTED, self._link.trouble)
        try:
            params = await self._rulebook.fit(ticket, self._orders.open)
        except OrderUnsupported as error:
            return Answer(SubmitStatus.REJECTED, str(error), isinstance(error, OrderTooSmall))
        self._sent_ns[ticket.order_id] = self._clock.monotonic_ns()
        self._orders.open.add(ticket)
        try:
            answer = await self._rest.request("post", "order", 1, **params)
        except BudgetSpent as error:
            self._orders.release(ticket.order_id)
            return Answer(SubmitStatus.REJECTED, str(error))
        except Exception as error:
            outcome = outcomes.answer_of(error)
            if outcome.status is SubmitStatus.REJECTED:
                self._orders.release(ticket.order_id)
            self._note_trouble(error)
            return outcome
        self._orders.tell(
            plain_report(ticket.order_id, ExecType.NEW, int(answer["transactTime"]), str(answer["orderId"]))
        )
        self._orders.tell(*fills_of_answer(ticket.order_id, answer))
        self._orders.end_by(ticket, answer)
        self._orders.watch(ticket)
        return _ACCEPTED

    async def cancel(self, ticket: OrderTicket) -> Answer:
        try:
            answer = await self._rest.request(
                "delete",
                "order",
                1,
                symbol=symbol_of(ticket.symbol),
                origClientOrderId=self._changes.client_id(ticket.order_id),
            )
        except BudgetSpent as error:
            return Answer(SubmitStatus.THROTTLED, str(error))
        except BinanceAPIException as error:
            self._note_trouble(error)
            return outcomes.answer_to_cancel(error)
        except Exception as error:
            return Answer(SubmitStatus.UNKNOWN, outcomes.answer_of(error).text)
        self._orders.end_by(ticket, answer)
        return _ACCEPTED

    async def replace(
        self, ticket: OrderTicket, order_qty: Decimal, limit_px: Decimal | None, stop_px: Decimal | None
    ) -> Answer:
        """Cancel and place in one request, only as long as nothing has filled.

        With a part filled, the quantity of the new order would rest on what we believe has filled; the exchange may
        know better, and the sum would be more than was asked for.
        """
        if ticket.cum_qty:
            text = "binance changes an order by a new one, which is not safe once a part is filled: cancel, then place"
            return Answer(SubmitStatus.REJECTED, text)
        changed: dict[str, Any] = {"order_qty": order_qty, "limit_px": limit_px, "stop_px": stop_px}
        try:
            params = await self._rulebook.fit(msgspec.structs.replace(ticket, **changed), self._orders.open)
        except OrderUnsupported as error:
            return Answer(SubmitStatus.REJECTED, str(error))
        old_id = self._changes.client_id(ticket.order_id)
        generation = self._changes.begin(ticket.order_id)
        params |= {
            "newClientOrderId": client_order_id_of(ticket.order_id, generation),
            "cancelOrigClientOrderId": old_id,
            "cancelNewClientOrderId": change_id_of(ticket.order_id, generation),
            "cancelReplaceMode": "STOP_ON_FAILURE",
            "cancelRestrictions": "ONLY_NEW",
        }
        self._sent_ns[ticket.order_id] = self._clock.monotonic_ns()
        try:
            answer = await self._rest.request("post", "order/cancelReplace", 1, **params)
        except BudgetSpent as error:
            self._changes.settle(ticket.order_id)
            return Answer(SubmitStatus.REJECTED, str(error))
        except Exception as error:
            return await self._failed_change(ticket, error)
        self._changes.found(ticket.order_id, generation)
        if ticket.order_id in self._orders.open:
            self._orders.open.add(msgspec.structs.replace(ticket, **changed))
        placed = answer["newOrderResponse"]
        terms = plain_report(
            ticket.order_id, ExecType.REPLACED, int(placed["transactTime"]), str(placed["orderId"]), **changed
        )
        self._orders.tell(terms, *fills_of_answer(ticket.order_id, placed))
        self._orders.end_by(ticket, placed)
        return _ACCEPTED

    async def _failed_change(self, ticket: OrderTicket, error: Exception) -> Answer:
        """409 says that the cancel was done and the new order refused, other refusals leave the old one as it is: its
        end, if it came meanwhile, was held back. Without a clear answer any may be so, or the change was made: the
        look-up that follows must tell."""
        outcome = await outcomes.answer_to_change(error)
        if outcome.status is not SubmitStatus.REJECTED:
            return outcome
        self._changes.settle(ticket.order_id)
        if not outcomes.is_half_done(error):
            self._orders.ask_beside(ticket.order_id)
        else:
            now_ms = self._clock.now_ns() // 1_000_000
            self._orders.tell_end(
                plain_report(ticket.order_id, ExecType.CANCELED, now_ms, text=f"canceled, {outcome.text}")
            )
        return outcome

    async def lookup(self, ticket: OrderTicket) -> Lookup:
        """Ask for the order by our id, newest change first, and for its fills."""
        was_under_way = self._may_be_under_way(ticket.order_id)  # what is told late was true when it was asked
        try:
            found = await self._asker.find(ticket)
            is_unsettled = found is None or self._changes.is_in_doubt(ticket.order_id)
            if is_unsettled and (was_under_way or self._may_be_under_way(ticket.order_id)):
                return Lookup(None)
            if found is None:
                return Lookup(False)
            reports = reports_of(ticket.order_id, found, await self._asker.trades_of(found))
        except Exception as error:
            self._note_trouble(error)
            return Lookup(None)
        self._changes.settle(ticket.order_id)
        if not self._orders.remember(ticket, found["status"]):
            return Lookup(None)
        self._orders.note(reports)
        return Lookup(True, reports)

    def _may_be_under_way(self, order_id: str) -> bool:
        """Whether a request about the order may still reach the exchange: absence proves nothing before."""
        sent_ns = self._sent_ns.get(order_id, self._started_ns)
        return order_id in self._sending or self._clock.monotonic_ns() - sent_ns < _IN_FLIGHT_S * _NS

    # --- what happens ---------------------------------------------------------------------------------

    def _on_event(self, event: dict[str, Any]) -> None:
        if event.get("e") == "outboundAccountPosition":
            self._rulebook.note_balances(event)
        if event.get("e") != "executionReport":
            return
        kind = event["x"]
        # On a cancel ``c`` is the id of the cancel itself, and ``C`` the order's.
        client_id = event["C"] if kind in ("CANCELED", "REPLACED") and event.get("C") else event["c"]
        order_id = order_id_of(client_id)
        if kind == "TRADE":
            self._orders.tell(fill_of_event(event))
        is_told = self._orders.compare(order_id, event.get("z"))
        if kind == "TRADE":
            if event["X"] == "FILLED":
                self._orders.release(order_id)
        elif kind == "NEW":
            self._orders.tell(plain_report(order_id, ExecType.NEW, int(event["T"]), str(event["i"])))
        elif generation_of(client_id) < self._changes.generation(order_id) or self._changes.is_in_doubt(order_id):
            return  # the order that a change took the place of, or may have
        elif is_change_id(event["c"]):  # canceled for a change that this process did not send: where is its other half?
            self._changes.doubt(order_id)
            self._orders.ask_beside(order_id)
        elif (end := end_of_event(order_id, event)) is not None:
            self._orders.tell_end(end, is_told=is_told)

    async def _on_open(self) -> None:
        """The stream tells nothing of before it: ask for the filters, and for every order believed to be open."""
        await self._rulebook.open()
        for ticket in self._orders.open.tickets():
            if not await self._orders.ask_again(ticket):
                self._orders.ask_beside(ticket.order_id)
        self._link.up()

    def _note_trouble(self, error: Exception) -> None:
        if isinstance(error, BinanceAPIException) and error.code == outcomes.FILTER_FAILED:
            self._rulebook.doubt()
        if isinstance(error, BinanceAPIException) and error.code in outcomes.CREDENTIALS:
            text = f"binance refuses the key ({error.code} {error.message}): check BINANCE_API_KEY and BINANCE_SECRET"
            self._link.down(text)
            self._background.spawn(self._stream.drop(), "the key is refused")

    async def _expire(self, ticket: OrderTicket) -> bool:
        """Take back an order whose time is over; False: ask again."""
        if ticket.order_id not in self._orders.open:
            return True
        answer = await self.cancel(ticket)
        if answer.status is not SubmitStatus.ACCEPTED:
            await self._orders.ask_again(ticket)
        return ticket.order_id not in self._orders.open

    def release(self, order_id: str) -> None:
        """Implements ``ports.venue.ReleasesOrders``."""
        self._orders.release(order_id)
