"""What is wrong at a venue now that must be over before anything new goes live there: trips, drifts, alerts."""

from typing import NamedTuple

from gateway.core.state import GatewayState
from gateway.core.trading.agreements import words_of
from gateway.domain.breakers import BreakerAction, BreakerKind, Trip
from gateway.domain.enums import Route, ScopeKind
from gateway.domain.rollout import HoldCause
from gateway.domain.rollout_facts import HeardAlert

#: Breakers that speak of the connection or of the prices: an outage, no fault of the venue's executions.
_OUTAGES = frozenset({BreakerKind.VENUE_CONNECTION.value, BreakerKind.MARKET_DATA_GAP.value})


class Trouble(NamedTuple):
    """Why a venue is demoted; ``source`` is what must be over first (a trip, an alert's fingerprint)."""

    cause: HoldCause
    text: str
    source: str = ""


def alert_at(state: GatewayState, venue: str) -> HeardAlert | None:
    """The alert about a venue that has fired longest and is not resolved."""
    firing = [one for one in state.heard_alerts.values() if one.is_firing and is_about(state, one, venue)]
    return min(firing, key=lambda one: (one.starts_ns, one.fingerprint), default=None)


def is_about(state: GatewayState, alert: HeardAlert, venue: str) -> bool:
    """Whether an alert names the venue; one that names none, or none that is known, is about all."""
    return alert.venue == venue or (alert.venue not in state.rollouts and alert.venue not in state.config.venues)


def trouble_of(alert: HeardAlert) -> Trouble:
    text = f"alert {alert.name}" + (f": {alert.text}" if alert.text else "")
    return Trouble(HoldCause.ALERT, text, alert.fingerprint)


def trouble_at(state: GatewayState, venue: str) -> Trouble | None:
    """A breaker or a drift that demotes the venue."""
    trip = _trip_at(state, venue)
    if trip is not None:
        return Trouble(HoldCause.BREAKER, f"{trip.trip_id}: {trip.cause}", trip.trip_id)
    drift = drift_at(state, venue)
    return None if drift is None else Trouble(HoldCause.DRIFT, drift)


def _trip_at(state: GatewayState, venue: str) -> Trip | None:
    """A breaker that stops live trading at the venue as a whole."""
    for trip_id in sorted(state.breakers.trips):
        trip = state.breakers.trips[trip_id]
        if trip.breaker_id in _OUTAGES or trip.action is BreakerAction.REDUCE_SIZE or trip.book is Route.SHADOW:
            continue
        if trip.scope is ScopeKind.GATEWAY or (trip.scope is ScopeKind.VENUE and trip.scope_id == venue):
            return trip
    return None


def drift_at(state: GatewayState, venue: str) -> str | None:
    """What the venue holds that the books do not explain, in words."""
    agreement = state.agreements.get(venue)
    if agreement is None or not agreement.drifts:
        return None
    return words_of(agreement.drifts[min(agreement.drifts)])
