"""Volatility, correlation, VaR and expected shortfall against figures worked out by hand, and the honesty of None."""

import math
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gateway.service.risk_statistics import correlation, returns_of, tail_risk, volatility

D = Decimal


def test_a_gap_in_the_prices_is_no_return() -> None:
    """Without this, a night without prices would count as the wildest minute of the week."""
    assert returns_of([100.0, 110.0, None, 200.0, 100.0]) == [110 / 100 - 1, None, None, -0.5]


def test_volatility_is_that_of_a_day() -> None:
    """Without this, sizes would be scaled by the wildness of a minute, some forty times too small."""
    # Mean 0, squares sum to 4e-4, over n - 1 = 3; four periods make a day.
    series = [0.01, -0.01, 0.01, -0.01, None]
    assert volatility(series, 2, 4) == D(repr(math.sqrt(4e-4 / 3) * 2)).quantize(D("1e-8"))


def test_correlation_of_pairs_that_move_together_apart_and_not_at_all() -> None:
    """Without this, a correlation limit would see a hedge as a doubling, or a flat line as a twin."""
    series = [0.01, -0.02, 0.03, None, 0.01]
    assert correlation(series, [None if r is None else 2 * r for r in series], 2) == 1
    assert correlation(series, [None if r is None else -r for r in series], 2) == -1
    assert correlation([1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0], 2) == 0
    assert correlation(series, [0.0] * 5, 2) is None


def test_too_few_samples_give_no_figure() -> None:
    """Without this, a limit would rest on a handful of minutes, or read an unknown risk as none."""
    assert volatility([0.01, -0.01, None], 3, 1) is None
    assert correlation([0.01, None, 0.02], [0.01, 0.02, None], 2) is None
    assert tail_risk([1.0] * 9, 10, 1) is None
    assert tail_risk([1.0, -1.0] * 5, 10, 1) is not None


def test_value_at_risk_and_expected_shortfall_by_both_methods() -> None:
    """Without this, a desk would be told of a fraction of what a bad day may cost."""
    found = tail_risk([float(n) for n in range(-100, 100)], 100, 4)  # losses 100, 99, ... ; two periods' root is 2
    assert found is not None
    assert found.sample_count == 200
    # The 10th and the 2nd worst of 200 losses, and the means of the 10 and the 2 worst, for a day.
    assert (found.historical_var_95, found.historical_var_99) == (182, 198)
    assert found.historical_expected_shortfall_95 == D("191.00")
    assert found.historical_expected_shortfall_99 == D("199.00")
    deviation = math.sqrt(sum((n + 0.5) ** 2 for n in range(-100, 100)) / 199) * 2
    assert found.parametric_var_95 == D(repr(1.6448536269514722 * deviation)).quantize(D("0.01"))
    assert found.parametric_var_99 == D(repr(2.3263478740408408 * deviation)).quantize(D("0.01"))
    # p(z) / (1 - c) of the standard normal distribution: 2.0627 and 2.6652.
    assert abs(float(found.parametric_expected_shortfall_95) / deviation - 2.0627) < 1e-4
    assert abs(float(found.parametric_expected_shortfall_99) / deviation - 2.6652) < 1e-4


@given(pnls=st.lists(st.floats(-1e6, 1e6), min_size=20, max_size=300))
def test_the_further_into_the_tail_the_larger_the_loss(pnls: list[float]) -> None:
    """Without this, a formula with its ends swapped would call the worst day the mildest."""
    found = tail_risk(pnls, 20, 1)
    assert found is not None
    assert 0 <= found.historical_var_95 <= found.historical_var_99
    assert found.historical_var_95 <= found.historical_expected_shortfall_95
    assert found.historical_var_99 <= found.historical_expected_shortfall_99
    assert found.parametric_var_95 <= found.parametric_expected_shortfall_95
