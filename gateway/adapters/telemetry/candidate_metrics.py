"""Metrics of candidates. The labels are bounded: few candidates are configured, and each tells few rules apart."""

from gateway.adapters.telemetry.metric import Metric, counter, gauge

CANDIDATE_METRICS: tuple[Metric, ...] = (
    gauge(
        "gateway_candidate_running",
        "1 while a candidate judges orders, 0 while it cannot be used or its process is down.",
        "It judges orders again.",
        "candidate",
    ),
    gauge(
        "gateway_candidate_problems",
        "What keeps a candidate, or the newest content of its files, from judging orders.",
        "Look at GET /api/trading/candidates; no order is affected.",
        "candidate",
        unit="problems",
    ),
    counter(
        "gateway_candidate_orders_total",
        "Orders and replaces that a candidate judged, since its content last changed.",
        "Business.",
        "candidate",
        is_read=True,
    ),
    counter(
        "gateway_candidate_differences_total",
        "Those that it would not have treated alike, by kind (denies, admits, routes) and rule; one that breaks two "
        "rules counts in both. Beyond 50 rules: other.",
        "Compare with the orders judged, before the candidate is put in force.",
        "candidate",
        "kind",
        "rule",
        is_read=True,
    ),
    gauge(
        "gateway_candidate_difference_notional",
        "Value in the base currency in which a candidate differs, by kind.",
        "More of the business would go otherwise.",
        "candidate",
        "kind",
        unit="base currency",
    ),
    gauge(
        "gateway_candidate_rule_notional",
        "Value in the base currency in which a candidate differs, by kind and rule; one that breaks two rules counts "
        "in both. Beyond 50 rules: other.",
        "More of the business would go otherwise by this rule.",
        "candidate",
        "kind",
        "rule",
        unit="base currency",
    ),
    gauge(
        "gateway_candidate_verdict",
        "1 for what each gate of a candidate says now (fail, error, not_enough_evidence, pass), 0 for the others.",
        "pass of all its gates: what rollout.yaml needs candidates for may be put in force.",
        "candidate",
        "gate",
        "verdict",
    ),
    counter(
        "gateway_candidate_unjudged_total",
        "Orders that say nothing for a candidate, by reason: error, skipped (too far behind), undecided, assumed (a "
        "policy that nobody could ask).",
        "error: the candidate fails, and in force it would deny. skipped: it is too slow.",
        "candidate",
        "reason",
        is_read=True,
    ),
    gauge(
        "gateway_candidate_behind_records",
        "Records that a candidate has not read yet.",
        "It does not keep up; no order waits for it.",
        "candidate",
        unit="records",
    ),
)
