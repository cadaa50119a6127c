"""What the feed shows of one symbol, and how much of it the simulator has already used up: both sides, and the last
traded price. A quote with nothing at all in it is withdrawn: what stands where is unknown from then on.
"""

from decimal import Decimal

from gateway.adapters.venues.simulator.book_side import BookSide
from gateway.domain.market import DepthUpdate, Quote

_MOST_DEFERRED = 8


class Book:
    """Both sides of one symbol and its last traded price.

    A book that nobody has taken from or waits in need not be kept up to the last level with every update:
    ``defer`` remembers just enough to be exactly up to date after ``settle``.
    """

    __slots__ = ("_deferred", "_defers_depth", "_taken", "asks", "bids", "has_data", "last_px")

    def __init__(self) -> None:
        self.bids = BookSide(+1)
        self.asks = BookSide(-1)
        self.last_px: Decimal | None = None
        self.has_data = False
        self._taken = (*self.bids.taken, *self.asks.taken)
        self._deferred: list[Quote | DepthUpdate] = []
        self._defers_depth = False

    @property
    def has_depth(self) -> bool:
        """Whether more than the touch has been shown, as far as applied."""
        return self.bids.has_depth or self.asks.has_depth

    @property
    def is_taken_from(self) -> bool:
        return any(self._taken)

    def apply(self, update: Quote | DepthUpdate, now_ns: int = 0) -> None:
        self.settle()
        self.bids.now_ns = self.asks.now_ns = now_ns
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
            self._defers_depth = True
        elif not (self._defers_depth or self.has_depth):
            self._deferred.clear()  # without depth the touch is all there is
        elif len(self._deferred) >= _MOST_DEFERRED:
            self.settle()  # with it, a touch that was bettered stays known as a level, so every quote counts
        self._deferred.append(update)
        self._note(update)

    def settle(self) -> None:
        """Apply what was deferred."""
        if self._deferred:
            deferred, self._deferred, self._defers_depth = self._deferred, [], False
            for update in deferred:
                self._apply(update)

    def _note(self, update: Quote | DepthUpdate) -> None:
        if isinstance(update, Quote):
            self.has_data = not update.is_withdrawn
            if update.last_px is not None or not self.has_data:
                self.last_px = update.last_px
        elif update.is_snapshot and (update.bids or update.asks):  # an empty one says that the depth is not known
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
