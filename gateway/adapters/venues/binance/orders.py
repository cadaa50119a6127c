"""Orders as Binance spot takes them, checked against the symbol's filters before anything is sent."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType, Side, TimeInForce
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
    """The order has no form at Binance, or breaks a filter; the text says which and what would do."""


def symbol_of(symbol: str) -> str:
    """``BTC/USDT`` as Binance writes it."""
    return symbol.replace("/", "").upper()


def params_of(ticket: OrderTicket, rules: "SymbolRules | None", reference_px: Decimal | None) -> dict[str, Any]:
    """The parameters of POST /api/v3/order. Raises OrderUnsupported."""
    kind = _TYPES.get(ticket.ord_type)
    if kind is None:
        raise OrderUnsupported(f"order_type {ticket.ord_type} does not exist at binance: it has no closing auction")
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
        if ticket.trailing_percent is None:
            raise OrderUnsupported("a trailing stop at binance needs trailing_percent; it knows no trailing_amount")
        params["trailingDelta"] = plain((ticket.trailing_percent / 100 * BPS).quantize(Decimal(1)))
    if ticket.stop_px is not None:
        params["stopPrice"] = plain(ticket.stop_px)
    if rules is not None:
        rules.check(ticket, reference_px)
    return params


class SymbolRules:
    """The filters of one symbol, from exchangeInfo. A filter that is absent or 0 binds nothing."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        self.status = str(info.get("status", "TRADING"))
        self.order_types = frozenset(info.get("orderTypes", ()))
        self._filters: dict[str, Mapping[str, Any]] = {one["filterType"]: one for one in info.get("filters", ())}

    def check(self, ticket: OrderTicket, reference_px: Decimal | None) -> None:
        """Raise OrderUnsupported at the first filter that the order breaks, with the filter, limit and value."""
        if self.status != "TRADING":
            raise OrderUnsupported(f"{ticket.symbol} is {self.status} at binance, not TRADING")
        if self.order_types and _TYPES[ticket.ord_type] not in self.order_types:
            raise OrderUnsupported(f"{ticket.symbol} takes no {_TYPES[ticket.ord_type]} orders at binance")
        is_market = ticket.ord_type is OrdType.MARKET
        self._check_grid("LOT_SIZE", ticket.order_qty, "quantity", ("minQty", "maxQty", "stepSize"))
        if is_market:
            self._check_grid("MARKET_LOT_SIZE", ticket.order_qty, "quantity", ("minQty", "maxQty", "stepSize"))
        for name, px in (("limit_price", ticket.limit_px), ("stop_price", ticket.stop_px)):
            if px is not None:
                self._check_grid("PRICE_FILTER", px, name, ("minPrice", "maxPrice", "tickSize"))
        self._check_notional(ticket, ticket.limit_px or reference_px, is_market)

    def _check_grid(self, name: str, value: Decimal, field: str, keys: tuple[str, str, str]) -> None:
        found = self._filters.get(name)
        if found is None:
            return
        low, high, step = (Decimal(str(found.get(key, 0))) for key in keys)
        if low and value < low:
            raise OrderUnsupported(f"{field} {plain(value)} is below {plain(low)} (binance {name})")
        if high and value > high:
            raise OrderUnsupported(f"{field} {plain(value)} is above {plain(high)} (binance {name})")
        if step and (value - low) % step:
            raise OrderUnsupported(f"{field} {plain(value)} is not a multiple of {plain(step)} (binance {name})")

    def _check_notional(self, ticket: OrderTicket, px: Decimal | None, is_market: bool) -> None:
        if px is None:
            return
        notional = px * ticket.order_qty
        for name, key, applies in (
            ("MIN_NOTIONAL", "minNotional", "applyToMarket"),
            ("NOTIONAL", "minNotional", "applyMinToMarket"),
        ):
            found = self._filters.get(name)
            if found is None or (is_market and not found.get(applies, True)):
                continue
            least = Decimal(str(found.get(key, 0)))
            if notional < least:
                raise OrderUnsupported(f"value {plain(notional)} is below {plain(least)} (binance {name})")
