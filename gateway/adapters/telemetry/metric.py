"""What is said of one metric: a row of ``catalogue``."""

from enum import StrEnum

import msgspec


class MetricKind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric. ``is_read`` marks what is read from the gateway's state at each scrape instead of being pushed
    along the way of an order."""

    name: str
    kind: MetricKind
    unit: str
    help: str
    rising: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    is_read: bool = False


#: From 25 microseconds to a second: an order spends tens of microseconds here, a slow disk a hundred thousand.
FAST = (
    0.000025,
    0.00005,
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
)
#: From a millisecond to an hour: a market order fills at once, a resting one when the market comes.
FILL = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0)
#: Basis points either way: 0 parts what was better than the benchmark from what was worse.
BPS = (-100.0, -50.0, -20.0, -10.0, -5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
BATCH = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)


def counter(name: str, help: str, rising: str, *labels: str, unit: str = "1", is_read: bool = False) -> Metric:
    return Metric(
        name=name, kind=MetricKind.COUNTER, unit=unit, help=help, rising=rising, labels=labels, is_read=is_read
    )


def histogram(
    name: str, help: str, rising: str, *labels: str, unit: str = "seconds", buckets: tuple[float, ...] = FAST
) -> Metric:
    return Metric(
        name=name, kind=MetricKind.HISTOGRAM, unit=unit, help=help, rising=rising, labels=labels, buckets=buckets
    )


def gauge(name: str, help: str, rising: str, *labels: str, unit: str = "1", is_read: bool = True) -> Metric:
    return Metric(name=name, kind=MetricKind.GAUGE, unit=unit, help=help, rising=rising, labels=labels, is_read=is_read)
