"""Ticks of TWS put together: best prices of a symbol from changes of single figures, its book from changes of rows."""

import math
from decimal import Decimal

from gateway.domain.market import DepthUpdate, PriceLevel, Quote, TradeTick
from gateway.domain.money import ZERO

#: Tick types, live and delayed, by what they change.
BID, ASK, LAST, BID_SIZE, ASK_SIZE, LAST_SIZE = "bid_px", "ask_px", "last_px", "bid_qty", "ask_qty", "last_qty"
PRICES = {1: BID, 2: ASK, 4: LAST, 66: BID, 67: ASK, 68: LAST}
SIZES = {0: BID_SIZE, 3: ASK_SIZE, 5: LAST_SIZE, 69: BID_SIZE, 70: ASK_SIZE, 71: LAST_SIZE}
_SIZE_OF = {BID: BID_SIZE, ASK: ASK_SIZE, LAST: LAST_SIZE}
#: RTVolume: ``price;size;time in ms;volume;vwap;whether one market maker filled it``.
TRADE_TEXT = 48
_INSERT, _UPDATE, _DELETE = 0, 1, 2
_NS_PER_MS = 1_000_000
#: How long the first price of one side waits for that of the other.
_SIDES_NS = 1_000 * _NS_PER_MS


class Touch:
    """Level 1 of one symbol. TWS tells a price of -1 where nobody stands."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.is_delayed = False
        self._values: dict[str, Decimal | None] = {}
        self._since_ns = 0  # when it was first looked at while a side was missing

    def clear(self) -> None:
        """Prices are gone: what comes next must not be put together with what was."""
        self._values.clear()
        self._since_ns = 0

    def is_whole(self, now_ns: int) -> bool:
        """Whether both sides were told. TWS tells one price at a time, and of a side not told of yet a quote would say
        that nobody stands there; some symbols have no sides, which a while without them shows."""
        if BID in self._values and ASK in self._values:
            return True
        self._since_ns = self._since_ns or now_ns
        return now_ns - self._since_ns >= _SIDES_NS

    def price(self, tick_type: int, px: float, size: float) -> bool:
        """Whether this is a figure that a quote shows."""
        side = PRICES.get(tick_type)
        if side is None:
            return False
        known = _decimal(px) if px > 0 else None
        self._values[side] = known
        self._values[_SIZE_OF[side]] = None if known is None else _decimal(size)
        return True

    def size(self, tick_type: int, size: float) -> bool:
        side = SIZES.get(tick_type)
        if side is None:
            return False
        self._values[side] = _decimal(size)
        return True

    def quote(self, received_ns: int) -> Quote:
        values = self._values
        bid_px, ask_px = values.get(BID), values.get(ASK)
        return Quote(
            symbol=self.symbol,
            bid_px=bid_px,
            bid_qty=None if bid_px is None else values.get(BID_SIZE),
            ask_px=ask_px,
            ask_qty=None if ask_px is None else values.get(ASK_SIZE),
            last_px=values.get(LAST),
            last_qty=values.get(LAST_SIZE),
            event_ns=0,
            received_ns=received_ns,
            is_delayed=self.is_delayed,
        )

    def trade(self, text: str, received_ns: int) -> TradeTick | None:
        """A print; None for what has no price or size. Who was the aggressor is told by the side it came at."""
        fields = text.split(";")
        if len(fields) < 3 or not fields[0] or not fields[2].isdigit():
            return None
        px, qty = Decimal(fields[0]), Decimal(fields[1] or 0)
        if not (px.is_finite() and qty.is_finite()) or px <= ZERO or qty <= ZERO:
            return None
        self._values[LAST], self._values[LAST_SIZE] = px, qty
        bid_px = self._values.get(BID)
        is_sell = bid_px is not None and px <= bid_px
        return TradeTick(self.symbol, px, qty, int(fields[2]) * _NS_PER_MS, received_ns, is_sell)


class Rows:
    """A book told by rows: TWS inserts, changes and deletes them by position. ``is_whole`` False: a row came that does
    not fit what was told before, so the book must be asked for again."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.is_whole = True
        self._sides: tuple[list[PriceLevel], list[PriceLevel]] = ([], [])  # asks, bids: TWS numbers them so

    def change(self, row: int, operation: int, side: int, px: float, size: float) -> None:
        if side not in (0, 1):
            self.is_whole = False
            return
        rows = self._sides[side]
        level = None if operation == _DELETE else _level(px, size)
        if operation == _INSERT and level is not None and 0 <= row <= len(rows):
            rows.insert(row, level)
        elif operation == _UPDATE and level is not None and 0 <= row < len(rows):
            rows[row] = level
        elif operation == _DELETE and 0 <= row < len(rows):
            del rows[row]
        else:
            self.is_whole = False

    def clear(self) -> None:
        for rows in self._sides:
            rows.clear()
        self.is_whole = True

    def book(self, received_ns: int) -> DepthUpdate:
        """The whole of it: rows of several market makers at one price are one level."""
        asks, bids = (_merged(rows) for rows in self._sides)
        return DepthUpdate(
            self.symbol,
            tuple(PriceLevel(px, bids[px]) for px in sorted(bids, reverse=True)),
            tuple(PriceLevel(px, asks[px]) for px in sorted(asks)),
            0,
            received_ns,
            is_snapshot=True,
        )


def _merged(rows: list[PriceLevel]) -> dict[Decimal, Decimal]:
    found: dict[Decimal, Decimal] = {}
    for row in rows:
        if row.qty > ZERO:
            found[row.px] = found.get(row.px, ZERO) + row.qty
    return found


def _level(px: float, size: float) -> PriceLevel | None:
    if not (math.isfinite(px) and math.isfinite(size)) or px <= 0 or size < 0:
        return None
    return PriceLevel(Decimal(repr(px)), Decimal(repr(size)))


def _decimal(value: float) -> Decimal | None:
    """The library reads figures as floats: the shortest text that reads as the same float is what TWS sent."""
    return Decimal(repr(value)) if math.isfinite(value) and value >= 0 else None
