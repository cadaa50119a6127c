"""Prices of Binance spot: public streams, no key. Best prices and trades as they happen, and the book from a snapshot
and the changes after it.

On our own sockets at addresses that serve market data alone: python-binance's reader drops messages when its queue is
full, and a lost change of depth is a wrong book. Streams say nothing of a symbol that stands still, so all best prices
are asked for every few seconds as well: quiet symbols stay fresh, and a stream that only looks alive is found out.
"""

import asyncio
import itertools
import json
import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec

from gateway.adapters.venues.binance.weight import LEFT_BY_PRICES, weight_budget
from gateway.adapters.venues.shared.binance_stream import BinanceStream, priced, venue_symbol
from gateway.adapters.venues.shared.budget import Budgets
from gateway.adapters.venues.shared.market import VenueMarket
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, Quote
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock

_log = logging.getLogger(__name__)
LIVE_API, LIVE_STREAM = "https://data-api.binance.vision/api", "wss://data-stream.binance.vision/stream"
TEST_API, TEST_STREAM = "https://testnet.binance.vision/api", "wss://stream.testnet.binance.vision/stream"
#: The exchange pings every 20 s; ours go out as often, so that a dead connection is noticed by whoever is first.
_HEARTBEAT_S = 15.0
#: One connection carries 1,024 streams, and takes 5 messages a second from us.
_MOST_STREAMS = 1_020
_STREAMS_A_MESSAGE, _MESSAGE_PAUSE_S = 200, 0.4
_SNAPSHOT_LEVELS, _SNAPSHOT_PAUSE_S = 100, 0.1
#: By what is asked for, the most that Binance counts for it.
_WEIGHTS = {"depth": 5, "ticker/bookTicker": 4}
#: What a request for prices waits while orders use the weight of the minute.
_PATIENCE_S = 60.0
#: Best prices are taken from a request where streams were silent for so long: before that it may be the older of both.
_QUIET_NS = 1_000_000_000
_MOST_NAMED = 100
_MOST_WARNINGS = 20


class _Ticker(msgspec.Struct):
    """Text: of thousands of symbols in an answer few are ours, and only their prices need to become numbers."""

    symbol: str
    bid_px: str = msgspec.field(name="bidPrice")
    bid_qty: str = msgspec.field(name="bidQty")
    ask_px: str = msgspec.field(name="askPrice")
    ask_qty: str = msgspec.field(name="askQty")


_TICKERS = msgspec.json.Decoder(list[_Ticker])


class _Socket:
    """One connection and the streams it carries."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.streams: set[str] = set()


class BinanceMarket(VenueMarket):
    """``options``: ``depth`` false for best prices and trades only, ``prices`` live or test to have them from elsewhere
    than orders go, ``data_url`` and ``data_stream_url`` for other addresses. ``confirm_s`` is how often all best prices
    are asked for."""

    _expected = (aiohttp.ClientError,)

    def __init__(self, settings: VenueSettings, clock: Clock, confirm_s: float, budgets: Budgets | None = None) -> None:
        super().__init__(settings.name, clock)
        options = settings.options
        self._is_test = {"live": False, "test": True}.get(options.get("prices", ""), settings.paper_only)
        self._api = options.get("data_url", "") or (TEST_API if self._is_test else LIVE_API)
        self._budget = weight_budget(self._api, budgets or Budgets(clock))
        self._stream_url = options.get("data_stream_url", "") or (TEST_STREAM if self._is_test else LIVE_STREAM)
        self._with_books = options.get("depth", "true") != "false"
        self._timeout = aiohttp.ClientTimeout(total=float(settings.timeout_s))
        self._confirm_s = confirm_s
        self._words = BinanceStream()
        self._sockets: list[_Socket] = []
        self._numbers = itertools.count(1)
        self._without_book: dict[str, None] = {}  # whose snapshot is to be asked for, oldest first
        self._wake = asyncio.Event()
        self._heard = self._bad_messages = 0
        self._is_known = False  # the exchange has all symbols that are not in trouble

    def depth(self, symbol: str) -> DepthUpdate | None:
        return self._words.present_depth(symbol, self._clock.now_ns()) if symbol in self._with_depth else None

    # --- the connection -------------------------------------------------------------------------------

    async def _stay(self) -> None:
        self._sockets, self._heard = [], 0
        self._words.forget_depth()
        self._without_book.clear()
        async with aiohttp.ClientSession(timeout=self._timeout) as session, asyncio.TaskGroup() as group:
            self._session, self._group = session, group
            await self._socket_with_room()
            await self._opened("testnet prices" if self._is_test else "")
            group.create_task(self._confirm())
            group.create_task(self._fetch_books())

    async def _change(self, added: Sequence[Instrument], removed: Sequence[Instrument]) -> None:
        self._words.follow(self._instruments.values())
        for socket in self._sockets:
            gone = [name for one in removed for name in self._streams(one) if name in socket.streams]
            await self._say(socket, "UNSUBSCRIBE", gone)
            socket.streams.difference_update(gone)
        for one in removed:
            self._without_book.pop(one.symbol, None)
        wanted = [name for one in added for name in self._streams(one)]
        while wanted:
            socket = await self._socket_with_room()
            room = _MOST_STREAMS - len(socket.streams)
            part, wanted = wanted[:room], wanted[room:]
            socket.streams.update(part)
            await self._say(socket, "SUBSCRIBE", part)
        if added:
            self._is_known = False
            await self._ask_quotes([one.symbol for one in added], 0)
            for one in added if self._with_books else ():
                if one.symbol not in self._troubles:
                    self._want_book(one.symbol)

    def _streams(self, instrument: Instrument) -> list[str]:
        stem = venue_symbol(instrument.symbol).lower()
        kinds = ("bookTicker", "trade", "depth@100ms") if self._with_books else ("bookTicker", "trade")
        return [f"{stem}@{kind}" for kind in kinds]

    async def _socket_with_room(self) -> _Socket:
        for socket in self._sockets:
            if len(socket.streams) < _MOST_STREAMS:
                return socket
        ws = await self._session.ws_connect(
            self._stream_url, heartbeat=_HEARTBEAT_S, max_msg_size=0, timeout=aiohttp.ClientWSTimeout(ws_close=0.2)
        )
        socket = _Socket(ws)
        self._sockets.append(socket)
        self._group.create_task(self._read(ws))
        return socket

    async def _say(self, socket: _Socket, method: str, streams: list[str]) -> None:
        for start in range(0, len(streams), _STREAMS_A_MESSAGE):
            if start:
                await asyncio.sleep(_MESSAGE_PAUSE_S)
            names = streams[start : start + _STREAMS_A_MESSAGE]
            await socket.ws.send_json({"method": method, "params": names, "id": next(self._numbers)})

    # --- streams --------------------------------------------------------------------------------------

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in ws:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(message.data)
        finally:
            await ws.close()
        raise ConnectionError("binance closed the market data stream")

    def _hear(self, text: str) -> None:
        self._heard += 1
        try:
            if text.startswith('{"stream"'):
                for update in self._words.decode(text.encode(), self._clock.now_ns()):
                    self._tell(update)
                    if type(update) is DepthUpdate and update.is_snapshot:
                        self._lose_book(update.symbol)
            else:
                self._hear_other(json.loads(text))
        except ValueError as error:
            self._bad_messages += 1
            if self._bad_messages <= _MOST_WARNINGS:
                _log.warning("market data of %s: a message cannot be read: %s", self._name, error)

    def _hear_other(self, said: Any) -> None:
        """Answers to our requests, and the announcement that this server goes down."""
        if not isinstance(said, dict):
            raise ValueError(f"neither a stream nor an answer: {str(said)[:60]}")
        if said.get("e") == "serverShutdown":
            raise ConnectionError("binance shuts this server down")
        if "error" in said:
            _log.warning("market data of %s: %s", self._name, said["error"])

    # --- books ----------------------------------------------------------------------------------------

    def _want_book(self, symbol: str) -> None:
        self._without_book[symbol] = None
        self._wake.set()

    def _lose_book(self, symbol: str) -> None:
        """Changes are missing: depth is unknown until another snapshot."""
        self._with_depth.discard(symbol)
        self._want_book(symbol)

    async def _fetch_books(self) -> None:
        """Ask for snapshots, one after the other; one that is older than the changes that wait is asked for again."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._without_book:
                symbol = next(iter(self._without_book))
                del self._without_book[symbol]
                if symbol in self._instruments and not await self._fetch_book(symbol):
                    self._without_book[symbol] = None
                await asyncio.sleep(_SNAPSHOT_PAUSE_S)

    async def _fetch_book(self, symbol: str) -> bool:
        """Whether nothing more needs to be asked for this symbol."""
        raw = await self._get("depth", symbol=venue_symbol(symbol), limit=str(_SNAPSHOT_LEVELS))
        if raw is None:
            return False
        try:
            present = self._words.set_snapshot(symbol, raw, self._clock.now_ns())
        except ValueError as error:
            _log.warning("market data of %s: the depth of %s cannot be read: %s", self._name, symbol, error)
            return False
        if present is not None:
            self._tell(present)
        return present is not None

    # --- best prices by request -----------------------------------------------------------------------

    async def _confirm(self) -> None:
        """Raises ConnectionError when prices move and no stream tells."""
        while True:
            heard = self._heard
            await asyncio.sleep(self._confirm_s)
            moved = await self._ask_quotes([one for one in self._instruments if one not in self._troubles], _QUIET_NS)
            if moved and self._heard == heard and self._sockets:
                raise ConnectionError(f"the stream is silent while {moved} moves")

    async def _ask_quotes(self, symbols: Sequence[str], quiet_ns: int) -> str:
        """Take the best prices of those that no stream told of since ``quiet_ns`` before; what the exchange does not
        have is refused. Returns a symbol whose prices had changed."""
        if not symbols:
            return ""
        asked_ns = self._clock.now_ns()
        names = [venue_symbol(symbol) for symbol in symbols]
        some = {"symbols": json.dumps(names, separators=(",", ":"))}
        raw = await self._get("ticker/bookTicker", **(some if self._is_known and len(names) <= _MOST_NAMED else {}))
        self._is_known = raw is not None  # one name that the exchange does not know, and it answers none
        if raw is None:
            return ""
        try:
            tickers = {one.symbol: one for one in _TICKERS.decode(raw)}
            quotes = {}
            for symbol in symbols:
                if (ticker := tickers.get(venue_symbol(symbol))) is not None:
                    quotes[symbol] = _quote(symbol, ticker, self._quotes.get(symbol), asked_ns)
        except (ValueError, ArithmeticError) as error:
            _log.warning("market data of %s: best prices cannot be read: %s", self._name, error)
            return ""
        moved = ""
        for symbol in symbols:
            quote, known = quotes.get(symbol), self._quotes.get(symbol)
            if quote is None:
                where = "the testnet of Binance" if self._is_test else "Binance"
                self._refuse(symbol, f"{where} has no symbol {venue_symbol(symbol)}")
            elif known is None or known.received_ns <= asked_ns - quiet_ns:
                if known is not None and (known.bid_px, known.ask_px) != (quote.bid_px, quote.ask_px):
                    moved = symbol
                self._tell(quote)
        return moved

    async def _get(self, path: str, **params: str) -> bytes | None:
        """The body of an answer; None, after a wait where the exchange asks for one, when there is none to be had."""
        if not await self._budget.acquire(_PATIENCE_S, _WEIGHTS[path], leave=LEFT_BY_PRICES):
            _log.warning("market data of %s: orders use the weight of this minute; %s waits", self._name, path)
            return None
        try:
            async with self._session.get(f"{self._api}/v3/{path}", params=params) as response:
                body = await response.read()
                if response.status == 200:
                    return body
                _log.warning("market data of %s: %s answered %d: %.200r", self._name, path, response.status, body)
                if response.status in (418, 429):
                    after = response.headers.get("Retry-After", "")
                    await asyncio.sleep(float(after) if after.isdigit() else 60.0)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            _log.warning("market data of %s: %s: %s", self._name, path, error or repr(error))
        return None


def _quote(symbol: str, ticker: _Ticker, known: Quote | None, asked_ns: int) -> Quote:
    """Stamped as received when it was asked for: what it says cannot be older than that."""
    bid = priced(Decimal(ticker.bid_px), Decimal(ticker.bid_qty))
    ask = priced(Decimal(ticker.ask_px), Decimal(ticker.ask_qty))
    return Quote(
        symbol=symbol,
        bid_px=bid.px or None,
        bid_qty=bid.qty if bid.px else None,
        ask_px=ask.px or None,
        ask_qty=ask.qty if ask.px else None,
        last_px=None if known is None else known.last_px,
        last_qty=None if known is None else known.last_qty,
        event_ns=0,
        received_ns=asked_ns,
    )
