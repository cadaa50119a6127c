"""Orders as Alpaca takes them, checked against its rules before anything is sent."""

from decimal import Decimal
from typing import Any

from gateway.adapters.venues.alpaca.assets import AssetRules
from gateway.adapters.venues.alpaca.errors import OrderUnsupported
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrderClass, OrdType, Side, TimeInForce
from gateway.domain.money import CENT, ONE, plain

_TYPES = {
    OrdType.MARKET: "market",
    OrdType.LIMIT: "limit",
    OrdType.STOP: "stop",
    OrdType.STOP_LIMIT: "stop_limit",
    OrdType.TRAILING_STOP: "trailing_stop",
    # On close is a time in force at Alpaca, not a type.
    OrdType.MARKET_ON_CLOSE: "market",
    OrdType.LIMIT_ON_CLOSE: "limit",
}
_ON_CLOSE = (OrdType.MARKET_ON_CLOSE, OrdType.LIMIT_ON_CLOSE)
_STOPS = ("stop", "stop_limit", "trailing_stop")
_TIFS = {
    TimeInForce.DAY: "day",
    TimeInForce.GTC: "gtc",
    TimeInForce.IOC: "ioc",
    TimeInForce.FOK: "fok",
    TimeInForce.AT_THE_OPENING: "opg",
    TimeInForce.AT_THE_CLOSE: "cls",
    # Alpaca knows no date: such an order rests, and is taken back when its time is over.
    TimeInForce.GTD: "gtc",
}
#: Crypto trades around the clock: no day, no auctions. ``day`` ends by a cancel of ours, like gtd.
_CRYPTO_TIFS = {
    TimeInForce.DAY: "gtc",
    TimeInForce.GTC: "gtc",
    TimeInForce.GTD: "gtc",
    TimeInForce.IOC: "ioc",
}
_CRYPTO_TYPES = ("market", "limit", "stop_limit")
_LOW_PRICE_STEP = Decimal("0.0001")
_MOST_QTY_DIGITS = Decimal("1e-9")


def is_crypto(symbol: str) -> bool:
    """A pair (``BTC/USD``); everything else at Alpaca has no slash."""
    return "/" in symbol


def is_ended_by_us(ticket: OrderTicket) -> bool:
    """Whether Alpaca has no end for the order's time in force, so that we take it back."""
    is_day = ticket.time_in_force is TimeInForce.DAY and is_crypto(ticket.symbol)
    return is_day or ticket.time_in_force is TimeInForce.GTD


def body_of(ticket: OrderTicket, asset: AssetRules | None, client_order_id: str) -> dict[str, Any]:
    """The body of POST /v2/orders, numbers as text. Raises OrderUnsupported."""
    kind = _TYPES[ticket.ord_type]
    tif = _tif_of(ticket, kind)
    if ticket.execution_algorithm:
        raise OrderUnsupported("alpaca has no execution algorithms; leave execution_algorithm out")
    _check_quantity(ticket, kind, tif)
    body: dict[str, Any] = {
        "symbol": ticket.symbol,
        "qty": plain(ticket.order_qty),
        "side": "buy" if ticket.side is Side.BUY else "sell",
        "type": kind,
        "time_in_force": tif,
        "client_order_id": client_order_id,
    }
    for name, px in (("limit_price", ticket.limit_px), ("stop_price", ticket.stop_px)):
        if px is not None:
            _check_price(ticket, name, px)
            body[name] = plain(px)
    if ticket.trailing_amount is not None:
        body["trail_price"] = plain(ticket.trailing_amount)
    elif ticket.trailing_percent is not None:
        body["trail_percent"] = plain(ticket.trailing_percent)
    if ticket.order_class is not OrderClass.SIMPLE:
        body |= _class_of(ticket)
    if asset is not None:
        asset.check(ticket)
    return body


def _class_of(ticket: OrderTicket) -> dict[str, Any]:
    """The class of an order, with its exits. An OCO is sent as its profit: that is told once more as such."""
    if is_crypto(ticket.symbol):
        raise OrderUnsupported(f"order_class {ticket.order_class} does not exist for crypto at alpaca; it has simple")
    if ticket.order_qty % ONE:
        raise OrderUnsupported(
            f"quantity {plain(ticket.order_qty)}: a {ticket.order_class} order at alpaca is for whole shares"
        )
    found: dict[str, Any] = {"order_class": ticket.order_class.value}
    if ticket.order_class is OrderClass.OCO and ticket.limit_px is not None:
        found["take_profit"] = {"limit_price": plain(ticket.limit_px)}
    for one in ticket.exits:
        field = "take_profit" if one.ord_type is OrdType.LIMIT else "stop_loss"
        found[field] = {}
        for name, px in (("limit_price", one.limit_px), ("stop_price", one.stop_px)):
            if px is not None:
                _check_price(one, f"{field}.{name}", px)
                found[field][name] = plain(px)
    return found


def _tif_of(ticket: OrderTicket, kind: str) -> str:
    if ticket.ord_type in _ON_CLOSE:
        return "cls"
    if is_crypto(ticket.symbol):
        if kind not in _CRYPTO_TYPES:
            known = ", ".join(_CRYPTO_TYPES)
            raise OrderUnsupported(f"order_type {ticket.ord_type} does not exist for crypto at alpaca; it has {known}")
        tif = _CRYPTO_TIFS.get(ticket.time_in_force)
        if tif is None:
            raise OrderUnsupported(
                f"time_in_force {ticket.time_in_force} does not exist for crypto at alpaca; it has gtc, ioc, day, gtd"
            )
        return tif
    tif = _TIFS[ticket.time_in_force]
    if kind in _STOPS and tif not in ("day", "gtc"):
        raise OrderUnsupported(f"{ticket.ord_type} orders at alpaca take time_in_force day, gtc or gtd, not {tif}")
    return tif


def _check_quantity(ticket: OrderTicket, kind: str, tif: str) -> None:
    qty = ticket.order_qty
    if qty % _MOST_QTY_DIGITS:
        raise OrderUnsupported(f"quantity {plain(qty)} has more than nine decimals, the most that alpaca takes")
    if is_crypto(ticket.symbol) or not qty % ONE:
        return
    if kind == "trailing_stop" or tif != "day":
        raise OrderUnsupported(
            f"quantity {plain(qty)}: a part of a share trades at alpaca only as market, limit, stop or stop_limit "
            f"with time_in_force day, not as {ticket.ord_type} {tif}"
        )


def _check_price(ticket: OrderTicket, name: str, px: Decimal) -> None:
    """Shares: cents from one dollar on, a hundredth of a cent below (sub-penny rule)."""
    step = CENT if px >= ONE else _LOW_PRICE_STEP
    if not is_crypto(ticket.symbol) and px % step:
        raise OrderUnsupported(f"{name} {plain(px)} is not a multiple of {plain(step)} (sub-penny rule)")
