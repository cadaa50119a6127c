"""Orders as Binance spot takes them."""

from decimal import Decimal
from typing import Any

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrderClass, OrdType, Side, TimeInForce
from gateway.domain.money import BPS, plain

_TYPES = {
    OrdType.MARKET: "MARKET",
    OrdType.LIMIT: "LIMIT",
    OrdType.STOP: "STOP_LOSS",
    OrdType.STOP_LIMIT: "STOP_LOSS_LIMIT",
    OrdType.TRAILING_STOP: "STOP_LOSS",
}
_TIFS = {
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
    # Binance knows no end of a day and no date: such orders rest, and are taken back when their time is over.
    TimeInForce.DAY: "GTC",
    TimeInForce.GTD: "GTC",
}


class OrderUnsupported(Exception):
    """The order has no form at Binance, or breaks a filter; the text says which and what would do. Nothing was sent."""


class OrderTooSmall(OrderUnsupported):
    """Binance takes no order of so little."""


def symbol_of(symbol: str) -> str:
    """``BTC/USDT`` as Binance writes it."""
    return symbol.replace("/", "").upper()


def kind_of(ticket: OrderTicket) -> str:
    """The type of the order at Binance. Raises OrderUnsupported."""
    kind = _TYPES.get(ticket.ord_type)
    if kind is None:
        raise OrderUnsupported(f"order_type {ticket.ord_type} does not exist at binance: it has no closing auction")
    return kind


def trailing_delta(ticket: OrderTicket) -> Decimal:
    """How far a trailing stop follows, in basis points, of which the exchange takes whole ones. Raises
    OrderUnsupported."""
    if ticket.trailing_percent is None:
        raise OrderUnsupported("a trailing stop at binance needs trailing_percent; it knows no trailing_amount")
    delta = ticket.trailing_percent / 100 * BPS
    if delta % 1:
        text = f"trailing_percent {plain(ticket.trailing_percent)} is not a multiple of 0.01"
        raise OrderUnsupported(f"{text} (binance trailingDelta)")
    return delta


def params_of(ticket: OrderTicket) -> dict[str, Any]:
    """The parameters of POST /api/v3/order. Raises OrderUnsupported."""
    kind = kind_of(ticket)
    if ticket.order_class is not OrderClass.SIMPLE:
        raise OrderUnsupported(f"order_class {ticket.order_class} is not sent to binance; it has simple")
    if ticket.execution_algorithm:
        raise OrderUnsupported("binance spot has no execution algorithms; leave execution_algorithm out")
    params: dict[str, Any] = {
        "symbol": symbol_of(ticket.symbol),
        "side": "BUY" if ticket.side is Side.BUY else "SELL",
        "type": kind,
        "quantity": plain(ticket.order_qty),
        "newClientOrderId": ticket.order_id,
        "newOrderRespType": "FULL",
    }
    if kind in ("LIMIT", "STOP_LOSS_LIMIT"):
        tif = _TIFS.get(ticket.time_in_force)
        if tif is None:
            known = "gtc, ioc, fok, day, gtd"
            raise OrderUnsupported(f"time_in_force {ticket.time_in_force} does not exist at binance; it has {known}")
        params |= {"timeInForce": tif, "price": plain(ticket.limit_px or Decimal(0))}
    if ticket.ord_type is OrdType.TRAILING_STOP:
        params["trailingDelta"] = plain(trailing_delta(ticket))
    if ticket.stop_px is not None:
        params["stopPrice"] = plain(ticket.stop_px)
    return params
