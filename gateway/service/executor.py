"""Carries out effects at the venues and turns what comes back into events.

A route picks its venue from a table; the simulator stands in that table like any other. Whatever goes wrong
after a request may have left is UNKNOWN, never a rejection, and nothing is ever sent twice.
"""

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal
from functools import partial

from gateway.core.state import GatewayState
from gateway.core.withholding import why_withheld
from gateway.domain.effects import (
    CancelOrder,
    Effect,
    LookupOrder,
    OrderTicket,
    ReleaseOrder,
    ReplaceOrder,
    SubmitOrder,
)
from gateway.domain.enums import ExecType, SubmitStatus
from gateway.domain.events import Event, ReportsReceived, SubmitCompleted, VenueStatusChanged
from gateway.domain.executions import ExecutionReport
from gateway.domain.orders import Order
from gateway.domain.reasons import RejectCode
from gateway.ports.clock import Clock
from gateway.ports.journal import JournalBroken, JournalUnavailable, OrderArchive
from gateway.ports.sending import IS_WANTED
from gateway.ports.venue import Answer, ReleasesOrders, Venue
from gateway.service.foreign_text import clean_reports, clean_text
from gateway.service.looking_up import LookUps
from gateway.service.requests import Leave, VenueRequest, answer_of, request
from gateway.service.tasks import TaskGroup
from gateway.service.traded_average import TradedAverage
from gateway.service.venue_table import VenueTable

# Named once: see domain.orders.
_ACCEPTED, _TRADE = SubmitStatus.ACCEPTED, ExecType.TRADE

_log = logging.getLogger(__name__)
#: Until a cancel for which no budget had room is asked for again: at first, and at most.
_THROTTLED_FIRST_S, _THROTTLED_MAX_S = 1.0, 8.0
#: The same for an order in the archive that cannot be read.
_UNREAD_FIRST_S, _UNREAD_MAX_S = 0.5, 30.0


class Executor:
    """Effects out, events in. Also the listener that venues report to."""

    def __init__(
        self,
        table: VenueTable,
        process: Callable[[Event], object],
        state: GatewayState,
        find_order: Callable[[str], Order | None],
        archive: OrderArchive,
        clock: Clock,
        tasks: TaskGroup,
    ) -> None:
        self._table = table
        self._process = process
        self._state = state
        self._find_order = find_order
        self._archive = archive
        self._clock = clock
        self._tasks = tasks
        self._look_ups = LookUps(table, process, find_order, self.on_reports, clock, tasks)
        #: The last request about each order that the venue has not answered yet.
        self._under_way: dict[str, asyncio.Task[None]] = {}
        #: One at a time: what one brings back and changes, another must not bring back as it was before.
        self._restoring = asyncio.Lock()
        #: The market's average price while an order works, recorded with what is executed.
        self.traded = TradedAverage()
        #: Told of a venue whose connection was made or lost, once the state knows.
        self.on_connection: Callable[[str, bool], None] = lambda venue, is_connected: None
        #: Whether the connection to each venue stands, as last written into the log.
        self._logged: dict[str, bool] = {}

    def run(self, effects: list[Effect]) -> None:
        """Start every effect; those of a venue in this process run one after another in one task."""
        local: list[tuple[VenueRequest, Venue]] = []
        for effect in effects:
            if isinstance(effect, LookupOrder):
                self._look_ups.begin(effect.ticket)
                continue
            if isinstance(effect, ReleaseOrder):
                slot = self._table.of(effect.ticket)
                if slot is not None and isinstance(slot.venue, ReleasesOrders):
                    slot.venue.release(effect.ticket.order_id)
                continue
            if not isinstance(effect, VenueRequest):
                continue
            slot = self._table.of(effect.ticket)
            if slot is None:
                self._on_answer(effect, Answer(SubmitStatus.REJECTED, f"no adapter runs for {effect.ticket.venue}"))
            elif slot.timeout_s is None:
                local.append((effect, slot.venue))
            else:
                self._start_remote(effect, slot.venue, slot.timeout_s)
        if local:
            self._tasks.spawn(self._run_local(local), "simulator requests")

    async def _run_local(self, requests: list[tuple[VenueRequest, Venue]]) -> None:
        for effect, venue in requests:
            try:
                answer = await request(effect, venue)
            except Exception:
                _log.exception("the simulator failed on %s", effect)
                answer = Answer(SubmitStatus.UNKNOWN, "the simulator failed; see the log")
            if answer.status is not _ACCEPTED:
                self._on_answer(effect, answer)

    def _start_remote(self, effect: VenueRequest, venue: Venue, timeout_s: float) -> None:
        """Requests about one order reach the venue one after another: a cancel must not overtake its order. An exit
        goes with the order that it is sent with."""
        ticket = effect.ticket
        if isinstance(effect, SubmitOrder):
            self.traded.follow(ticket.order_id, ticket.symbol)
        if isinstance(effect, ReplaceOrder):
            self._look_ups.note_change(ticket.order_id)
        key = ticket.entry_id or ticket.order_id
        before = self._under_way.get(key)
        task = self._tasks.spawn(self._run_after(before, effect, venue, timeout_s), "venue request")
        self._under_way[key] = task
        task.add_done_callback(lambda done: self._forget(key, done))

    def _forget(self, order_id: str, done: "asyncio.Task[None]") -> None:
        if self._under_way.get(order_id) is done:
            del self._under_way[order_id]

    async def _run_after(
        self, before: "asyncio.Task[None] | None", effect: VenueRequest, venue: Venue, timeout_s: float
    ) -> None:
        try:
            if before is not None:
                await asyncio.wait([before])
            await self._run_remote(effect, venue, timeout_s)
        finally:
            if isinstance(effect, ReplaceOrder):
                self._look_ups.note_change_over(effect.ticket.order_id)

    async def _run_remote(self, effect: VenueRequest, venue: Venue, timeout_s: float) -> None:
        if isinstance(effect, CancelOrder | ReplaceOrder) and self._was_withheld(effect.ticket):
            return
        leave = Leave(partial(self._why_withheld, effect))
        if not leave():
            self._on_answer(effect, Answer(SubmitStatus.WITHHELD, leave.why_not))
            return
        IS_WANTED.set(leave)  # in this task, which makes this request and no other
        answer = await answer_of(effect, venue, timeout_s)
        if answer.status is SubmitStatus.THROTTLED and isinstance(effect, CancelOrder):
            later = await self._cancelled_later(effect.ticket, answer.text)
            if later is None:
                return
            answer = later
        if leave.why_not and answer.status is SubmitStatus.REJECTED:
            answer = Answer(SubmitStatus.WITHHELD, leave.why_not)
        leave.end()
        self._on_answer(effect, answer)

    def _why_withheld(self, effect: VenueRequest) -> str:
        """Why what was decided is not to be sent any more; empty: send it. A cancel always is."""
        if not isinstance(effect, SubmitOrder | ReplaceOrder):
            return ""
        order = self._state.orders.get(effect.ticket.order_id)
        if order is None:
            return ""
        is_replace = isinstance(effect, ReplaceOrder)
        return why_withheld(self._state, order, is_replace=is_replace, now_ns=self._clock.now_ns() if is_replace else 0)

    def _was_withheld(self, ticket: OrderTicket) -> bool:
        """Whether the venue was never sent what this is about."""
        order = self._find_order(ticket.entry_id or ticket.order_id)
        return order is not None and order.reject is not None and order.reject.code == RejectCode.WITHHELD

    async def _cancelled_later(self, ticket: OrderTicket, text: str) -> Answer | None:
        """A cancel for which there was no room, asked for until there is; None: nobody wants it any more."""
        _log.warning("%s: the cancel of order %s waits: %s", ticket.venue, ticket.order_id, text)
        answer = Answer(SubmitStatus.THROTTLED, text)
        wait_s = _THROTTLED_FIRST_S
        while answer.status is SubmitStatus.THROTTLED:
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _THROTTLED_MAX_S)
            order, slot = self._find_order(ticket.order_id), self._table.of(ticket)
            if order is None or not order.is_open:
                return None
            if slot is not None:
                answer = await answer_of(CancelOrder(ticket=ticket), slot.venue, slot.timeout_s)
        return answer

    def _on_answer(self, effect: VenueRequest, answer: Answer) -> None:
        ticket = effect.ticket
        if answer.status is SubmitStatus.WITHHELD:
            self._end_send(ticket, answer, is_replace=isinstance(effect, ReplaceOrder))
        elif isinstance(effect, SubmitOrder) and not ticket.is_twin:
            if answer.status is not SubmitStatus.ACCEPTED:
                self._end_send(ticket, answer)
        elif answer.status is SubmitStatus.UNKNOWN and not ticket.is_twin:
            self._look_ups.begin(ticket)  # the venue's own account of the order tells how the change ended
        elif answer.status is SubmitStatus.REJECTED:
            kinds = {CancelOrder: ExecType.CANCEL_REJECTED, ReplaceOrder: ExecType.REPLACE_REJECTED}
            report = ExecutionReport(
                order_id=ticket.order_id,
                exec_type=kinds.get(type(effect), ExecType.REJECTED),
                transact_ns=self._clock.now_ns(),
                text=clean_text(answer.text),
                is_twin=ticket.is_twin,
                is_second_twin=ticket.is_second_twin,
            )
            self.on_reports((report,))

    def _end_send(self, ticket: OrderTicket, answer: Answer, *, is_replace: bool = False) -> None:
        self._process(
            SubmitCompleted(
                ts_ns=self._clock.now_ns(),
                order_id=ticket.order_id,
                status=answer.status,
                text=clean_text(answer.text),
                is_replace=is_replace,
                is_too_small=answer.is_too_small,
            )
        )

    def on_reports(self, reports: tuple[ExecutionReport, ...]) -> None:
        reports = clean_reports(reports)
        if any(report.order_id not in self._state.orders for report in reports):
            self._tasks.spawn(self._restore_and_record(reports), "late reports")
        elif reports:
            self._process(ReportsReceived(ts_ns=self._clock.now_ns(), reports=reports, vwaps=self._vwaps_of(reports)))
            for report in reports:
                order = self._state.orders.get(report.order_id)
                if order is None or not order.is_open:
                    self.traded.forget(report.order_id)

    def _vwaps_of(self, reports: tuple[ExecutionReport, ...]) -> dict[str, Decimal]:
        """What the market's trades came to since each order that was executed was sent."""
        vwaps: dict[str, Decimal] = {}
        for report in reports:
            if report.exec_type is not _TRADE or report.is_twin:
                continue
            order = self._find_order(report.order_id)
            vwap = None if order is None else self.traded.vwap_since_sent(order.order_id, order.symbol)
            if order is not None and vwap is not None:
                vwaps[order.order_id] = vwap
        return vwaps

    async def _restore_and_record(self, reports: tuple[ExecutionReport, ...]) -> None:
        """Reports on orders that are not in memory: they may be ones that were finished long ago. Those of an order
        that cannot be read now wait until it can: nobody tells them again."""
        wait_s = _UNREAD_FIRST_S
        while reports:
            async with self._restoring:
                found, unread = await self._archived({report.order_id for report in reports})
                if ready := tuple(report for report in reports if report.order_id not in unread):
                    restored = tuple(order for order in found if order.order_id not in self._state.orders)
                    self._process(ReportsReceived(ts_ns=self._clock.now_ns(), reports=ready, restored=restored))
            if reports := tuple(report for report in reports if report.order_id in unread):
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _UNREAD_MAX_S)

    async def _archived(self, order_ids: set[str]) -> tuple[list[Order], set[str]]:
        """Those that there are, in memory or out of it, and the ids of those of which that cannot be told."""
        found: dict[str, Order] = {}
        unread: set[str] = set()
        for order_id in sorted(order_ids):
            try:
                found.update([(order.order_id, order) for order in await self._family(order_id)])
            except (JournalUnavailable, JournalBroken) as error:
                _log.error("what was reported of order %s waits: %s", order_id, error)
                unread.add(order_id)
        return list(found.values()), unread

    async def _family(self, order_id: str) -> list[Order]:
        """An order; of a leg its parent and all legs, who together tell what the parent came to."""
        order = await self._find(order_id)
        parent = await self._find(order.parent_id) if order is not None and order.parent_id else None
        if parent is None:
            return [] if order is None else [order]
        return [parent, *[leg for leg_id in parent.leg_ids if (leg := await self._find(leg_id)) is not None]]

    async def _find(self, order_id: str) -> Order | None:
        return self._find_order(order_id) or await self._archive.find(order_id)

    def on_status(self, venue: str, is_connected: bool, text: str) -> None:
        text = clean_text(text)
        self._process(VenueStatusChanged(ts_ns=self._clock.now_ns(), venue=venue, is_connected=is_connected, text=text))
        if self._logged.get(venue) is not is_connected:
            self._logged[venue] = is_connected
            if is_connected:
                _log.info("venue %s is connected", venue)
            else:
                _log.warning("venue %s is not connected, orders for it are denied: %s", venue, text)
        self.on_connection(venue, is_connected)
