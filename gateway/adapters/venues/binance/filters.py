"""The filters of Binance (its filters.md): each order is held against all of them before anything is sent.

A refusal names the filter, the limit and the value. What the exchange counts by account (open orders, what is held) is
known here as far as it is the gateway's own; orders of others count at the exchange alone.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from gateway.adapters.venues.binance.open_orders import ALGO_TYPES, Counted
from gateway.adapters.venues.binance.orders import OrderTooSmall, OrderUnsupported, kind_of, trailing_delta
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType, Side
from gateway.domain.money import ZERO, plain

#: Fields of which an order can have too little.
_AMOUNTS = frozenset({"quantity", "value"})
_GRID = (("minQty", "maxQty", "stepSize"), ("minPrice", "maxPrice", "tickSize"))


class SymbolRules:
    """What exchangeInfo says of one symbol. A filter that is absent, or a limit of 0, binds nothing."""

    def __init__(self, info: Mapping[str, Any], exchange_filters: Sequence[Mapping[str, Any]] = ()) -> None:
        self.base_asset = str(info.get("baseAsset", ""))
        self._status = str(info.get("status", "TRADING"))
        self._order_types = frozenset(info.get("orderTypes", ()))
        self._has_trailing = bool(info.get("allowTrailingStop", True))
        self._filters: dict[str, Mapping[str, Any]] = {
            one["filterType"]: one for one in (*exchange_filters, *info.get("filters", ()))
        }

    @property
    def has_max_position(self) -> bool:
        return "MAX_POSITION" in self._filters

    def average_mins(self, ticket: OrderTicket) -> int | None:
        """Over how many minutes the exchange averages the price that it holds this order against (0: its last price);
        None when no filter does."""
        names: list[str] = []
        if ticket.limit_px is not None:
            names = ["PERCENT_PRICE", "PERCENT_PRICE_BY_SIDE"]
        elif ticket.ord_type is OrdType.MARKET:
            names += ["MIN_NOTIONAL"] if self._binds_market("MIN_NOTIONAL", "applyToMarket") else []
            names += ["NOTIONAL"] if self._binds_market("NOTIONAL", "applyMinToMarket", "applyMaxToMarket") else []
        known = [self._filters[name] for name in names if name in self._filters]
        return int(known[0].get("avgPriceMins", 5)) if known else None

    def check(self, ticket: OrderTicket, counted: Counted) -> None:
        """Raise OrderUnsupported at the first filter that the order breaks, but for those of ``check_average``."""
        self._check_form(ticket)
        qty, is_market = ticket.order_qty, ticket.ord_type is OrdType.MARKET
        self._check_grid("LOT_SIZE", "quantity", qty, _GRID[0])
        if is_market:
            self._check_grid("MARKET_LOT_SIZE", "quantity", qty, _GRID[0])
        for field, px in (("limit_price", ticket.limit_px), ("stop_price", ticket.stop_px)):
            if px is not None:
                self._check_grid("PRICE_FILTER", field, px, _GRID[1])
        self._check_trailing(ticket)
        if ticket.limit_px is not None:
            self._check_notional(qty, ticket.limit_px, is_market=False)
        self._check_counts(ticket, counted)

    def check_average(self, ticket: OrderTicket, average_px: Decimal) -> None:
        """Raise OrderUnsupported at the first filter that the order breaks by the average price of the exchange."""
        if ticket.limit_px is not None:
            self._check_percent(ticket.side, ticket.limit_px, average_px)
        elif ticket.ord_type is OrdType.MARKET:
            self._check_notional(ticket.order_qty, average_px, is_market=True)

    def _check_form(self, ticket: OrderTicket) -> None:
        if self._status != "TRADING":
            raise OrderUnsupported(f"{ticket.symbol} is {self._status} at binance, not TRADING")
        kind = kind_of(ticket)
        if self._order_types and kind not in self._order_types:
            raise OrderUnsupported(f"{ticket.symbol} takes no {kind} orders at binance")
        if ticket.ord_type is OrdType.TRAILING_STOP and not self._has_trailing:
            raise OrderUnsupported(f"{ticket.symbol} takes no trailing stops at binance (allowTrailingStop)")

    def _limit(self, name: str, key: str) -> Decimal:
        """0 where there is none."""
        return Decimal(str(self._filters.get(name, {}).get(key) or 0))

    def _binds_market(self, name: str, *keys: str) -> bool:
        found = self._filters.get(name, {})
        return any(found.get(key, True) for key in keys)

    def _check_range(self, name: str, field: str, value: Decimal, low: Decimal, high: Decimal) -> None:
        if low and value < low:
            kind = OrderTooSmall if field in _AMOUNTS else OrderUnsupported
            raise kind(f"{field} {plain(value)} is below {plain(low)} (binance {name})")
        if high and value > high:
            raise OrderUnsupported(f"{field} {plain(value)} is above {plain(high)} (binance {name})")

    def _check_grid(self, name: str, field: str, value: Decimal, keys: tuple[str, str, str]) -> None:
        low, high, step = (self._limit(name, key) for key in keys)
        self._check_range(name, field, value, low, high)
        if step and value % step:
            raise OrderUnsupported(f"{field} {plain(value)} is not a multiple of {plain(step)} (binance {name})")

    def _check_trailing(self, ticket: OrderTicket) -> None:
        if ticket.ord_type is not OrdType.TRAILING_STOP:
            return
        where = "Above" if ticket.side is Side.BUY else "Below"
        low, high = (self._limit("TRAILING_DELTA", f"{end}Trailing{where}Delta") for end in ("min", "max"))
        self._check_range("TRAILING_DELTA", "trailing_percent", trailing_delta(ticket) / 100, low / 100, high / 100)

    def _check_percent(self, side: Side, px: Decimal, average_px: Decimal) -> None:
        whose = "bid" if side is Side.BUY else "ask"
        for name, up, down in (
            ("PERCENT_PRICE", "multiplierUp", "multiplierDown"),
            ("PERCENT_PRICE_BY_SIDE", f"{whose}MultiplierUp", f"{whose}MultiplierDown"),
        ):
            low, high = (average_px * self._limit(name, key) for key in (down, up))
            self._check_range(name, f"limit_price at an average price of {plain(average_px)},", px, low, high)

    def _check_notional(self, qty: Decimal, px: Decimal, *, is_market: bool) -> None:
        for name, low_key, low_applies, high_key, high_applies in (
            ("MIN_NOTIONAL", "minNotional", "applyToMarket", "", ""),
            ("NOTIONAL", "minNotional", "applyMinToMarket", "maxNotional", "applyMaxToMarket"),
        ):
            low = ZERO if is_market and not self._binds_market(name, low_applies) else self._limit(name, low_key)
            high = ZERO if is_market and not self._binds_market(name, high_applies) else self._limit(name, high_key)
            self._check_range(name, "value", px * qty, low, high)

    def _check_counts(self, ticket: OrderTicket, counted: Counted) -> None:
        is_algo = ticket.ord_type in ALGO_TYPES
        for name, key, open_orders, applies in (
            ("MAX_NUM_ORDERS", "maxNumOrders", counted.orders, True),
            ("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", counted.algo_orders, is_algo),
            ("EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders", counted.all_orders, True),
            ("EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", counted.all_algo_orders, is_algo),
        ):
            most = self._limit(name, key)
            if applies and most and open_orders >= most:
                what = "stop orders" if key == "maxNumAlgoOrders" else "orders"
                raise OrderUnsupported(f"{open_orders} {what} are open, of {plain(most)} at most (binance {name})")
        most = self._limit("MAX_POSITION", "maxPosition")
        if most and ticket.side is Side.BUY and counted.position is not None:
            self._check_range(
                "MAX_POSITION", "position with this order", counted.position + ticket.order_qty, ZERO, most
            )
