"""When a candidate has shown enough: no evidence is no pass, and what cannot be told is an error."""

from typing import Any

import pytest

from gateway.core.candidates.gates import assess
from gateway.domain.candidates import CandidateGates, CandidateReport, DifferenceKind, KindTotal
from gateway.domain.rollout import Verdict, gravest
from tests.world import D

GATES = CandidateGates(max_differences=D("0.1"))
FAIL, ERROR, NOT_ENOUGH, PASS = Verdict.FAIL, Verdict.ERROR, Verdict.NOT_ENOUGH, Verdict.PASS


def report(orders: int, errors: int = 0, differences: int = 0, skipped: int = 0) -> CandidateReport:
    totals = {DifferenceKind.DENIES: KindTotal(orders=differences)}
    return CandidateReport(
        revision="r", since_seq=0, since_ns=0, orders=orders, errors=errors, totals=totals, skipped=skipped
    )


@pytest.mark.parametrize(
    ("seen", "trouble", "verdict"),
    [
        (None, "", NOT_ENOUGH),
        (report(0), "", NOT_ENOUGH),
        (report(999), "", NOT_ENOUGH),
        (report(5_000), "", PASS),
        (report(5_000, differences=100), "", PASS),
        (report(5_000, differences=499), "", NOT_ENOUGH),
        (report(5_000, differences=900), "", FAIL),
        (report(5_000, errors=200), "", FAIL),
        (report(0, errors=7), "", NOT_ENOUGH),
        (report(5_000, skipped=1), "", ERROR),
        (report(5_000), "it is stopped", ERROR),
        (report(5_000, errors=200), "it is stopped", FAIL),
    ],
)
def test_only_evidence_passes(seen: Any, trouble: str, verdict: Verdict) -> None:
    """Without this, a candidate that saw nothing, failed, or was down would look ready."""
    assert gravest(one.verdict for one in assess(seen, GATES, trouble)) is verdict


def test_what_is_still_needed_is_told() -> None:
    """Without this, people would wait for evidence and not know how long."""
    orders, errors = assess(report(400), CandidateGates(), "")
    assert (orders.verdict, orders.needed) == (NOT_ENOUGH, 600)
    assert errors.needed is not None
    again = report(400 + errors.needed)
    assert assess(again, CandidateGates(), "")[1].verdict is PASS
