"""``docs/metrics.md``, written from the catalogue: ``python -m tests.telemetry.page``."""

from pathlib import Path

from gateway.adapters.telemetry.catalogue import CATALOGUE
from gateway.adapters.telemetry.metric import Metric

PAGE = Path(__file__).parents[2] / "docs/metrics.md"

_HEAD = """# Metrics

Written from `gateway/adapters/telemetry/catalogue.py` by `python -m tests.telemetry.page`;
edit the catalogue, not this file. `GET /metrics` serves them in the Prometheus text format, with the usual
`process_*` and `python_*` metrics and `gateway_build_info{version}` beside them. No label is ever an order id.

| metric | kind | unit | labels | what it is | when it rises |
| --- | --- | --- | --- | --- | --- |
"""

_TAIL = """
Every label set of a configured venue exists from the start with 0, so `increase()` sees the first event. A venue
that is not configured counts as `other`; an order that was denied before its venue's mode was looked at has mode
`none`, and every denied one has route `none`. Sums of `gateway_orders_total` make sense per `outcome`, not over
outcomes: an order that was admitted is counted again when it is filled, canceled, expired or rejected.

Figures that are read from state (`gateway_mode`, `gateway_exposure` ...) are read when scraped and cost orders
nothing. Buckets: """


def page() -> str:
    """The whole file."""
    rows = "".join(_row(metric) for metric in CATALOGUE)
    buckets = "; ".join(
        f"`{metric.name}` " + ", ".join(f"{bound:g}" for bound in metric.buckets)
        for metric in CATALOGUE
        if metric.buckets
    )
    return f"{_HEAD}{rows}{_TAIL}{buckets}.\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "none"
    return f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {metric.help} | {metric.rising} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
