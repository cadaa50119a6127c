"""Figures that metrics read from the state when they are scraped, so that the order path pays nothing for them."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.adapters.telemetry import Reading
from gateway.app.ledger_gauges import ledger_readings
from gateway.core.risk.exposure import ScopeUse
from gateway.core.state import GatewayState
from gateway.domain.enums import Mode, Route, TradingState
from gateway.ports.clock import Clock
from gateway.service.engine import Engine
from gateway.service.status import GatewayStatus


class StateGauges:
    """Implements ``adapters.telemetry.Gauges``; empty until it is bound to what it reads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._engine: Engine | None = None
        self._status: GatewayStatus | None = None
        self._others: dict[str, Callable[[], Mapping[Any, float]]] = {}
        self._groups: list[Callable[[], Mapping[str, Reading]]] = []

    def bind(self, engine: Engine, status: GatewayStatus) -> None:
        self._engine, self._status = engine, status

    def add(self, name: str, read: Callable[[], Mapping[Any, float]]) -> None:
        """Read the metric ``name`` from somewhere else."""
        self._others[name] = read

    def add_group(self, read: Callable[[], Mapping[str, Reading]]) -> None:
        """Read several metrics in one go."""
        self._groups.append(read)

    def readings(self) -> Mapping[str, Reading]:
        if self._engine is None or self._status is None:
            return {}
        state = self._engine.state
        found: dict[str, Reading] = {
            "gateway_exposure": _exposure(state),
            **ledger_readings(state),
            **_in_doubt(state, self._clock.now_ns()),
            "gateway_trading_state": {(one.value,): float(one is state.trading.gateway_state) for one in TradingState},
            "gateway_trading_stops": _stops(state),
            "gateway_locked_strategies": {
                (route.value,): float(sum(lock.route is route for lock in state.throttle.locks.values()))
                for route in state.books
            },
            "gateway_circuit_breaker_tripped": _breakers(state),
            "gateway_ready": {(): float(self._status.health().is_ready)},
            "gateway_connection_up": {
                (view.name, view.kind): float(view.is_connected) for view in self._status.connections()
            },
            "gateway_connection_lost_seconds": self._status.seconds_without(),
            "gateway_config_revision_info": {(state.config.revision,): 1.0},
            **_modes(self._status),
        }
        for read_group in self._groups:
            found.update(read_group())
        found.update({name: read() for name, read in self._others.items()})
        return found


def _in_doubt(state: GatewayState, now_ns: int) -> dict[str, Reading]:
    counts: dict[tuple[str, ...], float] = {(venue,): 0.0 for venue in state.config.venues}
    oldest_s = dict(counts)
    for order in state.orders.values():
        if order.is_in_doubt:
            key = (order.venue,)
            counts[key] = counts.get(key, 0.0) + 1
            oldest_s[key] = max(oldest_s.get(key, 0.0), (now_ns - order.doubt_since_ns) * 1e-9)
    return {"gateway_in_doubt_orders": counts, "gateway_in_doubt_oldest_seconds": oldest_s}


def _breakers(state: GatewayState) -> dict[tuple[str, ...], float]:
    """1 for each breaker and book that is tripped; 0 for those that could be."""
    found: dict[tuple[str, ...], float] = {
        (name, book.value): 0.0
        for name, config in state.config.circuit_breakers.items()
        if config.enabled
        for book in config.books
    }
    for trip in state.breakers.trips.values():
        for book in (Route.LIVE, Route.SHADOW) if trip.book is None else (trip.book,):
            found[(trip.breaker_id, book.value)] = 1.0
    return found


def _stops(state: GatewayState) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for stop in state.trading.everything_stopped():
        key = (stop.scope.value, stop.state.value)
        found[key] = found.get(key, 0.0) + 1
    return found


def _modes(status: GatewayStatus) -> dict[str, Reading]:
    venues = status.modes().venues
    return {
        "gateway_mode": {
            (view.venue, mode.value): float(view.effective_mode == mode) for view in venues for mode in Mode
        },
        "gateway_canary_weight_ratio": {(view.venue,): view.canary_weight_bp / 10_000 for view in venues},
        "gateway_canary_measured_ratio": {(view.venue,): float(view.measured_share) for view in venues},
    }


def _exposure(state: GatewayState) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for route, book in state.books.items():
        for account in state.config.accounts:
            use = book.accounts.get(account) or ScopeUse()
            for kind, value in (("gross", use.gross), ("net", use.net), ("held", use.held)):
                found[(route.value, account, kind)] = float(value)
    return found
