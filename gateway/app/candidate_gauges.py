"""What metrics tell of candidates, read when they are scraped."""

from collections.abc import Mapping

from gateway.adapters.telemetry import Reading
from gateway.adapters.telemetry.candidate_metrics import CANDIDATE_METRICS
from gateway.domain.rollout import Verdict
from gateway.ports.candidates import Candidates, CandidateState

_AT_WORK = (CandidateState.RUNNING, CandidateState.CATCHING_UP)


def candidate_readings(candidates: Candidates) -> Mapping[str, Reading]:
    """The readings of every candidate that is configured now."""
    found: dict[str, dict[tuple[str, ...], float]] = {metric.name: {} for metric in CANDIDATE_METRICS}

    def put(name: str, value: float, *labels: str) -> None:
        found[f"gateway_candidate_{name}"][labels] = value

    for one in candidates.candidates():
        put("running", float(one.state in _AT_WORK), one.name)
        put("problems", float(len(one.problems)), one.name)
        for gate in one.gates:
            for verdict in Verdict:
                put("verdict", float(gate.verdict is verdict), one.name, gate.gate, verdict.value)
        report = one.report
        if report is None:
            continue
        put("orders_total", float(report.orders), one.name)
        put("behind_records", float(report.head_seq - report.seq), one.name)
        for kind, total in report.totals.items():
            put("difference_notional", float(total.notional), one.name, kind.value)
        for rule in report.rules:
            put("differences_total", float(rule.orders), one.name, rule.kind.value, rule.rule)
            put("rule_notional", float(rule.notional), one.name, rule.kind.value, rule.rule)
        for reason, count in (
            ("error", report.errors),
            ("skipped", report.skipped),
            ("undecided", report.undecided),
            ("assumed", report.assumed),
        ):
            put("unjudged_total", float(count), one.name, reason)
    return found
