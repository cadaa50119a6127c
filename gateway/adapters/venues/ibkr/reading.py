"""What TWS says, read by our own rules: which message proves what about an order.

Acknowledged: a status with which IB itself has the order. Filled: executions only, never a status. Over: a cancel that
is confirmed, an Inactive after an error, an error that refuses a new order. Anything else leaves the order as it was.
"""

from collections.abc import Callable
from decimal import Decimal

from ib_async import CommissionReport, Execution, Order, OrderState

from gateway.adapters.venues.ibkr import errors
from gateway.adapters.venues.ibkr.fills import Fills, decimal_of
from gateway.adapters.venues.ibkr.tracking import CANCELED, CANCELING, WORKING, OrderBook, Terms, Tracked
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrdType, SubmitStatus
from gateway.domain.executions import ExecutionReport
from gateway.domain.money import ZERO
from gateway.ports.clock import Clock
from gateway.ports.venue import Answer, VenueListener

_ACCEPTED = Answer(SubmitStatus.ACCEPTED)
_UNSET = 1e300


class Reading:
    """Turns messages about orders into answers and reports. ``seen`` collects what a round of lists brought."""

    def __init__(self, clock: Clock) -> None:
        self.listener: VenueListener | None = None
        self.book = OrderBook()
        self.fills = Fills(self._send, self._on_fill_told)
        #: Our ids that the lists being read right now have named.
        self.seen: set[str] = set()
        #: The terms of every open order that those lists have shown.
        self.terms: dict[str, Terms] = {}
        #: Called when a status tells of more fills than executions did: nobody may ever tell of the missing ones.
        self.on_gap: Callable[[], None] = lambda: None
        #: What orders have filled that are over and whose end is not told yet, None where nobody said: executions come
        #: in messages of their own, and an end that was told before them would say that more is left of a position
        #: than is.
        self._held_ends: dict[str, Decimal | None] = {}
        #: What TWS counted as filled when executions had told less.
        self._counted: dict[str, Decimal] = {}
        self._clock = clock

    def _send(self, report: ExecutionReport) -> None:
        assert self.listener is not None
        self.listener.on_reports((report,))

    def report(self, tracked: Tracked, exec_type: ExecType, text: str = "", terms: Terms | None = None) -> None:
        """Tell the gateway what became of an order, after every fill that is known of it."""
        if exec_type is not ExecType.NEW:
            self.fills.flush(tracked.order_id)
        self._send(
            ExecutionReport(
                order_id=tracked.order_id,
                exec_type=exec_type,
                transact_ns=self._clock.now_ns(),
                venue_order_id=tracked.venue_order_id,
                text=text,
                order_qty=None if terms is None else terms.qty,
                limit_px=None if terms is None else terms.limit_px,
                stop_px=None if terms is None else terms.aux_px,
            )
        )

    # --- messages ---------------------------------------------------------------------------------

    def on_open_order(self, tws_id: int, order: Order, state: OrderState) -> None:
        if not order.orderRef:
            return  # not through this gateway: reconciliation finds it
        self.seen.add(order.orderRef)
        if self._is_second(order):
            return
        self.terms[order.orderRef] = _terms_of(order)
        tracked = self.book.add(order.orderRef, tws_id)
        tracked.perm_id = order.permId or tracked.perm_id
        if tracked.wanted is not None and _has(order, tracked.wanted):  # also when nobody waits for it any more
            terms, tracked.wanted = tracked.wanted, None
            self.report(tracked, ExecType.REPLACED, terms=terms)
            tracked.answer("change", _ACCEPTED)
        self._on_status(tracked, state.status)

    def _is_second(self, order: Order) -> bool:
        """Whether this is another order under the tag of one that works, as a change can leave that was made while TWS
        was cut off. It is no news of ours; reconciliation tells of it."""
        known = self.book.by_order_id.get(order.orderRef)
        return known is not None and not known.is_done and known.perm_id != 0 and order.permId not in (0, known.perm_id)

    def on_order_status(self, tws_id: int, status: str, filled: float, perm_id: int) -> None:
        tracked = self.book.by_tws_id.get(tws_id)
        if tracked is not None:
            tracked.perm_id = perm_id or tracked.perm_id
            cum_qty = decimal_of(filled)
            if cum_qty > self.fills.cum_qty(tracked.order_id):
                self._counted[tracked.order_id] = cum_qty
                self.on_gap()
            self._on_status(tracked, status, cum_qty)

    def _on_status(self, tracked: Tracked, status: str, cum_qty: Decimal | None = None) -> None:
        if tracked.is_done:
            return  # a late word from before
        if status in WORKING:
            tracked.refusal = ""  # it was about something else
            self._acknowledge(tracked)
        elif status in CANCELING:
            tracked.answer("cancel", _ACCEPTED)
        elif status in CANCELED:
            self._hold_end(tracked, cum_qty)
        elif status == "Filled":
            self._acknowledge(tracked)
            self._settle(tracked)
        elif status == "Inactive" and tracked.refusal:
            self._hold_end(tracked, cum_qty)

    def _acknowledge(self, tracked: Tracked) -> None:
        tracked.answer("submit", _ACCEPTED)
        if not tracked.is_acknowledged:
            tracked.is_acknowledged = True
            self.report(tracked, ExecType.NEW)

    def tell_terms(self, ticket: OrderTicket, shown: Terms | None) -> None:
        """Tell what the lists showed of an order that was asked about: its fills, and terms that are not the ticket's.

        A change may have arrived whose answer did not, or whose sender is no more.
        """
        self.fills.flush(ticket.order_id)
        tracked = self.book.by_order_id.get(ticket.order_id)
        if tracked is None or shown is None:
            return
        is_trailing = ticket.ord_type is OrdType.TRAILING_STOP
        known = Terms(ticket.order_qty, ticket.limit_px, None if is_trailing else ticket.stop_px)
        if not shown.fit(known):
            limit_px = None if known.limit_px is None else shown.limit_px
            aux_px = None if known.aux_px is None else shown.aux_px
            self.report(tracked, ExecType.REPLACED, terms=Terms(shown.qty, limit_px, aux_px))

    def may_change(self, order_id: str, since_ns: int) -> bool:
        """Whether a change that was sent since then (monotonic) has neither come into force nor been refused."""
        tracked = self.book.by_order_id.get(order_id)
        if tracked is None or tracked.is_done or tracked.wanted is None:
            return False
        return tracked.changed_ns > since_ns

    def _settle(self, tracked: Tracked) -> None:
        """The order is done: whoever waits for a cancel of it learns that from the reports; whether a change came into
        force before it filled, a look-up tells."""
        self.book.finish(tracked)
        self._held_ends.pop(tracked.order_id, None)
        for waiter in ("submit", "cancel"):
            tracked.answer(waiter, _ACCEPTED)
        tracked.answer("change", Answer(SubmitStatus.UNKNOWN, "TWS says that the order is done"))

    def _end(self, tracked: Tracked, exec_type: ExecType, text: str) -> None:
        """The order is over without (further) fills."""
        self.report(tracked, exec_type, text)
        self._settle(tracked)

    def on_completed_order(self, order: Order, state: OrderState) -> None:
        """From the list of finished orders: news only for those that were believed to be open."""
        self.seen.add(order.orderRef)
        if state.status == "Filled" and not self._is_second(
            order
        ):  # by the terms that it had at last, whoever confirmed them
            terms = _terms_of(order)
            terms.qty = _number(order.filledQuantity) or terms.qty
            self.terms[order.orderRef] = terms
        tracked = self.book.by_order_id.get(order.orderRef)
        if tracked is None or tracked.is_done or self._is_second(order):
            return
        tracked.perm_id = order.permId or tracked.perm_id
        if state.status == "Inactive":
            tracked.refusal = tracked.refusal or state.completedStatus or "the venue made it inactive"
        self._on_status(tracked, state.status, _number(order.filledQuantity))

    def on_execution(self, execution: Execution) -> None:
        if execution.orderRef:
            self.seen.add(execution.orderRef)
            self.fills.on_execution(execution, execution.orderRef)

    def on_commission(self, report: CommissionReport) -> None:
        self.fills.on_commission(report)

    # --- ends ---------------------------------------------------------------------------------------

    @property
    def is_behind(self) -> bool:
        """Whether executions are missing that lists of them would tell."""
        return bool(self._held_ends or self._counted)

    @property
    def held_ends(self) -> list[str]:
        return list(self._held_ends)

    def on_executions_listed(self, ended: list[str]) -> None:
        """Executions were listed whole after these orders had ended: what is not among them, nobody will tell."""
        self._counted.clear()
        for order_id in ended:
            if order_id in self._held_ends:
                self._held_ends[order_id] = ZERO
                self._tell_end(order_id)

    def is_over(self, tracked: Tracked) -> bool:
        """Whether nothing can be changed any more, told or not."""
        return tracked.is_done or tracked.order_id in self._held_ends

    def _on_fill_told(self, order_id: str) -> None:
        if self._counted.get(order_id, ZERO) <= self.fills.cum_qty(order_id):
            self._counted.pop(order_id, None)
        self._tell_end(order_id)

    def _hold_end(self, tracked: Tracked, cum_qty: Decimal | None) -> None:
        """The order is over, with so much filled in all."""
        for waiter in ("submit", "cancel"):
            tracked.answer(waiter, _ACCEPTED)
        held = self._held_ends.get(tracked.order_id)
        self._held_ends[tracked.order_id] = held if cum_qty is None else max(cum_qty, held or ZERO)
        self._tell_end(tracked.order_id)
        if tracked.order_id in self._held_ends:
            self.on_gap()

    def _tell_end(self, order_id: str) -> None:
        """Tell the end of an order that is over, if there is one to tell, once all its fills are told."""
        cum_qty = self._held_ends.get(order_id)
        if cum_qty is None or cum_qty > self.fills.cum_qty(order_id) or self.fills.is_waiting(order_id):
            return
        del self._held_ends[order_id]
        tracked = self.book.by_order_id.get(order_id)
        if tracked is not None and not tracked.is_done:
            exec_type = ExecType.REJECTED if tracked.refusal else ExecType.CANCELED
            self._end(tracked, exec_type, tracked.refusal or tracked.end_text)

    # --- errors -------------------------------------------------------------------------------------

    def on_order_error(self, tws_id: int, code: int, text: str) -> None:
        """An error that names an order of ours; what it means depends on what was asked last."""
        tracked = self.book.by_tws_id.get(tws_id)
        if tracked is None or tracked.is_done:
            return
        words = errors.explained(code, text)
        if code == errors.CANCELED:
            tracked.end_text = text
            self._hold_end(tracked, None)  # the status beside it tells how much has filled
        elif tracked.change is not None and code in errors.CHANGE_REFUSED:
            tracked.wanted = None
            tracked.answer("change", Answer(SubmitStatus.REJECTED, words))
        elif code in errors.CANCEL_REFUSED:
            is_over = code in (135, 10147, 10148)
            tracked.answer("cancel", Answer(SubmitStatus.UNKNOWN if is_over else SubmitStatus.REJECTED, words))
        elif code in errors.REFUSED and not tracked.is_acknowledged:
            tracked.refusal = words
            if not tracked.answer("submit", Answer(SubmitStatus.REJECTED, words)):
                self.report(tracked, ExecType.REJECTED, words)
            self.book.finish(tracked)
        elif code in errors.REFUSED:
            tracked.refusal = words  # of one that worked: its end if a status says so


def _terms_of(order: Order) -> Terms:
    return Terms(_number(order.totalQuantity) or ZERO, _number(order.lmtPrice), _number(order.auxPrice))


def _has(order: Order, wanted: Terms) -> bool:
    """Whether an order as TWS shows it has the terms that were asked for."""
    return _terms_of(order).fit(wanted)


def _number(value: float | Decimal) -> Decimal | None:
    if isinstance(value, Decimal):
        return value
    return None if abs(value) > _UNSET else decimal_of(float(value))
