"""A telemetry on a bench: facts go in, the page comes out as numbers."""

from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from gateway.adapters.telemetry import PrometheusTelemetry, Reading
from gateway.adapters.telemetry.execution_quality import Benchmark
from gateway.domain.enums import OrdStatus
from gateway.domain.events import GatewayStarted
from gateway.domain.executions import Fill
from gateway.domain.facts import Fact, OrderAdmitted, OrderExecuted, OrderHeld
from gateway.domain.orders import Order
from gateway.domain.records import Record
from tests.fakes.gateway_samples import NOW_NS, D, executed

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class FixedGauges:
    """Implements Gauges: whatever a test put there."""

    def __init__(self) -> None:
        self.values: dict[str, Reading] = {}

    def readings(self) -> Mapping[str, Reading]:
        return self.values


class Bench:
    """A telemetry and what its page says."""

    def __init__(self, *venues: str, vwap: Benchmark = lambda symbol: None) -> None:
        self.gauges = FixedGauges()
        self.telemetry = PrometheusTelemetry(venues or ("ibkr",), self.gauges, vwap)

    def tell(self, *facts: Fact) -> None:
        event = GatewayStarted(ts_ns=NOW_NS, version="test")
        self.telemetry.on_record(Record(seq=1, ts_ns=NOW_NS, event=event, facts=facts))

    def samples(self) -> Samples:
        return _parsed(self.telemetry.page().decode())

    def named(self, name: str) -> Samples:
        """Those of one name: reading the whole page for each takes a hundred times as long as what is tested."""
        lines = self.telemetry.page().decode().splitlines(keepends=True)
        return _parsed("".join(line for line in lines if line.startswith((f"{name}{{", f"{name} "))))

    def value(self, name: str, **labels: str) -> float:
        return self.named(name)[name, frozenset(labels.items())]

    def order(self, outcome: str, reason: str = "", *, venue: str = "ibkr", mode: str = "SHADOW") -> float:
        labels = {"venue": venue, "mode": mode, "outcome": outcome, "reason": reason}
        found = self.named("gateway_orders_total").items()
        return sum(value for (_, of), value in found if labels.items() <= dict(of).items())

    def orders_above_zero(self) -> int:
        return sum(1 for value in self.named("gateway_orders_total").values() if value)


def _parsed(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def admit(order: Order) -> Iterator[Fact]:
    yield OrderHeld(ts_ns=NOW_NS, order=order)
    yield OrderAdmitted(ts_ns=NOW_NS, order_id=order.order_id, policy_revision="p1")


def fill(order: Order, qty: int, *, ms: int = 5) -> OrderExecuted:
    one = Fill(f"x{order.cum_qty}", D(qty), D(150), NOW_NS + ms * 1_000_000)
    order.cum_qty += qty
    order.ord_status = OrdStatus.FILLED if order.cum_qty == order.order_qty else OrdStatus.PARTIALLY_FILLED
    return executed(order, one)
