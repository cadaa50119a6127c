"""The paired rank test, against published values, exact enumeration, and venues that are looked at as they grow."""

import random
from decimal import Decimal
from functools import cache
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.evidence.histogram import Histogram
from gateway.core.evidence.memory import StepEvidence
from gateway.core.evidence.ranks import (
    RankLook,
    is_due,
    level_of,
    look_at,
    next_size,
    samples_until,
    signed_rank,
    upper_tail,
)
from gateway.core.rollout.comparisons import comparisons, look_where_due, noise_tenths
from gateway.domain.rollout import Gates

D = Decimal
SURE = D("0.95")
MAIZE = (49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48)


def seen(values: tuple[int, ...] | list[int]) -> Histogram:
    samples = Histogram()
    for value in values:
        samples.add(value)
    return samples


@cache
def exact_tail(n: int) -> list[float]:
    """P(W+ >= w) by w, while either sign of n different ranks is as likely: every one of 2^n counted."""
    counts = [1]
    for rank in range(1, n + 1):
        longer = [*counts, *[0] * rank]
        for w, count in enumerate(counts):
            longer[w + rank] += count
        counts = longer
    total, tail = 0, []
    for count in reversed(counts):
        total += count
        tail.append(total / 2**n)
    return tail[::-1]


def test_the_signed_rank_of_darwins_maize() -> None:
    """Published (Fisher, The Design of Experiments, 1935): 15 pairs, W- = 24, so W+ = 96; exact p 0.041 (two-sided)."""
    above, variance, n = signed_rank(seen(MAIZE))
    assert (above, variance, n) == (96, 310, 15)
    assert 2 * exact_tail(15)[96] == pytest.approx(0.0413, abs=1e-4)
    look = look_at(seen(MAIZE), None, 0, 0)
    assert float(look.beyond_p) == pytest.approx(exact_tail(15)[96], rel=0.07)


@pytest.mark.parametrize("n", [10, 20, 30])
def test_the_approximation_proves_nothing_that_counting_all_signs_would_not(n: int) -> None:
    """Without it the tail of the normal could call proven, at the small levels of the looks, what is not."""
    for w in range(n * (n + 1) // 2 + 1):
        below_bound = [-rank for rank in range(1, n + 1)]
        rest = n * (n + 1) // 2 - w  # ranks that stay below
        for rank in range(n, 0, -1):
            if rank <= rest:
                rest -= rank
            else:
                below_bound[rank - 1] = rank
        p = float(look_at(seen(below_bound), None, 0, 0).beyond_p)
        exact = exact_tail(n)[w]
        if exact < 0.025:
            assert p >= exact * 0.94, (w, p, exact)


@given(st.floats(-6, 7.5))
def test_the_tail_of_the_normal_is_the_librarys(z: float) -> None:
    """Without it a p-value would be one of another distribution."""
    assert float(upper_tail(D(z))) == pytest.approx(NormalDist().cdf(-z), rel=1e-9)


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=40), st.integers(-5, 5))
def test_the_signed_rank_is_that_of_the_pairs_one_by_one(values: list[int], shift: int) -> None:
    """The same without cells: ties share the mean of their ranks, and what equals the shift is left out."""
    rest = sorted((value - shift for value in values if value != shift), key=abs)
    ranks = [
        D(sum(abs(other) < abs(value) for other in rest) * 2 + sum(abs(other) == abs(value) for other in rest) + 1) / 2
        for value in rest
    ]
    assert signed_rank(seen(values), shift)[0] == sum((r for r, v in zip(ranks, rest, strict=True) if v > 0), D(0))


def test_what_the_looks_may_spend_together_is_the_level() -> None:
    """Without it looking as often as one likes would prove anything in the end."""
    assert sum(level_of(number, SURE) for number in range(1, 2_000)) < 1 - SURE
    assert level_of(1, SURE) == D("0.025")
    sizes = [20]
    for _ in range(6):
        sizes.append(next_size(sizes[-1]))
    assert sizes == [20, 30, 45, 68, 102, 153, 230]


def lived(draw: random.Random, center: float, n: int) -> tuple[bool, bool]:
    """Whether a venue was ever proven within 10 bps, and ever beyond 11, its orders having come one by one."""
    samples, look = Histogram(), None
    passed = failed = False
    for _ in range(n):
        samples.add(round(draw.gauss(center, 60)))
        if is_due(look, samples.n, 20):
            look = look_at(samples, look, 100, 110)
            passed |= look.within_p <= look.level(SURE)
            failed |= look.beyond_p <= look.level(SURE)
    return passed, failed


def test_looking_at_every_order_seldom_proves_what_is_not_so_and_mostly_what_is() -> None:
    """Venues exactly at a bound, looked at for 1,000 orders: no more than 5% of either kind are told wrongly."""
    draw = random.Random(7)
    at_bound = [lived(draw, 100, 1_000)[0] for _ in range(150)]
    at_effect = [lived(draw, 110, 1_000)[1] for _ in range(150)]
    assert max(sum(at_bound), sum(at_effect)) <= 0.05 * 150 + 4  # 4: what 150 may show by chance
    assert all(lived(draw, 60, 300)[0] for _ in range(20))
    assert all(lived(draw, 160, 300)[1] for _ in range(20))


def test_what_is_still_needed_is_what_it_takes_if_orders_go_on_so() -> None:
    """Without it the projected day would be invented."""
    look = look_at(
        seen([50, 60, 70, 110, 130] * 8),
        RankLook(number=1, n=26, bound=100, beyond=110, within_score=D(1), within_p=D(1), beyond_p=D(1)),
        100,
        110,
    )
    more = samples_until(look, 40, SURE)
    assert more is not None
    later = look_at(seen([50, 60, 70, 110, 130] * ((40 + more) // 5)), None, 100, 110)
    assert later.within_p <= level_of(8, SURE)
    assert samples_until(look_at(seen([130] * 20), None, 100, 110), 20, SURE) is None


def test_a_difference_within_the_simulators_own_noise_is_no_fault_of_the_venue() -> None:
    """Without it a noisy simulator would demote a good venue."""
    gates = Gates(max_twin_slippage_bps=D(5), max_ack_delay_ms=None)
    evidence = StepEvidence(twin_slippage=seen([80] * 40))
    look_where_due(evidence, gates)
    assert evidence.looks["twin_slippage"].beyond_p < D("0.001")
    noisy = StepEvidence(twin_slippage=seen([80] * 40), noise=seen([30, -30, 25, -40]))
    assert noise_tenths(noisy) == 30
    look_where_due(noisy, gates)
    assert noisy.looks["twin_slippage"].beyond_p > D("0.5")
    assert {one.gate: one.beyond for one in comparisons(noisy, gates)} == {"slippage": 110, "twin_slippage": 90}
