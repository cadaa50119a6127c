"""What the feed shows of one symbol, and how much of it the simulator has already used up.

Prices live here as *keys*: a bid's key is its price, an ask's key is its price negated. On both sides a larger
key is a better price, so one class serves both and the best level is always the last. The rules:

- A quote with nothing at all in it is withdrawn: what stands where is unknown from then on.
- A quote is the authority on the touch: levels better than it are gone, and depth updates (which come later than
  quotes on most venues) may only change what lies behind it.
- Depth counts from its first snapshot on; until then the touch is all that is known.
- Quantity taken by the simulator stays taken until the feed shows the level growing or gone. A level repeated
  unchanged brings nothing new, also after a time in which the feed did not tell of it.
"""

from bisect import bisect_left
from decimal import Decimal

from gateway.domain.market import DepthUpdate, PriceLevel, Quote
from gateway.domain.money import ZERO

#: Shadow orders and twins take from separate accounts of the same levels: a twin measures the live order
#: beside it, and what shadow orders pretend to take must not distort that measure.
POOLS = 3
_MOST_DEFERRED = 8


class BookSide:
    """One side of a book. ``sign`` is +1 for bids and -1 for asks.

    Levels lie in two lists beside each other, not in a map: the first hash of a Decimal costs as much as twenty
    comparisons, and every update brings new ones.
    """

    __slots__ = ("_has_quote", "_keys", "_quantities", "_taken", "_touch", "_unseen", "has_depth", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self._keys: list[Decimal] = []  # ascending: best last
        self._quantities: list[Decimal] = []  # of the key in the same place
        self._taken: tuple[dict[Decimal, Decimal], ...] = tuple({} for _ in range(POOLS))
        #: What a level showed last that was taken from and is not told of at present: unknown, and not gone.
        self._unseen: dict[Decimal, Decimal] = {}
        self._touch: Decimal | None = None  # key of the last quote, None when nobody stands there
        self._has_quote = False
        self.has_depth = False

    @property
    def best_key(self) -> Decimal | None:
        return self._keys[-1] if self._keys else None

    @property
    def best_px(self) -> Decimal | None:
        return self.px(self._keys[-1]) if self._keys else None

    @property
    def is_taken_from(self) -> bool:
        first, second, third = self._taken
        return bool(first or second or third)

    def key(self, px: Decimal) -> Decimal:
        return px if self.sign > 0 else px.copy_negate()

    #: The same negation leads back.
    px = key

    def visible(self, key: Decimal) -> Decimal | None:
        """Quantity shown at a price; None where the feed does not tell (beyond its depth, at a best price without a
        size, or no data yet)."""
        place, is_shown = self._find(key)
        if is_shown:
            return self._quantities[place]
        touch = self._touch
        if key == touch or not (self._has_quote or self.has_depth):
            return None
        if place == len(self._keys) and (touch is None or key > touch):
            return ZERO
        return ZERO if self.has_depth and place else None

    def _find(self, key: Decimal) -> tuple[int, bool]:
        """Where a key is, or would be, and whether it is there."""
        keys = self._keys
        place = bisect_left(keys, key)
        return place, place < len(keys) and keys[place] == key

    # --- what the feed says ------------------------------------------------------------------

    def set_touch(self, px: Decimal | None, qty: Decimal | None) -> None:
        """Apply one side of a quote; an absent side means that nobody stands there."""
        self._has_quote = True
        if px is None:
            self._touch = None
            self._clear()
            return
        key = self._touch = self.key(px)
        keys = self._keys
        while keys and keys[-1] > key:
            self._drop(len(keys) - 1)
        if not self.has_depth:  # without depth the touch is all there is
            for place in range(len(keys) - 1, -1, -1):
                if keys[place] != key:
                    self._drop(place)
        if self._unseen:
            self._forget_unseen_above(key)
        if qty:
            self._set(key, qty)
        elif keys and keys[-1] == key:  # a quote without sizes shows no liquidity, and says of none that it is gone
            self._remember(keys.pop(), self._quantities.pop())

    def withdraw(self) -> None:
        """The feed tells nothing any more, which is not that nobody stands there."""
        for key, qty in zip(self._keys, self._quantities, strict=True):
            self._remember(key, qty)
        self._keys.clear()
        self._quantities.clear()
        self._touch = None
        self._has_quote = self.has_depth = False

    def set_levels(self, levels: tuple[PriceLevel, ...], is_snapshot: bool) -> None:
        """Apply one side of a depth update, behind the touch only when there are quotes."""
        if is_snapshot:
            self._replace(levels)
            return
        if not self.has_depth:
            return  # changes to a book that was never shown: unusable
        for level in levels:
            key = self.key(level.px)
            if self._is_behind_touch(key):
                self._set(key, level.qty)

    def _is_behind_touch(self, key: Decimal) -> bool:
        touch = self._touch
        return not self._has_quote or (touch is not None and key < touch)

    def _replace(self, levels: tuple[PriceLevel, ...]) -> None:
        """Nothing but what a snapshot shows behind the touch, and the touch as it was. An empty one means that the
        depth is not known any more."""
        self.has_depth = bool(levels)
        touch, is_bid = self._touch, self.sign > 0
        keys: list[Decimal] = []
        quantities: list[Decimal] = []
        is_in_order = True
        for level in reversed(levels) if touch is not None or not self._has_quote else ():
            key = level.px if is_bid else level.px.copy_negate()
            if level.qty > ZERO and (touch is None or key < touch):
                is_in_order = is_in_order and not (keys and key <= keys[-1])
                keys.append(key)
                quantities.append(level.qty)
        if not is_in_order:  # not best first, or a level told twice, of which the last mention counts
            levels_by_key = sorted(dict(zip(reversed(keys), reversed(quantities), strict=True)).items())
            keys, quantities = [key for key, _ in levels_by_key], [qty for _, qty in levels_by_key]
        if touch is not None and self._keys and self._keys[-1] == touch:
            keys.append(touch)
            quantities.append(self._quantities[-1])
        old_keys, old_quantities = self._keys, self._quantities
        self._keys, self._quantities = keys, quantities
        if self.is_taken_from:
            self._keep_taken(old_keys, old_quantities)

    def _keep_taken(self, old_keys: list[Decimal], old_quantities: list[Decimal]) -> None:
        """What was taken of levels that are gone is forgotten, and of those that shrank, what they shrank by. Of levels
        that are only not known any more it is kept until they are."""
        unseen = self._unseen
        if self.has_depth and unseen:
            old_keys, old_quantities = [*old_keys, *unseen], [*old_quantities, *unseen.values()]
            self._unseen = {}
        for key, was in zip(old_keys, old_quantities, strict=True):
            place, is_shown = self._find(key)
            if is_shown:
                if self._quantities[place] < was:
                    self._give_back(key, was - self._quantities[place])
            elif self.has_depth:
                self._forget(key)
            else:
                self._remember(key, was)

    def _remember(self, key: Decimal, was: Decimal) -> None:
        if any(key in taken for taken in self._taken):
            self._unseen[key] = was

    def _forget_unseen_above(self, touch: Decimal) -> None:
        """Nobody stands at a better price than the best."""
        for key in [key for key in self._unseen if key > touch]:
            del self._unseen[key]
            self._forget(key)

    def _set(self, key: Decimal, qty: Decimal) -> None:
        place, is_shown = self._find(key)
        if qty > ZERO:
            if not is_shown:
                self._keys.insert(place, key)
                self._quantities.insert(place, qty)
                if self._unseen and (former := self._unseen.pop(key, ZERO)) > qty:
                    self._give_back(key, former - qty)
                return
            was, self._quantities[place] = self._quantities[place], qty
            if qty < was:
                self._give_back(key, was - qty)
        elif is_shown:
            self._drop(place)

    def _give_back(self, key: Decimal, fall: Decimal) -> None:
        """Quantity that the feed removed cannot also count as taken by us: the level shrinks on both accounts."""
        for taken in self._taken:
            if taken and key in taken:
                taken[key] -= fall
                if taken[key] <= ZERO:
                    del taken[key]

    def _drop(self, place: int) -> None:
        self._forget(self._keys.pop(place))
        del self._quantities[place]

    def _forget(self, key: Decimal) -> None:
        for taken in self._taken:
            if taken:
                taken.pop(key, None)

    def _clear(self) -> None:
        self._keys.clear()
        self._quantities.clear()
        self._unseen.clear()
        for taken in self._taken:
            taken.clear()

    # --- what orders take --------------------------------------------------------------------

    def take(
        self, wanted: Decimal, limit_key: Decimal | None, pool: int, is_strict: bool = False
    ) -> list[tuple[Decimal, Decimal]]:
        """Use up to ``wanted`` of what is not taken yet, best first and no worse than ``limit_key`` (None: any),
        and return (price, quantity) per level; ``is_strict`` excludes the limit itself."""
        fills: list[tuple[Decimal, Decimal]] = []
        if not wanted:
            return fills
        taken = self._taken[pool]
        for key, shown in zip(reversed(self._keys), reversed(self._quantities), strict=True):
            if limit_key is not None and (key < limit_key or (is_strict and key == limit_key)):
                break
            used = taken.get(key, ZERO) if taken else ZERO
            qty = shown - used
            if qty <= ZERO:
                continue
            if qty > wanted:
                qty = wanted
            taken[key] = used + qty
            fills.append((self.px(key), qty))
            wanted -= qty
            if not wanted:
                break
        return fills

    def taken_at(self, px: Decimal, pool: int) -> Decimal:
        taken = self._taken[pool]
        return taken.get(self.key(px), ZERO) if taken else ZERO

    def has_at_least(self, wanted: Decimal, limit_key: Decimal | None, pool: int) -> bool:
        """Whether ``wanted`` could be taken at once (FOK)."""
        taken = self._taken[pool]
        for key, shown in zip(reversed(self._keys), reversed(self._quantities), strict=True):
            if limit_key is not None and key < limit_key:
                break
            wanted -= shown - taken.get(key, ZERO)
            if wanted <= ZERO:
                return True
        return False


class Book:
    """Both sides of one symbol and its last traded price.

    A book that nobody has taken from or waits in need not be kept up to the last level with every update:
    ``defer`` remembers just enough to be exactly up to date after ``settle``.
    """

    __slots__ = ("_deferred", "asks", "bids", "has_data", "last_px")

    def __init__(self) -> None:
        self.bids = BookSide(+1)
        self.asks = BookSide(-1)
        self.last_px: Decimal | None = None
        self.has_data = False
        self._deferred: list[Quote | DepthUpdate] = []

    @property
    def has_depth(self) -> bool:
        """Whether more than the touch has been shown, as far as applied."""
        return self.bids.has_depth or self.asks.has_depth

    @property
    def is_taken_from(self) -> bool:
        return self.bids.is_taken_from or self.asks.is_taken_from

    def apply(self, update: Quote | DepthUpdate) -> None:
        self.settle()
        self._note(update)
        self._apply(update)

    def defer(self, update: Quote | DepthUpdate) -> None:
        """Take note of an update that no order can feel. Only while ``is_taken_from`` is False."""
        if isinstance(update, DepthUpdate):
            if not update.is_snapshot:
                self.apply(update)
                return
            # It shows all that lies behind the touch, so of what came before only the last quote still counts.
            while self._deferred and not isinstance(self._deferred[-1], Quote):
                self._deferred.pop()
            del self._deferred[:-1]
        elif not self.has_depth and all(isinstance(one, Quote) for one in self._deferred):
            self._deferred.clear()  # without depth the touch is all there is
        elif len(self._deferred) >= _MOST_DEFERRED:
            self.settle()  # with it, a touch that was bettered stays known as a level, so every quote counts
        self._deferred.append(update)
        self._note(update)

    def settle(self) -> None:
        """Apply what was deferred."""
        if self._deferred:
            deferred, self._deferred = self._deferred, []
            for update in deferred:
                self._apply(update)

    def _note(self, update: Quote | DepthUpdate) -> None:
        if isinstance(update, Quote):
            self.has_data = not update.is_withdrawn
            if update.last_px is not None or not self.has_data:
                self.last_px = update.last_px
        elif update.is_snapshot:
            self.has_data = True

    def _apply(self, update: Quote | DepthUpdate) -> None:
        if isinstance(update, Quote):
            if update.is_withdrawn:
                self.bids.withdraw()
                self.asks.withdraw()
                return
            self.bids.set_touch(update.bid_px, update.bid_qty)
            self.asks.set_touch(update.ask_px, update.ask_qty)
        else:
            self.bids.set_levels(update.bids, update.is_snapshot)
            self.asks.set_levels(update.asks, update.is_snapshot)
