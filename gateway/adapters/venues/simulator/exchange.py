"""The simulated venue itself, without the way there and back: what happens when a request has arrived.

Keeps the open orders, one matcher per symbol, and the timetable of expiries and session boundaries. Pure: every
call says what time it is.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from decimal import Decimal

from gateway.adapters.venues.simulator.matcher import Matcher
from gateway.adapters.venues.simulator.order import (
    Phase,
    SimOrder,
    exit_ids,
    make_order,
    sim_id,
    takes_limit,
    terms_problem,
)
from gateway.adapters.venues.simulator.reports import Reports
from gateway.adapters.venues.simulator.sessions import SessionBoundary
from gateway.adapters.venues.simulator.timetable import Timetable
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrderClass, TimeInForce
from gateway.domain.executions import ExecutionReport
from gateway.domain.instruments import Instrument
from gateway.domain.market import MarketUpdate
from gateway.domain.settings import SimulatorSettings

# Named once: see order.
_DAY = TimeInForce.DAY
_GTD = TimeInForce.GTD
_OCO = OrderClass.OCO
_DONE = Phase.DONE
_BESIDE = "the order or exit beside it has ended"
_TOO_LATE = "its time to expire has come"
#: How many finished orders are remembered (by their last report), for questions that cross their reports.
REMEMBERED_ORDERS = 2_000


class Exchange:
    """``instruments`` is by symbol and read at each order's arrival, so its owner may change it at any time."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        settings: SimulatorSettings,
        session_end_ns: SessionBoundary,
        session_start_ns: SessionBoundary,
    ) -> None:
        self._instruments = instruments
        self._session_end_ns = session_end_ns
        self._session_start_ns = session_start_ns
        self.reports = Reports(settings, self._on_finished)
        self.timetable = Timetable()
        self._matchers: dict[str, Matcher] = {}
        self._orders: dict[str, SimOrder] = {}
        self._finished: OrderedDict[str, ExecutionReport] = OrderedDict()

    def __len__(self) -> int:
        """Orders that are not finished, those on their way here included."""
        return len(self._orders)

    def __iter__(self) -> Iterator[SimOrder]:
        return iter(self._orders.values())

    def find(self, order_id: str) -> SimOrder | None:
        return self._orders.get(order_id)

    def last_report(self, order_id: str) -> ExecutionReport | None:
        """The last report of an order that finished not long ago."""
        return self._finished.get(order_id)

    def enter(self, ticket: OrderTicket, latencies_ns: tuple[int, int], queue_share: Decimal) -> SimOrder:
        """Know an order from its sending on, so that its id cannot be used twice."""
        order = make_order(ticket, self._instruments.get(ticket.symbol), latencies_ns, queue_share)
        self._orders[order.order_id] = order
        return order

    # --- arrivals ----------------------------------------------------------------------------

    def accept(self, order: SimOrder, now_ns: int) -> None:
        """A new order arrived: NEW and to work, or REJECTED."""
        problem = self._problem(order)
        matcher = self._matcher(order)
        if problem is None and not matcher.book.has_data:
            problem = f"no market data for {order.ticket.symbol}"
        if problem is not None:
            self.reports.end(order, ExecType.REJECTED, problem, now_ns)
            return
        self.reports.new(order, now_ns)
        exits = [one for one in map(self._orders.get, exit_ids(order.ticket)) if one is not None]
        for one in exits:
            self._join(one)
            one.phase = Phase.DORMANT
            self.reports.new(one, now_ns)
        self._work(order, matcher, now_ns)
        if order.ticket.order_class is _OCO:
            self._wake(exits, now_ns)

    def _join(self, order: SimOrder) -> None:
        """Let an order with exits, or an exit, know the others of its class that are here."""
        ticket = order.ticket
        if ticket.sibling_id:
            sibling = self._orders.get(sim_id(ticket, ticket.sibling_id))
            if sibling is not None:
                order.sibling, sibling.sibling = sibling, order
        if ticket.order_class is _OCO:
            return
        entry = self._orders.get(sim_id(ticket, ticket.entry_id)) if ticket.entry_id else None
        if entry is not None:
            entry.exits = [*entry.exits, order]
        order.exits += [one for one in map(self._orders.get, exit_ids(ticket)) if one is not None]

    def _wake(self, exits: list[SimOrder], now_ns: int) -> None:
        for one in exits:
            if one.phase is Phase.DORMANT:  # and has not ended because the one before it filled at once
                self._work(one, self._matcher(one), now_ns)

    def adopt(self, order: SimOrder, now_ns: int) -> bool:
        """Work an order that was acknowledged before a restart; it may wait for market data. False: it is over."""
        problem = self._problem(order)
        if problem is not None:
            self.reports.end(order, ExecType.REJECTED, problem, now_ns)
            return False
        if self._session_passed(order, now_ns):
            self.reports.end(order, ExecType.EXPIRED, "its session ended while the gateway was away", now_ns)
            return False
        if order.ticket.is_cancel_requested:
            self.reports.end(order, ExecType.CANCELED, "", now_ns)
            return False
        if order.ticket.order_class is not OrderClass.SIMPLE:
            ticket = order.ticket
            entry = None if ticket.is_armed else self._finished.get(sim_id(ticket, ticket.entry_id))
            has_filled = entry is not None and entry.exec_type is ExecType.TRADE
            sibling_id = sim_id(ticket, ticket.sibling_id) if ticket.sibling_id else ""
            is_group_over = ticket.is_group_over or sibling_id in self._finished
            order.sibling_cum_qty = ticket.sibling_cum_qty
            self._join(order)
            if is_group_over or not order.leaves_qty or (entry is not None and not has_filled):
                self.reports.end(order, ExecType.CANCELED, _BESIDE, now_ns)
                return False
            if not (ticket.is_armed or has_filled):
                order.phase = Phase.DORMANT
                return True
        self._work(order, self._matcher(order), now_ns, is_back=order.ticket.is_working and order.ticket.is_armed)
        return True

    def _session_passed(self, order: SimOrder, now_ns: int) -> bool:
        """Whether the session or boundary that an order was for is over by now. That of an exit is its entry's, with
        which it shares the time in force: an entry for the day can have woken it in its own session only. One that
        sleeps ends with its entry."""
        ticket, instrument = order.ticket, order.instrument
        if not 0 < ticket.created_ns < now_ns or not ticket.is_armed or instrument is None:
            return False
        if order.is_for_open:
            return self._session_start_ns(instrument, ticket.created_ns) <= now_ns
        if order.is_for_close or ticket.time_in_force is _DAY:
            return self._session_end_ns(instrument, ticket.created_ns) <= now_ns
        return False

    def cancel(self, ticket: OrderTicket, latency_ns: int, now_ns: int) -> None:
        order = self._orders.get(sim_id(ticket))
        if order is None:
            text = self._too_late(ticket)
            self.reports.refuse(ticket, ExecType.CANCEL_REJECTED, text, latency_ns, now_ns)
            return
        self._matcher(order).withdraw(order)
        self.reports.end(order, ExecType.CANCELED, "", now_ns)

    def replace(
        self,
        ticket: OrderTicket,
        order_qty: Decimal,
        limit_px: Decimal | None,
        stop_px: Decimal | None,
        latency_ns: int,
        now_ns: int,
    ) -> None:
        """New terms for an open order; None leaves a price as it is."""
        order = self._orders.get(sim_id(ticket))
        problem = None
        if order is None:
            problem = self._too_late(ticket)
        elif order_qty <= (filled := order.order_qty - order.leaves_qty):
            problem = f"the quantity must be above what has filled already ({filled}), was {order_qty}"
        if order is None or problem is not None:
            self.reports.refuse(ticket, ExecType.REPLACE_REJECTED, problem or "", latency_ns, now_ns)
            return
        if limit_px is None or not takes_limit(ticket):
            limit_px = order.limit_px
        if stop_px is None:
            stop_px = order.stop_px
        self._matcher(order).amend(order, order_qty, limit_px, stop_px, now_ns)

    def _problem(self, order: SimOrder) -> str | None:
        return f"unknown symbol {order.ticket.symbol}" if order.instrument is None else terms_problem(order)

    def _too_late(self, ticket: OrderTicket) -> str:
        last = self._finished.get(sim_id(ticket))
        if last is None:
            return "the simulator does not know this order"
        return f"too late: the order is {'filled' if last.exec_type is ExecType.TRADE else last.exec_type}"

    def _work(self, order: SimOrder, matcher: Matcher, now_ns: int, *, is_back: bool = False) -> None:
        instrument = order.instrument
        assert instrument is not None  # refused otherwise
        if order.is_for_open or order.is_for_close:
            order.phase = Phase.SESSION
            boundary = self._session_start_ns if order.is_for_open else self._session_end_ns
            self.timetable.add(boundary(instrument, now_ns), order)
            return
        expire_ns = order.ticket.expire_ns if order.ticket.time_in_force is _GTD else None
        if expire_ns is not None and expire_ns <= now_ns:  # on its way, asleep, or while the gateway was away
            self.reports.end(order, ExecType.EXPIRED, _TOO_LATE, now_ns)
            return
        matcher.work(order, now_ns, is_back=is_back)
        if order.phase is _DONE:
            return
        if order.ticket.time_in_force is _DAY:
            self.timetable.add(self._session_end_ns(instrument, now_ns), order)
        elif expire_ns is not None:
            self.timetable.add(expire_ns, order)

    def _matcher(self, order: SimOrder) -> Matcher:
        symbol = order.ticket.symbol
        matcher = self._matchers.get(symbol)
        if matcher is None:
            matcher = self._matchers[symbol] = Matcher(self.reports)
        return matcher

    def _on_finished(self, order: SimOrder, last: ExecutionReport) -> None:
        del self._orders[order.order_id]
        self.timetable.note_finished(order)
        self._finished[order.order_id] = last
        if len(self._finished) > REMEMBERED_ORDERS:
            self._finished.popitem(last=False)
        if order.ticket.order_class is not OrderClass.SIMPLE:
            self._end_group(order, last.transact_ns)

    def _end_group(self, order: SimOrder, now_ns: int) -> None:
        """What the end of an order means for those of its class: its exits wake or end, the other exit ends."""
        exits = order.exits
        if not exits and order.phase is _DONE:  # refused on arrival: they had not been let know of each other
            exits = [one for one in map(self._orders.get, exit_ids(order.ticket)) if one is not None]
        if exits and order.cum_qty >= order.order_qty and order.ticket.order_class is not _OCO:
            self._wake(exits, now_ns)
            return
        ending = exits if order.sibling is None else [*exits, order.sibling]
        for one in ending:
            if one.phase is not _DONE:
                self._matcher(one).withdraw(one)
                self.reports.end(one, ExecType.CANCELED, _BESIDE, now_ns)

    # --- time and market ---------------------------------------------------------------------

    def act_on_time(self) -> None:
        """The next entry of the timetable is due: an opening or close to trade in, or an expiry."""
        now_ns, order = self.timetable.pop()
        matcher = self._matcher(order)
        if order.phase is Phase.SESSION:
            matcher.execute(order, now_ns)
            return
        matcher.withdraw(order)
        is_day = order.ticket.time_in_force is _DAY
        text = "the session of this day order ended" if is_day else _TOO_LATE
        self.reports.end(order, ExecType.EXPIRED, text, now_ns)

    def on_market(self, update: MarketUpdate, now_ns: int) -> bool:
        """Take in a market update; those of symbols that are no instrument are ignored. Whether an order can have felt
        it."""
        matcher = self._matchers.get(update.symbol)
        if matcher is None:
            if update.symbol not in self._instruments:
                return False
            matcher = self._matchers[update.symbol] = Matcher(self.reports)
        return matcher.on_market(update, now_ns)
