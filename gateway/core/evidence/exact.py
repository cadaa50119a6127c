"""Exact bounds for one look at a sample of a fixed size (Clopper and Pearson, Biometrika 26, 1934).

They tell how much a sample can prove at all; verdicts, which are looked at daily, go by ``core.evidence.rates``. The
tail of the binomial distribution is summed term by term, in decimals.
"""

import decimal
from decimal import Decimal

from gateway.core.evidence.rates import CONTEXT
from gateway.domain.money import ONE, ZERO

_STEPS = 10**7
#: Relative size below which the rest of a sum cannot be seen in the bound.
_NEGLIGIBLE = Decimal("1e-15")


def clopper_pearson(bad: int, n: int, confidence: Decimal) -> tuple[Decimal, Decimal]:
    """Lower and upper bound of the rate, each one-sided with ``confidence``, to 7 digits."""
    risk = ONE - confidence
    lower = ZERO if bad == 0 else ONE - _upper(n - bad, n, risk)
    upper = ONE if bad == n else _upper(bad, n, risk)
    return lower, upper


def zero_failure_size(rate: Decimal, confidence: Decimal) -> int:
    """The fewest samples without a failure that prove a rate below ``rate``: 2,995 for 0.1% at 95%."""
    with decimal.localcontext(CONTEXT):
        size = (ONE - confidence).ln() / (ONE - rate).ln()
        return int(size.to_integral_value(decimal.ROUND_CEILING))


def _upper(bad: int, n: int, risk: Decimal) -> Decimal:
    """The rate at which ``bad`` or fewer have the probability ``risk``."""
    low, high = 0, _STEPS
    with decimal.localcontext(CONTEXT):
        while low + 1 < high:
            middle = (low + high) // 2
            if _cumulative(bad, n, Decimal(middle) / _STEPS) > risk:
                low = middle
            else:
                high = middle
        return Decimal(high) / _STEPS


def _cumulative(bad: int, n: int, rate: Decimal) -> Decimal:
    """P(X <= bad) of a binomial X. Each term downwards is a multiple of the one before."""
    if rate == 0:
        return ONE
    odds = (ONE - rate) / rate
    term = _binomial(n, bad) * rate**bad * (ONE - rate) ** (n - bad)
    total = term
    for k in range(bad, 0, -1):
        term = term * k * odds / (n - k + 1)
        total += term
        if term < total * _NEGLIGIBLE and k < n * rate:
            break
    return total


def _binomial(n: int, k: int) -> Decimal:
    found = ONE
    for i in range(1, min(k, n - k) + 1):
        found = found * (n - i + 1) / i
    return found
