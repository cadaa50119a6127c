"""Asks venues what became of orders whose fate is open, until they tell."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext

from gateway.domain.effects import OrderTicket
from gateway.domain.events import Event, LookupCompleted
from gateway.domain.executions import ExecutionReport
from gateway.domain.orders import Order
from gateway.ports.clock import Clock
from gateway.ports.venue import Lookup
from gateway.service.foreign_text import clean_reports
from gateway.service.tasks import TaskGroup
from gateway.service.venue_table import VenueTable

_log = logging.getLogger(__name__)
_FIRST_S = 0.05
_MAX_S = 30.0
#: What is asked for again within this time after the last answer waits, longer each time: a venue that tells of an
#: order, and not of what a cancel of it came to, would be asked and sent cancels as fast as it answers.
_QUIET_NS = 2_000_000_000
#: At one venue. Many orders in doubt must not share its message budget so that no look-up ever gets to its end.
_AT_ONCE = 3


def _has_wish(order: Order) -> bool:
    """Whether a cancel or a change of it was sent and is not answered."""
    return order.is_cancel_requested or (order.pending_replace is not None and order.pending_replace.is_sent)


class LookUps:
    """One at a time for each order and twin."""

    def __init__(
        self,
        table: VenueTable,
        process: Callable[[Event], object],
        find_order: Callable[[str], Order | None],
        on_reports: Callable[[tuple[ExecutionReport, ...]], None],
        clock: Clock,
        tasks: TaskGroup,
    ) -> None:
        self._table = table
        self._process = process
        self._find_order = find_order
        self._on_reports = on_reports
        self._clock = clock
        self._tasks = tasks
        self._gates: dict[str, asyncio.Semaphore] = {}
        #: Under way; True: asked for once more since the venue was last asked.
        self._running: dict[tuple[str, bool, bool], bool] = {}
        #: When the last look-up of an order ended, oldest first, and how long it had waited to begin.
        self._ended: dict[tuple[str, bool, bool], tuple[int, float]] = {}
        #: Orders whose change has not been answered: it may reach the venue after a look-up.
        self._changing: Counter[str] = Counter()

    def note_change(self, order_id: str) -> None:
        """A change of the order is on its way."""
        self._changing[order_id] += 1

    def note_change_over(self, order_id: str) -> None:
        """It was answered, or nobody waits for its answer any more."""
        self._changing[order_id] -= 1
        if self._changing[order_id] <= 0:
            del self._changing[order_id]

    def begin(self, ticket: OrderTicket) -> None:
        """Ask. An answer that is under way may be older than what the question is about now: then ask once more."""
        key = (ticket.order_id, ticket.is_twin, ticket.is_second_twin)
        if key in self._running:
            self._running[key] = True
            return
        self._running[key] = False
        self._tasks.spawn(self._look_up(ticket, key, self._wait_s(key)), "venue lookup")

    def _wait_s(self, key: tuple[str, bool, bool]) -> float:
        """Until the venue is asked: at once, unless it has answered just now."""
        quiet_ns = self._clock.monotonic_ns() - _QUIET_NS
        while self._ended and (oldest := next(iter(self._ended.items())))[1][0] < quiet_ns:
            del self._ended[oldest[0]]
        last = self._ended.pop(key, None)
        return 0.0 if last is None else min(max(2 * last[1], _FIRST_S), _MAX_S)

    async def _look_up(self, ticket: OrderTicket, key: tuple[str, bool, bool], wait_s: float) -> None:
        """Ask until the order is in doubt no more: nothing but the venue, or a person, settles it."""
        delay_s = _FIRST_S
        try:
            if wait_s:
                await asyncio.sleep(wait_s)
            while True:
                self._running[key] = False
                as_of_ns = self._as_of_ns(ticket)
                answer = await self._ask(ticket)
                self._ended.pop(key, None)
                self._ended[key] = self._clock.monotonic_ns(), wait_s  # before what its answer brings about
                if self._note_answer(ticket, answer, as_of_ns) and not self._running[key]:
                    return
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, _MAX_S)
                if self._is_over(ticket):  # settled by hand
                    return
        finally:
            del self._running[key]

    def _as_of_ns(self, ticket: OrderTicket) -> int:
        """What is asked now tells nothing of changes that became ours to send since then."""
        order = self._find_order(ticket.order_id) if ticket.order_id in self._changing else None
        if order is None or order.pending_replace is None:
            return self._clock.now_ns()
        return order.pending_replace.sent_ns or 1  # 0 would say that none is under way

    def _is_over(self, ticket: OrderTicket) -> bool:
        """Nothing is waited for any more; a twin has no doubt that could end."""
        order = self._find_order(ticket.order_id)
        return not ticket.is_twin and (order is None or not order.is_open)

    def _note_answer(self, ticket: OrderTicket, answer: Lookup, as_of_ns: int) -> bool:
        """Record what the venue said; False: it has to be asked again."""
        if ticket.is_twin:
            self._on_reports(answer.reports)
            return answer.is_known is not None
        if answer.is_known and self._is_over(ticket):
            self._on_reports(answer.reports)  # it ended while the venue was asked: what it filled counts all the same
            return True
        if answer.is_known is not None:
            self._process(
                LookupCompleted(
                    ts_ns=self._clock.now_ns(),
                    order_id=ticket.order_id,
                    is_known=answer.is_known,
                    reports=clean_reports(answer.reports),
                    since_ns=answer.since_ns,
                    as_of_ns=as_of_ns,
                )
            )
        order = self._find_order(ticket.order_id)
        if order is None or not order.is_open:
            return True
        if answer.is_known is None or order.is_in_doubt:
            return False
        # That it is not found, although it worked there, settles nothing of what was asked of it.
        return answer.is_known or not _has_wish(order)

    async def _ask(self, ticket: OrderTicket) -> Lookup:
        slot = self._table.of(ticket)
        if slot is None:
            return Lookup(None)  # its adapter is not running yet
        gate = self._gates.setdefault(ticket.venue, asyncio.Semaphore(_AT_ONCE))
        try:
            async with gate if slot.timeout_s is not None else nullcontext(), asyncio.timeout(slot.timeout_s):
                return await slot.venue.lookup(ticket)
        except TimeoutError:
            return Lookup(None)
        except Exception:
            _log.exception("looking up order %s failed", ticket.order_id)
            return Lookup(None)
