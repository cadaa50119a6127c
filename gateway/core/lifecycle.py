"""The life of an order: one table, one file.

Everything that moves an order's status is here. A pair that is missing from the table changes nothing: a report
that is a duplicate, or late, or out of order is then simply not news. Fills are booked in every status, because
they happened; FIX keeps the status of a canceled order when a fill arrives late, and moves CumQty.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gateway.domain.enums import OPEN_STATUSES, TERMINAL_STATUSES, ExecType, OrdStatus
from gateway.domain.executions import ExecutionReport, Fill
from gateway.domain.money import ZERO
from gateway.domain.orders import Order, PendingReplace
from gateway.domain.twin import Twin

#: Target of a transition whose status depends on how much has filled.
BY_QTY = None
#: By how much a venue's clock may lag behind ours: what it dates earlier than that was no answer to a request.
_CLOCKS_APART_NS = 1_000_000_000
Terms = tuple[Decimal, Decimal | None, Decimal | None]

ORD_STATUS_TRANSITIONS: Mapping[OrdStatus, Mapping[ExecType, OrdStatus | None]] = {
    OrdStatus.PENDING_NEW: {
        ExecType.NEW: OrdStatus.NEW,
        ExecType.TRADE: BY_QTY,  # a fill may overtake the acknowledgement
        ExecType.REPLACED: BY_QTY,
        ExecType.CANCELED: OrdStatus.CANCELED,
        ExecType.EXPIRED: OrdStatus.EXPIRED,
        ExecType.REJECTED: OrdStatus.REJECTED,
    },
    OrdStatus.NEW: {
        ExecType.TRADE: BY_QTY,
        ExecType.REPLACED: BY_QTY,
        ExecType.CANCELED: OrdStatus.CANCELED,
        ExecType.EXPIRED: OrdStatus.EXPIRED,
        ExecType.REJECTED: OrdStatus.REJECTED,  # some venues acknowledge before their own checks
    },
    OrdStatus.PARTIALLY_FILLED: {
        ExecType.TRADE: BY_QTY,
        ExecType.REPLACED: BY_QTY,
        ExecType.CANCELED: OrdStatus.CANCELED,
        ExecType.EXPIRED: OrdStatus.EXPIRED,
        ExecType.REJECTED: OrdStatus.CANCELED,  # what filled stands: only the rest is refused
    },
    OrdStatus.FILLED: {ExecType.TRADE: OrdStatus.FILLED},  # an overfill
    OrdStatus.CANCELED: {ExecType.TRADE: OrdStatus.CANCELED},
    OrdStatus.EXPIRED: {ExecType.TRADE: OrdStatus.EXPIRED},
    OrdStatus.REJECTED: {ExecType.TRADE: OrdStatus.REJECTED},
    OrdStatus.DENIED: {ExecType.TRADE: OrdStatus.DENIED},  # not ours to send, yet it traded: book and alert
}


# Named once: see domain.orders.
_TRADE, _REPLACED = ExecType.TRADE, ExecType.REPLACED
_FILLED = OrdStatus.FILLED


class Progress(msgspec.Struct, gc=False):
    """Where an order stands while several reports of one event are read, before any fact is applied."""

    ord_status: OrdStatus
    order_qty: Decimal
    cum_qty: Decimal
    cum_value: Decimal
    exec_ids: set[str]
    venue_order_id: str
    terms_ns: int = 0
    broken_qty: Decimal = ZERO
    limit_px: Decimal | None = None
    stop_px: Decimal | None = None
    pending: PendingReplace | None = None

    @classmethod
    def of(cls, order: Order) -> "Progress":
        exec_ids = {fill.exec_id for fill in order.fills}
        if order.busted:
            exec_ids.update(fill.exec_id for fill in order.busted)
        return cls(
            order.ord_status,
            order.order_qty,
            order.cum_qty,
            order.cum_value,
            exec_ids,
            order.venue_order_id,
            order.terms_ns,
            order.broken_qty,
            order.limit_px,
            order.stop_px,
            order.pending_replace,
        )

    @classmethod
    def of_twin(cls, order: Order, twin: Twin) -> "Progress":
        order_qty = twin.order_qty or order.order_qty
        return cls(twin.ord_status, order_qty, twin.cum_qty, twin.cum_value, set(twin.exec_ids), "")

    @property
    def is_terminal(self) -> bool:
        return self.ord_status in TERMINAL_STATUSES

    @property
    def terms(self) -> Terms:
        return self.order_qty, self.limit_px, self.stop_px

    @property
    def due_qty(self) -> Decimal:
        """What has to fill before the order is filled whole. More may have been asked for and be in force at the venue
        already: a fill can come before the report of the terms that it was made under."""
        pending = self.pending
        if pending is None or not pending.is_sent:
            return self.order_qty
        return max(self.order_qty, pending.order_qty)


def status_by_qty(cum_qty: Decimal, order_qty: Decimal, broken_qty: Decimal = ZERO) -> OrdStatus:
    """The status that quantities give. What was taken back does not trade again: an order of which nothing is left
    but that is done, as CANCELED."""
    if cum_qty >= order_qty:
        return _FILLED
    if broken_qty and cum_qty + broken_qty >= order_qty:
        return OrdStatus.CANCELED
    return OrdStatus.PARTIALLY_FILLED if cum_qty else OrdStatus.NEW


def advance(progress: Progress, report: ExecutionReport) -> bool:
    """Move ``progress`` by one report; False when the report is not news (duplicate, late, out of order)."""
    row = ORD_STATUS_TRANSITIONS[progress.ord_status]
    kind = report.exec_type
    if kind not in row:
        return False
    if kind is _TRADE:
        if report.exec_id in progress.exec_ids:
            return False
        progress.exec_ids.add(report.exec_id)
        progress.cum_qty += report.last_qty
        progress.cum_value += report.last_qty * report.last_px
    elif kind is _REPLACED:
        if report.transact_ns < progress.terms_ns:
            return False  # told again, or late: newer terms are in force
        _take_terms(progress, report)
    target = row[kind]
    progress.ord_status = target or status_by_qty(progress.cum_qty, progress.due_qty, progress.broken_qty)
    if progress.pending is not None and progress.is_terminal:
        progress.pending = None
    return True


def _take_terms(progress: Progress, report: ExecutionReport) -> None:
    """The venue works the order under these terms now; those that it does not tell are as they were."""
    before, progress.terms_ns = progress.terms, report.transact_ns
    if report.order_qty is not None:
        progress.order_qty = report.order_qty
    if report.limit_px is not None:
        progress.limit_px = report.limit_px
    if report.stop_px is not None:
        progress.stop_px = report.stop_px
    if progress.pending is not None and _answers(progress.pending, before, progress.terms, report):
        progress.pending = None


def _answers(pending: PendingReplace, before: Terms, now: Terms, report: ExecutionReport) -> bool:
    """Whether the terms that are in force ``now`` are what came of those that were asked for last. A venue may put
    others in force than it was asked for; what it dates before the request is told late of an earlier one."""
    if now == pending.terms:
        return True
    is_after = report.transact_ns >= pending.sent_ns - _CLOCKS_APART_NS
    return pending.is_sent and is_after and now != before and report.order_qty is not None


def revise(progress: Progress, old: Fill, new: Fill | None) -> None:
    """Take ``old`` out of ``progress`` and put ``new`` in (None: it was busted). No status is left by it, except that
    an order that ended by its fills is FILLED when they cover it, else CANCELED."""
    qty = (ZERO if new is None else new.last_qty) - old.last_qty
    progress.cum_qty += qty
    progress.cum_value += (ZERO if new is None else new.last_qty * new.last_px) - old.last_qty * old.last_px
    progress.broken_qty -= qty
    is_all_executed = progress.cum_qty + progress.broken_qty >= progress.order_qty
    if progress.ord_status in OPEN_STATUSES:
        progress.ord_status = OrdStatus.PARTIALLY_FILLED if progress.cum_qty else OrdStatus.NEW
    elif progress.ord_status in (OrdStatus.FILLED, OrdStatus.CANCELED) and is_all_executed:
        progress.ord_status = status_by_qty(progress.cum_qty, progress.order_qty, progress.broken_qty)


def fill_of(report: ExecutionReport) -> Fill:
    return Fill(
        exec_id=report.exec_id,
        last_qty=report.last_qty,
        last_px=report.last_px,
        transact_ns=report.transact_ns,
        fee=report.fee,
        fee_currency=report.fee_currency,
        is_maker=report.is_maker,
    )
