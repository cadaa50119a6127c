"""Alpaca's prices: best bid and ask, trades, and of crypto the book, from its data streams, which cannot trade.

Shares come from the feed IEX (``options.feed`` names another that the subscription has), crypto from a stream of its
own; each connects only when something of it is wanted. JSON is asked for, not msgpack: its numbers are read as the
exact decimals that were written. Quantities of shares are told as Alpaca sends them. A stream says nothing of a symbol
that stands still, so the latest quotes are asked for as well: quiet symbols stay fresh, and a stream that only looks
alive is found out.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import aiohttp

from gateway.adapters.venues.alpaca.books import Book
from gateway.adapters.venues.alpaca.client import Credentials
from gateway.adapters.venues.alpaca.orders import is_crypto
from gateway.adapters.venues.alpaca.reading import ns_of
from gateway.adapters.venues.shared.market import VenueMarket
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, Quote, TradeTick
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock

_log = logging.getLogger(__name__)
#: The feed of shares that is a quarter of an hour late, free of charge.
_DELAYED_FEED = "delayed_sip"
_API, _STREAM = "https://data.alpaca.markets", "wss://stream.data.alpaca.markets"
_HEARTBEAT_S = 15.0
#: Errors that answer a subscription: too many symbols, not part of the subscription, not understood.
_SUBSCRIPTION_REFUSED = frozenset({400, 405, 409, 410})
#: Latest quotes are taken where the stream was silent for so long: before that they may be the older of both.
_QUIET_NS = 1_000_000_000


class PricesRefused(Exception):
    """Alpaca's data stream would not have us; the text is its own."""


class _Stream:
    """One of the two sockets. Subscriptions go out one symbol at a time, so that a refusal tells which."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        #: Each question without an answer yet: the symbol, and whether it asked for its book.
        self.asked: deque[tuple[str, bool]] = deque()

    async def subscribe(self, action: str, symbol: str) -> None:
        """Of crypto the book too, asked for by itself: of books a subscription may have fewer than of prices."""
        await self._ask(action, symbol, False, {"quotes": [symbol], "trades": [symbol]})
        if is_crypto(symbol):
            await self._ask(action, symbol, True, {"orderbooks": [symbol]})

    async def _ask(self, action: str, symbol: str, is_of_book: bool, channels: dict[str, list[str]]) -> None:
        self.asked.append((symbol if action == "subscribe" else "", is_of_book))
        await self.socket.send_json({"action": action, **channels})


class AlpacaMarket(VenueMarket):
    """Needs keys for shares and crypto alike: Alpaca gives no stream without. Any account's do, the paper one's too.

    ``options``: ``feed``, and ``data_url`` and ``data_stream_url`` for other addresses. ``confirm_s`` is how often the
    latest quotes are asked for.
    """

    _expected = (aiohttp.ClientError, PricesRefused)

    def __init__(self, settings: VenueSettings, environ: Mapping[str, str], clock: Clock, confirm_s: float) -> None:
        super().__init__(settings.name, clock)
        self._credentials = Credentials(environ)
        self._timeout_s = float(settings.timeout_s)
        self._confirm_s = confirm_s
        self._heard = 0
        self._warned = ""
        self._feed = settings.options.get("feed", "iex")
        self._api = settings.options.get("data_url", _API).rstrip("/")
        base = settings.options.get("data_stream_url", _STREAM).rstrip("/")
        self._urls = {False: f"{base}/v2/{self._feed}", True: f"{base}/v1beta3/crypto/us"}
        #: The streams that stand, by whether they are crypto's.
        self._streams: dict[bool, _Stream] = {}
        self._books: dict[str, Book] = {}

    def depth(self, symbol: str) -> DepthUpdate | None:
        book = self._books.get(symbol)
        if book is None or symbol not in self._with_depth:
            return None
        return book.update(symbol, 0, self._clock.now_ns())

    async def _stay(self) -> None:
        wanted = {is_crypto(symbol) for symbol in self._instruments} or {False}
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        async with aiohttp.ClientSession(timeout=timeout) as session, AsyncExitStack() as sockets:
            try:
                for kind in sorted(wanted):
                    connecting = session.ws_connect(self._urls[kind], heartbeat=_HEARTBEAT_S)
                    self._streams[kind] = await self._greet(await sockets.enter_async_context(connecting))
                async with asyncio.TaskGroup() as readers:
                    for stream in self._streams.values():
                        readers.create_task(self._read(stream))
                    await self._opened()
                    for kind in self._streams:
                        await self._ask_quotes(session, kind)
                    readers.create_task(self._confirm(session))
            except ExceptionGroup as group:
                raise group.exceptions[0] from None
            finally:
                self._streams = {}
                self._books.clear()

    async def _change(self, added: Sequence[Instrument], removed: Sequence[Instrument]) -> None:
        for action, instruments in (("unsubscribe", removed), ("subscribe", added)):
            for one in instruments:
                stream = self._streams.get(is_crypto(one.symbol))
                if stream is None:  # the first of its kind: connect anew, with both
                    for other in self._streams.values():
                        await other.socket.close()
                    return
                await stream.subscribe(action, one.symbol)

    # --- latest quotes --------------------------------------------------------------------------------

    async def _confirm(self, session: aiohttp.ClientSession) -> None:
        """Raises PricesRefused when prices move and no stream tells."""
        while True:
            heard = self._heard
            await asyncio.sleep(self._confirm_s)
            moved = [symbol for kind in tuple(self._streams) for symbol in await self._ask_quotes(session, kind)]
            if moved and self._heard == heard:
                await asyncio.sleep(_QUIET_NS / 1e9)  # a first move after a silence may be on its way
                if self._heard == heard:
                    raise PricesRefused(f"the stream is silent while {moved[0]} moves")

    async def _ask_quotes(self, session: aiohttp.ClientSession, is_of_crypto: bool) -> list[str]:
        """Take the latest quotes of symbols that no stream told of lately; returns those whose prices had changed."""
        asked_ns = self._clock.now_ns()
        silent_ns = asked_ns - _QUIET_NS
        known = {symbol: self.quote(symbol) for symbol in self._instruments if is_crypto(symbol) == is_of_crypto}
        wanted = [
            symbol
            for symbol, quote in known.items()
            if symbol not in self._troubles and (quote is None or quote.received_ns <= silent_ns)
        ]
        if not wanted:
            return []
        path = "v1beta3/crypto/us/latest/quotes" if is_of_crypto else "v2/stocks/quotes/latest"
        query = {"symbols": ",".join(wanted)} | ({} if is_of_crypto else {"feed": self._feed})
        moved = []
        try:
            async with session.get(
                f"{self._api}/{path}", params=query, headers=self._credentials.headers, allow_redirects=False
            ) as response:
                response.raise_for_status()
                rows = json.loads(await response.read(), parse_float=Decimal, parse_int=Decimal)["quotes"]
            quotes = [self._quote_of({**row, "S": symbol}, asked_ns) for symbol, row in rows.items() if symbol in known]
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, AttributeError) as error:
            if repr(error) != self._warned:
                _log.warning("market data of %s: the latest quotes cannot be read: %r", self._name, error)
            self._warned = repr(error)
            return []
        self._warned = ""
        for quote in quotes:
            before, now = known[quote.symbol], self.quote(quote.symbol)
            if now is not before:
                continue  # the stream was faster
            if before is not None and (before.bid_px, before.ask_px) != (quote.bid_px, quote.ask_px):
                moved.append(quote.symbol)
            self._tell(quote)
        return moved

    # --- streams --------------------------------------------------------------------------------------

    async def _greet(self, socket: aiohttp.ClientWebSocketResponse) -> _Stream:
        async with asyncio.timeout(self._timeout_s):
            await _expect(socket, "connected")
            keys = self._credentials
            await socket.send_json({"action": "auth", "key": keys.key, "secret": keys.secret})
            await _expect(socket, "authenticated")
        return _Stream(socket)

    async def _read(self, stream: _Stream) -> None:
        async for message in stream.socket:
            received_ns = self._clock.now_ns()
            for row in _rows(message):
                self._hear(stream, row, received_ns)
        raise PricesRefused("alpaca closed the stream of prices")

    def _hear(self, stream: _Stream, row: Mapping[str, Any], received_ns: int) -> None:
        self._heard += row.get("T") in ("q", "t")
        match row.get("T"):
            case "q":
                self._tell(self._quote_of(row, received_ns))
            case "t":
                self._tell(self._trade_of(row, received_ns))
            case "o":
                self._hear_book(row, received_ns)
            case "subscription" if stream.asked:
                stream.asked.popleft()
            case "error" if row.get("code") in _SUBSCRIPTION_REFUSED and stream.asked:
                symbol, is_of_book = stream.asked.popleft()
                why = f"alpaca {row.get('code')}: {row.get('msg')}"
                if is_of_book:
                    _log.warning("market data of %s: no depth of %s: %s", self._name, symbol, why)
                else:
                    self._refuse(symbol, why)
            case "error":
                raise PricesRefused(f"alpaca {row.get('code')}: {row.get('msg')}")

    def _hear_book(self, row: Mapping[str, Any], received_ns: int) -> None:
        """The whole book (``r``), or the levels of it that changed; changes of a book that is not known say nothing."""
        symbol, is_whole = row["S"], row.get("r") is True
        if is_whole:
            self._books[symbol] = Book()
        book = self._books.get(symbol)
        if book is not None and symbol in self._instruments:
            change = book.change(row.get("b") or (), row.get("a") or ())
            self._tell(DepthUpdate(symbol, *change, ns_of(row["t"]), received_ns, is_snapshot=is_whole))

    def _quote_of(self, row: Mapping[str, Any], received_ns: int) -> Quote:
        """A side whose price is 0 is absent."""
        symbol = row["S"]
        last = self.quote(symbol)
        bid_px, ask_px = _amount(row["bp"]), _amount(row["ap"])
        return Quote(
            symbol=symbol,
            bid_px=bid_px,
            bid_qty=None if bid_px is None else Decimal(row["bs"]),
            ask_px=ask_px,
            ask_qty=None if ask_px is None else Decimal(row["as"]),
            last_px=None if last is None else last.last_px,
            last_qty=None if last is None else last.last_qty,
            event_ns=ns_of(row["t"]),
            received_ns=received_ns,
            is_delayed=self._feed == _DELAYED_FEED and not is_crypto(symbol),
        )

    def _trade_of(self, row: Mapping[str, Any], received_ns: int) -> TradeTick:
        """Crypto says who took (``tks``); of shares nobody knows: a trade at the bid or below hit a bid."""
        symbol, px = row["S"], Decimal(row["p"])
        quote = self.quote(symbol)
        is_at_bid = quote is not None and quote.bid_px is not None and px <= quote.bid_px
        is_sale = row["tks"] == "S" if "tks" in row else is_at_bid
        return TradeTick(symbol, px, Decimal(row["s"]), ns_of(row["t"]), received_ns, is_sale)


async def _expect(socket: aiohttp.ClientWebSocketResponse, word: str) -> None:
    async for message in socket:
        for row in _rows(message):
            if row.get("T") == "success" and row.get("msg") == word:
                return
            if row.get("T") == "error":
                raise PricesRefused(f"alpaca {row.get('code')}: {row.get('msg')}")
    raise PricesRefused(f"alpaca closed before it said {word}")


def _rows(message: aiohttp.WSMessage) -> list[dict[str, Any]]:
    if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
        return []
    rows: list[dict[str, Any]] = json.loads(message.data, parse_float=Decimal, parse_int=Decimal)
    return rows


def _amount(number: Decimal) -> Decimal | None:
    return Decimal(number) or None
