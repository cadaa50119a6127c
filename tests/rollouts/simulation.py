"""Rollouts of invented venues over months, by the plan of the shipped file and the core's own tests of rates and ranks.

``python -m tests.rollouts.simulation`` runs 10,000 of each kind and prints how many were promoted and demoted. Each
day is looked at ten times, as people do; orders are drawn in bulk, so that months take seconds.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from functools import cache, partial
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.core.evidence.ranks import level_of, next_size
from gateway.core.evidence.rates import is_above, is_below
from gateway.domain.rollout import Rollout

TERMS = Rollout()
SURE = TERMS.gates.confidence
#: Orders a day at the venue, of both routes; a rollout that is not over by then is over undecided.
DAILY_ORDERS, MAX_DAYS, LOOKS = 2_000, 120, 10


class Kind(msgspec.Struct, frozen=True):
    """A kind of venue: how often it errs, how often it leaves unfilled what a twin fills, the middle of its slippage
    (tenths of a basis point), and of how much later than its twins it acknowledges (milliseconds)."""

    name: str
    error_rate: float = 0.0001
    unfilled_rate: float = 0.005
    slippage: float = 20
    delay_ms: float = 100


class Outcome(msgspec.Struct, frozen=True):
    """What became of many rollouts of one kind. ``orders`` are the live orders of each until it was over."""

    promoted: float
    demoted: float
    undecided: float
    orders: NDArray[np.int64]
    was_demoted: NDArray[np.bool_]


GOOD = Kind("far better than the bounds")
AT_BOUND = Kind("exactly at the bound of errors", 0.001)
SLIGHTLY_WORSE = Kind("slightly worse (0.12% errors)", 0.0012)
UNFILLING = Kind("exactly at the bound of fills", unfilled_rate=0.05)
SLIPPING = Kind("exactly at the bound of slippage", slippage=100)
SLIPPING_MORE = Kind("slightly worse slippage (11 bps)", slippage=110)
DELAYED = Kind("exactly at the bound of delay", delay_ms=500)
DELAYED_MORE = Kind("slightly slower (520 ms)", delay_ms=520)
BAD = Kind("bad (10% rejected)", 0.1)
BAD_SLIPPAGE = Kind("bad slippage (20 bps)", slippage=200)
BAD_DELAY = Kind("bad delay (1.5 s)", delay_ms=1_500)
#: Those that must not be promoted, and those that must be demoted.
UNFIT = (AT_BOUND, SLIGHTLY_WORSE, UNFILLING, SLIPPING, SLIPPING_MORE, DELAYED, DELAYED_MORE)
BAD_ONES = (BAD, BAD_SLIPPAGE, BAD_DELAY)
KINDS = (GOOD, *UNFIT, *BAD_ONES)
#: How far single orders are from the middle: heavy tails (Student, three degrees of freedom), in the same units.
SLIPPAGE_SPREAD, DELAY_SPREAD_MS = 60.0, 120.0
LOWEST, HIGHEST = -1_000, 3_000


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


@cache
def needed_score(number: int) -> float:
    """The score that a look of this number must reach."""
    return NormalDist().inv_cdf(1 - float(level_of(number, SURE)))


def score_of(counts: NDArray[np.int64], shift: int) -> float:
    """The standard score of "above ``shift``" by signed ranks, of samples counted by value from ``LOWEST`` on: what
    ``core.evidence.ranks`` says, a thousand times faster (a test compares them)."""
    middle = shift - LOWEST
    far = max(middle, len(counts) - middle - 1)
    above, below = np.zeros(far), np.zeros(far)
    above[: len(counts) - middle - 1] = counts[middle + 1 :]
    below[:middle] = counts[:middle][::-1]
    ties = above + below
    n = ties.sum()
    ranks = np.cumsum(ties) - (ties - 1) / 2
    variance = n * (n + 1) * (2 * n + 1) / 24 - (ties**3 - ties).sum() / 48
    return float(((ranks * above).sum() - n * (n + 1) / 4) / variance**0.5) if variance else 0.0


class Watch:
    """One comparison of a step: samples, drawn when there is a look at them, and what the last look said."""

    def __init__(self, middle: float, spread: float, bound: int, beyond: int) -> None:
        self._terms = middle, spread
        self._bounds = bound, beyond
        self._counts = np.zeros(HIGHEST - LOWEST + 1, np.int64)
        self._n = self._drawn = self._looks = 0
        self._next = TERMS.gates.min_pairs
        self.passes = self.fails = False

    def grow(self, draw: np.random.Generator, n: int) -> None:
        self._n += n
        if self._n < self._next:
            return
        middle, spread = self._terms
        samples = np.rint(middle + draw.standard_t(3, self._n - self._drawn) * spread).astype(np.int64)
        self._counts += np.bincount(np.clip(samples, LOWEST, HIGHEST) - LOWEST, minlength=len(self._counts))
        self._drawn = self._n
        self._looks += 1
        self._next = next_size(self._n)
        needed = needed_score(self._looks)
        self.passes = -score_of(self._counts, self._bounds[0]) >= needed
        self.fails = score_of(self._counts, self._bounds[1]) >= needed


def watches(kind: Kind) -> tuple[Watch, Watch]:
    """What a step begins with."""
    gates = TERMS.gates
    assert gates.max_slippage_bps is not None
    assert gates.max_ack_delay_ms is not None
    bps, ms = int(gates.max_slippage_bps * 10), gates.max_ack_delay_ms
    return (
        Watch(kind.slippage, SLIPPAGE_SPREAD, bps, bps + int(gates.min_effect_bps * 10)),
        Watch(kind.delay_ms, DELAY_SPREAD_MS, ms, ms + gates.min_effect_ms),
    )


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
    compared = watches(kind)
    for _ in range(max_days):
        share = plan[position].weight_bp * DAILY_ORDERS / 10_000 / LOOKS
        counts = draw.poisson(share, LOOKS)
        bad = draw.binomial(counts, kind.error_rate)
        missed = draw.binomial(counts - bad, kind.unfilled_rate)
        for n, more_bad, more_missed in zip(counts.tolist(), bad.tolist(), missed.tolist(), strict=True):
            orders, errors = orders + n, errors + more_bad
            step_orders, unfilled = step_orders + n, unfilled + more_missed
            for one in compared:
                one.grow(draw, n - more_bad)
            is_failed = fails(errors, orders, gates.max_error_rate) or fails(unfilled, step_orders, unfilled_bound)
            if is_failed or any(one.fails for one in compared):
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
            and all(one.passes for one in compared)
            and (not is_last or canary_days >= TERMS.live_after_days)
        ):
            if is_last:
                return "promoted", orders
            position, days, step_orders, unfilled = position + 1, 0, 0, 0
            compared = watches(kind)
    return "undecided", orders


#: The stated levels.
MOST_FALSE_PROMOTIONS, MOST_MISSED_PROMOTIONS, BAD_IS_DEMOTED_BEFORE = 0.05, 0.10, 150


def main(rollouts: int) -> int:
    print(f"{rollouts:,} rollouts of each kind, {DAILY_ORDERS:,} orders a day, at most {MAX_DAYS} days")
    false = missed = 0.0
    slowest = 0
    with ProcessPoolExecutor() as pool:
        outcomes = pool.map(partial(run, rollouts=rollouts), KINDS)
        for kind, one in zip(KINDS, outcomes, strict=True):
            _tell(kind, one)
            if kind == GOOD:
                missed = 1 - one.promoted
            else:
                false = max(false, one.promoted)
            if kind in BAD_ONES:
                slowest = max(slowest, int(np.quantile(one.orders, 0.99)) if one.demoted == 1 else sys.maxsize)
    print(f"false promotions: {false:.2%} at most of a kind, stated {MOST_FALSE_PROMOTIONS:.0%}")
    print(f"missed promotions: {missed:.2%}, stated {MOST_MISSED_PROMOTIONS:.0%}")
    print(f"live orders until a bad venue is demoted: 99% by {slowest}, stated {BAD_IS_DEMOTED_BEFORE}")
    is_met = false <= MOST_FALSE_PROMOTIONS and missed <= MOST_MISSED_PROMOTIONS and slowest < BAD_IS_DEMOTED_BEFORE
    return 0 if is_met else 1


def _tell(kind: Kind, one: Outcome) -> None:
    text = f"{one.promoted:7.2%} LIVE, {one.demoted:7.2%} demoted, {one.undecided:7.2%} undecided"
    if one.was_demoted.any():
        seen = one.orders[one.was_demoted]
        text += f"; live orders until demoted: median {int(np.median(seen))}, 99% by {int(np.quantile(seen, 0.99))}"
    print(f"{kind.name:34} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
