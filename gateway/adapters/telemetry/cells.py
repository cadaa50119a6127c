"""Counters, gauges and histograms that are cheap where orders pass and quick to print.

prometheus_client keeps a lock per value and builds each line anew at every scrape: with the two thousand series of
five venues that was 26 ms in which the event loop served no order (measured), here it is about 1. All of this runs
on the event loop, so no lock is needed; each line's text is made once. What is read at the scrape, and the
process's own metrics, are few and stay with prometheus_client.
"""

from bisect import bisect_left
from collections.abc import Iterator

from gateway.adapters.telemetry.metric import Metric, MetricKind

LabelValues = tuple[str, ...]


class Cell:
    """One number of one label set."""

    __slots__ = ("_line", "value")

    def __init__(self, metric: Metric, values: LabelValues) -> None:
        self._line = series(metric.name, metric.labels, values)
        self.value: float = 0

    def inc(self) -> None:
        self.value += 1

    def set(self, value: float) -> None:
        self.value = value

    def lines(self) -> Iterator[str]:
        yield f"{self._line} {self.value}\n"


class HistogramCell:
    """The distribution of one label set; ``observe`` costs one binary search."""

    __slots__ = ("_bounds", "_bucket_lines", "_count_line", "_counts", "_sum", "_sum_line")

    def __init__(self, metric: Metric, values: LabelValues) -> None:
        self._bounds = metric.buckets
        self._counts = [0] * (len(metric.buckets) + 1)
        self._sum = 0.0
        labels = (*metric.labels, "le")
        bounds = (*(repr(bound) for bound in metric.buckets), "+Inf")
        self._bucket_lines = [series(f"{metric.name}_bucket", labels, (*values, bound)) for bound in bounds]
        self._count_line = series(f"{metric.name}_count", metric.labels, values)
        self._sum_line = series(f"{metric.name}_sum", metric.labels, values)

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self) -> Iterator[str]:
        total = 0
        for line, count in zip(self._bucket_lines, self._counts, strict=True):
            total += count
            yield f"{line} {total}\n"
        yield f"{self._count_line} {total}\n"
        yield f"{self._sum_line} {self._sum}\n"


class Family:
    """All label sets of one metric of the catalogue. A label set exists from the first time it is asked for."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._head = f"# HELP {metric.name} {_escaped(metric.help)}\n# TYPE {metric.name} {metric.kind.value}\n"
        self._cells: dict[LabelValues, Cell] = {}
        self._histograms: dict[LabelValues, HistogramCell] = {}

    def cell(self, *values: str) -> Cell:
        """One label set of a counter or a gauge."""
        assert self._metric.kind is not MetricKind.HISTOGRAM
        found = self._cells.get(values)
        if found is None:
            found = self._cells[values] = Cell(self._metric, values)
        return found

    def histogram(self, *values: str) -> HistogramCell:
        """One label set of a histogram."""
        assert self._metric.kind is MetricKind.HISTOGRAM
        found = self._histograms.get(values)
        if found is None:
            found = self._histograms[values] = HistogramCell(self._metric, values)
        return found

    def text(self) -> str:
        """The family in the text format."""
        cells: tuple[Cell | HistogramCell, ...] = (*self._cells.values(), *self._histograms.values())
        return self._head + "".join(line for cell in cells for line in cell.lines())


def series(name: str, labels: LabelValues, values: LabelValues) -> str:
    """``name{label="value",...}``."""
    if len(labels) != len(values):
        raise ValueError(f"{name} has labels {labels}, was {values}")
    if not labels:
        return name
    inside = ",".join(f'{label}="{_escaped(value, quote=True)}"' for label, value in zip(labels, values, strict=True))
    return f"{name}{{{inside}}}"


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text
