"""The words of a Binance combined stream (spot), live or recorded, turned into market updates.

``bookTicker``, ``trade``, ``depth@<interval>`` and the REST depth snapshot (a bare object with ``lastUpdateId``)
are understood. Numbers stay the exact decimals that the venue sent. ``event_ns`` is the venue's stamp ``E``, and 0
for bookTicker, which has none on spot.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from gateway.adapters.venues.shared.depth import DepthBook, DepthChange, Levels
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate, PriceLevel, Quote, TradeTick
from gateway.domain.money import ZERO

_NS_PER_MS = 1_000_000
#: How a venue's symbol divides when no instrument tells (BTCUSDT: BTC/USDT).
_QUOTE_ASSETS = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD", "EUR", "TRY", "BTC", "ETH", "BNB")

_Pairs = tuple[tuple[Decimal, Decimal], ...]


class _Message(msgspec.Struct):
    """A stream message, or (without a stream) the snapshot."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    last_update_id: int = msgspec.field(default=0, name="lastUpdateId")
    bids: _Pairs = ()
    asks: _Pairs = ()


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
    bids: _Pairs = msgspec.field(name="b")
    asks: _Pairs = msgspec.field(name="a")


_MESSAGE = msgspec.json.Decoder(_Message)
_BOOK_TICKER = msgspec.json.Decoder(_BookTicker)
_TRADE = msgspec.json.Decoder(_Trade)
_DEPTH = msgspec.json.Decoder(_Depth)


class BinanceStream:
    """Decodes one connection's messages in the order received, keeping a depth book and last trade per symbol.

    With ``instruments`` only theirs are read: ``BTCUSDT`` is the instrument whose symbol is that without its
    separator. Without any, the venue's symbols are divided at a known quote asset.
    """

    def __init__(self, instruments: Iterable[Instrument] = ()) -> None:
        self._symbols = {venue_symbol(one.symbol): one.symbol for one in instruments}
        self._is_open_to_all = not self._symbols
        self._books: dict[str, DepthBook] = {}
        self._last: dict[str, tuple[Decimal, Decimal]] = {}
        #: By the venue's symbol, the last update of depth heard of, of those too that nobody reads: the snapshot itself
        #: names no symbol.
        self._depth_ids: dict[str, int] = {}

    def decode(self, payload: bytes, received_ns: int) -> tuple[MarketUpdate, ...]:
        """Read one message. Empty when it holds nothing for us; ``ValueError`` when it cannot be read."""
        message = _MESSAGE.decode(payload)
        _, _, channel = message.stream.partition("@")
        if channel == "bookTicker":
            return self._quote(_BOOK_TICKER.decode(message.data), received_ns)
        if channel == "trade":
            return self._trade(_TRADE.decode(message.data), received_ns)
        if channel.startswith("depth"):
            return self._depth(_DEPTH.decode(message.data), received_ns)
        if message.last_update_id:
            return self._snapshot(message, received_ns)
        raise ValueError(f"neither a known stream nor a snapshot: {payload[:60]!r}")

    def follow(self, instruments: Iterable[Instrument]) -> None:
        """Read these from now on; books and last trades of others are forgotten."""
        self._symbols = {venue_symbol(one.symbol): one.symbol for one in instruments}
        self._is_open_to_all = False
        kept = set(self._symbols.values())
        self._books = {symbol: book for symbol, book in self._books.items() if symbol in kept}
        self._last = {symbol: last for symbol, last in self._last.items() if symbol in kept}

    def forget_depth(self) -> None:
        """The connection was lost, and changes with it."""
        self._books.clear()

    def set_snapshot(self, symbol: str, payload: bytes, received_ns: int) -> DepthUpdate | None:
        """The REST snapshot of one symbol, asked for while its changes came in. None when it is older than the first
        of them: ask again. ``ValueError`` when it cannot be read."""
        message = _MESSAGE.decode(payload)
        book = self._books.setdefault(symbol, DepthBook())
        book.set_snapshot(message.last_update_id, _levels(message.bids), _levels(message.asks))
        return _whole_depth(symbol, book, received_ns)

    def present_depth(self, symbol: str, received_ns: int) -> DepthUpdate | None:
        """The whole book as it stands, or None when it is not known."""
        book = self._books.get(symbol)
        if book is None or not book.is_valid:
            return None
        return DepthUpdate(symbol, *book.levels(), 0, received_ns, is_snapshot=True)

    @property
    def depth_symbols(self) -> tuple[str, ...]:
        return tuple(self._books)

    def _symbol(self, raw: str) -> str | None:
        symbol = self._symbols.get(raw)
        if symbol is None and self._is_open_to_all:
            quote = next((one for one in _QUOTE_ASSETS if raw.endswith(one) and raw != one), "")
            symbol = f"{raw.removesuffix(quote)}/{quote}" if quote else raw
            self._symbols[raw] = symbol
        return symbol

    def _quote(self, ticker: _BookTicker, received_ns: int) -> tuple[MarketUpdate, ...]:
        symbol = self._symbol(ticker.symbol)
        if symbol is None:
            return ()
        bid, ask = priced(ticker.bid_px, ticker.bid_qty), priced(ticker.ask_px, ticker.ask_qty)
        last_px, last_qty = self._last.get(symbol, (None, None))
        return (
            Quote(
                symbol=symbol,
                bid_px=bid.px if bid.qty else None,
                bid_qty=bid.qty if bid.qty else None,
                ask_px=ask.px if ask.qty else None,
                ask_qty=ask.qty if ask.qty else None,
                last_px=last_px,
                last_qty=last_qty,
                event_ns=0,
                received_ns=received_ns,
            ),
        )

    def _trade(self, trade: _Trade, received_ns: int) -> tuple[MarketUpdate, ...]:
        symbol = self._symbol(trade.symbol)
        if symbol is None:
            return ()
        level = priced(trade.px, trade.qty)
        self._last[symbol] = (level.px, level.qty)
        event_ns = trade.event_ms * _NS_PER_MS
        return (TradeTick(symbol, level.px, level.qty, event_ns, received_ns, trade.is_buyer_maker),)

    def _depth(self, depth: _Depth, received_ns: int) -> tuple[MarketUpdate, ...]:
        self._depth_ids[depth.symbol] = depth.last_id
        symbol = self._symbol(depth.symbol)
        if symbol is None:
            return ()
        book = self._books.setdefault(symbol, DepthBook())
        change = DepthChange(depth.first_id, depth.last_id, _levels(depth.bids), _levels(depth.asks))
        was_valid = book.is_valid
        event_ns = depth.event_ms * _NS_PER_MS
        if book.apply(change):
            return (DepthUpdate(symbol, change.bids, change.asks, event_ns, received_ns),)
        if was_valid and not book.is_valid:  # a gap: say that the depth is not known any more
            return (DepthUpdate(symbol, (), (), event_ns, received_ns, is_snapshot=True),)
        return ()

    def _snapshot(self, message: _Message, received_ns: int) -> tuple[MarketUpdate, ...]:
        """Of the symbol whose updates are numbered nearest to it: each symbol's have numbers of their own."""
        if not self._depth_ids:
            raise ValueError("a depth snapshot before any depth message says whose it is")
        number = message.last_update_id
        symbol = self._symbol(min(self._depth_ids, key=lambda raw: abs(self._depth_ids[raw] - number)))
        if symbol is None:
            return ()
        book = self._books.setdefault(symbol, DepthBook())
        book.set_snapshot(number, _levels(message.bids), _levels(message.asks))
        present = _whole_depth(symbol, book, received_ns)
        return () if present is None else (present,)


def _whole_depth(symbol: str, book: DepthBook, received_ns: int) -> DepthUpdate | None:
    """What a snapshot shows: a level beyond it that changed while it came would make those between look empty."""
    return DepthUpdate(symbol, *book.whole_levels(), 0, received_ns, is_snapshot=True) if book.is_valid else None


def venue_symbol(symbol: str) -> str:
    """BTC/USDT is BTCUSDT there."""
    return "".join(character for character in symbol.upper() if character.isalnum())


def priced(px: Decimal, qty: Decimal) -> PriceLevel:
    """Raises ValueError for what is no price or no quantity."""
    if not (px.is_finite() and qty.is_finite()) or px < ZERO or qty < ZERO:
        raise ValueError(f"not a price and a quantity: {px}, {qty}")
    return PriceLevel(px, qty)


def _levels(pairs: _Pairs) -> Levels:
    return tuple([priced(px, qty) for px, qty in pairs])
