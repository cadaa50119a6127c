"""What the gates do with venues over months: rarely a wrong promotion, rarely a missed one, a bad venue found soon."""

import numpy as np
import pytest

from gateway.core.evidence.histogram import Histogram
from gateway.core.evidence.ranks import signed_rank
from tests.rollouts.simulation import (
    BAD_IS_DEMOTED_BEFORE,
    BAD_ONES,
    GOOD,
    HIGHEST,
    LOWEST,
    MOST_FALSE_PROMOTIONS,
    MOST_MISSED_PROMOTIONS,
    UNFIT,
    Kind,
    run,
    score_of,
)

#: With room for what so few rollouts may show by chance; `make rollouts` runs 10,000 of each.
ROLLOUTS, DAYS = 60, 60


@pytest.mark.parametrize("kind", UNFIT, ids=lambda kind: kind.name)
def test_a_venue_that_is_not_better_than_the_bound_is_hardly_ever_promoted(kind: Kind) -> None:
    """Without it looking daily would promote a quarter of them, as tests for one look do."""
    assert run(kind, ROLLOUTS, max_days=DAYS).promoted <= MOST_FALSE_PROMOTIONS


def test_a_good_venue_is_hardly_ever_missed() -> None:
    """Without it nothing would ever be promoted, and people would set every venue by hand."""
    assert 1 - run(GOOD, ROLLOUTS, max_days=DAYS).promoted <= MOST_MISSED_PROMOTIONS


@pytest.mark.parametrize("kind", BAD_ONES, ids=lambda kind: kind.name)
def test_a_bad_venue_is_demoted_before_many_orders(kind: Kind) -> None:
    """Without it a venue that rejects one order in ten, or fills badly, would have traded for weeks."""
    one = run(kind, ROLLOUTS)
    assert (one.demoted, one.promoted) == (1, 0)
    assert np.quantile(one.orders, 0.99) < BAD_IS_DEMOTED_BEFORE


def test_the_fast_ranks_are_those_of_the_core() -> None:
    """Without it the simulation would be of another test than the one that decides."""
    values = np.clip(np.random.default_rng(3).normal(80, 60, 400).astype(int), -900, 900)
    samples = Histogram()
    for value in values.tolist():
        samples.add(value)
    above, variance, n = signed_rank(samples, 100)
    counts = np.bincount(values - LOWEST, minlength=HIGHEST - LOWEST + 1)
    assert score_of(counts, 100) == pytest.approx((float(above) - n * (n + 1) / 4) / float(variance) ** 0.5)
