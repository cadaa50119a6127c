"""Volatility, correlation, value at risk and expected shortfall of sampled returns.

Statistics, not money: computed in floating point and rounded when they leave. A figure that its samples cannot
carry is None, never 0.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from operator import mul
from statistics import NormalDist

from gateway.core.risk.figures import TailRisk

Return = float | None

_NORMAL = NormalDist()
_CENT = Decimal("0.01")
_RHO_STEP = Decimal("0.0001")
_RATIO_STEP = Decimal("1e-8")


def returns_of(prices: Sequence[float | None]) -> list[Return]:
    """Simple returns from one sample to the next; None where either is missing, so that no gap counts as a move."""
    return [later / earlier - 1 if earlier and later is not None else None for earlier, later in pairwise(prices)]


def volatility(returns: Sequence[Return], min_samples: int, periods_per_day: float) -> Decimal | None:
    """Standard deviation of a day's return, as a ratio.

    That of one period (n - 1 in the denominator) times the square root of the periods in a day: returns of different
    periods are taken to be independent (Hull, Options, Futures, and Other Derivatives, chapter on volatility).
    """
    known = [one for one in returns if one is not None]
    if len(known) < max(min_samples, 2):
        return None
    return _rounded(_deviation(known) * math.sqrt(periods_per_day), _RATIO_STEP)


def correlation(first: Sequence[Return], second: Sequence[Return], min_samples: int) -> Decimal | None:
    """Pearson's correlation of the returns of the periods that both have; None where one of them never moved."""
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if len(pairs) < max(min_samples, 2):
        return None
    one, other = _centered([a for a, _ in pairs]), _centered([b for _, b in pairs])
    scale = math.sqrt(sum(map(mul, one, one)) * sum(map(mul, other, other)))
    return None if not scale else _rounded(sum(map(mul, one, other)) / scale, _RHO_STEP)


def tail_risk(pnls: Sequence[float], min_samples: int, periods_per_day: float) -> TailRisk | None:
    """What may be lost in a day, from what the present holdings would have earned in each sampled period.

    Historical (simulation): with n periods and confidence c, the k-th worst loss with k = n (1 - c) rounded up is the
    value at risk, and the mean of the k worst is the expected shortfall (Hull, chapter on value at risk; Acerbi and
    Tasche, On the coherence of expected shortfall, 2002). Parametric: with s the standard deviation, z the c-quantile
    of the standard normal distribution and p its density, z s and s p(z) / (1 - c) (McNeil, Frey and Embrechts,
    Quantitative Risk Management, chapter 2; mean 0). All are scaled to a day by the square root of time.
    """
    if len(pnls) < max(min_samples, 2):
        return None
    losses = sorted((-pnl for pnl in pnls), reverse=True)
    scale = math.sqrt(periods_per_day)
    deviation = _deviation(pnls) * scale
    found: dict[str, Decimal] = {}
    for percent in (95, 99):
        worst = losses[: -(-len(losses) * (100 - percent) // 100)]
        z = _NORMAL.inv_cdf(percent / 100)
        for name, value in (
            (f"historical_var_{percent}", worst[-1] * scale),
            (f"historical_expected_shortfall_{percent}", sum(worst) / len(worst) * scale),
            (f"parametric_var_{percent}", z * deviation),
            (f"parametric_expected_shortfall_{percent}", _NORMAL.pdf(z) / (1 - percent / 100) * deviation),
        ):
            found[name] = _rounded(max(value, 0.0), _CENT)
    return TailRisk(sample_count=len(losses), **found)


def _centered(values: Sequence[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]


def _deviation(values: Sequence[float]) -> float:
    centered = _centered(values)
    return math.sqrt(math.fsum(map(mul, centered, centered)) / (len(values) - 1))


def _rounded(value: float, step: Decimal) -> Decimal:
    return Decimal(repr(value)).quantize(step)
