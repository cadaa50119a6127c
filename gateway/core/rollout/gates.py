"""What the evidence of a venue says, gate by gate. Read, never written: equal evidence gives equal verdicts.

A gate without samples never passes, and one that cannot be measured now (the venue is away, orders hang) is an error,
which neither passes nor fails.
"""

from collections.abc import Iterator
from decimal import Decimal

from gateway.core.evidence.memory import VenueRollout
from gateway.core.evidence.ranks import RankLook, next_size, samples_until
from gateway.core.evidence.rates import is_above, is_below, lower_bound, samples_needed, upper_bound, zero_failure_size
from gateway.core.rollout.comparisons import Comparison, comparisons
from gateway.domain.money import ONE, plain, ratio
from gateway.domain.rollout import GateResult, Gates, Rollout, Verdict

_SMALL = Decimal("0.000001")


def assess(rollout: VenueRollout, terms: Rollout, *, is_away: bool, is_brief: bool = False) -> tuple[GateResult, ...]:
    """Every gate of the step at which the venue stands. In SHADOW only what its first step asks for.

    ``is_brief`` True: the verdicts without the figures for people, which take ten times as long to work out.
    """
    found = list(_requirements(rollout, terms))
    if rollout.evidence.position >= 0 or rollout.override is not None:
        found += _quality(rollout, terms, is_brief=is_brief)
    if is_away:
        text = "the venue is away: nothing can be said while it is"
        found.append(GateResult(gate="venue", verdict=Verdict.ERROR, text=text))
    return tuple(found)


def _quality(rollout: VenueRollout, terms: Rollout, *, is_brief: bool) -> Iterator[GateResult]:
    evidence, gates = rollout.evidence, terms.gates
    step = terms.step_at(evidence.position)
    proven = None if step is None else step.max_error_rate
    if gates.max_error_rate is not None:
        yield _error_rate(rollout, gates, proven, is_brief=is_brief)
    if gates.min_fill_rate is not None:
        total = evidence.total
        unfilled, bound = total.pairs - total.hits, ONE - gates.min_fill_rate
        yield _rate("fill_rate", unfilled, total.pairs, bound, gates, "unfilled", is_brief=is_brief)
    for one in comparisons(evidence, gates):
        yield _compared(one, evidence.looks.get(one.gate), gates, is_brief=is_brief)
    if gates.max_ack_ms is not None:
        slow = evidence.ack_ms.above(gates.max_ack_ms)
        words, n = f"above {gates.max_ack_ms} ms", evidence.ack_ms.n
        yield _rate("slow_acks", slow, n, gates.max_slow_acks, gates, words, is_brief=is_brief)
    yield _breaches(rollout, gates)
    if rollout.in_doubt:
        text = f"{rollout.in_doubt} live orders wait for the venue's answer"
        yield GateResult(gate="in_doubt", verdict=Verdict.ERROR, text=text, n=rollout.in_doubt)


def _error_rate(rollout: VenueRollout, gates: Gates, proven: Decimal | None, *, is_brief: bool) -> GateResult:
    """Over all steps of the rollout. It fails by the bound of the gates, and passes by that of the step."""
    bound = gates.max_error_rate
    assert bound is not None  # asked by the caller
    n, bad = rollout.orders, min(rollout.errors, rollout.orders)
    proven = bound if proven is None else max(proven, bound)
    return _rate("error_rate", bad, n, proven, gates, "errors", bound, is_brief=is_brief)


def _rate(
    gate: str,
    bad: int,
    n: int,
    bound: Decimal,
    gates: Gates,
    words: str,
    fail_bound: Decimal | None = None,
    *,
    is_brief: bool,
) -> GateResult:
    """``bad`` of ``n`` against a bound that must be proven, and one (the same unless given) beyond which it fails."""
    sure = gates.confidence
    if is_above(bad, n, bound if fail_bound is None else fail_bound, sure):
        verdict = Verdict.FAIL
    else:
        verdict = Verdict.PASS if is_below(bad, n, bound, sure) else Verdict.NOT_ENOUGH
    if is_brief:
        return GateResult(gate=gate, verdict=verdict, text="", n=n)
    needed = samples_needed(bad, n, bound, sure) if verdict is Verdict.NOT_ENOUGH else 0
    limit = percent(bound)
    text = f"{bad} {words} in {n}"
    if verdict is Verdict.NOT_ENOUGH:
        size = zero_failure_size(bound, sure)
        text += f": {size:,} without one needed for < {limit} at {percent(sure)}; {needed:,} more as one looks daily"
    elif verdict is Verdict.PASS:
        text += f": proven below {limit} at {percent(sure)}"
    else:
        text += f": proven above {percent(fail_bound or bound)} at {percent(sure)}"
    return GateResult(
        gate=gate,
        verdict=verdict,
        text=text,
        n=n,
        needed=needed,
        value=ratio(Decimal(bad), Decimal(n)) if n else None,
        lower=lower_bound(bad, n, sure),
        upper=upper_bound(bad, n, sure),
        limit=bound,
    )


def _compared(one: Comparison, look: RankLook | None, gates: Gates, *, is_brief: bool) -> GateResult:
    """By the last look at the sample, if that was at the bounds of now."""
    n, sure = one.samples.n, gates.confidence
    if look is not None and look.bound != one.bound:
        look = None
    verdict = Verdict.NOT_ENOUGH if look is None else _verdict_of(look, one, gates)
    if is_brief:
        return GateResult(gate=one.gate, verdict=verdict, text="", n=n)
    limit = ratio(Decimal(one.bound), Decimal(one.scale))
    median = None if one.samples.median is None else ratio(Decimal(one.samples.median), Decimal(one.scale))
    text = f"{one.samples.above(one.bound)} of {n} above {plain(limit)} {one.unit}"
    if median is not None:
        text += f", median {plain(median)} {one.unit}"
    needed = 0
    if verdict is Verdict.PASS and look is not None:
        text += f": proven within it at {percent(sure)} by the ranks of {look.n} (p {_short(look.within_p)})"
    elif verdict is Verdict.FAIL and look is not None:
        beyond = ratio(Decimal(look.beyond), Decimal(one.scale))
        text += f": proven beyond {plain(beyond)} {one.unit} at {percent(sure)} by the ranks of {look.n} "
        text += f"(p {_short(look.beyond_p)})"
    else:
        needed = _needed(look, n, gates)
        text += _why_not_proven(look, needed, gates)
    return GateResult(gate=one.gate, verdict=verdict, text=text, n=n, needed=needed, value=median, limit=limit)


def _verdict_of(look: RankLook, one: Comparison, gates: Gates) -> Verdict:
    """What the look proves. That the sample is beyond less than is asked by now (the simulator's noise has grown) fails
    nothing; that it is within the bound stays so."""
    level = look.level(gates.confidence)
    if look.n < gates.min_pairs:
        return Verdict.NOT_ENOUGH
    if look.beyond_p <= level and look.beyond >= one.beyond:
        return Verdict.FAIL
    return Verdict.PASS if look.within_p <= level else Verdict.NOT_ENOUGH


def _needed(look: RankLook | None, n: int, gates: Gates) -> int:
    """Until it is proven if the orders go on as they are, else until the next look."""
    if look is None:
        return max(gates.min_pairs - n, 1)
    return samples_until(look, n, gates.confidence) or max(next_size(look.n) - n, 1)


def _why_not_proven(look: RankLook | None, needed: int, gates: Gates) -> str:
    if look is None:
        return f": {needed:,} more until the first look at {percent(gates.confidence)}"
    text = f": p {_short(look.within_p)} by the ranks of {look.n}, {_short(look.level(gates.confidence))} at most "
    return text + f"needed as one looks daily; {needed:,} more if they go on so"


def _short(p: Decimal) -> str:
    """A probability to two digits."""
    return "< 0.000001" if p < _SMALL else plain(Decimal(f"{p:.2g}"))


def _breaches(rollout: VenueRollout, gates: Gates) -> GateResult:
    evidence = rollout.evidence
    seen, n = evidence.breaches, evidence.total.orders
    if seen > gates.max_breaches:
        verdict = Verdict.FAIL
    else:
        verdict = Verdict.PASS if n else Verdict.NOT_ENOUGH
    text = f"{seen} breaches of limits in {n} orders, {gates.max_breaches} allowed"
    return GateResult(gate="breaches", verdict=verdict, text=text, n=n, limit=Decimal(gates.max_breaches))


def _requirements(rollout: VenueRollout, terms: Rollout) -> Iterator[GateResult]:
    """Days and orders of the step, and the days of CANARY that LIVE asks for."""
    evidence = rollout.evidence
    step = terms.step_at(evidence.position)
    if evidence.position < 0:
        yield _at_least("days", evidence.days, terms.shadow.days, "days with orders in SHADOW")
        yield _at_least("orders", evidence.shadow_orders, terms.shadow.min_orders, "orders in SHADOW")
    elif step is not None:
        yield _at_least("days", evidence.days, step.days, "trading days with live orders in this step")
        yield _at_least("orders", evidence.total.orders, max(step.min_orders, 1), "live orders in this step")
        if evidence.position == len(terms.plan) - 1:
            yield _at_least("canary_days", rollout.canary_days, terms.live_after_days, "trading days in CANARY")


def _at_least(gate: str, n: int, least: int, words: str) -> GateResult:
    verdict = Verdict.PASS if n >= least else Verdict.NOT_ENOUGH
    text = f"{n} of {least} {words}"
    return GateResult(gate=gate, verdict=verdict, text=text, n=n, needed=max(least - n, 0), limit=Decimal(least))


def percent(share: Decimal) -> str:
    """A ratio as people read it."""
    return f"{plain((share * 100).quantize(Decimal('1e-6')))}%"
