"""Orders as TWS takes them. Numbers go as the text of their decimals: no float touches a price on the way out."""

from datetime import UTC, datetime
from decimal import Decimal

from ib_async import Order, TagValue

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrderClass, OrdType, TimeInForce
from gateway.domain.money import plain

_TYPES = {
    OrdType.MARKET: "MKT",
    OrdType.LIMIT: "LMT",
    OrdType.STOP: "STP",
    OrdType.STOP_LIMIT: "STP LMT",
    OrdType.TRAILING_STOP: "TRAIL",
    OrdType.MARKET_ON_CLOSE: "MOC",
    OrdType.LIMIT_ON_CLOSE: "LOC",
}
_TIFS = {
    TimeInForce.DAY: "DAY",
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
    TimeInForce.GTD: "GTD",
    TimeInForce.AT_THE_OPENING: "OPG",
}
#: IBALGO by the name a client gives; the part after a colon is the urgency of Adaptive.
_URGENCIES = ("Urgent", "Normal", "Patient")


class OrderUnsupported(Exception):
    """The order has no form at TWS; the text says which part and what would do."""


def order_of(ticket: OrderTicket, account: str) -> Order:
    """The ticket as a TWS order, tagged with our id. Raises OrderUnsupported."""
    if ticket.order_class is not OrderClass.SIMPLE:
        raise OrderUnsupported(f"order_class {ticket.order_class} is not sent to TWS; it has simple")
    order = Order(
        action=ticket.side.value.upper(),
        totalQuantity=plain(ticket.order_qty),
        orderType=_type_of(ticket),
        tif=_tif_of(ticket),
        orderRef=ticket.order_id,
        account=account,
        transmit=True,
    )
    set_prices(order, ticket, ticket.limit_px, ticket.stop_px)
    if ticket.time_in_force is TimeInForce.GTD and ticket.expire_ns is not None:
        order.goodTillDate = datetime.fromtimestamp(ticket.expire_ns / 1e9, UTC).strftime("%Y%m%d-%H:%M:%S")
    if ticket.execution_algorithm:
        _set_algorithm(order, ticket.execution_algorithm)
    if order.displaySize and order.displaySize >= ticket.order_qty:
        text = f"shows {order.displaySize} of {plain(ticket.order_qty)}: an iceberg shows less than all of it"
        raise OrderUnsupported(f"execution_algorithm {ticket.execution_algorithm} {text}")
    return order


def _type_of(ticket: OrderTicket) -> str:
    if ticket.time_in_force is TimeInForce.AT_THE_CLOSE:
        if ticket.ord_type is OrdType.MARKET:
            return "MOC"
        if ticket.ord_type is OrdType.LIMIT:
            return "LOC"
        raise OrderUnsupported(f"time_in_force cls goes with market and limit orders, not with {ticket.ord_type}")
    return _TYPES[ticket.ord_type]


def _tif_of(ticket: OrderTicket) -> str:
    """Always said: an order without one is changed by presets of TWS, with a warning that looks like an error."""
    if ticket.ord_type in (OrdType.MARKET_ON_CLOSE, OrdType.LIMIT_ON_CLOSE):
        return "DAY"
    return _TIFS.get(ticket.time_in_force, "DAY")


def set_prices(order: Order, ticket: OrderTicket, limit_px: Decimal | None, stop_px: Decimal | None) -> None:
    """Put prices where this type of order has them."""
    if limit_px is not None:
        order.lmtPrice = plain(limit_px)
    if ticket.ord_type is OrdType.TRAILING_STOP:
        if ticket.trailing_amount is not None:
            order.auxPrice = plain(ticket.trailing_amount)
        elif ticket.trailing_percent is not None:
            order.trailingPercent = plain(ticket.trailing_percent)
        if stop_px is not None:
            order.trailStopPrice = plain(stop_px)
    elif stop_px is not None:
        order.auxPrice = plain(stop_px)


def _set_algorithm(order: Order, wish: str) -> None:
    """``vwap``, ``twap``, ``adaptive``, ``adaptive:urgent``, ``iceberg:100`` (the quantity that shows)."""
    name, _, option = wish.partition(":")
    match name.lower():
        case "vwap":
            order.algoStrategy = "Vwap"
            order.algoParams = [TagValue("allowPastEndTime", "0"), TagValue("noTakeLiq", "0")]
        case "twap":
            order.algoStrategy = "Twap"
            order.algoParams = [TagValue("allowPastEndTime", "0")]
        case "adaptive":
            urgency = (option or "Normal").capitalize()
            if urgency not in _URGENCIES:
                raise OrderUnsupported(f"execution_algorithm adaptive:{option}: use urgent, normal or patient")
            order.algoStrategy = "Adaptive"
            order.algoParams = [TagValue("adaptivePriority", urgency)]
        case "iceberg":
            if not option.isdigit() or int(option) == 0:
                text = "say how much shows, iceberg:100 for a hundred"
                raise OrderUnsupported(f"execution_algorithm {wish}: {text}")
            order.displaySize = int(option)
        case _:
            known = "vwap, twap, adaptive[:urgent|normal|patient], iceberg:QTY"
            raise OrderUnsupported(f"execution_algorithm {wish} is not known at ibkr; it has: {known}")
