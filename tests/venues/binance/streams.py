"""Binance's two kinds of WebSocket: the API with the user data stream (``/ws-api/v3``), and the market streams
(``/ws/<stream>``, ``/stream?streams=<a>/<b>``)."""

import itertools
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from tests.venues.binance import wire
from tests.venues.binance.errors import BY_STATUS, BinanceError
from tests.venues.binance.rules import check_key
from tests.venues.faults import REQUEST_KINDS, Fault, Kind
from tests.venues.spot import SpotEvent
from tests.venues.streams import Connection

if TYPE_CHECKING:
    from tests.venues.binance.server import BinanceServer

#: How an event of the exchange is called among the events that faults hit.
FAULT_NAMES = {"triggered": "ack"}
#: Methods of the WebSocket API, as faults call them.
OPERATIONS = {
    "order.place": "place",
    "order.status": "lookup",
    "order.cancel": "cancel",
    "order.cancelReplace": "replace",
    "openOrders.status": "open_orders",
    "openOrders.cancelAll": "cancel_all",
    "account.status": "account",
    "allOrders": "all_orders",
    "myTrades": "fills",
    "userDataStream.subscribe.signature": "subscribe",
}


def _text(message: Any) -> str:
    return msgspec.json.encode(message).decode()


class UserStreams:
    """The WebSocket API: requests answered by id, events to those who subscribed."""

    def __init__(self, venue: "BinanceServer") -> None:
        self.venue = venue
        self._execution_ids = itertools.count(1)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        return await self.venue.open_stream(request, self._hear_request)

    def hear(self, event: SpotEvent) -> None:
        """The exchange's event, as an executionReport and, when balances moved, the balances."""
        exchange, now_ms = self.venue.exchange, self.venue.now_ms()
        report = wire.execution_report(event, now_ms, next(self._execution_ids))
        self._publish(FAULT_NAMES.get(event.kind, event.kind), report)
        market = exchange.markets[event.order.symbol]
        self._publish("account", wire.account_position(exchange, market, now_ms))

    def _publish(self, name: str, event: dict[str, Any]) -> None:
        told = [
            (connection, _text({"subscriptionId": number, "event": event}))
            for connection in self.venue.hub.connections
            for number in connection.state.get("subscriptions", ())
        ]
        self.venue.hub.publish(name, told)

    def _hear_request(self, connection: Connection, message: str | bytes) -> None:
        try:
            request = msgspec.json.decode(message)
            params = {name: _plain(value) for name, value in (request.get("params") or {}).items()}
        except (msgspec.DecodeError, AttributeError):
            error = {"code": -1135, "msg": "Invalid JSON Request"}
            connection.send(_text({"id": None, "status": 400, "error": error, "rateLimits": self._limits()}))
            return
        op = OPERATIONS.get(request.get("method"), "stream_request")
        self._under_fault(connection, self.venue.faults.take(REQUEST_KINDS, op), request, params)

    def _under_fault(
        self, connection: Connection, fault: Fault | None, request: dict[str, Any], params: dict[str, str]
    ) -> None:
        """Answer a request, spoiled like one over REST: see ``Peer.serve``."""

        def answer() -> str:
            return self._answer(connection, request, params)

        kind = None if fault is None else fault.kind
        if fault is None:
            connection.send(answer())
        elif kind is Kind.DROP_BEFORE:
            connection.hang_up()
        elif kind is Kind.STUCK:
            fault.hold(lambda: connection.send(answer()))
        elif kind is Kind.ERROR:
            connection.send(self._failure(request, fault.status))
        else:
            self._spoil(connection, fault, answer(), self._failure(request, fault.status))

    def _spoil(self, connection: Connection, fault: Fault, answer: str, failure: str) -> None:
        match fault.kind:
            case Kind.DROP_AFTER:
                connection.hang_up()
            case Kind.LATE:
                fault.hold(lambda: connection.send(answer))
            case Kind.ERROR_AFTER:
                connection.send(failure)
            case Kind.CUT:
                connection.send(answer[: len(answer) // 2])
            case Kind.GARBLE:
                connection.send("<html>")

    def _failure(self, request: dict[str, Any], status: int) -> str:
        code, msg = BY_STATUS.get(status, BY_STATUS[500])
        error = {"code": code, "msg": msg.format(until_ms=self.venue.now_ms() + 120_000)}
        return _text({"id": request.get("id"), "status": status, "error": error, "rateLimits": self._limits()})

    def _answer(self, connection: Connection, request: dict[str, Any], params: dict[str, str]) -> str:
        try:
            result = self._do(connection, request.get("method", ""), params)
            answer = {"id": request.get("id"), "status": 200, "result": result}
        except BinanceError as error:
            answer = {"id": request.get("id"), "status": error.status, "error": error.body()}
        return _text(answer | {"rateLimits": self._limits()})

    def _limits(self) -> list[dict[str, object]]:
        row = self.venue.budget.limits()[0]
        return [row | {"count": self.venue.budget.used_weight}]

    def _do(self, connection: Connection, method: str, params: dict[str, str]) -> Any:
        desk = self.venue.desk
        public = {"ping": desk.ping, "time": desk.time, "exchangeInfo": desk.exchange_info, "depth": desk.depth}
        signed = {
            "order.place": desk.place,
            "order.status": desk.lookup,
            "order.cancel": desk.cancel,
            "order.cancelReplace": desk.cancel_replace,
            "openOrders.status": desk.open_orders,
            "openOrders.cancelAll": desk.cancel_all,
            "account.status": desk.account,
            "allOrders": desk.all_orders,
            "myTrades": desk.my_trades,
        }
        if method in public:
            return self.venue.do(method, public[method], params)
        if method in signed:
            self._admit(params)
            return self.venue.do(OPERATIONS[method], signed[method], params)
        return self._subscribe(connection, method, params)

    def _subscribe(self, connection: Connection, method: str, params: dict[str, str]) -> Any:
        subscriptions: list[int] = connection.state.setdefault("subscriptions", [])
        match method:
            case "userDataStream.subscribe.signature":
                self._admit(params)
                if subscriptions:
                    raise BinanceError(400, -2035, "User Data Stream subscription already active.")
                number = connection.state["next"] = connection.state.get("next", -1) + 1
                subscriptions.append(number)
                self.venue.requests.append(("subscribe", params))
                return {"subscriptionId": number}
            case "userDataStream.unsubscribe":
                named = params.get("subscriptionId")
                for number in [one for one in subscriptions if named in (None, str(one))]:
                    subscriptions.remove(number)
                    event = {"e": "eventStreamTerminated", "E": self.venue.now_ms()}
                    connection.send(_text({"subscriptionId": number, "event": event}))
                return {}
            case "session.subscriptions":
                return [{"subscriptionId": number} for number in subscriptions]
        raise BinanceError(400, -1000, f"Unknown method {method!r}.")

    def _admit(self, params: dict[str, str]) -> None:
        check_key(params.get("apiKey"), self.venue.api_key, self.venue.is_refusing_credentials)
        signed = sorted((name, value) for name, value in params.items() if name != "signature")
        payloads = ("&".join(f"{name}={value}" for name, value in signed), urlencode(signed))
        self.venue.admit(params["apiKey"], params, payloads, params.get("signature", ""))


class MarketStreams:
    """bookTicker, trade and depth of the symbols that a connection asked for."""

    def __init__(self, venue: "BinanceServer") -> None:
        self.venue = venue
        self._trade_ids = itertools.count(1)
        self._shown: dict[tuple[str, str], dict[str, str]] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        is_combined = request.path == "/stream"
        names = request.query.get("streams", "") if is_combined else request.match_info.get("names", "")
        state = {"streams": {name for name in names.split("/") if name}, "is_combined": is_combined}
        return await self.venue.open_stream(request, self._hear_request, state)

    def hear(self, symbol: str, px: Decimal | None, qty: Decimal) -> None:
        """A market moved, or a trade was seen in it."""
        stem, now_ms = symbol.lower(), self.venue.now_ms()
        desk = self.venue.desk
        if px is not None:
            self._publish("tick", f"{stem}@trade", self._trade(symbol, px, qty, now_ms))
        changes = self._changes(symbol)
        if not any(changes.values()):
            return
        desk.update_id += 1
        ladder = desk.ladder(symbol, 1)
        if ladder["bids"] and ladder["asks"]:
            [[bid, bid_qty]], [[ask, ask_qty]] = ladder["bids"], ladder["asks"]
            ticker = {"u": desk.update_id, "s": symbol, "b": bid, "B": bid_qty, "a": ask, "A": ask_qty}
            self._publish("quote", f"{stem}@bookTicker", ticker)
        update = {
            "e": "depthUpdate",
            "E": now_ms,
            "s": symbol,
            "U": desk.update_id,
            "u": desk.update_id,
            "b": changes["bids"],
            "a": changes["asks"],
        }
        for pace in ("", "@100ms"):
            self._publish("depth", f"{stem}@depth{pace}", update)
            for count in (5, 10, 20):
                shown = {"lastUpdateId": desk.update_id, **desk.ladder(symbol, count)}
                self._publish("depth", f"{stem}@depth{count}{pace}", shown)

    def _trade(self, symbol: str, px: Decimal, qty: Decimal, now_ms: int) -> dict[str, Any]:
        return {
            "e": "trade",
            "E": now_ms,
            "s": symbol,
            "t": next(self._trade_ids),
            "p": wire.number(px),
            "q": wire.number(qty),
            "T": now_ms,
            "m": True,
            "M": True,
        }

    def _changes(self, symbol: str) -> dict[str, list[list[str]]]:
        """Levels that are new, changed or gone (quantity 0) since the last look."""
        changes = {}
        for name, levels in self.venue.desk.ladder(symbol, 5_000).items():
            new = dict(levels)
            old = self._shown.get((symbol, name), {})
            gone = [[px, "0.00000000"] for px in old if px not in new]
            changes[name] = gone + [[px, qty] for px, qty in new.items() if old.get(px) != qty]
            self._shown[symbol, name] = new
        return changes

    def _publish(self, event: str, stream: str, data: dict[str, Any]) -> None:
        told = []
        for connection in self.venue.hub.connections:
            if stream not in connection.state.get("streams", ()):
                continue
            is_combined = connection.state["is_combined"]
            told.append((connection, _text({"stream": stream, "data": data} if is_combined else data)))
        if told:
            self.venue.hub.publish(event, told)

    def _hear_request(self, connection: Connection, message: str | bytes) -> None:
        try:
            request = msgspec.json.decode(message)
        except msgspec.DecodeError:
            connection.send(_text({"error": {"code": 3, "msg": "Invalid JSON: expected value"}}))
            return
        streams: set[str] = connection.state["streams"]
        result = None
        match request.get("method"):
            case "SUBSCRIBE":
                streams.update(request["params"])
            case "UNSUBSCRIBE":
                streams.difference_update(request["params"])
            case "LIST_SUBSCRIPTIONS":
                result = sorted(streams)
        connection.send(_text({"result": result, "id": request.get("id")}))


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
