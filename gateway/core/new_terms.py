"""How a change of an order's terms ends: in force at the venue, as asked or otherwise, or denied.

While a larger quantity is sent and not answered, an order that filled whole by its old one stays open. So either end of
the change may be that of the order.
"""

from decimal import Decimal

from gateway.core.lifecycle import Progress, advance, status_by_qty
from gateway.core.pricing import held_unit_under
from gateway.domain.config import TradingConfig
from gateway.domain.enums import TERMINAL_STATUSES, OrdStatus
from gateway.domain.executions import ExecutionReport
from gateway.domain.facts import Fact, OrderEnded, OrderReplaced, ReplaceDenied
from gateway.domain.orders import Order, PendingReplace, Reject


def replaced(
    config: TradingConfig, order: Order, progress: Progress, report: ExecutionReport, ts_ns: int
) -> list[Fact]:
    """The venue tells the terms that it works the order under. Its word is the truth, also where it is not what was
    asked for: limits and exposure follow it."""
    terms, pending = progress.terms, progress.pending
    if not advance(progress, report):
        return []
    settles_pending = pending is not None and progress.pending is None
    if progress.terms == terms and not settles_pending:
        return []  # the terms that the order has already: nothing new
    if pending is not None and progress.terms == pending.terms:
        held_unit = pending.held_unit
    else:
        held_unit = held_unit_under(order, progress.limit_px, progress.stop_px, config)
    fact = OrderReplaced(
        ts_ns=ts_ns,
        order_id=order.order_id,
        order_qty=progress.order_qty,
        limit_px=progress.limit_px,
        stop_px=progress.stop_px,
        held_unit=held_unit,
        ord_status=_working(progress.cum_qty),
        transact_ns=report.transact_ns,
        settles_pending=settles_pending,
    )
    text = "nothing is left to fill under the new terms"
    return [fact, *_ended(order.order_id, progress, text, ts_ns)]


def proven(
    order: Order, progress: Progress, pending: PendingReplace, report: ExecutionReport, ts_ns: int
) -> list[Fact]:
    """The order is over, and more of it has filled than the venue had told to be in force: what was asked for was."""
    if progress.order_qty >= min(pending.order_qty, progress.cum_qty + progress.broken_qty):
        return []
    progress.order_qty, progress.limit_px, progress.stop_px = pending.terms
    fact = OrderReplaced(
        ts_ns=ts_ns,
        order_id=order.order_id,
        order_qty=pending.order_qty,
        limit_px=pending.limit_px,
        stop_px=pending.stop_px,
        held_unit=pending.held_unit,
        ord_status=_working(progress.cum_qty - report.last_qty),
        transact_ns=max(report.transact_ns, progress.terms_ns),
        settles_pending=True,
    )
    return [fact]


def denied(order_id: str, progress: Progress, reject: Reject, ts_ns: int) -> list[Fact]:
    """New terms did not come into force: what filled whole by the old ones is over."""
    progress.pending = None
    fact = ReplaceDenied(ts_ns=ts_ns, order_id=order_id, reject=reject)
    status = status_by_qty(progress.cum_qty, progress.order_qty, progress.broken_qty)
    if progress.is_terminal or status not in TERMINAL_STATUSES:
        return [fact]
    progress.ord_status = status
    return [fact, *_ended(order_id, progress, "nothing is left to fill under the old terms", ts_ns)]


def _working(cum_qty: Decimal) -> OrdStatus:
    return OrdStatus.PARTIALLY_FILLED if cum_qty else OrdStatus.NEW


def _ended(order_id: str, progress: Progress, text: str, ts_ns: int) -> list[Fact]:
    if not progress.is_terminal:
        return []
    return [OrderEnded(ts_ns=ts_ns, order_id=order_id, ord_status=progress.ord_status, text=text)]
