"""The simulated venue with the way there and back, and no clock: requests and market updates in, execution reports
out, all at given times.

Pure and deterministic: the same seed and the same calls give the same reports, byte for byte. Nothing happens
between calls; each call first lets happen what was due by then, in time order, so it does not matter how late the
caller's timer is: an order acts on the market as it stood when the order arrived.
"""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gateway.adapters.venues.simulator.exchange import Exchange
from gateway.adapters.venues.simulator.latency import Latency
from gateway.adapters.venues.simulator.order import Phase, SimOrder, sim_id
from gateway.adapters.venues.simulator.reports import acknowledgement
from gateway.adapters.venues.simulator.sessions import SessionBoundary, next_midnight_ns
from gateway.domain.effects import OrderTicket
from gateway.domain.executions import ExecutionReport
from gateway.domain.instruments import Instrument
from gateway.domain.market import MarketUpdate
from gateway.domain.money import ONE
from gateway.domain.settings import SimulatorSettings


class _Cancel(msgspec.Struct, frozen=True):
    ticket: OrderTicket
    report_latency_ns: int


class _Replace(msgspec.Struct, frozen=True):
    ticket: OrderTicket
    report_latency_ns: int
    order_qty: Decimal
    limit_px: Decimal | None
    stop_px: Decimal | None


class MatchingModel:
    """``instruments`` is by symbol and read at each order's sending, so its owner may change it at any time."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        settings: SimulatorSettings,
        session_end_ns: SessionBoundary = next_midnight_ns,
        session_start_ns: SessionBoundary = next_midnight_ns,
    ) -> None:
        self._queue_share = settings.queue_position
        self._latency = Latency(settings)
        self._exchange = Exchange(instruments, settings, session_end_ns, session_start_ns)
        self._inbound: deque[tuple[int, SimOrder | _Cancel | _Replace]] = deque()
        self._last_arrival_ns = 0

    # --- requests: each returns when it will arrive --------------------------------------------

    def submit(self, ticket: OrderTicket, now_ns: int) -> int:
        """Send a new order. An id that is being worked already is not taken twice."""
        if self._exchange.find(sim_id(ticket)) is not None:
            return now_ns
        order = self._enter(ticket, self._queue_share)
        for one in ticket.exits:  # they come with it, and their way back is their own
            self._enter(one, self._queue_share)
        return self._send(order.order_latency_ns, order, now_ns)

    def cancel(self, ticket: OrderTicket, now_ns: int) -> int:
        there, back = self._latency.draw(sim_id(ticket))
        return self._send(there, _Cancel(ticket, back), now_ns)

    def replace(
        self,
        ticket: OrderTicket,
        order_qty: Decimal,
        limit_px: Decimal | None,
        stop_px: Decimal | None,
        now_ns: int,
    ) -> int:
        """Ask for new terms; None leaves a price as it is."""
        there, back = self._latency.draw(sim_id(ticket))
        return self._send(there, _Replace(ticket, back, order_qty, limit_px, stop_px), now_ns)

    def look_up(self, ticket: OrderTicket, now_ns: int) -> tuple[ExecutionReport, ...]:
        """Bring an order up to date, taking it up again when it is not known here (a restart lost it).

        An adopted order joins the back of its queue with what is still open by the ticket. A stop that had
        triggered without filling waits for its trigger again, and a trailing stop starts from the present price:
        how far they were is not in the ticket.
        """
        self._act_until(now_ns)
        last = self._exchange.last_report(sim_id(ticket))
        if last is not None:
            return (last,)
        known = self._exchange.find(sim_id(ticket))
        if known is not None:
            return () if known.phase is Phase.TRAVELING else (acknowledgement(known.ticket, now_ns),)
        if ticket.cum_qty >= ticket.order_qty:
            return ()
        is_adopted = self._exchange.adopt(self._enter(ticket, ONE), now_ns)
        return (acknowledgement(ticket, now_ns),) if is_adopted else ()

    def _enter(self, ticket: OrderTicket, queue_share: Decimal) -> SimOrder:
        return self._exchange.enter(ticket, self._latency.draw(sim_id(ticket)), queue_share)

    def _send(self, latency_ns: int, request: SimOrder | _Cancel | _Replace, now_ns: int) -> int:
        """One session carries all requests, so a cancel cannot overtake its order."""
        arrival_ns = self._last_arrival_ns = max(self._last_arrival_ns, now_ns + latency_ns)
        self._inbound.append((arrival_ns, request))
        return arrival_ns

    # --- time and market ---------------------------------------------------------------------

    @property
    def next_due_ns(self) -> int | None:
        """When ``advance`` next has something to do; None when only the market can change anything."""
        due = self._exchange.timetable.next_due_ns
        reports = self._exchange.reports.next_due_ns
        if reports is not None and (due is None or reports < due):
            due = reports
        if self._inbound and (due is None or self._inbound[0][0] < due):
            due = self._inbound[0][0]
        return due

    def arrived_orders(self) -> list[SimOrder]:
        """Orders that are at the venue and may still trade; twins are copies, and no orders of the account."""
        return [one for one in self._exchange if one.phase is not Phase.TRAVELING and not one.ticket.is_twin]

    @property
    def open_orders(self) -> int:
        """Orders that are not finished, those on their way included."""
        return len(self._exchange)

    def advance(self, now_ns: int) -> tuple[ExecutionReport, ...]:
        """Let happen what is due, and return the reports that have arrived by now."""
        self._act_until(now_ns)
        return self._exchange.reports.due(now_ns)

    def on_market(self, update: MarketUpdate, now_ns: int) -> bool:
        """Take in a market update, after what was due before it. Whether anything came of either, so that more may be
        due now."""
        has_acted = self._act_until(now_ns)
        return self._exchange.on_market(update, now_ns) or has_acted

    def _act_until(self, now_ns: int) -> bool:
        """Arrivals and timetable entries up to now, in time order; at the same moment the timetable goes first. Whether
        there were any."""
        has_acted = False
        inbound, timetable = self._inbound, self._exchange.timetable
        while True:
            timed_ns = timetable.next_due_ns
            if inbound and inbound[0][0] <= now_ns and (timed_ns is None or inbound[0][0] < timed_ns):
                arrived_ns, request = inbound.popleft()
                self._arrive(request, arrived_ns)
            elif timed_ns is not None and timed_ns <= now_ns:
                self._exchange.act_on_time()
            else:
                return has_acted
            has_acted = True

    def _arrive(self, request: SimOrder | _Cancel | _Replace, now_ns: int) -> None:
        if isinstance(request, SimOrder):
            self._exchange.accept(request, now_ns)
        elif isinstance(request, _Cancel):
            self._exchange.cancel(request.ticket, request.report_latency_ns, now_ns)
        else:
            self._exchange.replace(
                request.ticket,
                request.order_qty,
                request.limit_px,
                request.stop_px,
                request.report_latency_ns,
                now_ns,
            )
