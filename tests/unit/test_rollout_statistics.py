"""What counts and differences prove, against published values and other ways of computing them."""

import random
from decimal import Decimal
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.evidence.histogram import Histogram, cell_of
from gateway.core.evidence.rates import (
    evidence_above,
    evidence_below,
    is_above,
    is_below,
    lower_bound,
    samples_needed,
    upper_bound,
    zero_failure_size,
)

D = Decimal
SURE = D("0.95")


def test_the_samples_without_a_failure_that_prove_a_rate() -> None:
    """The table of the facts: a review quotes these numbers."""
    rates = ("0.1", "0.05", "0.02", "0.01", "0.005", "0.001")
    assert [zero_failure_size(D(rate), SURE) for rate in rates] == [29, 59, 149, 299, 598, 2995]


def test_looking_daily_costs_a_tenth_more_samples() -> None:
    """Without it "n still needed" would be that of a test that nobody may look at twice."""
    rates = ("0.1", "0.05", "0.02", "0.01", "0.005", "0.001")
    assert [samples_needed(0, 0, D(rate), SURE) for rate in rates] == [33, 66, 168, 337, 675, 3381]
    assert samples_needed(0, 43, D("0.001"), SURE) == 3338
    assert samples_needed(0, 3381, D("0.001"), SURE) == 0
    assert samples_needed(2, 3381, D("0.001"), SURE) > 3000


@pytest.mark.parametrize("rate", [D("0.001"), D("0.05"), D("0.5")])
@pytest.mark.parametrize("n", [1, 7, 40])
def test_the_evidence_is_a_fair_bet(n: int, rate: Decimal) -> None:
    """What makes daily looks safe: at the claimed rate the evidence stays at 1 on average, and beyond it sinks."""
    for truth, evidence, is_fair in (
        (rate, evidence_below, True),
        (rate, evidence_above, True),
        (min(rate * 2, D("0.9")), evidence_below, False),
        (rate / 2, evidence_above, False),
    ):
        mean = sum(comb(n, k) * truth**k * (1 - truth) ** (n - k) * evidence(k, n, rate) for k in range(n + 1))
        assert abs(mean - 1) < D("1e-20") if is_fair else mean < 1


def thresholds(rate: Decimal, n: int) -> tuple[list[int], list[int]]:
    """By sample size: the most bad orders that still pass, and the fewest that fail. Both only grow."""
    passes, fails = [-1], [1]
    for size in range(1, n + 1):
        most, fewest = passes[-1], fails[-1]
        passes.append(most + is_below(most + 1, size, rate, SURE))
        while not is_above(fewest, size, rate, SURE) and fewest <= size:
            fewest += 1
        fails.append(fewest)
    return passes, fails


def test_looking_after_every_order_seldom_proves_what_is_not_so() -> None:
    """What a fixed-n test gets wrong: 2,000 venues exactly at the bound, looked at after each of 600 orders."""
    rate, n = D("0.05"), 600
    passes, fails = thresholds(rate, n)
    draw = random.Random(5)
    passed = failed = 0
    for _ in range(2_000):
        bad, found = 0, set()
        for size in range(1, n + 1):
            bad += draw.random() < 0.05
            if bad <= passes[size]:
                found.add("passed")
            if bad >= fails[size]:
                found.add("failed")
        passed += "passed" in found
        failed += "failed" in found
    assert max(passed, failed) <= 100  # 5% each
    assert passed + failed > 20  # and the test is not merely deaf


@given(n=st.integers(1, 5_000), share=st.integers(0, 1000), more=st.integers(1, 200))
def test_bounds_enclose_the_share_and_agree_with_the_verdicts(n: int, share: int, more: int) -> None:
    """Without it the output could show a bound below the limit beside a verdict that says otherwise."""
    bad = n * share // 1000
    lower, upper = lower_bound(bad, n, SURE), upper_bound(bad, n, SURE)
    assert lower <= D(bad) / n <= upper
    for rate in (D("0.001"), D("0.05"), D("0.5")):
        assert is_below(bad, n, rate, SURE) == (upper <= rate)
        assert is_above(bad, n, rate, SURE) == (lower >= rate)
        assert not (is_below(bad, n, rate, SURE) and is_above(bad, n, rate, SURE))
    assert evidence_below(bad, n + more, D("0.05")) >= evidence_below(bad, n, D("0.05"))


def test_nothing_is_proven_without_samples() -> None:
    """Invariant 10: no evidence is not a pass."""
    for rate in (D("0.000001"), D("0.5"), D("0.999")):
        assert (is_below(0, 0, rate, SURE), is_above(0, 0, rate, SURE)) == (False, False)
    assert (lower_bound(0, 0, SURE), upper_bound(0, 0, SURE)) == (0, 1)
    assert Histogram().median is None


@given(st.lists(st.integers(-50_000, 50_000), max_size=60), st.integers(0, 1_000))
def test_counting_above_a_bound_is_exact(values: list[int], bound: int) -> None:
    """Without it an order just beyond the bound could be counted as within."""
    seen = Histogram()
    for value in values:
        seen.add(value)
    assert seen.above(bound) == sum(value > bound for value in values)
    assert (seen.n, seen.total) == (len(values), sum(values))


def test_memory_is_bounded_whatever_comes() -> None:
    """Without it a wild venue would fill the checkpoint."""
    seen = Histogram()
    for exponent in range(1, 30):
        for lead in range(10, 100):
            for sign in (1, -1):
                seen.add(sign * lead * 10**exponent)
    assert len({cell_of(value) for value in range(-200_000, 200_000, 7)}) < 3_000
    assert len(seen.cells) < 1_000
