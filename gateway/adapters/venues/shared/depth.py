"""A depth book kept from a snapshot and the changes after it, by Binance's rules for a local order book
(binance-docs, "How to manage a local order book correctly"): changes that the snapshot already holds are dropped,
the first one used must overlap it, and each next one must follow without a gap."""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from gateway.domain.market import PriceLevel
from gateway.domain.money import ZERO

#: Changes kept while the snapshot is still awaited; at ten a second this is more than a minute and a half.
_MOST_WAITING = 1_000

Levels = tuple[PriceLevel, ...]


class DepthChange(msgspec.Struct, frozen=True):
    """Levels changed by the venue's updates ``first_id`` to ``last_id`` (``U`` and ``u``); quantity 0 removes."""

    first_id: int
    last_id: int
    bids: Levels
    asks: Levels


class DepthBook:
    def __init__(self) -> None:
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}
        self._last_id = 0
        #: The worst prices that the snapshot showed; None: nobody stood there, so none is hidden.
        self._worst_bid: Decimal | None = None
        self._worst_ask: Decimal | None = None
        self._waiting: deque[DepthChange] = deque(maxlen=_MOST_WAITING)
        self.is_valid = False

    def set_snapshot(self, last_id: int, bids: Levels, asks: Levels) -> None:
        """Begin from a snapshot, and apply the changes that came before it but happened after it. One that is older
        than the book, as of a server that lags, is left aside."""
        if self.is_valid and last_id <= self._last_id:
            return
        self._bids = {level.px: level.qty for level in bids if level.qty}
        self._asks = {level.px: level.qty for level in asks if level.qty}
        self._worst_bid = min(self._bids, default=None)
        self._worst_ask = max(self._asks, default=None)
        self._last_id = last_id
        self.is_valid = True
        waiting, self._waiting = tuple(self._waiting), deque(maxlen=_MOST_WAITING)
        for change in waiting:
            self.apply(change)

    def apply(self, change: DepthChange) -> bool:
        """Apply a change; True when it moved the book. A gap makes the book invalid until the next snapshot."""
        if not self.is_valid:
            self._waiting.append(change)
            return False
        if change.last_id <= self._last_id:
            return False
        if change.first_id > self._last_id + 1:
            self.is_valid = False
            self._bids.clear()
            self._asks.clear()
            self._waiting.append(change)
            return False
        self._last_id = change.last_id
        _set_levels(self._bids, change.bids)
        _set_levels(self._asks, change.asks)
        return True

    def levels(self) -> tuple[Levels, Levels]:
        """All bids and asks, best first; empty when the book is not valid."""
        bids = tuple(PriceLevel(px, self._bids[px]) for px in sorted(self._bids, reverse=True))
        asks = tuple(PriceLevel(px, self._asks[px]) for px in sorted(self._asks))
        return bids, asks

    def whole_levels(self) -> tuple[Levels, Levels]:
        """Bids and asks without gaps, best first: those within what the snapshot showed. Of worse prices only what
        changed since is known."""
        bids, asks = self.levels()
        low, high = self._worst_bid, self._worst_ask
        return (
            tuple(level for level in bids if low is None or level.px >= low),
            tuple(level for level in asks if high is None or level.px <= high),
        )


def _set_levels(side: dict[Decimal, Decimal], levels: Iterable[PriceLevel]) -> None:
    for level in levels:
        if level.qty > ZERO:
            side[level.px] = level.qty
        else:
            side.pop(level.px, None)
