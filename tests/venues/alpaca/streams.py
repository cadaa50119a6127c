"""Alpaca's two kinds of stream: trade updates (``/stream``: JSON, in binary frames) and market data (``/v2/iex``,
``/v1beta3/crypto/us``: arrays of messages, msgpack or JSON as the client asks)."""

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from tests.venues.alpaca.orders import AlpacaOrder, Execution, text, when
from tests.venues.streams import Connection

if TYPE_CHECKING:
    from tests.venues.alpaca.server import AlpacaServer

#: How an event of the account is called among the events that faults hit.
FAULT_NAMES = {"pending_new": "pending", "new": "ack", "partial_fill": "fill"}
CHANNELS = (
    *("trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars"),
    *("statuses", "lulds", "corrections", "cancelErrors"),
)


class TradeUpdates:
    def __init__(self, venue: "AlpacaServer") -> None:
        self.venue = venue
        self._events = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        return await self.venue.open_stream(request, self._hear_request)

    def hear(self, event: str, order: AlpacaOrder, execution: Execution | None) -> None:
        """One event of the account, to everybody who listens."""
        now = when(self.venue.now_ms())
        data: dict[str, Any] = {"event": event, "timestamp": now, "order": order.wire()}
        if execution is not None:
            held, _ = self.venue.account.positions.get(order.symbol, (Decimal(0), Decimal(0)))
            data |= {"price": text(execution.px), "qty": text(execution.qty), "position_qty": text(held)}
        if event != "pending_new":  # of every other event, fill or not
            self._events += 1
            data["execution_id"] = execution.execution_id if execution else str(uuid.UUID(int=2**96 + self._events))
        self._publish(event, data)

    def _publish(self, event: str, data: dict[str, Any]) -> None:
        payload = msgspec.json.encode({"stream": "trade_updates", "data": data})
        told = [(one, payload) for one in self.venue.hub.connections if one.state.get("listens")]
        self.venue.hub.publish(FAULT_NAMES.get(event, event), told)

    def revise(self, event: str, order: AlpacaOrder, execution: Execution) -> None:
        """``trade_bust``, or ``trade_correct`` with the new terms in ``execution``, which keeps its id."""
        self._events += 1
        data = {"event": event, "timestamp": when(self.venue.now_ms()), "order": order.wire()}
        data |= {"price": text(execution.px), "qty": text(execution.qty)}
        data["previous_execution_id"] = execution.execution_id
        data["execution_id"] = str(uuid.UUID(int=2**96 + self._events))
        self._publish(event, data)

    def _hear_request(self, connection: Connection, message: str | bytes) -> None:
        try:
            request = msgspec.json.decode(message)
        except msgspec.DecodeError:
            connection.end()
            return
        data = request.get("data") or {}
        match request.get("action"):
            case "authenticate":
                is_known = self.venue.is_known(data.get("key_id"), data.get("secret_key"))
            case "auth":
                is_known = self.venue.is_known(request.get("key"), request.get("secret"))
            case "listen" if connection.state.get("is_known"):
                streams = [name for name in data.get("streams", ()) if name == "trade_updates"]
                connection.state["listens"] = bool(streams)
                self.venue.requests.append(("listen", data))
                self._reply(connection, "listening", {"streams": streams})
                return
            case _:
                is_known = False
        connection.state["is_known"] = is_known
        status = "authorized" if is_known else "unauthorized"
        self._reply(connection, "authorization", {"status": status, "action": request.get("action")})

    def _reply(self, connection: Connection, stream: str, data: dict[str, Any]) -> None:
        connection.send(msgspec.json.encode({"stream": stream, "data": data}))


class DataStream:
    def __init__(self, venue: "AlpacaServer") -> None:
        self.venue = venue
        self._trades: dict[str, dict[str, Any]] = {}
        self._trade_id = 0
        #: Books of coins as they were told last, and how many of them a connection may have.
        self._told: dict[str, dict[str, dict[float, float]]] = {}
        self.most_books = 10

    async def serve(self, request: web.Request) -> web.StreamResponse:
        is_packed = "msgpack" in request.headers.get("Content-Type", "")
        state: dict[str, Any] = {"is_packed": is_packed, "wants": {name: set() for name in CHANNELS}}
        greet = _pack([{"T": "success", "msg": "connected"}], is_packed)
        return await self.venue.open_stream(request, self._hear_request, state, greet)

    def latest(self, what: str, symbol: str) -> dict[str, Any] | None:
        """The latest quote or trade in the words of the REST API."""
        row = self._trades.get(symbol) if what == "trades" else self._quote(symbol)
        if row is None:
            return None
        return {name: value for name, value in row.items() if name not in ("T", "S")} | {"t": when(row["t"])}

    def tell_quote(self, symbol: str) -> None:
        quote = self._quote(symbol)
        if quote is not None:
            self._publish("quote", "quotes", quote)
            self._tell_book(symbol)

    def _book(self, symbol: str) -> dict[str, dict[float, float]]:
        """The quote, and a level behind it on either side."""
        quote = self.venue.account.book.quotes.get(symbol)
        if quote is None:
            return {"b": {}, "a": {}}
        bid, ask, qty = float(quote.bid_px), float(quote.ask_px), float(quote.bid_qty)
        return {"b": {bid: qty, bid - 1: 2 * qty}, "a": {ask: float(quote.ask_qty), ask + 1: 2 * qty}}

    def _tell_book(self, symbol: str) -> None:
        before, now = self._told.get(symbol), self._book(symbol)
        self._told[symbol] = now
        if before is not None:
            gone = {side: dict.fromkeys(before[side].keys() - now[side].keys(), 0.0) for side in now}
            self._publish("depth", "orderbooks", self._book_row(symbol, {side: gone[side] | now[side] for side in now}))

    def _book_row(self, symbol: str, sides: dict[str, dict[float, float]]) -> dict[str, Any]:
        rows = {side: [{"p": px, "s": qty} for px, qty in levels.items()] for side, levels in sides.items()}
        return {"T": "o", "S": symbol, "t": self.venue.now_ms(), **rows}

    def tell_trade(self, symbol: str, px: Decimal, qty: Decimal) -> None:
        self._trade_id += 1
        now = self.venue.now_ms()
        trade: dict[str, Any] = {"T": "t", "S": symbol, "i": self._trade_id, "x": "V", "p": float(px), "s": float(qty)}
        trade |= {"c": ["@"], "z": "C", "t": now}
        self._trades[symbol] = trade
        self._publish("tick", "trades", trade)

    def _quote(self, symbol: str) -> dict[str, Any] | None:
        quote = self.venue.account.book.quotes.get(symbol)
        if quote is None:
            return None
        bid = {"bx": "V", "bp": float(quote.bid_px), "bs": float(quote.bid_qty)}
        ask = {"ax": "V", "ap": float(quote.ask_px), "as": float(quote.ask_qty)}
        return {"T": "q", "S": symbol, **bid, **ask, "c": ["R"], "z": "C", "t": self.venue.now_ms()}

    def _publish(self, event: str, channel: str, row: dict[str, Any]) -> None:
        told = []
        for one in self.venue.hub.connections:
            wants = one.state.get("wants", {}).get(channel, ())
            if row["S"] in wants or "*" in wants:
                told.append((one, _pack([row], one.state["is_packed"])))
        if told:
            self.venue.hub.publish(event, told)

    def _hear_request(self, connection: Connection, message: str | bytes) -> None:
        is_packed = connection.state["is_packed"]
        raw = message.encode() if isinstance(message, str) else message
        try:
            request: Any = msgspec.msgpack.decode(raw) if is_packed else msgspec.json.decode(raw)
        except msgspec.DecodeError:
            request = {}
        answer: dict[str, Any]
        match request.get("action"):
            case "auth":
                connection.state["is_known"] = self.venue.is_known(request.get("key"), request.get("secret"))
                answer = {"T": "success", "msg": "authenticated"}
                if not connection.state["is_known"]:
                    answer = {"T": "error", "code": 402, "msg": "auth failed"}
            case "subscribe" | "unsubscribe" as action if connection.state.get("is_known"):
                wants: dict[str, set[str]] = connection.state["wants"]
                added = set(request.get("orderbooks", ())) - wants["orderbooks"] if action == "subscribe" else set()
                if len(wants["orderbooks"] | added) > self.most_books:
                    connection.send(_pack([{"T": "error", "code": 405, "msg": "symbol limit exceeded"}], is_packed))
                    return
                for name, symbols in request.items():
                    if name in wants:
                        (wants[name].update if action == "subscribe" else wants[name].difference_update)(symbols)
                answer = {"T": "subscription"} | {name: sorted(symbols) for name, symbols in wants.items()}
                connection.send(_pack([answer], is_packed))
                for symbol in sorted(added):
                    self._told[symbol] = self._book(symbol)
                    connection.send(_pack([self._book_row(symbol, self._told[symbol]) | {"r": True}], is_packed))
                return
            case _:
                answer = {"T": "error", "code": 401, "msg": "not authenticated"}
        connection.send(_pack([answer], is_packed))


def _pack(rows: list[dict[str, Any]], is_packed: bool) -> str | bytes:
    """Times are written as RFC 3339 in JSON, as msgpack's own timestamps otherwise."""
    if not is_packed:
        return msgspec.json.encode([row | {"t": when(row["t"])} if "t" in row else row for row in rows]).decode()
    return msgspec.msgpack.encode([row | {"t": _stamp(row["t"])} if "t" in row else row for row in rows])


def _stamp(ms: int) -> msgspec.msgpack.Ext:
    """Timestamp 64 of the msgpack specification: nanoseconds in the upper 30 bits, seconds in the lower 34."""
    seconds, rest_ms = divmod(ms, 1000)
    return msgspec.msgpack.Ext(-1, (rest_ms * 1_000_000 << 34 | seconds).to_bytes(8, "big"))
