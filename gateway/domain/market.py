"""Market data as it arrives, and the small part of it that a decision records."""

from decimal import Decimal

import msgspec

from gateway.domain.enums import Word


class Quote(msgspec.Struct, frozen=True, gc=False):
    """Level 1 of one symbol. A side that is absent is None. Times are integer nanoseconds since the epoch.

    ``event_ns`` is the venue's stamp (0 when it sends none), ``received_ns`` ours. ``is_synthetic`` marks prices
    that no market made, ``is_delayed`` those that are old on purpose (15 minutes, without a subscription): both
    travel to every reply and page that shows them.
    """

    symbol: str
    bid_px: Decimal | None
    bid_qty: Decimal | None
    ask_px: Decimal | None
    ask_qty: Decimal | None
    last_px: Decimal | None
    last_qty: Decimal | None
    event_ns: int
    received_ns: int
    is_synthetic: bool = False
    is_delayed: bool = False

    @property
    def is_withdrawn(self) -> bool:
        """Whether it says nothing at all: the source has no prices of the symbol (any more)."""
        return self.bid_px is None and self.ask_px is None and self.last_px is None


class TradeTick(msgspec.Struct, frozen=True, gc=False):
    """One public trade. ``is_buyer_maker`` True means that a resting bid was hit (the aggressor sold)."""

    symbol: str
    px: Decimal
    qty: Decimal
    event_ns: int
    received_ns: int
    is_buyer_maker: bool


class PriceLevel(msgspec.Struct, frozen=True, gc=False):
    px: Decimal
    qty: Decimal


class DepthUpdate(msgspec.Struct, frozen=True, gc=False):
    """Changed price levels (quantity 0 removes one), or the whole book when ``is_snapshot``."""

    symbol: str
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]
    event_ns: int
    received_ns: int
    is_snapshot: bool = False


MarketUpdate = Quote | TradeTick | DepthUpdate


class MarketPhase(Word):
    """Where an exchange is in its day; what never closes is always OPEN."""

    CLOSED = "closed"
    #: Orders may be entered for the opening, nothing trades yet.
    PRE_OPEN = "pre_open"
    #: The last minutes before the open: too late for orders of the opening auction.
    OPENING_AUCTION = "opening_auction"
    OPEN = "open"
    #: The last minutes of trading: too late for orders of the closing auction.
    CLOSING_AUCTION = "closing_auction"


#: While orders meet each other.
TRADING_PHASES = frozenset({MarketPhase.OPEN, MarketPhase.CLOSING_AUCTION})


class MarketView(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a decision knew of the market and of the clock: recorded in the event, so that a replay is exact.

    ``reference_px`` is the price that values the order (mid of a two-sided quote, else last, else the
    instrument's configured reference); None when nothing is known. ``local_minute`` counts minutes since
    midnight at the instrument's exchange, ``weekday`` is 1 (Monday) to 7. ``bid_qty`` and ``ask_qty`` are what is
    shown at the best prices. ``window_px`` is the average reference price of the last seconds (``collar_window_s``),
    None when no limit asks for it or nothing was seen. ``is_delayed``: the prices are a quarter of an hour old by
    agreement, however fresh ``age_ns`` says that they came in.
    """

    reference_px: Decimal | None = None
    bid_px: Decimal | None = None
    ask_px: Decimal | None = None
    age_ns: int = 0
    is_synthetic: bool = False
    is_open: bool = True
    local_minute: int = 0
    weekday: int = 1
    trading_day: str = ""
    bid_qty: Decimal | None = None
    ask_qty: Decimal | None = None
    window_px: Decimal | None = None
    phase: MarketPhase = MarketPhase.OPEN
    is_delayed: bool = False
