"""What the simulated venue says, and when it is heard: every execution report passes here on its way back."""

from collections import deque
from collections.abc import Callable
from decimal import Decimal

from gateway.adapters.venues.simulator.order import Phase, SimOrder, venue_order_id
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType
from gateway.domain.executions import ExecutionReport
from gateway.domain.money import BPS, plain
from gateway.domain.settings import SimulatorSettings

# Named once: see order.
_NEW = ExecType.NEW
_TRADE = ExecType.TRADE
_DONE = Phase.DONE
_FEE_STEP = Decimal("1e-8")

FinishedListener = Callable[[SimOrder, ExecutionReport], None]


class Reports:
    """Reports in flight. One session carries them: none arrives before those that were sent before it."""

    def __init__(self, settings: SimulatorSettings, on_finished: FinishedListener) -> None:
        self._maker_rate = settings.maker_fee_bps / BPS
        self._taker_rate = settings.taker_fee_bps / BPS
        self._on_finished = on_finished
        self._in_flight: deque[tuple[int, ExecutionReport]] = deque()

    @property
    def next_due_ns(self) -> int | None:
        return self._in_flight[0][0] if self._in_flight else None

    def due(self, now_ns: int) -> tuple[ExecutionReport, ...]:
        """Take what has arrived by now, in the order in which it happened."""
        arrived: list[ExecutionReport] = []
        in_flight = self._in_flight
        while in_flight and in_flight[0][0] <= now_ns:
            arrived.append(in_flight.popleft()[1])
        return tuple(arrived)

    def send(self, report: ExecutionReport, latency_ns: int) -> None:
        self._in_flight.append((report.transact_ns + latency_ns, report))

    # --- life of an order --------------------------------------------------------------------

    def new(self, order: SimOrder, now_ns: int) -> None:
        report = ExecutionReport(
            order_id=order.ticket.order_id,
            exec_type=_NEW,
            transact_ns=now_ns,
            venue_order_id=order.venue_order_id,
            is_twin=order.ticket.is_twin,
            is_second_twin=order.ticket.is_second_twin,
        )
        self._in_flight.append((now_ns + order.report_latency_ns, report))

    def trade(self, order: SimOrder, qty: Decimal, px: Decimal, is_maker: bool, now_ns: int) -> None:
        """Book a fill. Its fee is price x quantity x multiplier x rate, in the instrument's currency, to 1e-8.

        The id counts what has filled rather than fills, so an order that is taken up again after a restart goes
        on with ids that it never used.
        """
        cum_qty = order.cum_qty = order.cum_qty + qty
        instrument = order.instrument
        assert instrument is not None  # refused otherwise
        is_twin = order.ticket.is_twin
        rate = self._maker_rate if is_maker else self._taker_rate
        report = ExecutionReport(
            order_id=order.ticket.order_id,
            exec_type=_TRADE,
            transact_ns=now_ns,
            exec_id=f"{order.order_id}-{'t' if is_twin else ''}{plain(cum_qty)}",
            last_qty=qty,
            last_px=px,
            fee=(px * qty * instrument.multiplier * rate).quantize(_FEE_STEP),
            fee_currency=instrument.currency,
            is_maker=is_maker,
            venue_order_id=order.venue_order_id,
            is_twin=is_twin,
            is_second_twin=order.ticket.is_second_twin,
        )
        self._in_flight.append((now_ns + order.report_latency_ns, report))
        if order.leaves_qty > 0:
            return
        if cum_qty < order.order_qty:  # the other exit of the pair had closed the rest
            report = _plain_report(order.ticket, ExecType.CANCELED, "its other exit closed the rest", now_ns)
            self.send(report, order.report_latency_ns)
        self._finish(order, report)

    def replaced(self, order: SimOrder, now_ns: int) -> None:
        """Tell the terms as they now stand."""
        report = ExecutionReport(
            order_id=order.ticket.order_id,
            exec_type=ExecType.REPLACED,
            transact_ns=now_ns,
            venue_order_id=order.venue_order_id,
            order_qty=order.order_qty,
            limit_px=order.limit_px,
            stop_px=order.stop_px,
            is_twin=order.ticket.is_twin,
            is_second_twin=order.ticket.is_second_twin,
        )
        self.send(report, order.report_latency_ns)

    def end(self, order: SimOrder, exec_type: ExecType, text: str, now_ns: int) -> None:
        """The order is over without (all of) its quantity: CANCELED, EXPIRED or REJECTED."""
        report = _plain_report(order.ticket, exec_type, text, now_ns)
        self.send(report, order.report_latency_ns)
        self._finish(order, report)

    def refuse(self, ticket: OrderTicket, exec_type: ExecType, text: str, latency_ns: int, now_ns: int) -> None:
        """CANCEL_REJECTED or REPLACE_REJECTED: the order is left as it is."""
        self.send(_plain_report(ticket, exec_type, text, now_ns), latency_ns)

    def _finish(self, order: SimOrder, last: ExecutionReport) -> None:
        order.phase = _DONE
        self._on_finished(order, last)


def acknowledgement(ticket: OrderTicket, now_ns: int) -> ExecutionReport:
    """NEW: the venue has the order."""
    return _plain_report(ticket, _NEW, "", now_ns)


def _plain_report(ticket: OrderTicket, exec_type: ExecType, text: str, now_ns: int) -> ExecutionReport:
    """A report without a trade and without new terms."""
    return ExecutionReport(
        order_id=ticket.order_id,
        exec_type=exec_type,
        transact_ns=now_ns,
        venue_order_id=venue_order_id(ticket),
        text=text,
        is_twin=ticket.is_twin,
        is_second_twin=ticket.is_second_twin,
    )
