"""Recorded feeds: Binance combined streams, one message a line, as received.

``<local receive time, ns since the epoch> <raw JSON>``, plain or gzipped; ``bookTicker``, ``trade``,
``depth@<interval>`` and the REST depth snapshot (a bare object with ``lastUpdateId``) are understood. Numbers stay
the exact decimals that the venue sent. A line that cannot be read is counted, warned of by number and skipped.
"""

import gzip
import logging
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

import msgspec

from gateway.adapters.marketdata.depth import DepthBook
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate, PriceLevel, Quote, TradeTick

_log = logging.getLogger(__name__)
_NS_PER_MS = 1_000_000
#: Each bad line is warned of up to this many; the count goes on.
_MOST_WARNINGS = 20
#: How a venue's symbol divides when no instrument tells (BTCUSDT: BTC/USDT).
_QUOTE_ASSETS = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD", "EUR", "TRY", "BTC", "ETH", "BNB")


class _Line(msgspec.Struct):
    """A stream message, or (without a stream) the snapshot."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw(b"")
    last_update_id: int = msgspec.field(default=0, name="lastUpdateId")
    bids: tuple[tuple[Decimal, Decimal], ...] = ()
    asks: tuple[tuple[Decimal, Decimal], ...] = ()


class _BookTicker(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    bid_px: Decimal = msgspec.field(name="b")
    bid_qty: Decimal = msgspec.field(name="B")
    ask_px: Decimal = msgspec.field(name="a")
    ask_qty: Decimal = msgspec.field(name="A")


class _Trade(msgspec.Struct):
    event_ms: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    px: Decimal = msgspec.field(name="p")
    qty: Decimal = msgspec.field(name="q")
    is_buyer_maker: bool = msgspec.field(name="m")


class _Depth(msgspec.Struct):
    event_ms: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    first_id: int = msgspec.field(name="U")
    last_id: int = msgspec.field(name="u")
    bids: tuple[tuple[Decimal, Decimal], ...] = msgspec.field(name="b")
    asks: tuple[tuple[Decimal, Decimal], ...] = msgspec.field(name="a")


_LINE = msgspec.json.Decoder(_Line)
_BOOK_TICKER = msgspec.json.Decoder(_BookTicker)
_TRADE = msgspec.json.Decoder(_Trade)
_DEPTH = msgspec.json.Decoder(_Depth)
