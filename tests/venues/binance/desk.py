"""What each request of Binance's API does, whichever way it came in (REST or WebSocket API).

Every verb takes the parameters as text and returns what goes out as JSON, or raises ``BinanceError``.
"""

import itertools
import json
from collections.abc import Callable
from typing import Any

from tests.venues.binance import wire
from tests.venues.binance.budget import Budget
from tests.venues.binance.errors import (
    CANCEL_REJECTED,
    INVALID_SYMBOL,
    NO_SUCH_ORDER,
    BinanceError,
    missing,
    new_order_rejected,
)
from tests.venues.binance.rules import check_filters, filters, read_order
from tests.venues.spot import Refused, SpotExchange, SpotOrder

Params = dict[str, str]
REFUSALS = {
    "insufficient_balance": "Account has insufficient balance for requested action.",
    "would_take": "Order would immediately match and take.",
}


class Desk:
    def __init__(self, exchange: SpotExchange, budget: Budget) -> None:
        self.exchange = exchange
        self.budget = budget
        #: The filters of each symbol by type, for a test to change.
        self.filters = {
            one.symbol: {row["filterType"]: row for row in filters(one)} for one in exchange.markets.values()
        }
        #: Grows with every change of a market: what depth snapshots and updates are told apart by.
        self.update_id = 1_000
        self._client_ids = itertools.count(1)

    # --- market ---------------------------------------------------------------------------------------

    def ping(self, _: Params) -> Any:
        return {}

    def time(self, _: Params) -> Any:
        return {"serverTime": self.exchange.now_ms()}

    def exchange_info(self, params: Params) -> Any:
        wanted = [params["symbol"]] if "symbol" in params else self._symbols(params)
        return {
            "timezone": "UTC",
            "serverTime": self.exchange.now_ms(),
            "rateLimits": self.budget.limits(),
            "exchangeFilters": [],
            "symbols": [self._symbol_info(self._symbol({"symbol": one})) for one in wanted],
        }

    def _symbol_info(self, symbol: str) -> dict[str, Any]:
        return wire.symbol_info(self.exchange.markets[symbol], list(self.filters[symbol].values()))

    def average_px(self, params: Params) -> Any:
        px = self.exchange.last_px(self._symbol(params))
        return {"mins": 5, "price": wire.number(px), "closeTime": self.exchange.now_ms()}

    def reference_px(self, params: Params) -> Any:
        self._symbol(params)
        raise BinanceError(400, -2043, "This symbol doesn't have a reference price.")

    def depth(self, params: Params) -> Any:
        symbol, limit = self._symbol(params), int(params.get("limit", "100"))
        return {"lastUpdateId": self.update_id, **self.ladder(symbol, limit)}

    def ladder(self, symbol: str, limit: int) -> dict[str, list[list[str]]]:
        return {
            name: [[wire.number(px), wire.number(qty)] for px, qty in self.exchange.levels(symbol, side)[:limit]]
            for name, side in (("bids", "buy"), ("asks", "sell"))
        }

    def book_ticker(self, params: Params) -> Any:
        return self._per_symbol(params, self._book_ticker)

    def _book_ticker(self, symbol: str) -> dict[str, Any]:
        ladder = self.ladder(symbol, 1)
        nothing = [["0.00000000", "0.00000000"]]
        [bid], [ask] = ladder["bids"] or nothing, ladder["asks"] or nothing
        return {"symbol": symbol, "bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}

    def price(self, params: Params) -> Any:
        return self._per_symbol(
            params, lambda symbol: {"symbol": symbol, "price": wire.number(self.exchange.last_px(symbol))}
        )

    def ticker_24h(self, params: Params) -> Any:
        return self._per_symbol(params, self._ticker_24h)

    def _ticker_24h(self, symbol: str) -> dict[str, Any]:
        now_ms, last = self.exchange.now_ms(), wire.number(self.exchange.last_px(symbol))
        zeros = ("priceChange", "priceChangePercent", "lastQty", "volume", "quoteVolume")
        return {
            **self._book_ticker(symbol),
            **dict.fromkeys(zeros, "0.00000000"),
            **dict.fromkeys(("weightedAvgPrice", "prevClosePrice", "lastPrice"), last),
            **dict.fromkeys(("openPrice", "highPrice", "lowPrice"), last),
            "openTime": now_ms - 86_400_000,
            "closeTime": now_ms,
            "firstId": 0,
            "lastId": 0,
            "count": 0,
        }

    def _per_symbol(self, params: Params, one: Callable[[str], dict[str, Any]]) -> Any:
        if "symbol" in params:
            return one(self._symbol(params))
        return [one(symbol) for symbol in self._symbols(params)]

    # --- account --------------------------------------------------------------------------------------

    def account(self, params: Params) -> Any:
        answer = wire.account(self.exchange)
        if params.get("omitZeroBalances") == "true":
            rows = answer["balances"]
            answer["balances"] = [row for row in rows if float(row["free"]) or float(row["locked"])]
        return answer

    def open_orders(self, params: Params) -> Any:
        symbol = self._symbol(params) if "symbol" in params else None
        return [wire.queried(order) for order in self.exchange.open_orders(symbol)]

    def all_orders(self, params: Params) -> Any:
        symbol = self._symbol(params)
        rows = [wire.queried(order) for order in self.exchange.orders.values() if order.symbol == symbol]
        return _page(rows, params, "orderId", "orderId")

    def my_trades(self, params: Params) -> Any:
        symbol = self._symbol(params)
        mine = [order for order in self.exchange.orders.values() if order.symbol == symbol]
        rows = [wire.my_trade(order, fill) for order in mine for fill in order.fills]
        if "orderId" in params:
            rows = [row for row in rows if row["orderId"] == int(params["orderId"])]
        return _page(sorted(rows, key=lambda row: row["id"]), params, "fromId", "id")

    def order_count(self, _: Params) -> Any:
        counts = (self.budget.used_10s, self.budget.used_day)
        rows = [row for row in self.budget.limits() if row["rateLimitType"] == "ORDERS"]
        return [row | {"count": count} for row, count in zip(rows, counts, strict=True)]

    def lookup(self, params: Params) -> Any:
        order = self._find(params, "orderId", "origClientOrderId")
        if order is None:
            raise BinanceError(*NO_SUCH_ORDER)
        return wire.queried(order)

    # --- orders ---------------------------------------------------------------------------------------

    def place(self, params: Params) -> Any:
        order = self._read(params)
        self._check(order)
        return self._send(order, params)

    def test(self, params: Params) -> Any:
        self._check(self._read(params))
        return {}

    def cancel(self, params: Params) -> Any:
        order = self._find(params, "orderId", "origClientOrderId")
        if order is None or not order.is_open:
            raise BinanceError(*CANCEL_REJECTED)
        is_new = order.status == "new"
        if params.get("cancelRestrictions", "") == ("ONLY_PARTIALLY_FILLED" if is_new else "ONLY_NEW"):
            raise BinanceError(400, -2011, "Order was not canceled due to cancel restrictions.")
        cancel_id = params.get("newClientOrderId") or self._client_id()
        self.exchange.cancel(order, cancel_id)
        return wire.canceled(order, cancel_id)

    def cancel_all(self, params: Params) -> Any:
        orders = self.exchange.open_orders(self._symbol(params))
        if not orders:
            raise BinanceError(*CANCEL_REJECTED)
        answers = []
        for order in orders:
            cancel_id = self._client_id()
            self.exchange.cancel(order, cancel_id)
            answers.append(wire.canceled(order, cancel_id))
        return answers

    def cancel_replace(self, params: Params) -> Any:
        """Cancel one and place another: filters are checked before either."""
        mode = params.get("cancelReplaceMode")
        if mode not in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
            raise missing("cancelReplaceMode")
        renames = {
            "cancelOrderId": "orderId",
            "cancelOrigClientOrderId": "origClientOrderId",
            "cancelNewClientOrderId": "newClientOrderId",
            "cancelRestrictions": "cancelRestrictions",
        }
        of_cancel = {renames[name]: value for name, value in params.items() if name in renames}
        of_cancel["symbol"] = params.get("symbol", "")
        order = self._read({name: value for name, value in params.items() if name not in renames})
        self._check(order)
        cancelled = _outcome(lambda: self.cancel(of_cancel))
        if cancelled[0] == "FAILURE" and mode == "STOP_ON_FAILURE":
            self.budget.spend_order(self.exchange.now_ms())  # counted all the same
            placed: tuple[str, Any] = ("NOT_ATTEMPTED", None)
        else:
            placed = _outcome(lambda: self._send(order, params))
        answer = {
            "cancelResult": cancelled[0],
            "newOrderResult": placed[0],
            "cancelResponse": cancelled[1],
            "newOrderResponse": placed[1],
        }
        if cancelled[0] == placed[0] == "SUCCESS":
            return answer
        if "SUCCESS" in (cancelled[0], placed[0]):
            raise BinanceError(409, -2021, "Order cancel-replace partially failed.", answer)
        raise BinanceError(400, -2022, "Order cancel-replace failed.", answer)

    def _read(self, params: Params) -> SpotOrder:
        if params.get("symbol"):
            self._symbol(params)
        return read_order(params, self.exchange, params.get("newClientOrderId") or self._client_id())

    def _check(self, order: SpotOrder) -> None:
        check_filters(order, self.exchange, self.filters[order.symbol])

    def _send(self, order: SpotOrder, params: Params) -> Any:
        """Uniqueness of the client's id is checked among open orders only: an id is free again once filled."""
        known = self.exchange.by_client_id(order.client_id)
        if known is not None and known.is_open:
            raise new_order_rejected("Duplicate order sent.")
        if self.exchange.would_trigger(order):
            raise new_order_rejected("Order would trigger immediately.")
        self.budget.spend_order(self.exchange.now_ms())
        try:
            self.exchange.place(order)
        except Refused as refused:
            raise new_order_rejected(REFUSALS[refused.reason]) from None
        default = "FULL" if params["type"] in ("MARKET", "LIMIT") else "ACK"
        return wire.placed(order, params.get("newOrderRespType", default))

    # --- reading --------------------------------------------------------------------------------------

    def _symbol(self, params: Params) -> str:
        symbol = params.get("symbol")
        if not symbol:
            raise missing("symbol")
        if symbol not in self.exchange.markets:
            raise BinanceError(*INVALID_SYMBOL)
        return symbol

    def _symbols(self, params: Params) -> list[str]:
        """``symbols`` as a JSON array, else all."""
        wanted = json.loads(params["symbols"]) if "symbols" in params else list(self.exchange.markets)
        return [self._symbol({"symbol": symbol}) for symbol in wanted]

    def _find(self, params: Params, by_id: str, by_client_id: str) -> SpotOrder | None:
        symbol = self._symbol(params)
        client_id = params.get(by_client_id)
        if by_id in params:
            order = self.exchange.orders.get(int(params[by_id]))
            if order is not None and client_id is not None and order.client_id != client_id:
                raise BinanceError(400, -2039, "Client order ID is not correct for this order ID.")
            return order if order is not None and order.symbol == symbol else None
        if client_id is None:
            text = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
            raise BinanceError(400, -1102, text)
        return self.exchange.by_client_id(client_id, symbol)

    def _client_id(self) -> str:
        """As Binance makes one for those who give none."""
        return f"venue{next(self._client_ids):017d}"


def _page(rows: list[dict[str, Any]], params: Params, first_name: str, key: str) -> list[dict[str, Any]]:
    first = params.get(first_name) if first_name == "fromId" else params.get("orderId")
    if first is not None:
        rows = [row for row in rows if row[key] >= int(first)]
    start, end = int(params.get("startTime", "0")), int(params.get("endTime", str(10**15)))
    rows = [row for row in rows if start <= row["time"] <= end]
    limit = int(params.get("limit", "500"))
    return rows[:limit] if first is not None or "startTime" in params else rows[-limit:]


def _outcome(act: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "SUCCESS", act()
    except BinanceError as error:
        return "FAILURE", error.body()
