"""Rollouts of invented venues over months, by the plan of the shipped file and the core's own tests of rates.

``python -m tests.rollouts.simulation`` runs 10,000 of each kind and prints how many were promoted and demoted. Each
day is looked at ten times, as people do; orders are drawn in bulk, so that months take seconds.
"""

import sys
from decimal import Decimal
from functools import cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.core.evidence.rates import is_above, is_below
from gateway.domain.rollout import Rollout

D = Decimal
TERMS = Rollout()
SURE = TERMS.gates.confidence
#: Orders a day at the venue, of both routes; a rollout that is not over by then is over undecided.
DAILY_ORDERS, MAX_DAYS, LOOKS = 2_000, 120, 10


class Kind(msgspec.Struct, frozen=True):
    """A kind of venue: how often it errs, and how often it leaves unfilled what a twin fills."""

    name: str
    error_rate: float
    unfilled_rate: float


class Outcome(msgspec.Struct, frozen=True):
    """What became of many rollouts of one kind. ``orders`` are the live orders of each until it was over."""

    promoted: float
    demoted: float
    undecided: float
    orders: NDArray[np.int64]
    was_demoted: NDArray[np.bool_]


GOOD = Kind("ten times better than the bounds", 0.0001, 0.005)
AT_BOUND = Kind("exactly at the bound of errors", 0.001, 0.005)
SLIGHTLY_WORSE = Kind("slightly worse (0.12% errors)", 0.0012, 0.005)
UNFILLING = Kind("exactly at the bound of fills", 0.0001, 0.05)
BAD = Kind("bad (10% rejected)", 0.1, 0.005)
KINDS = (GOOD, AT_BOUND, SLIGHTLY_WORSE, UNFILLING, BAD)


@cache
def fewest_that_pass(bad: int, rate: Decimal) -> int:
    """The fewest orders among which ``bad`` bad ones prove a rate below ``rate``."""
    low, high = 1, 1_000
    while not is_below(bad, high, rate, SURE):
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_below(bad, middle, rate, SURE) else (middle + 1, high)
    return low


@cache
def most_that_fail(bad: int, rate: Decimal) -> int:
    """The most orders among which ``bad`` bad ones prove a rate above ``rate``; 0 when no number does."""
    if not is_above(bad, bad, rate, SURE):
        return 0
    low, high = bad, max(2 * bad, 1_000)
    while is_above(bad, high, rate, SURE):
        low, high = high, high * 2
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if is_above(bad, middle, rate, SURE) else (low, middle - 1)
    return low


def passes(bad: int, n: int, rate: Decimal) -> bool:
    return n >= fewest_that_pass(bad, rate)


def fails(bad: int, n: int, rate: Decimal) -> bool:
    return 0 < n <= most_that_fail(bad, rate)


def run(kind: Kind, rollouts: int, seed: int = 1, max_days: int = MAX_DAYS) -> Outcome:
    """Many rollouts of one kind, each until it is LIVE, demoted, or its days are over."""
    draw = np.random.default_rng(seed)
    ends = [_one(kind, draw, max_days) for _ in range(rollouts)]
    words = [end for end, _ in ends]
    return Outcome(
        words.count("promoted") / rollouts,
        words.count("demoted") / rollouts,
        words.count("undecided") / rollouts,
        np.array([orders for _, orders in ends]),
        np.array([end == "demoted" for end in words]),
    )


def _one(kind: Kind, draw: np.random.Generator, max_days: int) -> tuple[str, int]:
    plan, gates = TERMS.plan, TERMS.gates
    assert gates.max_error_rate is not None
    assert gates.min_fill_rate is not None
    unfilled_bound = 1 - gates.min_fill_rate
    position = days = canary_days = step_orders = orders = errors = unfilled = 0
    for _ in range(max_days):
        share = plan[position].weight_bp * DAILY_ORDERS / 10_000 / LOOKS
        counts = draw.poisson(share, LOOKS)
        bad = draw.binomial(counts, kind.error_rate)
        missed = draw.binomial(counts - bad, kind.unfilled_rate)
        for n, more_bad, more_missed in zip(counts.tolist(), bad.tolist(), missed.tolist(), strict=True):
            orders, errors = orders + n, errors + more_bad
            step_orders, unfilled = step_orders + n, unfilled + more_missed
            if fails(errors, orders, gates.max_error_rate) or fails(unfilled, step_orders, unfilled_bound):
                return "demoted", orders
        days, canary_days = days + 1, canary_days + 1
        step = plan[position]
        proven = step.max_error_rate or gates.max_error_rate
        is_last = position == len(plan) - 1
        if (
            days >= step.days
            and step_orders >= step.min_orders
            and passes(errors, orders, proven)
            and passes(unfilled, step_orders, unfilled_bound)
            and (not is_last or canary_days >= TERMS.live_after_days)
        ):
            if is_last:
                return "promoted", orders
            position, days, step_orders, unfilled = position + 1, 0, 0, 0
    return "undecided", orders


def main(rollouts: int) -> None:
    print(f"{rollouts:,} rollouts of each kind, {DAILY_ORDERS:,} orders a day, at most {MAX_DAYS} days")
    for kind in KINDS:
        one = run(kind, rollouts)
        text = f"{one.promoted:7.2%} LIVE, {one.demoted:7.2%} demoted, {one.undecided:7.2%} undecided"
        if one.was_demoted.any():
            seen = one.orders[one.was_demoted]
            text += f"; live orders until demoted: median {int(np.median(seen))}, 99% by {int(np.quantile(seen, 0.99))}"
        print(f"{kind.name:34} {text}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
