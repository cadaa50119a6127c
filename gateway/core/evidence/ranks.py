"""Paired differences against a bound: Wilcoxon's signed-rank test, which people may look at every day.

The level is spent over looks at samples of ``first``, then each time half as many more: the ``k``-th look may use
``(1 - confidence) / (k (k + 1))`` of it, all together no more than ``1 - confidence``, wherever one stops (Bonferroni;
alpha spending as in group sequential designs). Between two looks nothing new is proven.
"""

import decimal
from decimal import Decimal

import msgspec

from gateway.core.evidence.histogram import Histogram
from gateway.core.evidence.rates import CONTEXT
from gateway.domain.money import ONE, ZERO

_HALF = Decimal("0.5")
_PI = Decimal("3.141592653589793238462643383279503")
_DIGITS = Decimal("1e-12")
#: A look so far ahead that nobody waits for it.
_LOOKS_AHEAD = 40


class RankLook(msgspec.Struct, frozen=True, kw_only=True):
    """The last look at a sample: its number (1: the first), its size, the bounds it was held against, the standard
    scores (positive: as the words say) and one-sided p-values of "within ``bound``" and "beyond ``beyond``"."""

    number: int
    n: int
    bound: int
    beyond: int
    within_score: Decimal
    within_p: Decimal
    beyond_p: Decimal

    def level(self, confidence: Decimal) -> Decimal:
        return level_of(self.number, confidence)


def level_of(number: int, confidence: Decimal) -> Decimal:
    """What the look of this number may spend."""
    with decimal.localcontext(CONTEXT):
        return (ONE - confidence) / (number * (number + 1))


def next_size(n: int) -> int:
    """The size of the sample at the look after one at ``n``."""
    return n + (n + 1) // 2


def is_due(last: RankLook | None, n: int, first: int) -> bool:
    return n >= (first if last is None else next_size(last.n))


def look_at(samples: Histogram, last: RankLook | None, bound: int, beyond: int) -> RankLook:
    """Look at the sample as it is now, the look after ``last``."""
    within_score, within_p = _one_sided(samples, bound, is_below=True)
    _, beyond_p = _one_sided(samples, beyond, is_below=False)
    return RankLook(
        number=1 if last is None else last.number + 1,
        n=samples.n,
        bound=bound,
        beyond=beyond,
        within_score=within_score,
        within_p=within_p,
        beyond_p=beyond_p,
    )


def samples_until(look: RankLook, n: int, confidence: Decimal) -> int | None:
    """How many more samples than ``n``, if they go on as they are, until a look proves them within the bound; None when
    they do not tend there."""
    size, score = look.n, look.within_score
    if score <= 0:
        return None
    for number in range(look.number + 1, look.number + _LOOKS_AHEAD):
        size = next_size(size)
        with decimal.localcontext(CONTEXT):
            is_proven = upper_tail(score * (Decimal(size) / look.n).sqrt()) <= level_of(number, confidence)
        if is_proven:
            return max(size - n, 1)
    return None


def signed_rank(samples: Histogram, shift: int = 0) -> tuple[Decimal, Decimal, int]:
    """Of the samples less ``shift``: the sum of the ranks of what is above (W+), its variance while either sign is as
    likely (ties share the mean of their ranks), and how many differ from ``shift`` (the others are left out)."""
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
    return above, Decimal(n * (n + 1) * (2 * n + 1)) / 24 - Decimal(ties) / 48, n


def _one_sided(samples: Histogram, shift: int, *, is_below: bool) -> tuple[Decimal, Decimal]:
    """The score and p-value of "most are below (or above) ``shift``": normal approximation, corrected by a half for the
    steps of the statistic."""
    above, variance, n = signed_rank(samples, shift)
    if variance <= 0:
        return ZERO, ONE
    with decimal.localcontext(CONTEXT):
        distance = Decimal(n * (n + 1)) / 4 - above
        score = ((distance if is_below else -distance) - _HALF) / variance.sqrt()
        return score.quantize(_DIGITS), upper_tail(score).quantize(_DIGITS, decimal.ROUND_CEILING)


def upper_tail(z: Decimal) -> Decimal:
    """P(Z > z) of a standard normal Z (Abramowitz and Stegun 26.2.11, and 26.2.14 far out)."""
    with decimal.localcontext(CONTEXT):
        if z < 0:
            return ONE - upper_tail(-z)
        density = (-z * z / 2).exp() / (2 * _PI).sqrt()
        if z > 4:
            fraction = z
            for k in range(60, 0, -1):
                fraction = z + k / fraction
            return density / fraction
        term = total = z
        for k in range(1, 80):
            term = term * z * z / (2 * k + 1)
            total += term
        return _HALF - density * total
