"""A small price-time matching book: what every peer fills its orders with.

The market outside is a quote per symbol (``quote``) and trades that the test makes happen (``trade``). Orders of the
book never match each other: a venue's other members are played by the test.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass
class Working:
    """One order in the book. ``limit_px`` None is a market order; ``stop_px`` keeps it asleep until it triggers.

    ``side`` is ``buy`` or ``sell``. What fills is taken off ``leaves_qty``; ``is_immediate`` (IOC) never rests and
    ``is_all_or_none`` (FOK) fills whole or not at all.
    """

    key: str
    symbol: str
    side: str
    leaves_qty: Decimal
    limit_px: Decimal | None = None
    stop_px: Decimal | None = None
    is_immediate: bool = False
    is_all_or_none: bool = False
    is_triggered: bool = False
    sequence: int = 0

    @property
    def is_asleep(self) -> bool:
        return self.stop_px is not None and not self.is_triggered

    def takes(self, px: Decimal) -> bool:
        """Whether its limit allows ``px``."""
        if self.limit_px is None:
            return True
        return px <= self.limit_px if self.side == "buy" else px >= self.limit_px


@dataclass(frozen=True)
class Match:
    """One fill of one order."""

    key: str
    qty: Decimal
    px: Decimal
    is_maker: bool


@dataclass
class Quote:
    bid_px: Decimal
    ask_px: Decimal
    bid_qty: Decimal = Decimal(1_000_000)
    ask_qty: Decimal = Decimal(1_000_000)
    last_px: Decimal | None = None


@dataclass
class MatchingBook:
    """All symbols of one venue. Every verb returns the fills that follow from it, in order."""

    quotes: dict[str, Quote] = field(default_factory=dict)
    working: dict[str, Working] = field(default_factory=dict)
    _sequence: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    def place(self, order: Working) -> list[Match]:
        """Enter an order. One that is immediate has left the book when this returns, filled or not."""
        order.sequence = next(iter(self._sequence))
        self.working[order.key] = order
        self._trigger(order)
        matches = self._take(order)
        if order.leaves_qty and order.is_immediate and not order.is_asleep:
            self.working.pop(order.key, None)
        return matches

    def cancel(self, key: str) -> bool:
        """Take an order out; False when it is not in the book (any more)."""
        return self.working.pop(key, None) is not None

    def quote(self, symbol: str, bid_px: Decimal, ask_px: Decimal, qty: Decimal = Decimal(1_000_000)) -> list[Match]:
        """Move the market: sleeping orders may trigger, and limits that the new quote crosses fill."""
        old = self.quotes.get(symbol)
        self.quotes[symbol] = Quote(bid_px, ask_px, qty, qty, None if old is None else old.last_px)
        matches: list[Match] = []
        for order in self._of(symbol):
            self._trigger(order)
            matches += self._take(order, is_maker=True)
        return matches

    def trade(self, symbol: str, px: Decimal, qty: Decimal, side: str | None = None) -> list[Match]:
        """Somebody trades ``qty`` at ``px``: our resting orders at that price or better get their share, best price
        first, then oldest. ``side`` fills only orders of that side."""
        quote = self.quotes.get(symbol)
        if quote is not None:
            quote.last_px = px
        matches: list[Match] = []
        left = qty
        for order in self._of(symbol):
            self._trigger(order, px)
        for order in self._of(symbol):
            if left <= 0:
                break
            if order.is_asleep or not order.takes(px) or (side is not None and order.side != side):
                continue
            part = min(left, order.leaves_qty)
            if order.is_all_or_none and part < order.leaves_qty:
                continue
            matches.append(self._fill(order, part, order.limit_px or px, is_maker=True))
            left -= part
        return matches

    def _of(self, symbol: str) -> list[Working]:
        """Orders of a symbol by price, then age."""
        orders = [order for order in self.working.values() if order.symbol == symbol]
        return sorted(orders, key=lambda order: (_rank(order), order.sequence))

    def _trigger(self, order: Working, px: Decimal | None = None) -> None:
        if not order.is_asleep or order.stop_px is None:
            return
        quote = self.quotes.get(order.symbol)
        if px is None and quote is not None:
            px = quote.ask_px if order.side == "buy" else quote.bid_px
        if px is not None and (px >= order.stop_px if order.side == "buy" else px <= order.stop_px):
            order.is_triggered = True

    def _take(self, order: Working, is_maker: bool = False) -> list[Match]:
        """Fill against the quote as far as price and shown quantity allow."""
        quote = self.quotes.get(order.symbol)
        if quote is None or order.is_asleep or order.leaves_qty <= 0:
            return []
        px, shown = (quote.ask_px, quote.ask_qty) if order.side == "buy" else (quote.bid_px, quote.bid_qty)
        part = min(order.leaves_qty, shown)
        if not order.takes(px) or part <= 0 or (order.is_all_or_none and part < order.leaves_qty):
            return []
        if order.side == "buy":
            quote.ask_qty -= part
        else:
            quote.bid_qty -= part
        return [self._fill(order, part, order.limit_px if is_maker and order.limit_px else px, is_maker)]

    def _fill(self, order: Working, qty: Decimal, px: Decimal, is_maker: bool) -> Match:
        order.leaves_qty -= qty
        if order.leaves_qty <= 0:
            self.working.pop(order.key, None)
        return Match(order.key, qty, px, is_maker)


def _rank(order: Working) -> Decimal:
    """Smaller is served first: market orders, then the best limit."""
    if order.limit_px is None:
        return Decimal("-Infinity")
    return -order.limit_px if order.side == "buy" else order.limit_px
