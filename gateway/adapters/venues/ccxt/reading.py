"""What ccxt says of orders and trades, as execution reports.

A fill is known by the order and the id of the trade, the same whoever asks for it and however. Figures come as text
(``Client`` tells ccxt to make no floats); a float among them is refused and not rounded into money.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from gateway.domain.enums import ExecType
from gateway.domain.executions import ExecutionReport
from gateway.domain.money import ZERO

_MS = 1_000_000
_ENDS = {
    "canceled": ExecType.CANCELED,
    "cancelled": ExecType.CANCELED,
    "expired": ExecType.EXPIRED,
    "rejected": ExecType.REJECTED,
}


class Unreadable(Exception):
    """ccxt told something that cannot be what it is taken for; the text says what."""


class OrderState(msgspec.Struct, frozen=True):
    """An order as the exchange has it now. ``end`` None: it may still trade, or has filled whole."""

    venue_order_id: str
    client_id: str
    order_qty: Decimal | None
    filled: Decimal | None
    end: ExecType | None
    is_done: bool
    created_ms: int
    limit_px: Decimal | None = None
    stop_px: Decimal | None = None
    symbol: str = ""
    side: str = ""
    trades: tuple[Mapping[str, Any], ...] = ()


def number_of(row: Mapping[str, Any], name: str) -> Decimal | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, float):
        raise Unreadable(f"ccxt tells {name} as a float ({value!r}), which is no exact figure")
    return Decimal(str(value))


def order_of(row: Mapping[str, Any]) -> OrderState:
    """An order structure of ccxt. Raises Unreadable for one without an id: a page, not an order."""
    if not row.get("id"):
        raise Unreadable("the exchange answered something that is no order")
    qty, filled = number_of(row, "amount"), number_of(row, "filled")
    status = str(row.get("status") or "")
    end = _ENDS.get(status)
    if status == "closed" and qty is not None and filled is not None and filled < qty:
        end = ExecType.CANCELED  # ended by the exchange with a part of it unfilled, as an IOC is
    return OrderState(
        venue_order_id=str(row["id"]),
        client_id=str(row.get("clientOrderId") or ""),
        order_qty=qty,
        filled=filled,
        end=end,
        is_done=end is not None or status == "closed",
        created_ms=int(row.get("timestamp") or 0),
        limit_px=number_of(row, "price"),
        stop_px=number_of(row, "triggerPrice"),
        symbol=str(row.get("symbol") or ""),
        side=str(row.get("side") or ""),
        trades=tuple(row.get("trades") or ()),
    )


def exec_id_of(trade: Mapping[str, Any]) -> str:
    if not trade.get("id") or not trade.get("order"):
        raise Unreadable("ccxt tells a trade without its id or that of its order")
    return f"{trade['order']}-{trade['id']}"


def fills_of(order_id: str, trades: Iterable[Mapping[str, Any]]) -> list[ExecutionReport]:
    """Trades of one order, the oldest first."""
    return sorted((_fill_of(order_id, trade) for trade in trades), key=lambda fill: (fill.transact_ns, fill.exec_id))


def _fill_of(order_id: str, trade: Mapping[str, Any]) -> ExecutionReport:
    qty, px = number_of(trade, "amount"), number_of(trade, "price")
    if not qty or px is None:
        raise Unreadable(f"ccxt tells trade {trade.get('id')} without a quantity or price")
    fee, currency = fee_of(trade)
    return ExecutionReport(
        order_id=order_id,
        exec_type=ExecType.TRADE,
        transact_ns=int(trade.get("timestamp") or 0) * _MS,
        exec_id=exec_id_of(trade),
        last_qty=qty,
        last_px=px,
        fee=fee,
        fee_currency=currency,
        is_maker=trade.get("takerOrMaker") == "maker",
        venue_order_id=str(trade["order"]),
    )


def fee_of(trade: Mapping[str, Any]) -> tuple[Decimal, str]:
    """The fee; where an exchange takes several in one trade, the first, as reports hold one."""
    fees = [trade.get("fee"), *(trade.get("fees") or ())]
    for fee in fees:
        if fee and fee.get("cost") is not None:
            return Decimal(str(fee["cost"])), str(fee.get("currency") or "")
    return ZERO, ""


def plain_report(
    order_id: str, exec_type: ExecType, now_ns: int, venue_order_id: str = "", text: str = ""
) -> ExecutionReport:
    return ExecutionReport(
        order_id=order_id, exec_type=exec_type, transact_ns=now_ns, venue_order_id=venue_order_id, text=text
    )
