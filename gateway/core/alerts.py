"""Alerts: what is wrong becomes one when it begins, and is over when it ends. Told once while it lasts.

What the state itself knows (breakers, stops, locks, orders in doubt) is found here; what only the outside knows comes
with the event. Looked at on a timer, never for an order.
"""

from collections.abc import Iterator

from gateway.core.decision import NOTHING, Decision
from gateway.core.flat_again import held_again, is_watched
from gateway.core.state import GatewayState
from gateway.core.trading.agreements import VenueAgreement, words_of, words_of_execution
from gateway.core.venue_limits import how_doubt_ends
from gateway.domain.alert_facts import AlertAcknowledged, AlertRaised, AlertResolved
from gateway.domain.alerts import Acknowledgment, Alert, AlertCondition, AlertKind, Severity
from gateway.domain.breakers import Trip
from gateway.domain.enums import Route, ScopeKind, TradingState
from gateway.domain.events import AcknowledgmentReceived, AlertsChecked
from gateway.domain.facts import Fact
from gateway.domain.money import plain
from gateway.domain.orders import Order
from gateway.domain.rollout import HoldKind

_NS = 1_000_000_000
#: How many last at most; what comes beyond that has to wait. Whoever has that many looks at the page, not at alerts.
MAX_ACTIVE = 500
_HELD = {
    HoldKind.OUTAGE: Severity.WARNING,
    HoldKind.PAUSED: Severity.INFO,
    HoldKind.DEMOTED: Severity.CRITICAL,
}


def check(state: GatewayState, event: AlertsChecked) -> Decision:
    """Raise what is new, resolve what is gone. Nothing is recorded while nothing changes."""
    found: dict[str, AlertCondition] = {}
    for condition in (*_conditions(state, event.ts_ns), *event.conditions):
        found.setdefault(condition.key, condition)
    active = state.alerts.active
    facts: list[Fact] = [AlertResolved(ts_ns=event.ts_ns, key=key) for key in sorted(active) if key not in found]
    room = MAX_ACTIVE - len(active) + len(facts)
    fresh = [condition for key, condition in sorted(found.items()) if key not in active]
    fresh.sort(key=lambda condition: -condition.severity.rank)
    for condition in fresh[:room]:
        alert = Alert(alert_id=_id_of(condition, event.ts_ns), condition=condition, raised_ns=event.ts_ns)
        facts.append(AlertRaised(ts_ns=event.ts_ns, alert=alert))
    return Decision(tuple(facts)) if facts else NOTHING


def acknowledge(state: GatewayState, event: AcknowledgmentReceived) -> Decision:
    """A person takes an alert on, or over. One that is gone is no error: it may have ended in that moment."""
    for key, alert in state.alerts.active.items():
        if alert.alert_id == event.alert_id:
            taken = Acknowledgment(event.actor, event.reason, event.ts_ns)
            return Decision((AlertAcknowledged(ts_ns=event.ts_ns, key=key, acknowledged=taken),))
    return NOTHING


def _id_of(condition: AlertCondition, ts_ns: int) -> str:
    return f"{condition.key}:{ts_ns // 1_000_000:x}"


def _conditions(state: GatewayState, now_ns: int) -> Iterator[AlertCondition]:
    yield from _trips(state)
    yield from _stops(state)
    yield from _held_again(state, now_ns)
    yield from _locks(state)
    yield from _in_doubt(state, now_ns)
    yield from _holds(state)
    for venue, agreement in state.agreements.items():
        yield from _differing(venue, agreement)


def _trips(state: GatewayState) -> Iterator[AlertCondition]:
    for trip in state.breakers.trips.values():
        is_only_shadow = trip.book is Route.SHADOW
        yield AlertCondition(
            kind=AlertKind.BREAKER_TRIPPED,
            subject=trip.trip_id,
            severity=Severity.WARNING if is_only_shadow else Severity.CRITICAL,
            text=f"circuit breaker {trip.trip_id} tripped {_why(trip)}: {trip.cause}",
        )


def _why(trip: Trip) -> str:
    """What a person trips has measured nothing, and has no threshold."""
    if not trip.threshold:
        return f"by {trip.by}"
    return f"at {plain(trip.value)} (threshold {plain(trip.threshold)})"


def _stops(state: GatewayState) -> Iterator[AlertCondition]:
    """What people and programs stopped; trips of breakers are told as such."""
    for stop in state.trading.all_stops():
        where = f"{stop.scope.value} {stop.scope_id}".strip()
        is_all = stop.scope is ScopeKind.GATEWAY and stop.state is TradingState.HALTED
        yield AlertCondition(
            kind=AlertKind.TRADING_STOPPED,
            subject=f"{where}:{stop.state.value}",
            severity=Severity.CRITICAL if is_all else Severity.WARNING,
            text=f"trading of {where} is {stop.state.value} by {stop.actor.name}: {stop.reason or 'no reason given'}",
        )


def _held_again(state: GatewayState, now_ns: int) -> Iterator[AlertCondition]:
    """What was booked too long after a flatten for that to go on by itself."""
    for flatten, held in held_again(state):
        if not is_watched(flatten, now_ns):
            order = flatten.order
            where = f"{order.scope.value} {order.scope_id}".strip()
            yield AlertCondition(
                kind=AlertKind.TRADING_STOPPED,
                subject=f"{where}:held again",
                severity=Severity.CRITICAL,
                text=f"{len(held)} position(s) of {where} ({held[0][1].position_key}) are there again, although flatten"
                f" {order.flatten_id} ended flat: booked late. Look what the venue holds, then flatten again or enable",
            )


def _locks(state: GatewayState) -> Iterator[AlertCondition]:
    for lock in state.throttle.locks.values():
        yield AlertCondition(
            kind=AlertKind.STRATEGY_LOCKED,
            subject=lock.lock_id,
            severity=Severity.WARNING,
            text=f"strategy {lock.strategy_id} executed {lock.executions} times in {lock.window_s} s"
            f" (limit {lock.limit}) and takes no new risk until a person lets it",
        )


def _in_doubt(state: GatewayState, now_ns: int) -> Iterator[AlertCondition]:
    """By venue: one that does not answer leaves many in doubt at once, and is one trouble."""
    waiting: dict[str, int] = {}
    corrected: dict[str, Order] = {}
    after_s = state.config.reconciliation.in_doubt_alert_s
    for order in state.orders.values():
        early = order.early_revisions
        if early and any(now_ns - report.transact_ns >= after_s * _NS for report in early):
            corrected[order.venue] = min(order, corrected.get(order.venue, order), key=_age)
        if order.is_in_doubt and now_ns - order.doubt_since_ns >= after_s * _NS:
            waiting[order.venue] = waiting.get(order.venue, 0) + 1
    for venue, count in waiting.items():
        yield AlertCondition(
            kind=AlertKind.ORDERS_IN_DOUBT,
            subject=venue,
            severity=Severity.CRITICAL,
            text=f"{count} order(s) sent to {venue} have been in doubt for {after_s} s or longer; their exposure"
            f" is held. {how_doubt_ends(state, venue)}",
        )

    for venue, order in corrected.items():
        yield AlertCondition(
            kind=AlertKind.EXECUTIONS_DIFFER,
            subject=f"{venue}:unknown",
            severity=Severity.CRITICAL,
            text=f"{venue} took back or corrected an execution of order {order.order_id} that the books do not have;"
            " ask it which, and compare what it holds (gateway reconcile)",
        )


def _age(order: Order) -> tuple[int, str]:
    """The oldest first: the same in any process, however the map of orders was filled."""
    return order.created_ns, order.order_id


def _holds(state: GatewayState) -> Iterator[AlertCondition]:
    """Venues at which nothing new goes live although the configuration says so."""
    for venue, rollout in state.rollouts.items():
        hold = rollout.hold
        if hold is not None:
            yield AlertCondition(
                kind=AlertKind.ROLLOUT_HELD,
                subject=f"{venue}:{hold.kind.value}",
                severity=_HELD[hold.kind],
                text=f"nothing new goes live at {venue}: {hold.kind.value} ({hold.cause.value}): {hold.text}",
            )


def _differing(venue: str, agreement: VenueAgreement) -> Iterator[AlertCondition]:
    """What a venue holds and nobody explained, and orders there that did not come through this gateway."""
    for key, drift in agreement.drifts.items():
        yield AlertCondition(
            kind=AlertKind.DRIFT,
            subject=f"{venue}:{key}",
            severity=Severity.CRITICAL,
            text=f"{words_of(drift)}; only what reduces positions is taken in {', '.join(drift.symbols)} until a person"
            " accepts it (gateway reconcile)",
        )
    if agreement.differing:
        more = len(agreement.differing) - 1
        yield AlertCondition(
            kind=AlertKind.EXECUTIONS_DIFFER,
            subject=venue,
            severity=Severity.CRITICAL,
            text=words_of_execution(agreement.differing[0]) + (f", and {more} more" if more else ""),
        )
    count = sum(order.is_open for order in agreement.foreign.values())
    if count:
        yield AlertCondition(
            kind=AlertKind.UNKNOWN_ORDERS,
            subject=venue,
            severity=Severity.WARNING,
            text=f"{count} open order(s) at {venue} did not come through this gateway, or are over in its books"
            " (gateway reconcile)",
        )
