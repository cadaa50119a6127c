"""Integer samples in bounded memory, and the sign test that works on them.

Up to 1,000 units a sample is kept as it is; beyond, its magnitude is rounded up to two digits, away from zero. So a
histogram has less than 3,000 cells whatever comes, and counting what is above a bound is exact for every bound of up
to 1,000 units. Histograms can be added.
"""

from decimal import Decimal

import msgspec

from gateway.core.evidence.rates import is_above, is_below
from gateway.domain.money import ZERO, ratio

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


def median_within(samples: Histogram, bound: int, confidence: Decimal) -> bool:
    """Whether it is proven, at any time one looks, that fewer than half of the samples exceed ``bound``.

    The sign test: under the claim that the median exceeds the bound, a sample above it is at least as likely as not.
    """
    return is_below(samples.above(bound), samples.n, _HALF, confidence)


def median_beyond(samples: Histogram, bound: int, confidence: Decimal) -> bool:
    """Whether it is proven, at any time one looks, that more than half of the samples exceed ``bound``."""
    return is_above(samples.above(bound), samples.n, _HALF, confidence)


def signed_rank(samples: Histogram, shift: int = 0) -> tuple[Decimal, Decimal, int]:
    """Wilcoxon's signed rank statistic of the samples less ``shift``: the sum of the ranks of what is above, its
    standard score (normal approximation, corrected for ties), and how many samples differ from ``shift``.

    For one look at a sample of a fixed size: it describes, and no verdict goes by it.
    """
    ranks: dict[int, list[int]] = {}
    for cell, count in samples.counts.items():
        if cell != shift:
            sides = ranks.setdefault(abs(cell - shift), [0, 0])
            sides[cell > shift] += count
    before, above, ties = 0, ZERO, 0
    for size in sorted(ranks):
        below_count, above_count = ranks[size]
        group = below_count + above_count
        above += above_count * (before + Decimal(group + 1) / 2)
        ties += group**3 - group
        before += group
    n = before
    mean = Decimal(n * (n + 1)) / 4
    variance = Decimal(n * (n + 1) * (2 * n + 1)) / 24 - Decimal(ties) / 48
    score = (above - mean) / variance.sqrt() if variance > 0 else ZERO
    return above, score.quantize(Decimal("1e-6")), n
