"""One side of a symbol's book: what the feed shows there, and how much of it the simulator has already used up.

Prices live here as *keys*: a bid's key is its price, an ask's key is its price negated. On both sides a larger
key is a better price, so one class serves both and the best level is always the last. The rules:

- A quote is the authority on the touch: levels better than it are gone, and depth updates (which come later than
  quotes on most venues) may only change what lies behind it.
- Depth counts from its first snapshot on; until then the touch is all that is known.
- Quantity taken by the simulator stays taken until the feed shows the level growing or gone. A level repeated
  unchanged brings nothing new, also after a time in which the feed did not tell of it.
"""

from bisect import bisect_left
from collections import deque
from decimal import Decimal

from gateway.adapters.venues.simulator.queueing import PRINT_LAG_NS
from gateway.domain.market import PriceLevel
from gateway.domain.money import ZERO

#: Shadow orders and twins take from separate accounts of the same levels: a twin measures the live order
#: beside it, and what shadow orders pretend to take must not distort that measure.
POOLS = 3
#: Levels that are not told of at present are remembered up to this many a side, the best of them.
_MOST_UNSEEN = 32
#: Removals are remembered for their prints up to this many a side and pool.
_MOST_UNPRINTED = 64


class BookSide:
    """One side of a book. ``sign`` is +1 for bids and -1 for asks.

    Levels lie in two lists beside each other, not in a map: the first hash of a Decimal costs as much as twenty
    comparisons, and every update brings new ones.
    """

    __slots__ = (
        "_floor",
        "_has_quote",
        "_keys",
        "_quantities",
        "_touch",
        "_unprinted",
        "_unseen",
        "has_depth",
        "now_ns",
        "sign",
        "taken",
    )

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self._keys: list[Decimal] = []  # ascending: best last
        self._quantities: list[Decimal] = []  # of the key in the same place
        #: By pool and key, what our orders have taken of what is shown.
        self.taken: tuple[dict[Decimal, Decimal], ...] = tuple({} for _ in range(POOLS))
        #: By pool, what was taken of quantity that the feed has removed since, and when: its print may still come.
        self._unprinted: tuple[deque[tuple[int, Decimal, Decimal]], ...] = tuple(
            deque(maxlen=_MOST_UNPRINTED) for _ in range(POOLS)
        )
        #: When what is told next was heard.
        self.now_ns = 0
        #: What a level showed last that was taken from and is not told of at present: unknown, and not gone.
        self._unseen: dict[Decimal, Decimal] = {}
        self._touch: Decimal | None = None  # key of the last quote, None when nobody stands there
        self._has_quote = False
        self.has_depth = False
        #: The worst key that the last snapshot showed. Of worse prices only what changed since is known, with gaps.
        self._floor: Decimal | None = None

    @property
    def best_key(self) -> Decimal | None:
        return self._keys[-1] if self._keys else None

    @property
    def best_px(self) -> Decimal | None:
        return self.px(self._keys[-1]) if self._keys else None

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
        floor = self._floor
        return ZERO if place and floor is not None and key > floor else None

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
        key = self._touch = px if self.sign > 0 else px.copy_negate()
        keys = self._keys
        while keys and keys[-1] > key:
            self._drop(len(keys) - 1)
        if not self.has_depth:  # without depth the touch is all there is
            while keys and keys[0] != key:
                self._remember(keys.pop(0), self._quantities.pop(0))
        if self._unseen:
            self._forget_unseen_above(key)
        self._show_best(key, qty)

    def _show_best(self, key: Decimal, qty: Decimal | None) -> None:
        """Nothing better is left: a level at ``key`` is the last one, if it is there."""
        is_shown = bool(self._keys) and self._keys[-1] == key
        if not qty:
            if is_shown:  # a quote without sizes shows no liquidity, and says of none that it is gone
                self._remember(self._keys.pop(), self._quantities.pop())
        elif is_shown and qty > ZERO:
            was, self._quantities[-1] = self._quantities[-1], qty
            if qty < was:
                self._give_back(key, was - qty)
        else:
            self._set(key, qty)

    def withdraw(self) -> None:
        """The feed tells nothing any more, which is not that nobody stands there."""
        for key, qty in zip(self._keys, self._quantities, strict=True):
            self._remember(key, qty)
        self._keys.clear()
        self._quantities.clear()
        self._touch = self._floor = None
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
        self._floor = min((self.key(level.px) for level in levels), default=None)
        touch = self._touch
        keys: list[Decimal] = []
        quantities: list[Decimal] = []
        if touch is not None or not self._has_quote:
            keys, quantities = self._behind_touch(levels)
        old_keys, old_quantities = self._keys, self._quantities
        if touch is not None and old_keys and old_keys[-1] == touch:
            keys.append(touch)
            quantities.append(old_quantities[-1])
        self._keys, self._quantities = keys, quantities
        if any(self.taken):
            self._keep_taken(old_keys, old_quantities)

    def _behind_touch(self, levels: tuple[PriceLevel, ...]) -> tuple[list[Decimal], list[Decimal]]:
        """Keys, ascending, and quantities of the levels of a snapshot that lie behind the touch."""
        touch, is_bid = self._touch, self.sign > 0
        keys: list[Decimal] = []
        quantities: list[Decimal] = []
        last: Decimal | None = None
        is_in_order = True
        for level in reversed(levels):
            qty = level.qty
            if qty > ZERO:
                key = level.px if is_bid else level.px.copy_negate()
                if last is not None and key <= last:
                    is_in_order = False
                keys.append(key)
                quantities.append(qty)
                last = key
        if not is_in_order:  # not best first, or a level told twice, of which the last mention counts
            levels_by_key = sorted(dict(zip(reversed(keys), reversed(quantities), strict=True)).items())
            keys, quantities = [key for key, _ in levels_by_key], [qty for _, qty in levels_by_key]
        while touch is not None and keys and keys[-1] >= touch:
            keys.pop()
            quantities.pop()
        return keys, quantities

    def _keep_taken(self, old_keys: list[Decimal], old_quantities: list[Decimal]) -> None:
        """What was taken of levels that are gone is forgotten, and of those that shrank, what they shrank by. Of levels
        that are only not known any more it is kept until they are."""
        unseen, self._unseen = self._unseen, {} if self.has_depth else dict(self._unseen)
        first, second, third = self.taken
        for key in {**first, **second, **third}:  # far fewer than there are levels
            if key not in unseen:
                was = old_quantities[bisect_left(old_keys, key)]
            elif self.has_depth:
                was = unseen[key]
            else:
                continue
            place, is_shown = self._find(key)
            if is_shown:
                if self._quantities[place] < was:
                    self._give_back(key, was - self._quantities[place])
            elif self.visible(key) is None:
                self._remember(key, was)
            else:
                self._forget(key)

    def _remember(self, key: Decimal, was: Decimal) -> None:
        unseen = self._unseen
        if any(key in taken for taken in self.taken):
            unseen[key] = was
            if len(unseen) > _MOST_UNSEEN:  # the market has left it far behind
                worst = min(unseen)
                del unseen[worst]
                self._forget(worst)

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
        elif self._unseen.pop(key, None) is not None:
            self._forget(key)

    def _give_back(self, key: Decimal, fall: Decimal) -> None:
        """Quantity that the feed removed cannot also count as taken by us: the level shrinks on both accounts."""
        for taken, unprinted in zip(self.taken, self._unprinted, strict=True):
            if taken and key in taken:
                unprinted.append((self.now_ns, key, min(fall, taken[key])))
                taken[key] -= fall
                if taken[key] <= ZERO:
                    del taken[key]

    def _drop(self, place: int) -> None:
        self._forget(self._keys.pop(place))
        del self._quantities[place]

    def _forget(self, key: Decimal) -> None:
        for taken, unprinted in zip(self.taken, self._unprinted, strict=True):
            if taken and key in taken:
                unprinted.append((self.now_ns, key, taken.pop(key)))

    def _clear(self) -> None:
        self._keys.clear()
        self._quantities.clear()
        self._unseen.clear()
        first, second, third = self.taken
        for key in {**first, **second, **third}:
            self._forget(key)

    # --- what orders take --------------------------------------------------------------------

    def take(
        self, wanted: Decimal, limit_key: Decimal | None, pool: int, is_strict: bool = False
    ) -> list[tuple[Decimal, Decimal]]:
        """Use up to ``wanted`` of what is not taken yet, best first and no worse than ``limit_key`` (None: any),
        and return (price, quantity) per level; ``is_strict`` excludes the limit itself."""
        fills: list[tuple[Decimal, Decimal]] = []
        if not wanted:
            return fills
        taken = self.taken[pool]
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

    def taken_at(self, px: Decimal, pool: int, now_ns: int) -> Decimal:
        """How much of what trades at a price now was taken: of what stands there, and of what left it of late."""
        key, taken, unprinted = self.key(px), self.taken[pool], self._unprinted[pool]
        while unprinted and now_ns - unprinted[0][0] > PRINT_LAG_NS:
            unprinted.popleft()
        left = sum((qty for _, own, qty in unprinted if own == key), ZERO)
        return taken.get(key, ZERO) + left

    def has_at_least(self, wanted: Decimal, limit_key: Decimal | None, pool: int) -> bool:
        """Whether ``wanted`` could be taken at once (FOK)."""
        taken = self.taken[pool]
        for key, shown in zip(reversed(self._keys), reversed(self._quantities), strict=True):
            if limit_key is not None and key < limit_key:
                break
            wanted -= shown - taken.get(key, ZERO)
            if wanted <= ZERO:
                return True
        return False
