"""``ports.telemetry`` for Prometheus: on the order path this only counts, in cells found beforehand."""

from collections.abc import Callable, Iterable
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import generate_latest

from gateway import __version__
from gateway.adapters.telemetry.catalogue import CATALOGUE
from gateway.adapters.telemetry.cells import Family
from gateway.adapters.telemetry.collectors import Gauges, StateCollector
from gateway.adapters.telemetry.errors import ErrorCounter
from gateway.adapters.telemetry.execution_quality import Benchmark, ExecutionQuality
from gateway.adapters.telemetry.labels import DECISIONS, OTHER, ROUTES, STAGES, known_venues
from gateway.adapters.telemetry.order_changes import OrderChanges
from gateway.adapters.telemetry.order_counts import OrderCounts
from gateway.domain.breakers import BreakerKind
from gateway.domain.facts import ConfigChanged
from gateway.domain.orders import Order
from gateway.domain.records import Record
from gateway.domain.stop_facts import BreakerTripped

_NS = 1e-9
_FAILURES = {"POLICY_UNAVAILABLE": "unavailable", "POLICY_UNDEFINED": "undefined", "POLICY_MALFORMED": "malformed"}


class PrometheusTelemetry:
    """Implements ``ports.telemetry.Telemetry``. ``venues`` are the configured ones; all others count as
    ``other``. ``gauges`` is asked at each scrape for what can be read instead of counted; ``vwap`` at each execution
    for the average price of the market. ``errors`` counts log lines once it is among the log's handlers."""

    def __init__(self, venues: Iterable[str], gauges: Gauges, vwap: Benchmark = lambda symbol: None) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._state = StateCollector(gauges)
        self._families = {metric.name: Family(metric) for metric in CATALOGUE if not metric.is_read}
        pushed = self._families
        self._stage_seconds = pushed["gateway_order_stage_seconds"]
        #: By venue, one observer for each of STAGES.
        self._stages: dict[str, tuple[Callable[[float], None], ...]] = {}
        self._commit_seconds = pushed["gateway_journal_commit_seconds"].histogram().observe
        self._batch_records = pushed["gateway_journal_batch_records"].histogram().observe
        self._journal_failures = pushed["gateway_journal_failures_total"].cell().inc
        self._policy_seconds = pushed["gateway_policy_seconds"].histogram().observe
        decisions = pushed["gateway_policy_decisions_total"]
        self._decisions = {word: decisions.cell(word).inc for word in DECISIONS}
        self._reload_successful = pushed["gateway_config_last_reload_successful"].cell()
        self._reload_timestamp = pushed["gateway_config_last_reload_success_timestamp_seconds"].cell()
        self._reload_successful.set(1)
        self._trips = pushed["gateway_circuit_breaker_trips_total"]
        for kind in BreakerKind:
            self._trips.cell(kind.value)
        self.errors = ErrorCounter(pushed["gateway_errors_total"])
        self._orders = OrderCounts(
            pushed["gateway_orders_total"],
            pushed["gateway_fills_total"],
            ExecutionQuality(pushed, vwap, OTHER),
            OrderChanges(pushed["gateway_order_changes_total"], OTHER),
        )
        self._counting: dict[type, Callable[[Any], None]] = {
            **self._orders.counting,
            ConfigChanged: self._on_config_changed,
            BreakerTripped: self._on_tripped,
        }
        self._know_venues(venues)
        self._register_surroundings()

    def page(self) -> bytes:
        """The metrics as Prometheus reads them (text format 0.0.4)."""
        counted = "".join(family.text() for family in self._families.values())
        return counted.encode() + generate_latest(self._registry)

    def know_open_orders(self, orders: Iterable[Order]) -> None:
        """Orders that were open before this process started, so that their end is counted under their venue."""
        for order in orders:
            self._orders.remember(order)

    def on_record(self, record: Record) -> None:
        for fact in record.facts:
            counting = self._counting.get(type(fact))
            if counting is not None:
                counting(fact)

    def _on_config_changed(self, fact: ConfigChanged) -> None:
        self._know_venues(fact.config.venues)
        self._state.revision = fact.config.revision

    def _on_tripped(self, fact: BreakerTripped) -> None:
        self._trips.cell(fact.trip.breaker_id).inc()

    def on_order(self, venue: str, decide_ns: int, journal_ns: int, total_ns: int) -> None:
        decide, journal, total = self._stages.get(venue) or self._stages[OTHER]
        decide(decide_ns * _NS)
        journal(journal_ns * _NS)
        total(total_ns * _NS)

    def on_commit(self, batch: int, elapsed_ns: int) -> None:
        self._batch_records(batch)
        self._commit_seconds(elapsed_ns * _NS)

    def on_journal_failure(self) -> None:
        self._journal_failures()

    def on_policy(self, is_allowed: bool, failure: str | None, elapsed_ns: int) -> None:
        if failure is None:
            decision = "allow" if is_allowed else "deny"
        else:
            decision = _FAILURES.get(failure, OTHER)
        self._decisions[decision]()
        self._policy_seconds(elapsed_ns * _NS)

    def on_config(self, is_applied: bool, revision: str, now_ns: int) -> None:
        self._reload_successful.set(1 if is_applied else 0)
        self._state.revision = revision
        if is_applied:
            self._reload_timestamp.set(now_ns * _NS)

    def _know_venues(self, configured: Iterable[str]) -> None:
        """Begin all label sets of new venues at 0; those of former ones stay, because counters never vanish."""
        for venue in known_venues(configured):
            if venue not in self._stages:
                self._stages[venue] = tuple(self._stage_seconds.histogram(venue, stage).observe for stage in STAGES)
            self._orders.know_venue(venue, ROUTES)

    def _register_surroundings(self) -> None:
        self._registry.register(self._state)
        prometheus_client.ProcessCollector(registry=self._registry)
        prometheus_client.PlatformCollector(registry=self._registry)
        prometheus_client.GCCollector(registry=self._registry)
        build = Gauge("gateway_build_info", "1 for the version that runs.", ["version"], registry=self._registry)
        build.labels(__version__).set(1)
