"""What a count of bad orders among all proves about their rate, however often one looks.

Each bound is a test by betting: a mixture of likelihood ratios, one for each of some alternatives, against the claim
that the rate is at least (or at most) ``p``. While the claim is true such a product is expected to stay at 1, whatever
the orders before brought, so that it ever reaches ``1 / (1 - confidence)`` has at most the probability ``1 -
confidence`` (Ville 1939; Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", 2024). A
fixed-n test that is looked at daily rejects a true claim in a quarter of the cases instead. Decimals at a precision of
their own: equal counts give equal digits in any process.
"""

import decimal
from collections.abc import Callable
from decimal import Decimal

from gateway.domain.money import ONE, ZERO

CONTEXT = decimal.Context(prec=34, Emax=999_999_999_999, Emin=-999_999_999_999)
#: Alternatives below the claim, as a multiple of it. Half of the stake is on a rate of 0: a venue without an error is
#: then proven nearly as soon as a test of a fixed size could.
_BELOW = ((Decimal(0), Decimal("0.5")), *((Decimal(c) / 16, Decimal("0.1")) for c in (1, 3, 6, 10, 14)))
#: Alternatives above the claim ``p``: ``1 - c (1 - p)``, from rates far beyond it to such that are hardly above.
_ABOVE = tuple(
    (c, Decimal("0.0625")) for c in (Decimal(1) / 16, Decimal(1) / 4, *(1 - Decimal(1) / 2**k for k in range(1, 15)))
)
_STEP = Decimal("1e-9")


def evidence_below(bad: int, n: int, rate: Decimal) -> Decimal:
    """How strongly ``bad`` of ``n`` speak against a rate of at least ``rate`` (1: not at all)."""
    with decimal.localcontext(CONTEXT):
        rest = ONE - rate
        return sum((w * _power(c, bad) * ((ONE - c * rate) / rest) ** (n - bad) for c, w in _BELOW), ZERO)


def evidence_above(bad: int, n: int, rate: Decimal) -> Decimal:
    """How strongly ``bad`` of ``n`` speak against a rate of at most ``rate`` (1: not at all)."""
    with decimal.localcontext(CONTEXT):
        rest = ONE - rate
        return sum((w * c ** (n - bad) * ((ONE - c * rest) / rate) ** bad for c, w in _ABOVE), ZERO)


def is_below(bad: int, n: int, rate: Decimal, confidence: Decimal) -> bool:
    """Whether the rate is proven to be below ``rate``. Never without samples."""
    return n > 0 and evidence_below(bad, n, rate) >= _needed(confidence)


def is_above(bad: int, n: int, rate: Decimal, confidence: Decimal) -> bool:
    """Whether the rate is proven to be above ``rate``. Never without samples."""
    return n > 0 and evidence_above(bad, n, rate) >= _needed(confidence)


def upper_bound(bad: int, n: int, confidence: Decimal) -> Decimal:
    """The smallest rate that is proven not to be reached, to 9 digits; 1 when none is."""
    needed = _needed(confidence)
    if n == 0 or evidence_below(bad, n, ONE - _STEP) < needed:
        return ONE
    return _bisect(lambda rate: evidence_below(bad, n, rate) >= needed)


def lower_bound(bad: int, n: int, confidence: Decimal) -> Decimal:
    """The largest rate that is proven to be passed, to 9 digits; 0 when none is."""
    needed = _needed(confidence)
    if n == 0 or evidence_above(bad, n, _STEP) < needed:
        return ZERO
    return _bisect(lambda rate: evidence_above(bad, n, rate) < needed) - _STEP


def samples_needed(bad: int, n: int, rate: Decimal, confidence: Decimal) -> int:
    """How many more orders, all of them good, would prove a rate below ``rate``; 0 when it is proven."""
    needed = _needed(confidence)
    if is_below(bad, n, rate, confidence):
        return 0
    high = max(n, 1)
    while evidence_below(bad, n + high, rate) < needed:
        high *= 2
    low = 0
    while low + 1 < high:
        middle = (low + high) // 2
        if evidence_below(bad, n + middle, rate) >= needed:
            high = middle
        else:
            low = middle
    return high


def zero_failure_size(rate: Decimal, confidence: Decimal) -> int:
    """The fewest samples without a failure that one look needs to prove a rate below ``rate``: 2,995 for 0.1% at 95%.

    It tells how much a sample of this size can prove at all; looks that are repeated need more.
    """
    with decimal.localcontext(CONTEXT):
        size = (ONE - confidence).ln() / (ONE - rate).ln()
        return int(size.to_integral_value(decimal.ROUND_CEILING))


def _power(base: Decimal, exponent: int) -> Decimal:
    return base**exponent if exponent else ONE  # decimals leave 0 to the power of 0 open


def _needed(confidence: Decimal) -> Decimal:
    with decimal.localcontext(CONTEXT):
        return ONE / (ONE - confidence)


def _bisect(is_proven: Callable[[Decimal], bool]) -> Decimal:
    """The smallest multiple of the step that is proven, where everything above one that is proven is proven too."""
    low, high = 0, int(ONE / _STEP) - 1
    while low + 1 < high:
        middle = (low + high) // 2
        if is_proven(middle * _STEP):
            high = middle
        else:
            low = middle
    return high * _STEP
