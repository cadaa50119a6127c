"""The price process of one synthetic symbol: a seeded random walk on the tick grid that is drawn back to where it
began. Pure: the n-th step is the same for a seed and symbol, whatever the time and the other symbols.

All arithmetic is on integers (ticks and lots) and becomes decimal only in the updates that leave.
"""

from decimal import Decimal
from random import Random

from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate, PriceLevel, Quote, TradeTick

#: Where a symbol without ``reference_px`` begins.
DEFAULT_PX = {"forex": Decimal(1)}
DEFAULT_OTHER_PX = Decimal(100)

LEVELS = 5
#: Half a basis point of the price, and at least a tick: the usual step, spread and distance between levels.
_UNITS_PER_PX = 20_000
#: How far the price wanders in the long run: a standard deviation of 1/300 of the price, and at least a tick.
_PX_PER_DEVIATION = 300
#: Coarse ticks (a tick above half a basis point) move more rarely in proportion, so that the walk is no wilder.
_MOST_STEPS_BETWEEN_MOVES = 200
#: Value shown at the best price, in the instrument's currency; deeper levels show multiples of it.
_TOUCH_VALUE = 50_000
_FEWEST_LOTS = 20
_LARGEST_TOUCH = 10**12  # lots
#: Each level has one of this many quantities,
_SIZES = 16
#: and each side of the book, at each step, one of this many combinations of them, drawn beforehand.
_SHAPE_BITS = 5
_SHAPES = 1 << _SHAPE_BITS
#: How often a step brings a public trade.
_TRADE_PERCENT = 50


class SyntheticWalk:
    """One symbol. ``step`` moves it and returns the updates of that step, in the order they happened."""

    def __init__(self, instrument: Instrument, seed: int) -> None:
        self._symbol = instrument.symbol
        self._tick = instrument.tick_size
        self._lot = instrument.lot_size
        self._draw = Random(f"{seed}/{instrument.symbol}")
        px = instrument.reference_px
        if px is None or px <= 0:
            px = DEFAULT_PX.get(instrument.asset_class, DEFAULT_OTHER_PX)
        self._home = max(int(px / self._tick), LEVELS + 2)
        self._bid = self._home
        self._unit = max(1, self._home // _UNITS_PER_PX)
        self._steps_per_move = min(max(1, _UNITS_PER_PX // self._home), _MOST_STEPS_BETWEEN_MOVES)
        # A move is uniform on -unit..unit, of variance unit(unit + 1)/3. Pulled home by a part 1/n of the distance,
        # it settles at a variance of n/2 times that (AR(1)), which is solved for n here.
        deviation = max(self._home // _PX_PER_DEVIATION, 1)
        self._pull = max(2, 6 * deviation**2 // (self._unit * (self._unit + 1)))
        value_of_lot = px * self._lot * instrument.multiplier
        lots = max(int(_TOUCH_VALUE / value_of_lot), int(instrument.min_qty / self._lot), _FEWEST_LOTS)
        touch_lots = min(lots, _LARGEST_TOUCH)
        # More in the depth, and between half and one and a half of that.
        self._shapes = [
            tuple(
                max(1, touch_lots * (1 + level) * (_SIZES // 2 + self._below(_SIZES)) // _SIZES)
                for level in range(LEVELS)
            )
            for _ in range(_SHAPES)
        ]
        self._quantities = [tuple(self._lot * lots for lots in shape) for shape in self._shapes]
        self._distances = [self._tick * (self._unit * level) for level in range(LEVELS)]
        self._spread = self._unit
        self._bid_shape = self._ask_shape = 0
        self._draw_shapes()
        self._last_px: Decimal | None = self._px(self._bid)
        self._last_qty: Decimal | None = self._lot
        self.quote = self._make_quote(0)

    def is_on_grid_of(self, instrument: Instrument) -> bool:
        return self._tick == instrument.tick_size and self._lot == instrument.lot_size

    def first(self, now_ns: int) -> list[MarketUpdate]:
        """The quote and depth to begin with, without a step."""
        self.quote = self._make_quote(now_ns)
        return [self.quote, self._make_depth(now_ns)]

    def step(self, now_ns: int) -> list[MarketUpdate]:
        """A trade against the standing quote (not always), then the new quote and depth."""
        updates: list[MarketUpdate] = []
        if self._below(100) < _TRADE_PERCENT:
            updates.append(self._trade(now_ns))
        self._move()
        self._draw_shapes()
        self.quote = self._make_quote(now_ns)
        updates.append(self.quote)
        updates.append(self._make_depth(now_ns))
        return updates

    def depth(self) -> DepthUpdate:
        """The book behind the present quote."""
        return self._make_depth(self.quote.received_ns)

    def _below(self, limit: int) -> int:
        """A number from 0 up to ``limit``, exclusive. Slightly uneven, which nothing here minds, and fast."""
        return self._draw.getrandbits(32) * limit >> 32

    def _move(self) -> None:
        """One step of the walk, plus the pull home, rounded at random so that a small pull is not lost."""
        if self._steps_per_move == 1 or not self._below(self._steps_per_move):
            self._bid += self._below(2 * self._unit + 1) - self._unit
            away = self._bid - self._home
            self._bid -= (away + self._below(self._pull)) // self._pull
            self._bid = min(max(self._bid, self._home // 2, LEVELS * self._unit + 1), 2 * self._home)
            self._spread = self._unit * (1 + (self._below(4) == 0))

    def _draw_shapes(self) -> None:
        bits = self._draw.getrandbits(2 * _SHAPE_BITS)
        self._bid_shape, self._ask_shape = bits % _SHAPES, bits // _SHAPES

    def _trade(self, now_ns: int) -> TradeTick:
        is_sell = self._draw.getrandbits(1) == 1
        shown_lots = self._shapes[self._bid_shape if is_sell else self._ask_shape][0]
        self._last_px = self._px(self._bid if is_sell else self._bid + self._spread)
        self._last_qty = self._lot * max(1, self._below(shown_lots))
        return TradeTick(self._symbol, self._last_px, self._last_qty, now_ns, now_ns, is_sell)

    def _px(self, ticks: int) -> Decimal:
        return self._tick * ticks

    def _make_quote(self, now_ns: int) -> Quote:
        return Quote(
            symbol=self._symbol,
            bid_px=self._px(self._bid),
            bid_qty=self._quantities[self._bid_shape][0],
            ask_px=self._px(self._bid + self._spread),
            ask_qty=self._quantities[self._ask_shape][0],
            last_px=self._last_px,
            last_qty=self._last_qty,
            event_ns=now_ns,
            received_ns=now_ns,
            is_synthetic=True,
        )

    def _make_depth(self, now_ns: int) -> DepthUpdate:
        """The levels behind the quote that was just made, which is its first."""
        bid, ask = self._px(self._bid), self._px(self._bid + self._spread)
        distances = self._distances
        return DepthUpdate(
            self._symbol,
            tuple(map(PriceLevel, [bid - one for one in distances], self._quantities[self._bid_shape])),
            tuple(map(PriceLevel, [ask + one for one in distances], self._quantities[self._ask_shape])),
            now_ns,
            now_ns,
            is_snapshot=True,
        )
