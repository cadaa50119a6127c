"""The book of one coin at Alpaca: the whole of it first, then the levels that change; a quantity of 0 removes one."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from gateway.domain.market import DepthUpdate, PriceLevel

Levels = tuple[PriceLevel, ...]


class Book:
    def __init__(self) -> None:
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}

    def change(
        self, bids: Iterable[Mapping[str, Decimal]], asks: Iterable[Mapping[str, Decimal]]
    ) -> tuple[Levels, Levels]:
        """Take the rows of a message; returns them as levels."""
        return _taken(self._bids, bids), _taken(self._asks, asks)

    def update(self, symbol: str, event_ns: int, received_ns: int) -> DepthUpdate:
        """All of it, best first."""
        bids = tuple(PriceLevel(px, self._bids[px]) for px in sorted(self._bids, reverse=True))
        asks = tuple(PriceLevel(px, self._asks[px]) for px in sorted(self._asks))
        return DepthUpdate(symbol, bids, asks, event_ns, received_ns, is_snapshot=True)


def _taken(side: dict[Decimal, Decimal], rows: Iterable[Mapping[str, Decimal]]) -> Levels:
    levels = tuple(PriceLevel(Decimal(row["p"]), Decimal(row["s"])) for row in rows)
    for level in levels:
        if level.qty > 0:
            side[level.px] = level.qty
        else:
            side.pop(level.px, None)
    return levels
