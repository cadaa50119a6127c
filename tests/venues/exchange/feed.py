"""Coinbase Exchange's WebSocket feed: channels user, ticker, matches, level2 on one address."""

import itertools
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from tests.venues.exchange import wire
from tests.venues.exchange.wire import CoinbaseError
from tests.venues.spot import SpotEvent
from tests.venues.streams import Connection

if TYPE_CHECKING:
    from tests.venues.exchange.server import CoinbaseServer

#: How a message of the user channel is called among the events that faults hit.
FAULT_NAMES = {"received": "ack", "activate": "ack", "open": "ack", "match": "fill", "done": "done"}
PRIVATE = ("user", "level2")


class Feed:
    def __init__(self, venue: "CoinbaseServer") -> None:
        self.venue = venue
        self._sequence = itertools.count(1)
        self._trade_ids = itertools.count(1)
        self._shown: dict[tuple[str, str], dict[str, str]] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        state: dict[str, Any] = {"wants": set()}
        return await self.venue.open_stream(request, self._hear_request, state)

    # --- what happens ---------------------------------------------------------------------------------

    def hear(self, event: SpotEvent) -> None:
        """An order's event, in the user channel."""
        for message in wire.feed_messages(event, self.venue.exchange.fee_rate):
            name = FAULT_NAMES[message["type"]]
            if name == "done":
                name = "canceled" if message["reason"] == "canceled" else "done"
            self._publish(name, "user", message)

    def tell_open(self, order: Any) -> None:
        """An order came to rest."""
        rests = {"price": wire.number(order.px), "remaining_size": wire.number(order.leaves_qty)}
        ids = {"order_id": wire.order_uuid(order.order_id), "side": order.side, "product_id": order.symbol}
        who = {"user_id": wire.USER, "profile_id": wire.PROFILE, "time": wire.when(order.updated_ms)}
        self._publish("ack", "user", {"type": "open", **ids, **rests, **who})

    def hear_market(self, symbol: str, px: Decimal | None, qty: Decimal) -> None:
        now = wire.when(self.venue.now_ms())
        if px is not None:
            match = {"type": "match", "trade_id": next(self._trade_ids), "product_id": symbol, "time": now}
            match |= {"maker_order_id": wire.SOMEBODY, "taker_order_id": wire.SOMEBODY, "side": "sell"}
            self._publish("tick", "matches", match | {"price": f"{px:f}", "size": f"{qty:f}"})
        changes = self._changes(symbol)
        if changes:
            update = {"type": "l2update", "product_id": symbol, "time": now, "changes": changes}
            self._publish("depth", "level2", update)
            self._publish("quote", "ticker", self._ticker(symbol))

    def _ticker(self, symbol: str) -> dict[str, Any]:
        row = self.venue.desk.ticker(symbol)
        ladder = self.venue.desk.ladder(symbol, 1)
        sizes = [rows[0][1] if rows else "0" for rows in ladder.values()]
        zeros = ("open_24h", "volume_24h", "low_24h", "high_24h", "volume_30d", "last_size")
        return {
            "type": "ticker",
            "product_id": symbol,
            "price": row["price"],
            "best_bid": row["bid"],
            "best_bid_size": sizes[0],
            "best_ask": row["ask"],
            "best_ask_size": sizes[1],
            "side": "buy",
            "time": row["time"],
            "trade_id": row["trade_id"],
            **dict.fromkeys(zeros, "0"),
        }

    def _changes(self, symbol: str) -> list[list[str]]:
        """Levels that are new, changed or gone (size 0) since the last look."""
        changes = []
        for name, side in (("bids", "buy"), ("asks", "sell")):
            new = dict(self.venue.desk.ladder(symbol, 5_000)[name])
            old = self._shown.get((symbol, name), {})
            changes += [[side, px, "0"] for px in old if px not in new]
            changes += [[side, px, qty] for px, qty in new.items() if old.get(px) != qty]
            self._shown[symbol, name] = new
        return changes

    def _publish(self, event: str, channel: str, message: dict[str, Any]) -> None:
        payload = _text(message | {"sequence": next(self._sequence)})
        wanted = (channel, message["product_id"])
        told = [(one, payload) for one in self.venue.hub.connections if wanted in one.state["wants"]]
        if told:
            self.venue.hub.publish(event, told)

    # --- subscriptions --------------------------------------------------------------------------------

    def _hear_request(self, connection: Connection, message: str | bytes) -> None:
        try:
            request = msgspec.json.decode(message)
            channels = [one if isinstance(one, str) else one["name"] for one in request["channels"]]
            wants = {(channel, product) for channel in channels for product in request.get("product_ids", ())}
        except (msgspec.DecodeError, KeyError, TypeError):
            connection.send(_text({"type": "error", "message": "Malformed JSON", "reason": ""}))
            return
        if request.get("type") == "unsubscribe":
            connection.state["wants"] -= wants
        else:
            if any(channel in PRIVATE for channel in channels) and not self._admit(connection, request):
                return
            connection.state["wants"] |= wants
            self.venue.requests.append(("subscribe", {"channels": channels}))
        names = sorted({channel for channel, _ in connection.state["wants"]})
        rows = [
            {"name": name, "product_ids": sorted(p for channel, p in connection.state["wants"] if channel == name)}
            for name in names
        ]
        connection.send(_text({"type": "subscriptions", "channels": rows}))
        self._greet(connection, channels, request.get("product_ids", ()))

    def _admit(self, connection: Connection, request: dict[str, Any]) -> bool:
        try:
            stamp = str(request.get("timestamp", ""))
            key, passphrase = request.get("key"), request.get("passphrase")
            self.venue.admit(key, passphrase, stamp, f"{stamp}GET/users/self/verify", str(request.get("signature")))
        except CoinbaseError as error:
            reason = _text({"message": error.message})
            connection.send(_text({"type": "error", "message": "Authentication Failed", "reason": reason}))
            return False
        return True

    def _greet(self, connection: Connection, channels: list[str], products: list[str]) -> None:
        """What a new subscriber gets at once: the book, and the ticker."""
        for symbol in products:
            if "level2" in channels:
                ladder = self.venue.desk.ladder(symbol, 5_000)
                connection.send(_text({"type": "snapshot", "product_id": symbol, **ladder}))
            if "ticker" in channels:
                connection.send(_text(self._ticker(symbol)))


def _text(message: Any) -> str:
    return msgspec.json.encode(message).decode()
