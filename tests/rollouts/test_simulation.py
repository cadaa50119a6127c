"""What the gates do with venues over months: rarely a wrong promotion, rarely a missed one, a bad venue found soon."""

import numpy as np
import pytest

from tests.rollouts.simulation import AT_BOUND, BAD, GOOD, SLIGHTLY_WORSE, UNFILLING, Kind, run

ROLLOUTS, DAYS = 100, 60
#: The stated levels, with room for what 100 rollouts may show by chance; `make rollouts` runs 10,000 of each.
MOST_FALSE_PROMOTIONS = 0.05
MOST_MISSED_PROMOTIONS = 0.10
BAD_IS_DEMOTED_BEFORE = 150


@pytest.mark.parametrize("kind", [AT_BOUND, SLIGHTLY_WORSE, UNFILLING], ids=lambda kind: kind.name)
def test_a_venue_that_is_not_better_than_the_bound_is_hardly_ever_promoted(kind: Kind) -> None:
    """Without it looking daily would promote a quarter of them, as tests for one look do."""
    assert run(kind, ROLLOUTS, max_days=DAYS).promoted <= MOST_FALSE_PROMOTIONS


def test_a_good_venue_is_hardly_ever_missed() -> None:
    """Without it nothing would ever be promoted, and people would set every venue by hand."""
    assert 1 - run(GOOD, ROLLOUTS, max_days=DAYS).promoted <= MOST_MISSED_PROMOTIONS


def test_a_bad_venue_is_demoted_before_many_orders() -> None:
    """Without it a venue that rejects one order in ten would have traded for weeks."""
    one = run(BAD, ROLLOUTS)
    assert (one.demoted, one.promoted) == (1, 0)
    assert np.quantile(one.orders, 0.99) < BAD_IS_DEMOTED_BEFORE
