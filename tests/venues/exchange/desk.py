"""What each request of Coinbase Exchange's API does."""

import uuid
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.venues.exchange import wire
from tests.venues.exchange.wire import CoinbaseError
from tests.venues.spot import Market, Refused, SpotExchange, SpotOrder

ZERO = Decimal(0)


class Desk:
    """As the venue says of its client_oid: it must be a UUID; nobody checks that it is unique, so the same one twice
    makes two orders; and an order that is canceled without a fill is purged, and looked up in vain.
    """

    def __init__(self, exchange: SpotExchange) -> None:
        self.exchange = exchange

    # --- orders ---------------------------------------------------------------------------------------

    def place(self, body: Mapping[str, Any]) -> Any:
        order = self._read(body)
        try:
            self.exchange.place(order)
        except Refused as refused:
            if refused.reason == "would_take":
                return self._rejected(order)
            raise CoinbaseError(400, "Insufficient funds") from None
        row = wire.order(order) | {"status": "pending", "settled": False}
        for name in ("done_at", "done_reason"):
            row.pop(name, None)
        return row | {"filled_size": wire.number(ZERO), "executed_value": wire.number(ZERO)}

    def cancel(self, order: SpotOrder) -> str:
        if not order.is_open:
            raise CoinbaseError(400, "Order already done")
        self.exchange.cancel(order)
        if not order.cum_qty:
            self.exchange.forget(order)
        return wire.order_uuid(order.order_id)

    def cancel_all(self, product_id: str | None) -> list[str]:
        return [self.cancel(order) for order in self.exchange.open_orders(product_id)]

    def find(self, order_id: str) -> SpotOrder:
        """By the venue's id, or by ``client:`` and the client's."""
        if order_id.startswith("client:"):
            order = self.exchange.by_client_id(order_id.removeprefix("client:"))
        else:
            order = self.exchange.orders.get(wire.order_number(order_id))
        if order is None:
            raise CoinbaseError(404, "NotFound")
        return order

    def orders(self, query: Mapping[str, str]) -> Any:
        """Those that are not done unless ``status`` says otherwise, the newest first."""
        status, product = query.get("status"), query.get("product_id")
        rows = [
            wire.order(one)
            for one in reversed(self.exchange.orders.values())
            if product in (None, one.symbol) and (status == "all" or one.is_open == (status != "done"))
            if _is_within(query, one.created_ms)
        ]
        return rows[: int(query.get("limit", "100"))]

    def fills(self, query: Mapping[str, str]) -> Any:
        if "order_id" not in query and "product_id" not in query:
            raise CoinbaseError(400, "One of order_id or product_id is required")
        rows = [
            wire.fill(order, done)
            for order in self.exchange.orders.values()
            for done in order.fills
            if query.get("product_id") in (None, order.symbol)
            and query.get("order_id") in (None, wire.order_uuid(order.order_id))
            and _is_within(query, done.at_ms)
        ]
        return sorted(rows, key=lambda row: -row["trade_id"])[: int(query.get("limit", "100"))]

    def _read(self, body: Mapping[str, Any]) -> SpotOrder:
        market = self.market(str(body.get("product_id")))
        client_id = str(body.get("client_oid") or uuid.uuid4())
        wire.order_number(client_id)
        if body.get("side") not in ("buy", "sell"):
            raise CoinbaseError(400, "Invalid side")
        is_limit = body.get("type", "limit") == "limit"
        px = _number(body, "price", market.tick) if is_limit else None
        funds = None if is_limit else _number(body, "funds", market.tick)
        qty = _number(body, "size", market.step)
        if is_limit and px is None:
            raise CoinbaseError(400, "price is required")
        if qty is None:
            qty = self._qty_for(funds, market, str(body["side"]))
        if qty < market.min_qty:
            raise CoinbaseError(400, f"size is too small. Minimum size is {market.min_qty:f}")
        last = px or self.exchange.last_px(market.symbol)
        if last is not None and qty * last < market.min_notional:
            raise CoinbaseError(400, f"notional is too small. Minimum is {market.min_notional:f}")
        return SpotOrder(
            client_id=client_id,
            symbol=market.symbol,
            side=str(body["side"]),
            qty=qty,
            px=px,
            stop_px=_number(body, "stop_price", market.tick),
            tif=str(body.get("time_in_force", "GTC")).lower(),
            is_post_only=bool(body.get("post_only")),
            quote_qty=funds or ZERO,
        )

    def _qty_for(self, funds: Decimal | None, market: Market, side: str) -> Decimal:
        quote = self.exchange.book.quotes.get(market.symbol)
        if funds is None or quote is None:
            raise CoinbaseError(400, "size or funds is required")
        return funds / (quote.ask_px if side == "buy" else quote.bid_px) // market.step * market.step

    def _rejected(self, order: SpotOrder) -> Any:
        """Post only, and it would take: answered 200, and rejected."""
        order.created_ms = self.exchange.now_ms()
        row = wire.order(order) | {"id": str(uuid.uuid4()), "status": "rejected", "reject_reason": "post only"}
        return row | {"settled": True}

    # --- market ---------------------------------------------------------------------------------------

    def market(self, product_id: str) -> Market:
        market = self.exchange.markets.get(product_id)
        if market is None:
            raise CoinbaseError(404, "Product not found")
        return market

    def ladder(self, product_id: str, limit: int) -> dict[str, list[list[str]]]:
        symbol = self.market(product_id).symbol
        return {
            name: [[f"{px:f}", f"{qty:f}"] for px, qty in self.exchange.levels(symbol, side)[:limit]]
            for name, side in (("bids", "buy"), ("asks", "sell"))
        }

    def book(self, product_id: str, query: Mapping[str, str]) -> Any:
        ladder = self.ladder(product_id, 1 if query.get("level", "1") == "1" else 5_000)
        levels = {name: [[*row, 1] for row in rows] for name, rows in ladder.items()}
        return levels | {"sequence": 1, "auction_mode": False, "time": wire.when(self.exchange.now_ms())}

    def ticker(self, product_id: str) -> Any:
        ladder = self.ladder(product_id, 1)
        last = self.exchange.last_px(product_id)
        bid, ask = (rows[0][0] if rows else "0" for rows in ladder.values())
        price = f"{last or ZERO:f}"
        now = wire.when(self.exchange.now_ms())
        return {"trade_id": 1, "price": price, "size": "0", "time": now, "bid": bid, "ask": ask, "volume": "0"}


def _is_within(query: Mapping[str, str], at_ms: int) -> bool:
    """``start_date`` and ``end_date``, both included."""
    first, last = (query.get(name) for name in ("start_date", "end_date"))
    return (first is None or wire.ms_of(first) <= at_ms) and (last is None or at_ms <= wire.ms_of(last))


def _number(body: Mapping[str, Any], name: str, unit: Decimal) -> Decimal | None:
    raw = body.get(name)
    if raw is None:
        return None
    try:
        value = Decimal(str(raw))
    except InvalidOperation:
        raise CoinbaseError(400, f"Invalid {name}") from None
    if not value.is_finite() or value <= 0:
        raise CoinbaseError(400, f"Invalid {name} {raw}")
    if value % unit:
        raise CoinbaseError(400, f"{name} is too accurate. Smallest unit is {unit:f}")
    return value
