"""The peer: Binance spot on a port, REST and WebSocket.

    async with BinanceServer() as venue:
        venue.quote("BTCUSDT", "99999", "100001")
        ...  # a client trades
        venue.trade("BTCUSDT", "99500", "0.4")
        venue.faults.add("drop_after", "place")

What it does not play: order lists, margin, amend, self-trade prevention, and the weights of rarely used requests.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from tests.venues.binance import rules, wire
from tests.venues.binance.budget import WEIGHTS, Budget
from tests.venues.binance.desk import Desk
from tests.venues.binance.errors import BY_STATUS, BinanceError
from tests.venues.binance.streams import MarketStreams, UserStreams
from tests.venues.peer import Number, Peer
from tests.venues.spot import Market, SpotEvent, SpotExchange

D = Decimal
MARKETS = (
    Market("BTCUSDT", "BTC", "USDT", tick=D("0.01"), step=D("0.00001"), min_qty=D("0.00001")),
    Market("ETHUSDT", "ETH", "USDT", tick=D("0.01"), step=D("0.0001"), min_qty=D("0.0001")),
    Market("ETHBTC", "ETH", "BTC", tick=D("0.00001"), step=D("0.0001"), min_qty=D("0.0001"), min_notional=D("0.0001")),
)
BALANCES = {"USDT": D(1_000_000), "BTC": D(10), "ETH": D(100)}
Verb = Callable[[dict[str, str]], Any]


class BinanceServer(Peer):
    def __init__(
        self,
        port: int = 0,
        *,
        api_key: str = "binance-key",
        secret: str = "binance-secret",
        markets: tuple[Market, ...] = MARKETS,
        balances: dict[str, Decimal] | None = None,
        fee_rate: str = "0.001",
    ) -> None:
        super().__init__(port)
        self.api_key = api_key
        self.secret = secret
        self.exchange = SpotExchange(markets, BALANCES if balances is None else balances, self.now_ms, D(fee_rate))
        self.budget = Budget()
        self.desk = Desk(self.exchange, self.budget)
        self.users = UserStreams(self)
        self.market_streams = MarketStreams(self)
        self.exchange.listeners += [self._count_fill, self.users.hear]
        self.exchange.market_listeners.append(self.market_streams.hear)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        desk, v3 = self.desk, "/api/v3"
        for path, op, verb in (
            ("ping", "time", desk.ping),
            ("time", "time", desk.time),
            ("exchangeInfo", "instruments", desk.exchange_info),
            ("depth", "market", desk.depth),
            ("avgPrice", "market", desk.average_px),
            ("referencePrice", "market", desk.reference_px),
            ("ticker/bookTicker", "market", desk.book_ticker),
            ("ticker/price", "market", desk.price),
            ("ticker/24hr", "market", desk.ticker_24h),
        ):
            router.add_get(f"{v3}/{path}", self._rest(op, verb, is_signed=False))
        for method, path, op, verb in (
            ("GET", "account", "account", desk.account),
            ("GET", "openOrders", "open_orders", desk.open_orders),
            ("GET", "allOrders", "all_orders", desk.all_orders),
            ("GET", "myTrades", "fills", desk.my_trades),
            ("GET", "rateLimit/order", "order_count", desk.order_count),
            ("GET", "order", "lookup", desk.lookup),
            ("POST", "order", "place", desk.place),
            ("POST", "order/test", "place_test", desk.test),
            ("DELETE", "order", "cancel", desk.cancel),
            ("DELETE", "openOrders", "cancel_all", desk.cancel_all),
            ("POST", "order/cancelReplace", "replace", desk.cancel_replace),
        ):
            router.add_route(method, f"{v3}/{path}", self._rest(op, verb, is_signed=True))
        router.add_get("/ws-api/v3", self.route("stream", self.users.serve))
        router.add_get("/ws/{names}", self.route("stream", self.market_streams.serve))
        router.add_get("/ws", self.route("stream", self.market_streams.serve))
        router.add_get("/stream", self.route("stream", self.market_streams.serve))

    # --- one request ----------------------------------------------------------------------------------

    def _rest(self, op: str, verb: Verb, *, is_signed: bool) -> Any:
        async def act(request: web.Request) -> web.StreamResponse:
            body = await request.text()
            params = dict(parse_qsl(request.query_string) + parse_qsl(body))
            try:
                if is_signed:
                    payload, signature = rules.signed_part(request.rel_url.raw_query_string, body)
                    key = request.headers.get("X-MBX-APIKEY")
                    self.admit(key, params, (payload,), signature)
                answer = self.do(op, verb, params)
            except BinanceError as error:
                return self._answer(op, error.body(), error.status, error.retry_after_s)
            return self._answer(op, answer)

        return self.route(op, act)

    def admit(self, key: str | None, params: dict[str, str], payloads: tuple[str, ...], signature: str) -> None:
        """Whether the request is who it says, now and untouched; raises ``BinanceError``."""
        rules.check_key(key, self.api_key, self.is_refusing_credentials)
        rules.check_clock(params, self.now_ms())
        rules.check_signature(self.secret, payloads, signature)

    def do(self, op: str, verb: Verb, params: dict[str, str]) -> Any:
        """One admitted request. Orders cost weight only when they fail."""
        self.requests.append((op, params))
        weight = 80 if op == "open_orders" and "symbol" not in params else WEIGHTS.get(op, 1)
        self.budget.spend(weight, self.now_ms())
        try:
            return verb(params)
        except BinanceError:
            if weight == 0:
                self.budget.used_weight += 1
            raise

    def _answer(self, op: str, body: Any, status: int = 200, retry_after_s: int | None = None) -> web.Response:
        headers = self.budget.headers()
        if op in ("place", "replace"):
            headers |= self.budget.order_headers()
        if retry_after_s is not None:
            headers["Retry-After"] = str(retry_after_s)
        raw = msgspec.json.encode(body)
        return web.Response(body=raw, status=status, content_type="application/json", headers=headers)

    def error_body(self, status: int) -> tuple[str, str]:
        if status not in BY_STATUS:
            return "text/html", f"<html><body><h1>{status}</h1></body></html>"
        code, msg = BY_STATUS[status]
        error = {"code": code, "msg": msg.format(until_ms=self.now_ms() + 120_000)}
        return "application/json", msgspec.json.encode(error).decode()

    def _count_fill(self, event: SpotEvent) -> None:
        if event.kind == "fill" and len(event.order.fills) == 1:
            self.budget.give_back_order()

    # --- what a test plays ----------------------------------------------------------------------------

    def quote(self, symbol: str, bid: Number, ask: Number, qty: Number = 1_000_000) -> None:
        self.exchange.quote(symbol, D(bid), D(ask), D(qty))

    def trade(self, symbol: str, px: Number, qty: Number, side: str | None = None) -> None:
        self.exchange.trade(symbol, D(px), D(qty), side)

    def say_to_markets(self, text: str) -> None:
        """Send any text at all to everybody who listens to market streams."""
        for connection in self.hub.connections:
            if "streams" in connection.state:
                connection.send(text)

    def orders(self) -> list[dict[str, Any]]:
        return [wire.queried(order) for order in self.exchange.orders.values()]

    def roll_back(self, count: int = 1_000) -> None:
        self.exchange.roll_back(count)
