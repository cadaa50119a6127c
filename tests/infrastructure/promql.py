"""As much of PromQL as finding names needs: which metrics an expression reads, with which labels."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from gateway.adapters.telemetry.catalogue import BY_NAME
from gateway.adapters.telemetry.metric import MetricKind

#: Labels that Prometheus adds to all that it scrapes, or that histograms bring.
ALWAYS = frozenset({"job", "instance", "le"})
#: Metrics that are not of the catalogue: of Prometheus, the process and the companions.
FOREIGN = ("up", "process_", "python_", "gateway_build_info", "opa_", "http_request_duration_seconds", "alertmanager_")

_selector = re.compile(r"\b(gateway(?:_[a-z0-9_]+|:[a-z0-9_:]+))(?:\{([^}]*)\})?")
_matcher = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
_grouping = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")


class Selector(NamedTuple):
    name: str
    labels: frozenset[str]


def selectors(expression: str) -> Iterator[Selector]:
    """Every metric or recorded ratio of the gateway in the expression, with the labels it is asked by."""
    for name, matchers in _selector.findall(expression):
        yield Selector(name, frozenset(_matcher.findall(matchers)))


def grouping_labels(expression: str) -> set[str]:
    return {label.strip() for inside in _grouping.findall(expression) for label in inside.split(",") if label.strip()}


def labels_of(name: str) -> frozenset[str] | None:
    """The labels of a metric of the catalogue, also under the names of its parts; None for one that is not there."""
    metric = BY_NAME.get(name)
    if metric is None:
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        metric = BY_NAME.get(base)
        if metric is None or metric.kind is not MetricKind.HISTOGRAM:
            return None
    elif metric.kind is MetricKind.HISTOGRAM:
        return None  # a histogram has no series under its own name
    return frozenset(metric.labels)
