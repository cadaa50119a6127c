"""The peer: Alpaca on a port: trading API, trade updates, market data.

    async with AlpacaServer() as venue:
        venue.quote("AAPL", "179.99", "180.01")
        ...  # a client trades
        venue.trade("AAPL", "179.50", 40)
        venue.faults.add("lose", "fill")

What it does not play: options, multi-leg orders, watchlists, pattern day trading, margin, auctions (opg and cls rest
like day orders).
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from tests.venues.alpaca import views
from tests.venues.alpaca.account import AlpacaAccount
from tests.venues.alpaca.orders import AlpacaError, Asset, forbidden, not_found, unfit
from tests.venues.alpaca.streams import DataStream, TradeUpdates
from tests.venues.peer import Number, Peer

D = Decimal
ASSETS = (
    Asset("AAPL", "Apple Inc."),
    Asset("TSLA", "Tesla Inc."),
    Asset("MSFT", "Microsoft Corp."),
    Asset("SPY", "SPDR S&P 500", exchange="ARCA"),
    Asset("BTC/USD", "Bitcoin", exchange="CRYPTO", asset_class="crypto", is_shortable=False),
)
Verb = Callable[[web.Request, Any], Any]


class AlpacaServer(Peer):
    VERBS = (*Peer.VERBS, "open_market")

    def __init__(
        self,
        port: int = 0,
        *,
        api_key: str = "alpaca-key",
        secret: str = "alpaca-secret",
        assets: tuple[Asset, ...] = ASSETS,
        cash: int = 1_000_000,
    ) -> None:
        super().__init__(port)
        self.api_key = api_key
        self.secret = secret
        self.account = AlpacaAccount(assets, D(cash), self.now_ms)
        #: Requests of this account in one minute; more are answered 429.
        self.requests_per_minute = 200
        self._minute, self._used = 0, 0
        self.trade_updates = TradeUpdates(self)
        self.data = DataStream(self)
        self.account.tell = self.trade_updates.hear

    def add_routes(self, router: web.UrlDispatcher) -> None:
        for method, path, op, verb in (
            ("GET", "account", "account", lambda request, body: views.account(self.account)),
            ("GET", "account/configurations", "account", lambda request, body: views.CONFIGURATION),
            ("GET", "account/activities", "fills", self._activities),
            ("GET", "account/activities/{kind}", "fills", self._activities),
            ("POST", "orders", "place", lambda request, body: self._pending(self.account.place(body))),
            ("GET", "orders", "open_orders", lambda request, body: views.orders(self.account, request.query)),
            ("DELETE", "orders", "cancel_all", self._cancel_all),
            ("GET", "orders:by_client_order_id", "lookup", self._by_client_id),
            ("GET", "orders/{id}", "lookup", lambda request, body: self._order(request).wire()),
            ("PATCH", "orders/{id}", "replace", self._replace),
            ("DELETE", "orders/{id}", "cancel", self._cancel),
            ("GET", "positions", "positions", lambda request, body: views.positions(self.account)),
            ("GET", "positions/{symbol}", "positions", self._position),
            ("DELETE", "positions", "cancel_all", self._close_all),
            ("DELETE", "positions/{symbol}", "place", self._close),
            ("GET", "assets", "instruments", lambda request, body: [a.wire() for a in self.account.assets.values()]),
            ("GET", "assets/{symbol:.+}", "instruments", self._asset),
            ("GET", "clock", "time", self._clock),
            ("GET", "calendar", "time", self._calendar),
            ("GET", "stocks/{what}/latest", "market", self._latest),
            ("GET", "stocks/{symbol}/{what}/latest", "market", self._latest),
        ):
            router.add_route(method, f"/v2/{path}", self._rest(op, verb))
        latest = self._rest("market", lambda request, body: self._latest_of(request, request.match_info["what"]))
        router.add_get("/v1beta3/crypto/us/latest/{what}", latest)
        router.add_get("/stream", self.route("stream", self.trade_updates.serve))
        router.add_get("/v2/{feed:iex|sip|delayed_sip|test}", self.route("stream", self.data.serve))
        router.add_get("/v1beta3/crypto/us", self.route("stream", self.data.serve))

    # --- one request ----------------------------------------------------------------------------------

    def is_known(self, key: str | None, secret: str | None) -> bool:
        return (key, secret) == (self.api_key, self.secret) and not self.is_refusing_credentials

    def _rest(self, op: str, verb: Verb) -> Any:
        async def act(request: web.Request) -> web.StreamResponse:
            raw = await request.read()
            try:
                body = msgspec.json.decode(raw) if raw else {}
                self.requests.append((op, body or dict(request.query)))
                headers = request.headers
                if not self.is_known(headers.get("APCA-API-KEY-ID"), headers.get("APCA-API-SECRET-KEY")):
                    raise forbidden("forbidden.") if headers.get("APCA-API-KEY-ID") else _unauthorized()
                self._spend()
                answer = verb(request, body)
            except AlpacaError as error:
                return self._answer(error.body(), error.status)
            except msgspec.DecodeError as error:
                return self._answer({"code": 40010000, "message": f"request body format is invalid: {error}"}, 400)
            if answer is None:
                return web.Response(status=204, headers=self._limits())
            return self._answer(answer, 207 if op == "cancel_all" else 200)

        return self.route(op, act)

    def _answer(self, body: Any, status: int) -> web.Response:
        raw = msgspec.json.encode(body)
        return web.Response(body=raw, status=status, content_type="application/json", headers=self._limits())

    def _spend(self) -> None:
        minute = self.now_ms() // 60_000
        self._minute, self._used = minute, (self._used if minute == self._minute else 0) + 1
        if self._used > self.requests_per_minute:
            raise AlpacaError(429, 42910000, "rate limit exceeded")

    def _limits(self) -> dict[str, str]:
        left = max(0, self.requests_per_minute - self._used)
        return {
            "X-RateLimit-Limit": str(self.requests_per_minute),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str((self._minute + 1) * 60),
        }

    def error_body(self, status: int) -> tuple[str, str]:
        if status >= 500:
            return "text/html", f"<html><body><h1>{status}</h1></body></html>"
        codes = {
            429: (42910000, "rate limit exceeded"),
            403: (40310000, "forbidden."),
            401: (40110000, "unauthorized."),
        }
        code, message = codes.get(status, (status * 100_000, f"status {status}"))
        return "application/json", msgspec.json.encode({"code": code, "message": message}).decode()

    # --- orders ---------------------------------------------------------------------------------------

    def _pending(self, order: Any) -> dict[str, Any]:
        """As Alpaca answers a new order: what became of it is told by the stream."""
        status = "accepted" if order.status == "accepted" else "pending_new"
        nothing_yet = {"status": status, "filled_qty": "0", "filled_avg_price": None, "filled_at": None}
        legs = [leg.wire() | {"status": "held"} for leg in order.legs]
        return order.wire() | nothing_yet | {"legs": legs or None}

    def _order(self, request: web.Request) -> Any:
        return self.account.find(request.match_info["id"])

    def _by_client_id(self, request: web.Request, _: Any) -> Any:
        wanted = request.query.get("client_order_id", "")
        order = self.account.by_client_id(wanted)
        if order is None:
            raise not_found(f"order not found for {wanted}")
        return order.wire()

    def _replace(self, request: web.Request, body: Any) -> Any:
        return self.account.replace(self._order(request), body).wire() | {"status": "pending_new"}

    def _cancel(self, request: web.Request, _: Any) -> None:
        self.account.cancel(self._order(request))

    def _cancel_all(self, _: web.Request, __: Any) -> Any:
        rows = []
        for order in self.account.open_orders():
            if order.is_open:  # not gone along with the one before
                self.account.cancel(order)
            rows.append({"id": order.id, "status": 200, "body": order.wire()})
        return rows

    def _activities(self, request: web.Request, _: Any) -> Any:
        kind = request.match_info.get("kind") or request.query.get("activity_types", "FILL")
        return views.activities(self.account, request.query) if "FILL" in kind.split(",") else []

    # --- positions, assets, time ----------------------------------------------------------------------

    def _position(self, request: web.Request, _: Any) -> Any:
        rows = [row for row in views.positions(self.account) if row["symbol"] == request.match_info["symbol"]]
        if not rows:
            raise not_found("position does not exist")
        return rows[0]

    def _close(self, request: web.Request, _: Any) -> Any:
        qty = request.query.get("qty")
        return self._pending(self.account.close_position(request.match_info["symbol"], D(qty) if qty else None))

    def _close_all(self, request: web.Request, _: Any) -> Any:
        if request.query.get("cancel_orders") == "true":
            self._cancel_all(request, None)
        rows = []
        for symbol in list(self.account.positions):
            rows.append({"symbol": symbol, "status": 200, "body": self._pending(self.account.close_position(symbol))})
        return rows

    def _asset(self, request: web.Request, _: Any) -> Any:
        wanted = request.match_info["symbol"]
        for asset in self.account.assets.values():
            if wanted in (asset.symbol, asset.id):
                return asset.wire()
        raise not_found(f"asset not found for {wanted}")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    def _clock(self, _: web.Request, __: Any) -> Any:
        now = self._now()
        later = [(now + timedelta(hours=hours)).isoformat() for hours in (2, 18)]
        is_open = self.account.is_market_open
        next_open, next_close = (later[1], later[0]) if is_open else (later[0], later[1])
        return {"timestamp": now.isoformat(), "is_open": is_open, "next_open": next_open, "next_close": next_close}

    def _calendar(self, request: web.Request, _: Any) -> Any:
        today = self._now().date()
        start = date.fromisoformat(request.query.get("start", today.isoformat())[:10])
        end = date.fromisoformat(request.query.get("end", (today + timedelta(days=30)).isoformat())[:10])
        days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
        return [
            {
                "date": day.isoformat(),
                "open": "09:30",
                "close": "16:00",
                "session_open": "0400",
                "session_close": "2000",
            }
            for day in days
            if day.weekday() < 5
        ]

    def _latest(self, request: web.Request, _: Any) -> Any:
        return self._latest_of(request, request.match_info["what"])

    def _latest_of(self, request: web.Request, what: str) -> Any:
        if what not in ("quotes", "trades"):
            raise unfit(f"no data of kind {what}")
        single = request.match_info.get("symbol")
        symbols = [single] if single else request.query.get("symbols", "").split(",")
        found = {symbol: self.data.latest(what, symbol) for symbol in symbols}
        rows = {symbol: row for symbol, row in found.items() if row is not None}
        return {"symbol": single, what.removesuffix("s"): rows.get(single)} if single else {what: rows}

    # --- what a test plays ----------------------------------------------------------------------------

    def quote(self, symbol: str, bid: Number, ask: Number, qty: Number = 1_000_000) -> None:
        self.account.quote(symbol, D(bid), D(ask), D(qty))
        self.data.tell_quote(symbol)

    def trade(self, symbol: str, px: Number, qty: Number, side: str | None = None) -> None:
        self.account.trade(symbol, D(px), D(qty), side)
        self.data.tell_trade(symbol, D(px), D(qty))

    def orders(self) -> list[dict[str, Any]]:
        return [order.wire(is_nested=False) for order in self.account.orders.values()]

    def roll_back(self, count: int = 1_000) -> None:
        self.account.roll_back(count)

    def open_market(self, is_open: bool = True) -> None:
        """Orders given while it is closed wait for this."""
        self.account.open_market(is_open)


def _unauthorized() -> AlpacaError:
    return AlpacaError(401, 40110000, "unauthorized.")
