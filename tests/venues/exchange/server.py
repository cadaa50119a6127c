"""The peer for ccxt: Coinbase Exchange on a port (ccxt's ``coinbaseexchange``), REST and WebSocket feed.

    async with CoinbaseServer() as venue:
        venue.quote("BTC-USD", "99999", "100001")
        ...  # a client trades
        venue.trade("BTC-USD", "99500", "0.4")
        venue.faults.add("drop_after", "place")

What it does not play: profiles, good-till-time, self-trade prevention, pages of lists, the heartbeat channel.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from tests.venues.exchange import wire
from tests.venues.exchange.desk import Desk
from tests.venues.exchange.feed import Feed
from tests.venues.exchange.wire import CoinbaseError
from tests.venues.peer import Number, Peer
from tests.venues.spot import Market, SpotExchange

D = Decimal
MARKETS = (
    Market("BTC-USD", "BTC", "USD", tick=D("0.01"), step=D("0.00000001"), min_qty=D("0.00000001"), min_notional=D(1)),
    Market("ETH-USD", "ETH", "USD", tick=D("0.01"), step=D("0.00000001"), min_qty=D("0.00000001"), min_notional=D(1)),
)
BALANCES = {"USD": D(1_000_000), "BTC": D(10), "ETH": D(100)}
WINDOW_MS = 30_000
Verb = Callable[[web.Request, Any], Any]


class CoinbaseServer(Peer):
    def __init__(
        self,
        port: int = 0,
        *,
        api_key: str = "coinbase-key",
        secret: str = "Y29pbmJhc2Utc2VjcmV0",
        passphrase: str = "coinbase-passphrase",
        markets: tuple[Market, ...] = MARKETS,
        balances: dict[str, Decimal] | None = None,
        fee_rate: str = "0.001",
    ) -> None:
        super().__init__(port)
        self.api_key = api_key
        #: Base64, as the venue gives it.
        self.secret = secret
        self.passphrase = passphrase
        self.exchange = SpotExchange(
            markets, BALANCES if balances is None else balances, self.now_ms, D(fee_rate), is_fee_in_quote=True
        )
        self.desk = Desk(self.exchange)
        self.feed = Feed(self)
        self.exchange.listeners.append(self.feed.hear)
        self.exchange.market_listeners.append(self.feed.hear_market)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        desk, exchange = self.desk, self.exchange
        for path, op, verb in (
            ("time", "time", lambda request, body: self._time()),
            ("products", "instruments", lambda request, body: [wire.product(one) for one in exchange.markets.values()]),
            ("currencies", "instruments", lambda request, body: [wire.currency(one) for one in sorted(exchange.free)]),
            ("products/{id}/book", "market", lambda request, body: desk.book(request.match_info["id"], request.query)),
            ("products/{id}/ticker", "market", lambda request, body: desk.ticker(request.match_info["id"])),
        ):
            router.add_get(f"/{path}", self._rest(op, verb, is_signed=False))
        for method, path, op, verb in (
            ("GET", "accounts", "account", lambda request, body: wire.accounts(exchange)),
            ("POST", "orders", "place", lambda request, body: self._place(body)),
            ("GET", "orders", "open_orders", lambda request, body: desk.orders(request.query)),
            ("DELETE", "orders", "cancel_all", lambda request, body: desk.cancel_all(request.query.get("product_id"))),
            ("GET", "orders/{id}", "lookup", lambda request, body: wire.order(desk.find(request.match_info["id"]))),
            ("DELETE", "orders/{id}", "cancel", lambda request, body: desk.cancel(self._open(request))),
            ("GET", "fills", "fills", lambda request, body: desk.fills(request.query)),
        ):
            router.add_route(method, f"/{path}", self._rest(op, verb, is_signed=True))
        router.add_get("/ws", self.route("stream", self.feed.serve))

    # --- one request ----------------------------------------------------------------------------------

    def _rest(self, op: str, verb: Verb, *, is_signed: bool) -> Any:
        async def act(request: web.Request) -> web.StreamResponse:
            text = await request.text()
            try:
                if is_signed:
                    self._check(request, text)
                body = msgspec.json.decode(text) if text else {}
                self.requests.append((op, body or dict(request.query)))
                answer, status = verb(request, body), 200
            except CoinbaseError as error:
                answer, status = {"message": error.message}, error.status
            except msgspec.DecodeError:
                answer, status = {"message": "Invalid JSON"}, 400
            raw = msgspec.json.encode(answer)
            return web.Response(body=raw, status=status, content_type="application/json")

        return self.route(op, act)

    def _check(self, request: web.Request, text: str) -> None:
        headers = request.headers
        stamp = headers.get("CB-ACCESS-TIMESTAMP", "")
        payload = f"{stamp}{request.method}{request.rel_url.raw_path_qs}{text}"
        key, passphrase = headers.get("CB-ACCESS-KEY"), headers.get("CB-ACCESS-PASSPHRASE")
        self.admit(key, passphrase, stamp, payload, headers.get("CB-ACCESS-SIGN", ""))

    def admit(self, key: str | None, passphrase: str | None, stamp: str, payload: str, signature: str) -> None:
        """Whether the request is who it says, now and untouched; raises ``CoinbaseError``."""
        if key != self.api_key or self.is_refusing_credentials:
            raise CoinbaseError(401, "Invalid API Key")
        if passphrase != self.passphrase:
            raise CoinbaseError(401, "Invalid Passphrase")
        try:
            given = base64.b64decode(signature, validate=True)
            away_ms = abs(float(stamp) * 1000 - self.now_ms())
        except (ValueError, binascii.Error):
            raise CoinbaseError(401, "invalid signature") from None
        if away_ms > WINDOW_MS:
            raise CoinbaseError(400, "request timestamp expired")
        right = hmac.new(base64.b64decode(self.secret), payload.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(given, right):
            raise CoinbaseError(401, "invalid signature")

    def _place(self, body: Any) -> Any:
        answer = self.desk.place(body)
        order = self.exchange.orders.get(wire.order_number(answer["id"]))
        if order is not None and order.is_open and not wire.is_stop(order):
            self.feed.tell_open(order)
        return answer

    def _open(self, request: web.Request) -> Any:
        """The order to cancel: one that is not known is «not found» in other words than for a look-up."""
        try:
            return self.desk.find(request.match_info["id"])
        except CoinbaseError as error:
            raise CoinbaseError(error.status, "order not found" if error.status == 404 else error.message) from None

    def _time(self) -> Any:
        now_ms = self.now_ms()
        return {"iso": wire.when(now_ms), "epoch": now_ms / 1000}

    def error_body(self, status: int) -> tuple[str, str]:
        words = {429: "Private rate limit exceeded", 503: "Service is under maintenance", 500: "Internal server error"}
        message = words.get(status, f"status {status}")
        return "application/json", msgspec.json.encode({"message": message}).decode()

    # --- what a test plays ----------------------------------------------------------------------------

    def quote(self, symbol: str, bid: Number, ask: Number, qty: Number = 1_000_000) -> None:
        self.exchange.quote(symbol, D(bid), D(ask), D(qty))

    def trade(self, symbol: str, px: Number, qty: Number, side: str | None = None) -> None:
        self.exchange.trade(symbol, D(px), D(qty), side)

    def orders(self) -> list[dict[str, Any]]:
        return [wire.order(order) for order in self.exchange.orders.values()]

    def roll_back(self, count: int = 1_000) -> None:
        self.exchange.roll_back(count)
