"""What Alpaca says of orders, as execution reports: from answers, from the trade updates, from look-ups.

A fill is known by its order and by how much of the order had filled after it (``<order>:<filled>``). The stream and the
account's activities each have an id of their own for one fill, which do not match; the filled quantity is told by both.
A change of terms is a new order at Alpaca; its id is ours with ``_rN`` behind it, so that all of them are one order
here.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType
from gateway.domain.executions import ExecutionReport
from gateway.domain.money import plain

#: How an order with this status ended. A replaced one was changed by somebody else: ours are canceled and placed anew.
_ENDS = {
    "canceled": ExecType.CANCELED,
    "replaced": ExecType.CANCELED,
    "expired": ExecType.EXPIRED,
    "rejected": ExecType.REJECTED,
}
#: Received, and not taken yet: it may still be rejected, and no report says that it works.
_NOT_TAKEN_YET = frozenset({"pending_new", "pending_review"})
_NS = 1_000_000_000


def filled_qty_of(row: Mapping[str, Any]) -> Decimal:
    return Decimal(row.get("filled_qty") or 0)


def end_of(row: Mapping[str, Any]) -> ExecType | None:
    """How an order ended, or None while it may still trade or was filled."""
    return _ENDS.get(row["status"])


def is_done(row: Mapping[str, Any]) -> bool:
    """Whether nothing more can come of an order, late fills aside."""
    return row["status"] == "filled" or end_of(row) is not None


def is_taken(row: Mapping[str, Any]) -> bool:
    """Whether Alpaca has said that it works the order, rather than that it arrived."""
    return row["status"] not in _NOT_TAKEN_YET


def end_report(order_id: str, row: Mapping[str, Any]) -> ExecutionReport | None:
    kind = end_of(row)
    if kind is None:
        return None
    text = str(row.get("reject_reason") or "")
    if row["status"] == "replaced":
        text = f"changed at alpaca by somebody else, who has order {row.get('replaced_by')} for it now"
    return report(order_id, kind, row, text=text)


def report(order_id: str, kind: ExecType, row: Mapping[str, Any], **more: Any) -> ExecutionReport:
    """A report other than a fill, at the time of the order's last change."""
    moment = row.get("updated_at") or row["created_at"]
    return ExecutionReport(
        order_id=order_id, exec_type=kind, transact_ns=ns_of(moment), venue_order_id=row["id"], **more
    )


def terms_report(ticket: OrderTicket, row: Mapping[str, Any], carried_qty: Decimal) -> ExecutionReport:
    """The terms that a change put in force. A new order starts anew: ours counts what the ones before it filled."""
    limit_px, stop_px = (Decimal(row[name]) if row.get(name) else None for name in ("limit_price", "stop_price"))
    return ExecutionReport(
        order_id=ticket.order_id,
        exec_type=ExecType.REPLACED,
        transact_ns=ns_of(row["created_at"]),
        venue_order_id=row["id"],
        order_qty=Decimal(row["qty"]) + carried_qty,
        limit_px=None if ticket.limit_px is None else limit_px,
        stop_px=None if ticket.stop_px is None else stop_px,  # the stop of a trailing order is Alpaca's to move
    )


def execution_id_of(venue_order_id: str, cum_qty: Decimal) -> str:
    """The id of the fill after which ``cum_qty`` of an order at Alpaca had filled."""
    return f"{venue_order_id}:{plain(cum_qty)}"


def fill_report(
    order_id: str, venue_order_id: str, cum_qty: Decimal, qty: Decimal, px: Decimal, moment: str
) -> ExecutionReport:
    """One fill, after which ``cum_qty`` of the order at Alpaca had filled."""
    return ExecutionReport(
        order_id=order_id,
        exec_type=ExecType.TRADE,
        transact_ns=ns_of(moment),
        exec_id=execution_id_of(venue_order_id, cum_qty),
        last_qty=qty,
        last_px=px,
        venue_order_id=venue_order_id,
    )


def revision_reports(order_id: str, data: Mapping[str, Any], exec_ref_id: str) -> tuple[ExecutionReport, ...]:
    """An execution that Alpaca took back or corrected; ``exec_ref_id`` names it. None for a correction that does not
    tell the new terms: they are found by comparing."""
    is_bust = data["event"] == "trade_bust"
    if not is_bust and not (data.get("qty") and data.get("price")):
        return ()
    found = report(
        order_id,
        ExecType.TRADE_CANCEL if is_bust else ExecType.TRADE_CORRECT,
        data["order"],
        exec_id=f"{data['event']}:{data.get('execution_id') or exec_ref_id}",
        exec_ref_id=exec_ref_id,
        last_qty=Decimal(0) if is_bust else Decimal(data["qty"]),
        last_px=Decimal(0) if is_bust else Decimal(data["price"]),
    )
    return (found,)


def ns_of(moment: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time, all its digits."""
    head, dot, tail = moment.partition(".")
    if not dot:
        return int(datetime.fromisoformat(moment).timestamp()) * _NS
    digits = re.match(r"\d*", tail)
    fraction = digits[0] if digits else ""
    zone = tail[len(fraction) :] or "Z"
    return int(datetime.fromisoformat(head + zone).timestamp()) * _NS + int(fraction[:9].ljust(9, "0"))


def moment_of(moment_ns: int) -> str:
    """RFC 3339, to the microsecond below."""
    moment_ns = max(moment_ns, 0)
    seconds, rest_ns = divmod(moment_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest_ns // 1_000)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
