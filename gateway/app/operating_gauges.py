"""Figures of the journal, the disk, the market data and the policies, read when they are scraped."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.adapters.telemetry import Reading
from gateway.ports.market_data import MarketSources
from gateway.service.engine import Engine
from gateway.service.market_health import MarketHealth
from gateway.service.status import GatewayStatus

_NS = 1e-9
_JOURNAL_FILES = ("journal.sqlite3", "journal.sqlite3-wal")


def operating_gauges(
    engine: Engine, status: GatewayStatus, market: MarketHealth, sources: MarketSources, data_dir: Path
) -> Callable[[], Mapping[str, Reading]]:
    """What ``StateGauges.add_group`` takes."""

    def read() -> Mapping[str, Reading]:
        return {
            "gateway_journal_writable": {(): float(engine.failure is None)},
            "gateway_journal_waiting_records": {(): float(engine.last_seq - engine.durable_seq)},
            "gateway_journal_records_total": {(): float(engine.durable_seq)},
            "gateway_policy_last_reload_successful": {(): float(not status.policy_error)},
            **_disk(data_dir),
            **_market(market),
            **_feeds(sources),
        }

    return read


def _disk(data_dir: Path) -> dict[str, Reading]:
    """Nothing where the disk cannot be asked: the alert on absent figures tells."""
    try:
        sizes = [(data_dir / name).stat().st_size for name in _JOURNAL_FILES if (data_dir / name).exists()]
        free = shutil.disk_usage(data_dir).free
    except OSError:
        return {}
    return {"gateway_journal_size_bytes": {(): float(sum(sizes))}, "gateway_disk_free_bytes": {(): float(free)}}


def _market(market: MarketHealth) -> dict[str, Reading]:
    venues = market.by_venue()
    return {
        "gateway_market_data_age_seconds": {(venue,): prices.age_ns * _NS for venue, prices in venues.items()},
        "gateway_market_data_latency_seconds": {(venue,): prices.latency_ns * _NS for venue, prices in venues.items()},
        "gateway_market_data_stale_symbols": {(venue,): float(len(prices.stale)) for venue, prices in venues.items()},
    }


def _feeds(sources: MarketSources) -> dict[str, Reading]:
    states = {(state.name,): state for state in sources.states()}
    latencies = {key: state.latency_ns for key, state in states.items()}
    return {
        "gateway_market_data_updates_total": {key: float(state.updates) for key, state in states.items()},
        "gateway_market_data_reconnects_total": {key: float(state.reconnects) for key, state in states.items()},
        "gateway_market_data_unpriced_symbols": {key: float(len(state.troubles)) for key, state in states.items()},
        "gateway_market_data_feed_latency_seconds": {
            key: latency_ns * _NS for key, latency_ns in latencies.items() if latency_ns is not None
        },
    }
