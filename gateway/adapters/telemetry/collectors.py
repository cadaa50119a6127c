"""What is read at scrape time: the gateway's own figures, as metric families of the catalogue."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.adapters.telemetry.catalogue import BY_NAME, CATALOGUE
from gateway.adapters.telemetry.metric import MetricKind

#: Label values in the catalogue's order -> value.
Reading = Mapping[Any, float]


class Gauges(Protocol):
    """Whatever knows the gateway's state. Called on the event loop, once per scrape."""

    def readings(self) -> Mapping[str, Reading]:
        """Metric name -> its values now. Names are those of the catalogue; a name left out has no values."""
        ...


class StateCollector(Collector):
    """Turns readings into families; refuses a name or a label count that the catalogue does not have."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self.revision = ""

    def describe(self) -> Iterable[Metric]:
        """Nothing to check for duplicates by collecting: at registration the state may not exist yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        readings = dict(self._gauges.readings())
        readings.setdefault("gateway_config_revision_info", {(self.revision,): 1.0} if self.revision else {})
        unknown = [name for name in readings if name not in BY_NAME or not BY_NAME[name].is_read]
        if unknown:
            raise ValueError(f"not among the catalogue's read metrics: {', '.join(unknown)}")
        for metric in CATALOGUE:
            if metric.is_read:
                yield _family(metric.name, readings.get(metric.name, {}))


def _family(name: str, reading: Reading) -> Metric:
    metric = BY_NAME[name]
    family: CounterMetricFamily | GaugeMetricFamily
    if metric.kind is MetricKind.COUNTER:
        family = CounterMetricFamily(name, metric.help, labels=metric.labels)
    else:
        family = GaugeMetricFamily(name, metric.help, labels=metric.labels)
    for labels, value in reading.items():
        if len(labels) != len(metric.labels):
            raise ValueError(f"{name} has labels {metric.labels}, was {labels}")
        family.add_metric(labels, value)
    return family
