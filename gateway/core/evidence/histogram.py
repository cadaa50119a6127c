"""Integer samples in bounded memory.

Up to 1,000 units a sample is kept as it is; beyond, its magnitude is rounded up to two digits, away from zero. So a
histogram has less than 3,000 cells whatever comes, and counting what is above a bound is exact for every bound of up
to 1,000 units. Histograms can be added.
"""

from decimal import Decimal

import msgspec

from gateway.domain.money import ratio

_EXACT = 1_000
_LARGEST = 10_000_000
_HALF = Decimal("0.5")


def cell_of(value: int) -> int:
    """The cell that ``value`` is counted in."""
    size = min(abs(value), _LARGEST)
    if size > _EXACT:
        unit = 10 ** (len(str(size)) - 2)
        size = -(-size // unit) * unit
    return size if value >= 0 else -size


class Histogram(msgspec.Struct):
    """How often each value was seen, by its text (a checkpoint's keys are texts); ``total`` is the sum of the samples
    themselves."""

    cells: dict[str, int] = {}
    n: int = 0
    total: int = 0

    def add(self, value: int) -> None:
        cell = str(cell_of(value))
        self.cells[cell] = self.cells.get(cell, 0) + 1
        self.n += 1
        self.total += value

    def remove(self, value: int) -> None:
        """Take back a sample that was added."""
        cell = str(cell_of(value))
        self.cells[cell] -= 1
        if not self.cells[cell]:
            del self.cells[cell]
        self.n -= 1
        self.total -= value

    @property
    def counts(self) -> dict[int, int]:
        """How often each value was seen, in the order of the values."""
        return {cell: self.cells[str(cell)] for cell in sorted(map(int, self.cells))}

    def above(self, bound: int) -> int:
        """How many samples are above ``bound``."""
        return sum(count for cell, count in self.cells.items() if int(cell) > bound)

    def quantile(self, share: Decimal) -> int | None:
        """The smallest cell that at least this share of the samples does not exceed; None without samples."""
        if not self.n:
            return None
        needed, seen = share * self.n, 0
        for cell, count in self.counts.items():
            seen += count
            if seen >= needed:
                return cell
        return max(self.counts)

    @property
    def median(self) -> int | None:
        return self.quantile(_HALF)

    @property
    def mean(self) -> Decimal:
        return ratio(Decimal(self.total), Decimal(self.n))
