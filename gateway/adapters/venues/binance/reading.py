"""What Binance says of orders, as execution reports: from answers, from the user stream, from look-ups.

A fill is known by its trade id within the symbol, the same on every channel. A change of terms is a new order at
Binance; its id is ours with ``_rN`` behind it, so that all of them are one order here.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from gateway.adapters.venues.shared.generations import generation_of, order_id_of
from gateway.domain.enums import ExecType
from gateway.domain.executions import ExecutionReport

#: The id of a cancel that makes room for a change.
_CHANGE = re.compile(r"_c\d+$")
_ENDS = {
    "CANCELED": ExecType.CANCELED,
    "EXPIRED": ExecType.EXPIRED,
    "EXPIRED_IN_MATCH": ExecType.CANCELED,
    "REJECTED": ExecType.REJECTED,
}
_MS = 1_000_000


def change_id_of(order_id: str, generation: int) -> str:
    """The id of the cancel that a change begins with."""
    return f"{order_id}_c{generation}"


def is_change_id(cancel_id: str) -> bool:
    return _CHANGE.search(cancel_id) is not None


def fill_of_event(event: Mapping[str, Any]) -> ExecutionReport:
    """The fill of an executionReport with ``x`` TRADE."""
    return ExecutionReport(
        order_id=order_id_of(event["c"]),
        exec_type=ExecType.TRADE,
        transact_ns=int(event["T"]) * _MS,
        exec_id=f"{event['s']}-{event['t']}",
        last_qty=Decimal(event["l"]),
        last_px=Decimal(event["L"]),
        fee=Decimal(event["n"] or 0),
        fee_currency=event["N"] or "",
        is_maker=bool(event["m"]),
        venue_order_id=str(event["i"]),
    )


def fills_of_answer(order_id: str, answer: Mapping[str, Any]) -> Iterable[ExecutionReport]:
    """The fills in the answer to a new order (newOrderRespType FULL)."""
    for fill in answer.get("fills", ()):
        yield ExecutionReport(
            order_id=order_id,
            exec_type=ExecType.TRADE,
            transact_ns=int(answer["transactTime"]) * _MS,
            exec_id=f"{answer['symbol']}-{fill['tradeId']}",
            last_qty=Decimal(fill["qty"]),
            last_px=Decimal(fill["price"]),
            fee=Decimal(fill["commission"]),
            fee_currency=fill["commissionAsset"],
            venue_order_id=str(answer["orderId"]),
        )


def fills_of_trades(order_id: str, trades: Iterable[Mapping[str, Any]]) -> Iterable[ExecutionReport]:
    """The fills in myTrades."""
    for trade in trades:
        yield ExecutionReport(
            order_id=order_id,
            exec_type=ExecType.TRADE,
            transact_ns=int(trade["time"]) * _MS,
            exec_id=f"{trade['symbol']}-{trade['id']}",
            last_qty=Decimal(trade["qty"]),
            last_px=Decimal(trade["price"]),
            fee=Decimal(trade["commission"]),
            fee_currency=trade["commissionAsset"],
            is_maker=bool(trade["isMaker"]),
            venue_order_id=str(trade["orderId"]),
        )


def reports_of(
    order_id: str, order: Mapping[str, Any], trades: Iterable[Mapping[str, Any]]
) -> tuple[ExecutionReport, ...]:
    """What brings an order up to date that was looked up: that it is there, its terms if they were changed, its fills,
    its end."""
    updated_ms, venue_id = int(order["updateTime"]), str(order["orderId"])
    reports = [plain_report(order_id, ExecType.NEW, updated_ms, venue_id)]
    if generation_of(order["clientOrderId"]):
        terms: dict[str, Any] = {
            "order_qty": Decimal(order["origQty"]),
            "limit_px": Decimal(order["price"]) or None,
            "stop_px": Decimal(order.get("stopPrice") or 0) or None,
        }
        reports.append(plain_report(order_id, ExecType.REPLACED, updated_ms, venue_id, **terms))
    reports.extend(fills_of_trades(order_id, trades))
    end = end_of(order["status"])
    if end is not None:
        reports.append(plain_report(order_id, end, updated_ms, venue_id))
    return tuple(reports)


def plain_report(
    order_id: str, exec_type: ExecType, transact_ms: int, venue_order_id: str = "", text: str = "", **more: Any
) -> ExecutionReport:
    return ExecutionReport(
        order_id=order_id,
        exec_type=exec_type,
        transact_ns=transact_ms * _MS,
        venue_order_id=venue_order_id,
        text=text,
        **more,
    )


def end_of(status: str) -> ExecType | None:
    """How an order with this status ended, or None while it may still trade or was filled."""
    return _ENDS.get(status)


def end_of_event(order_id: str, event: Mapping[str, Any]) -> ExecutionReport | None:
    """The end that the stream tells of, if it tells of one."""
    end, text = end_of(event["X"]), event.get("r", "NONE")
    if end is None:
        return None
    return plain_report(order_id, end, int(event["T"]), str(event["i"]), "" if text == "NONE" else text)


def end_of_answer(order_id: str, answer: Mapping[str, Any], now_ms: int) -> ExecutionReport | None:
    """The same of the answer to a request."""
    end = end_of(str(answer.get("status", "")))
    if end is None:
        return None
    return plain_report(order_id, end, int(answer.get("transactTime") or now_ms), str(answer["orderId"]))
