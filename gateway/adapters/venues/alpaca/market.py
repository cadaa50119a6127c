"""Alpaca's prices: best bid and ask and trades, from its data streams, which cannot trade.

Shares come from the feed IEX (``options.feed`` names another that the subscription has), crypto from a stream of its
own; each connects only when something of it is wanted. JSON is asked for, not msgpack: its numbers are read as the
exact decimals that were written. Quantities of shares are told as Alpaca sends them.
"""

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import aiohttp

from gateway.adapters.venues.alpaca.client import Credentials
from gateway.adapters.venues.alpaca.orders import is_crypto
from gateway.adapters.venues.alpaca.reading import ns_of
from gateway.adapters.venues.shared.market import VenueMarket
from gateway.domain.instruments import Instrument
from gateway.domain.market import Quote, TradeTick
from gateway.domain.settings import VenueSettings
from gateway.ports.clock import Clock

_DATA_URL = "wss://stream.data.alpaca.markets"
_HEARTBEAT_S = 15.0
#: Errors that answer a subscription: too many symbols, not part of the subscription, not understood.
_SUBSCRIPTION_REFUSED = frozenset({400, 405, 409, 410})


class PricesRefused(Exception):
    """Alpaca's data stream would not have us; the text is its own."""


class _Stream:
    """One of the two sockets. Subscriptions go out one symbol at a time, so that a refusal tells which."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.asked: deque[str] = deque()

    async def subscribe(self, action: str, symbol: str) -> None:
        self.asked.append(symbol if action == "subscribe" else "")
        await self.socket.send_json({"action": action, "quotes": [symbol], "trades": [symbol]})


class AlpacaMarket(VenueMarket):
    """Needs keys for shares and crypto alike: Alpaca gives no stream without. Any account's do, the paper one's too."""

    _expected = (aiohttp.ClientError, PricesRefused)

    def __init__(self, settings: VenueSettings, environ: Mapping[str, str], clock: Clock) -> None:
        super().__init__(settings.name, clock)
        self._credentials = Credentials(environ)
        self._timeout_s = float(settings.timeout_s)
        base = settings.options.get("data_url", _DATA_URL).rstrip("/")
        self._urls = {False: f"{base}/v2/{settings.options.get('feed', 'iex')}", True: f"{base}/v1beta3/crypto/us"}
        #: The streams that stand, by whether they are crypto's.
        self._streams: dict[bool, _Stream] = {}

    async def _stay(self) -> None:
        wanted = {is_crypto(symbol) for symbol in self._instruments} or {False}
        timeout = aiohttp.ClientTimeout(sock_connect=self._timeout_s)
        async with aiohttp.ClientSession(timeout=timeout) as session, AsyncExitStack() as sockets:
            try:
                for kind in sorted(wanted):
                    connecting = session.ws_connect(self._urls[kind], heartbeat=_HEARTBEAT_S)
                    self._streams[kind] = await self._greet(await sockets.enter_async_context(connecting))
                async with asyncio.TaskGroup() as readers:
                    for stream in self._streams.values():
                        readers.create_task(self._read(stream))
                    await self._opened()
            except ExceptionGroup as group:
                raise group.exceptions[0] from None
            finally:
                self._streams = {}

    async def _change(self, added: Sequence[Instrument], removed: Sequence[Instrument]) -> None:
        for action, instruments in (("unsubscribe", removed), ("subscribe", added)):
            for one in instruments:
                stream = self._streams.get(is_crypto(one.symbol))
                if stream is None:  # the first of its kind: connect anew, with both
                    for other in self._streams.values():
                        await other.socket.close()
                    return
                await stream.subscribe(action, one.symbol)

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
        match row.get("T"):
            case "q":
                self._tell(self._quote_of(row, received_ns))
            case "t":
                self._tell(self._trade_of(row, received_ns))
            case "subscription" if stream.asked:
                stream.asked.popleft()
            case "error" if row.get("code") in _SUBSCRIPTION_REFUSED and stream.asked:
                self._refuse(stream.asked.popleft(), f"alpaca {row.get('code')}: {row.get('msg')}")
            case "error":
                raise PricesRefused(f"alpaca {row.get('code')}: {row.get('msg')}")

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
