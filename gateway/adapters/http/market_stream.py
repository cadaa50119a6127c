"""ws/market-data: quotes as they come, the latest per symbol for a client that cannot keep up."""

import asyncio
from collections.abc import Callable, Iterable

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.market_handlers import WatchLists
from gateway.adapters.http.reading import read_struct
from gateway.adapters.http.shapes import MAX_SYMBOLS, MarketMessage
from gateway.adapters.http.state_views import quote_view
from gateway.adapters.http.streams import Connection, Hearer, Streams, Talker, encode
from gateway.domain.market import MarketUpdate, Quote
from gateway.ports.intake import FieldError, RequestInvalid
from gateway.ports.market_data import MarketData


class SubscribedMessage(msgspec.Struct, frozen=True):
    """The answer to every subscribe and unsubscribe: all symbols of this stream now."""

    symbols: tuple[str, ...]
    without_quote: tuple[str, ...]
    type: str = "subscribed"


class MarketStreams:
    """The endpoint. A quote is encoded once for all streams that send it."""

    def __init__(self, market: MarketData, streams: Streams, watch_lists: WatchLists) -> None:
        self._market = market
        self._streams = streams
        self._watch_lists = watch_lists
        self._encoded: dict[str, tuple[Quote, bytes]] = {}

    async def open(self, request: web.Request, caller: Caller) -> web.WebSocketResponse:
        stream = _QuoteStream(self._market, self._encode)
        stream.subscribe(self._watch_lists.of(caller))
        try:
            return await self._streams.run(request, "market-data", stream.begin)
        finally:
            stream.unsubscribe(stream.symbols)

    def _encode(self, quote: Quote) -> bytes:
        known = self._encoded.get(quote.symbol)
        if known is not None and known[0] is quote:
            return known[1]
        message = encode(quote_view(quote))
        self._encoded[quote.symbol] = (quote, message)
        return message


class _QuoteStream:
    """One client. The listener only overwrites the symbol's pending quote, which bounds both time and memory."""

    def __init__(self, market: MarketData, encode_quote: Callable[[Quote], bytes]) -> None:
        self._market = market
        self._encode_quote = encode_quote
        self._stops: dict[str, Callable[[], None]] = {}
        self._pending: dict[str, Quote] = {}
        self._wake = asyncio.Event()

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._stops)

    def begin(self, connection: Connection) -> tuple[list[Talker], Hearer]:
        async def talk() -> None:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._pending:
                    # The one that has waited longest; it may be newer by now than when it queued.
                    quote = self._pending.pop(next(iter(self._pending)))
                    await connection.send(self._encode_quote(quote))

        return [talk], self._hear

    def subscribe(self, symbols: Iterable[str]) -> None:
        new = [symbol for symbol in symbols if symbol not in self._stops]
        if len(self._stops) + len(new) > MAX_SYMBOLS:
            rule = f"must not bring the stream above {MAX_SYMBOLS} symbols"
            raise RequestInvalid((FieldError("symbols", rule, f"{len(new)} more", "unsubscribe others first"),))
        for symbol in new:
            self._stops[symbol] = self._market.listen(symbol, self._on_update)
            quote = self._market.quote(symbol)
            if quote is not None:
                self._on_update(quote)

    def unsubscribe(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            stop = self._stops.pop(symbol, None)
            if stop is not None:
                stop()
            self._pending.pop(symbol, None)

    def _on_update(self, update: MarketUpdate) -> None:
        if isinstance(update, Quote):
            self._pending[update.symbol] = update
            self._wake.set()

    async def _hear(self, text: bytes) -> bytes:
        message = read_struct(text, MarketMessage)
        if message.action == "subscribe":
            self.subscribe(message.symbols)
        else:
            self.unsubscribe(message.symbols)
        missing = tuple(symbol for symbol in self._stops if self._market.quote(symbol) is None)
        return encode(SubscribedMessage(self.symbols, missing))
