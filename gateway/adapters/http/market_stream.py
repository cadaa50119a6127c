"""ws/market-data: quotes as they come, the latest per symbol for a client that cannot keep up, and who fell silent."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller, Doorman
from gateway.adapters.http.market_handlers import WatchLists
from gateway.adapters.http.market_views import WatchReply, is_stale, quote_view, watch_reply
from gateway.adapters.http.reading import read_query, read_struct
from gateway.adapters.http.shapes import MAX_SYMBOLS, MarketMessage, NoQuery
from gateway.adapters.http.streams import Connection, Hearer, Pace, Streams, Talker, encode, frame
from gateway.domain.market import MarketUpdate, Quote
from gateway.ports.clock import Clock
from gateway.ports.intake import FieldError, RequestInvalid
from gateway.ports.market_data import MarketSources

#: How often a stream looks for symbols that fell silent.
_LOOK_EVERY_S = 1.0
#: Returns when the market can be asked about these symbols.
Know = Callable[[Iterable[str]], Awaitable[None]]
#: A quote as a message, and that as a frame.
EncodeQuote = Callable[[Quote], tuple[bytes, bytes]]


class SubscribedMessage(WatchReply, frozen=True):
    """The answer to every subscribe and unsubscribe: all symbols of this stream now, and how their prices stand."""

    type: str = "subscribed"


class FreshnessMessage(msgspec.Struct, frozen=True):
    """A symbol's quote has become stale, or fresh again; ``trouble`` says why, where that is known."""

    symbol: str
    is_stale: bool
    trouble: str
    type: str = "freshness"


async def _known_already(symbols: Iterable[str]) -> None:
    """The market is in this process."""


class MarketStreams:
    """The endpoint. A quote is encoded once for all streams that send it."""

    def __init__(
        self,
        market: MarketSources,
        clock: Clock,
        streams: Streams,
        watch_lists: WatchLists,
        doorman: Doorman,
        know: Know = _known_already,
    ) -> None:
        self._market = market
        self._clock = clock
        self._streams = streams
        self._watch_lists = watch_lists
        self._doorman = doorman
        self._know = know
        self._encoded: dict[str, tuple[Quote, bytes, bytes]] = {}

    async def open(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        read_query(request.query.items(), NoQuery)
        watch_list = self._watch_lists.of(caller)
        await self._know(watch_list)
        stream = _QuoteStream(self._market, self._clock, self._streams.pace, self._encode, self._know)
        stream.subscribe(watch_list)

        def begin(connection: Connection) -> tuple[list[Talker], Hearer]:
            async def look_at_key() -> None:
                while True:
                    await asyncio.sleep(_LOOK_EVERY_S)
                    if self._doorman.recognize(request) != caller:
                        await connection.refuse(b"the key was withdrawn or changed")
                        return

            talkers, hear = stream.begin(connection)
            return [*talkers, look_at_key], hear

        try:
            return await self._streams.run(request, caller, "market-data", begin, watch_list)
        finally:
            stream.unsubscribe(stream.symbols)

    def _encode(self, quote: Quote) -> tuple[bytes, bytes]:
        known = self._encoded.get(quote.symbol)
        if known is None or known[0] is not quote:
            message = encode(quote_view(quote))
            known = self._encoded[quote.symbol] = (quote, message, frame(message))
        return known[1:]


class _QuoteStream:
    """One client. The listener only overwrites the symbol's pending quote, which bounds both time and memory; how many
    quotes a client never saw is told with the next one that it does."""

    def __init__(
        self,
        market: MarketSources,
        clock: Clock,
        pace: Pace,
        encode_quote: EncodeQuote,
        know: Know = _known_already,
    ) -> None:
        self._pace = pace
        self._know = know
        self._market = market
        self._clock = clock
        self._encode_quote = encode_quote
        self._stops: dict[str, Callable[[], None]] = {}
        self._pending: dict[str, Quote] = {}
        self._conflated: dict[str, int] = {}
        self._stale: set[str] = set()
        self._wake = asyncio.Event()

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._stops)

    def begin(self, connection: Connection) -> tuple[list[Talker], Hearer]:
        async def talk() -> None:
            while True:
                await self._wake.wait()
                async with self._pace:
                    self._wake.clear()
                    # In the order in which they began to wait; each may be newer by now than when it queued.
                    connection.send_frames(b"".join([self._told(quote) for quote in self._pending.values()]))
                    self._pending.clear()
                await connection.kept_up()

        async def watch() -> None:
            while True:
                await asyncio.sleep(_LOOK_EVERY_S)
                for message in self._freshness():
                    await connection.send(encode(message))

        return [talk, watch], self._hear

    def _told(self, quote: Quote) -> bytes:
        message, whole = self._encode_quote(quote)
        conflated = self._conflated.pop(quote.symbol, 0)
        return frame(b'%b,"conflated":%d}' % (message[:-1], conflated)) if conflated else whole

    def _freshness(self) -> list[FreshnessMessage]:
        """Symbols whose quote became stale, or fresh again, since the last look."""
        now_ns = self._clock.now_ns()
        quotes = ((symbol, self._market.quote(symbol)) for symbol in self._stops)
        stale = {symbol for symbol, quote in quotes if quote is None or is_stale(quote, self._market, now_ns)}
        moved = sorted(stale ^ self._stale)
        self._stale = stale
        return [FreshnessMessage(one, one in stale, self._market.trouble(one) if one in stale else "") for one in moved]

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
            self._conflated.pop(symbol, None)
            self._stale.discard(symbol)

    def _on_update(self, update: MarketUpdate) -> None:
        if isinstance(update, Quote):
            symbol = update.symbol
            if symbol in self._pending:
                self._conflated[symbol] = self._conflated.get(symbol, 0) + 1
            self._pending[symbol] = update
            self._wake.set()

    async def _hear(self, text: bytes) -> bytes:
        message = read_struct(text, MarketMessage)
        if message.action == "subscribe":
            await self._know(message.symbols)
            self.subscribe(message.symbols)
        else:
            self.unsubscribe(message.symbols)
        reply = watch_reply(self._stops, self._market, self._clock.now_ns())
        self._stale = {*reply.without_quote, *reply.stale}
        return encode(SubscribedMessage(*msgspec.structs.astuple(reply)))
