"""The numbers behind alerts: counted once, labelled from closed lists, readable by Prometheus, cheap."""

import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.adapters.telemetry import Reading
from gateway.adapters.telemetry.catalogue import CATALOGUE
from gateway.adapters.telemetry.metric import FAST, MetricKind
from gateway.domain.config import TradingConfig, VenueMode
from gateway.domain.events import GatewayStarted
from gateway.domain.facts import ConfigChanged
from gateway.domain.records import Record
from tests.fakes.gateway_samples import NOW_NS, TRADER, new_order
from tests.telemetry.bench import Bench, admit
from tests.telemetry.page import PAGE, page


def test_every_label_set_begins_at_zero() -> None:
    """An alert on increase() misses the first denial, fill or failure of a series that was not there before."""
    found = Bench("ibkr", "binance").samples()

    def begins(name: str, **labels: str) -> bool:
        return found[name, frozenset(labels.items())] == 0

    for venue in ("ibkr", "binance", "other"):
        for mode in ("SHADOW", "CANARY", "LIVE"):
            for route, outcome, reason in (
                ("none", "denied", "MAX_ORDER_VALUE"),
                ("live", "filled", ""),
                ("shadow", "admitted", "MODE_LIVE"),
            ):
                labels = {"venue": venue, "mode": mode, "route": route, "outcome": outcome, "reason": reason}
                assert begins("gateway_orders_total", **labels)
        assert begins("gateway_fills_total", venue=venue, route="live")
        assert begins("gateway_order_stage_seconds_count", venue=venue, stage="decide")
    assert begins("gateway_journal_failures_total")
    for decision in ("allow", "deny", "unavailable", "undefined", "malformed"):
        assert begins("gateway_policy_decisions_total", decision=decision)


def test_a_new_venue_begins_at_zero_when_the_config_changes() -> None:
    """Venues are added by editing the config, without a restart."""
    bench = Bench()
    config = TradingConfig(revision="c2", venues={"kraken": VenueMode()})
    bench.tell(ConfigChanged(ts_ns=NOW_NS, config=config, actor=TRADER, difference=()))
    assert bench.order("filled", venue="kraken") == 0
    assert bench.order("filled", venue="ibkr") == 0
    assert bench.value("gateway_config_revision_info", revision="c2") == 1


def test_times_fall_into_their_buckets() -> None:
    """A boundary that is off by one bucket shows a p99 that is wrong by a factor of two."""
    bench = Bench()
    for elapsed_ns in (25_000, 25_001, 60_000, 2_000_000_000):
        bench.telemetry.on_order("ibkr", elapsed_ns, 1, 2)
    name = "gateway_order_stage_seconds_bucket"

    def below(bound: str) -> float:
        return bench.value(name, venue="ibkr", stage="decide", le=bound)

    assert [below(bound) for bound in ("2.5e-05", "5e-05", "0.0001", "1.0", "+Inf")] == [1, 2, 3, 3, 4]


def test_every_stage_has_its_own_time() -> None:
    """Without this, a slow disk could be shown as slow decisions."""
    bench = Bench()
    bench.telemetry.on_order("ibkr", 1_000_000, 20_000_000, 300_000_000)

    def total_s(stage: str) -> float:
        return bench.value("gateway_order_stage_seconds_sum", venue="ibkr", stage=stage)

    assert [total_s(stage) for stage in ("decide", "journal", "total")] == pytest.approx([0.001, 0.02, 0.3])


def test_journal_and_policy_are_measured() -> None:
    """Without this, nobody would see which of the two is slow or fails: the two that an order waits for."""
    bench = Bench()
    bench.telemetry.on_commit(3, 300_000)
    bench.telemetry.on_journal_failure()
    bench.telemetry.on_policy(True, None, 20_000)
    bench.telemetry.on_policy(False, None, 20_000)
    bench.telemetry.on_policy(False, "POLICY_UNAVAILABLE", 20_000)
    bench.telemetry.on_policy(False, "POLICY_INVENTED", 20_000)
    assert bench.value("gateway_journal_batch_records_sum") == 3
    assert bench.value("gateway_journal_commit_seconds_sum") == pytest.approx(0.0003)
    assert bench.value("gateway_journal_failures_total") == 1
    for decision in ("allow", "deny", "unavailable", "other"):
        assert bench.value("gateway_policy_decisions_total", decision=decision) == 1
    assert bench.value("gateway_policy_seconds_count") == 4


def test_a_refused_config_shows_until_one_is_taken() -> None:
    """Without this, nobody would be alarmed that the file on disk is not what runs."""
    bench = Bench()
    bench.telemetry.on_config(False, "c1", NOW_NS)
    assert bench.value("gateway_config_last_reload_successful") == 0
    assert bench.value("gateway_config_last_reload_success_timestamp_seconds") == 0
    bench.telemetry.on_config(True, "c2", NOW_NS)
    assert bench.value("gateway_config_last_reload_successful") == 1
    assert bench.value("gateway_config_last_reload_success_timestamp_seconds") == 1_700_000_000
    assert bench.value("gateway_config_revision_info", revision="c2") == 1


def test_what_is_read_from_state_is_on_the_page() -> None:
    """Exposure, modes and limits come from the state at the scrape, under the labels of the catalogue."""
    bench = Bench()
    bench.gauges.values = {
        "gateway_mode": {("ibkr", "LIVE"): 0, ("ibkr", "SHADOW"): 1},
        "gateway_exposure": {("live", 'a"b\\', "gross"): 12.5},
        "gateway_in_doubt_orders": {("ibkr",): 2},
        "gateway_http_requests_total": {("/x", "200"): 7},
    }
    assert bench.value("gateway_mode", venue="ibkr", mode="SHADOW") == 1
    assert bench.value("gateway_exposure", book="live", account='a"b\\', kind="gross") == 12.5
    assert bench.value("gateway_in_doubt_orders", venue="ibkr") == 2
    assert bench.value("gateway_http_requests_total", path_template="/x", status="200") == 7


@pytest.mark.parametrize(
    "wrong", [{"gateway_moods": {(): 1.0}}, {"gateway_mode": {("ibkr",): 1.0}}, {"gateway_orders_total": {}}]
)
def test_a_reading_outside_the_catalogue_is_an_error(wrong: dict[str, Reading]) -> None:
    """A misspelled gauge would be missing from the page, and its alert silent."""
    bench = Bench()
    bench.gauges.values = wrong
    with pytest.raises(ValueError, match="gateway_"):
        bench.telemetry.page()


def test_the_page_is_what_prometheus_reads() -> None:
    """Types and help decide how Prometheus and people read a metric; the process's own metrics show leaks."""
    page = Bench().telemetry.page().decode()
    families = {family.name: family for family in text_string_to_metric_families(page)}
    for metric in CATALOGUE:
        family = families[metric.name.removesuffix("_total")]
        assert family.type == metric.kind.value, metric.name
        assert family.documentation == metric.help
    assert {"process_resident_memory_bytes", "python_info", "gateway_build_info"} <= set(families)
    assert "_created" not in page


def test_names_follow_the_rules_of_prometheus() -> None:
    """Recording rules and dashboards rely on suffixes; an order id as a label would kill the server."""
    names = [metric.name for metric in CATALOGUE]
    assert len(names) == len(set(names))
    for metric in CATALOGUE:
        assert metric.name.startswith("gateway_")
        assert metric.name.endswith("_total") == (metric.kind is MetricKind.COUNTER)
        assert bool(metric.buckets) == (metric.kind is MetricKind.HISTOGRAM)
        assert not {"order_id", "client_order_id"} & set(metric.labels)
        assert metric.help.endswith(".")
        assert metric.rising.endswith(".")
    assert (FAST[0], FAST[-1]) == (0.000025, 1.0)


def test_the_documented_table_is_the_catalogue() -> None:
    """A dashboard is built from the documentation; a metric that is not in it does not exist for anybody."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.telemetry.page"


def test_counting_costs_microseconds() -> None:
    """Measuring must not slow what it measures: 3 us a call were asked for; ten times that fails here."""
    bench = Bench("ibkr", "binance", "alpaca", "ccxt", "sim")
    order = new_order()
    record = Record(seq=1, ts_ns=NOW_NS, event=GatewayStarted(ts_ns=NOW_NS, version="test"), facts=tuple(admit(order)))
    started_ns = time.perf_counter_ns()
    for _ in range(2_000):
        bench.telemetry.on_record(record)
        bench.telemetry.on_order("ibkr", 60_000, 300_000, 400_000)
        bench.telemetry.on_commit(1, 300_000)
    per_call_us = (time.perf_counter_ns() - started_ns) / 2_000 / 3 / 1_000
    assert per_call_us < 30
