"""Whether a candidate has shown enough to be put in force, gate by gate.

The verdicts are those of a rollout, and so is the statistics: no evidence is not a pass, people may look every day, and
what cannot be told now is an error, which neither passes nor fails.
"""

from collections.abc import Iterator
from decimal import Decimal

from gateway.core.evidence.rates import is_above, is_below, lower_bound, samples_needed, upper_bound
from gateway.domain.candidates import CandidateGates, CandidateReport
from gateway.domain.money import plain, ratio
from gateway.domain.rollout import GateResult, Verdict


def assess(report: CandidateReport | None, gates: CandidateGates, trouble: str) -> tuple[GateResult, ...]:
    """Every gate. ``trouble`` says in words why the candidate does not judge every order now; empty when it does."""
    return tuple(_gates(report or CandidateReport(revision="", since_seq=0, since_ns=0), gates, trouble))


def _gates(report: CandidateReport, gates: CandidateGates, trouble: str) -> Iterator[GateResult]:
    orders = report.orders
    needed = max(gates.min_orders - orders, 0)
    verdict = Verdict.NOT_ENOUGH if needed else Verdict.PASS
    text = f"{orders} of {gates.min_orders} orders judged"
    yield GateResult(
        gate="orders", verdict=verdict, text=text, n=orders, needed=needed, limit=Decimal(gates.min_orders)
    )
    if gates.min_days:
        days = report.days
        verdict = Verdict.PASS if days >= gates.min_days else Verdict.NOT_ENOUGH
        text = f"orders were judged on {days} of {gates.min_days} trading days"
        yield GateResult(gate="days", verdict=verdict, text=text, n=days, limit=Decimal(gates.min_days))
    yield _rate("errors", report.errors, orders, gates.max_errors, gates)
    if gates.max_differences is not None:
        yield _rate("differences", report.differences, orders, gates.max_differences, gates)
    if report.skipped:
        text = f"{report.skipped} orders passed unjudged: whether they would have differed, nobody knows"
        yield GateResult(gate="skipped", verdict=Verdict.ERROR, text=text, n=report.skipped)
    if trouble:
        yield GateResult(gate="at_work", verdict=Verdict.ERROR, text=trouble)


def _rate(gate: str, bad: int, n: int, bound: Decimal, gates: CandidateGates) -> GateResult:
    """``bad`` of ``n`` against a rate that must be proven not to be reached. Errors on orders that differ too may make
    ``bad`` more than ``n``."""
    bad, sure = min(bad, n), gates.confidence
    limit = f"{plain(bound * 100)}%"
    if is_above(bad, n, bound, sure):
        verdict, words = Verdict.FAIL, f"proven above {limit}"
    elif is_below(bad, n, bound, sure):
        verdict, words = Verdict.PASS, f"proven below {limit}"
    else:
        verdict, words = Verdict.NOT_ENOUGH, f"neither above nor below {limit} is proven"
    return GateResult(
        gate=gate,
        verdict=verdict,
        text=f"{bad} {gate} in {n} orders: {words} at {plain(sure * 100)}%",
        n=n,
        needed=samples_needed(bad, n, bound, sure) if verdict is Verdict.NOT_ENOUGH else 0,
        value=ratio(Decimal(bad), Decimal(n)) if n else None,
        lower=lower_bound(bad, n, sure),
        upper=upper_bound(bad, n, sure),
        limit=bound,
    )
