"""What of ours stands against an order on its route: trading state, session, connection, limits."""

from collections.abc import Iterator

import msgspec

from gateway.core.measuring import Measured, refused_by_limits
from gateway.core.overrides import overrides_for
from gateway.core.state import GatewayState
from gateway.core.throttle.rules import Added, lock_on, match_refusal, new_risk_breaches
from gateway.core.trading.states import TradingStop
from gateway.core.words import refuse, reject_of
from gateway.domain.breakers import Trip
from gateway.domain.enums import RejectStage, Route, ScopeKind, TradingState
from gateway.domain.instruments import Instrument
from gateway.domain.money import plain
from gateway.domain.orders import Order, Reject
from gateway.domain.reasons import RejectCode

_LIVE = Route.LIVE  # named once: see domain.orders


def refusal_of(state: GatewayState, order: Order, measured: Measured) -> Reject | None:
    """Trading state, session, connection and limits; the first stage that refuses answers, with all it found.

    An order that only limits refuse may pass by an override; it then says so (``Order.overrides``).
    """
    reject = next(refusals(state, order, measured), None)
    if reject is not None:
        order.overrides = ()  # a limit was lifted for it, and something else refused it
    return reject


def refusals(state: GatewayState, order: Order, measured: Measured) -> Iterator[Reject]:
    """What each stage that refuses says, in their order. The first one decides; who only asks may hear them all."""
    reject = refused_by_trading_state(state, order, order.is_closing)
    if reject is not None:
        yield reject
    if not order.is_closing:
        reject = refused_as_new_risk(state, order, measured.risk.instrument)
        if reject is not None:
            yield reject
    venue = state.venues.get(order.venue)
    if order.route is _LIVE and venue is not None and not venue.is_connected:
        text = f"venue {order.venue} is not connected: {venue.text or 'no reason given'}; see /connections"
        yield refuse(RejectStage.TRADING_STATE, RejectCode.VENUE_NOT_CONNECTED, text, venue=order.venue)
    reject = refused_by_limits(measured)
    if reject is not None:
        trip = None if order.is_closing else state.trading.slowest(order)
        if state.overrides and trip is None:  # no exception is made from what a breaker reduces
            order.overrides = overrides_for(state, order, measured)
        if not order.overrides:
            yield reject if trip is None else _with_breaker(reject, trip)
    if not order.is_closing:
        yield from _throttled(state, order, measured)


def _throttled(state: GatewayState, order: Order, measured: Measured) -> Iterator[Reject]:
    """What remembers earlier orders: duplicates, executions, and open orders that this one could trade with."""
    if state.throttle.is_watching:
        risk = measured.risk
        added = Added(risk.qty, risk.added_value, risk.unit_value)
        whole_qty, ts_ns = risk.order_qty, order.created_ns
        breaches = new_risk_breaches(state.throttle, measured.book, order, added, ts_ns, whole_qty=whole_qty)
        if breaches:
            yield reject_of(RejectStage.RISK, breaches)
    if (reject := match_refusal(state.throttle, state.orders, order)) is not None:
        yield reject


def _with_breaker(reject: Reject, trip: Trip) -> Reject:
    """Say why the limits are smaller than those in risk.yaml."""
    factor = plain(trip.size_factor)
    text = f"{reject.text} (limits on size are times {factor} by circuit breaker {trip.trip_id}: {trip.cause})"
    context = {**reject.context, "breaker": trip.trip_id, "size_factor": factor}
    return msgspec.structs.replace(reject, text=text, context=context)


def refused_by_trading_state(state: GatewayState, order: Order, is_closing: bool) -> Reject | None:
    """The strictest trading state over the order's scopes, if it does not let the order pass."""
    stop = state.trading.strictest(order)
    if stop is None or (stop.state is TradingState.REDUCING and is_closing):
        return None
    if stop.trip_id:
        return _refused_by_breaker(stop)
    if stop.drift_venue:
        return _refused_by_drift(stop)
    because = stop.reason or "no reason given"
    where = "" if stop.scope is ScopeKind.GATEWAY else f" for {stop.scope.value} {stop.scope_id}"
    context = {"reason": because, "scope": stop.scope.value, "by": stop.actor.name}
    if stop.scope_id:
        context["id"] = stop.scope_id
    # Enabling without a scope lifts the stop of the gateway and no other.
    scoped = f' with {{"scope": "{stop.scope.value}", "id": "{stop.scope_id}"}}' if where else ""
    resume = f"POST /api/trading/trading/enable{scoped} to resume"
    if stop.state is TradingState.HALTED:
        text = f"trading is disabled{where}: {because}; {resume}"
        return refuse(RejectStage.TRADING_STATE, RejectCode.TRADING_HALTED, text, **context)
    text = f"only orders that reduce a position are taken now{where}: {because}; {resume}"
    return refuse(RejectStage.TRADING_STATE, RejectCode.TRADING_REDUCING, text, **context)


def _refused_by_breaker(stop: TradingStop) -> Reject:
    passes = "no order" if stop.state is TradingState.HALTED else "no order that opens or adds"
    text = f"{stop.reason}; {passes} passes until it resets, see GET /api/trading/circuit-breakers"
    return refuse(
        RejectStage.TRADING_STATE,
        RejectCode.CIRCUIT_BREAKER,
        text,
        breaker=stop.trip_id,
        reason=stop.reason,
        scope=stop.scope.value,
        id=stop.scope_id,
        trading_state=stop.state.value,
    )


def _refused_by_drift(stop: TradingStop) -> Reject:
    text = (
        f"only orders that reduce a position are taken in {stop.scope_id}: {stop.reason}; see GET "
        "/api/trading/reconciliation, find out why, then POST /api/trading/reconciliation/accept"
    )
    context = {"reason": stop.reason, "scope": stop.scope.value, "id": stop.scope_id, "venue": stop.drift_venue}
    return refuse(RejectStage.TRADING_STATE, RejectCode.HOLDINGS_DIFFER, text, **context)


def refused_as_new_risk(state: GatewayState, order: Order, instrument: Instrument) -> Reject | None:
    """What keeps new positions out, and never holds an old one in."""
    reject = lock_on(state.throttle, order)
    if reject is not None:
        return reject
    if not instrument.enabled:
        text = f"{order.symbol} is disabled; set enabled: true in instruments.yaml"
        return refuse(RejectStage.INSTRUMENT, RejectCode.INSTRUMENT_DISABLED, text, symbol=order.symbol)
    session = state.session
    if session is None or not session.strategies or order.strategy_id in session.strategies:
        return None
    listed = ", ".join(session.strategies)
    text = (
        f"strategy {order.strategy_id} is not in the running session ({listed}); "
        "start a session that names it, or end this one"
    )
    return refuse(
        RejectStage.TRADING_STATE,
        RejectCode.STRATEGY_NOT_IN_SESSION,
        text,
        limit=listed,
        value=order.strategy_id,
    )


def why_shadow(state: GatewayState, venue: str) -> str:
    """Why nothing that opens or adds goes live at a venue whose mode in force is SHADOW."""
    rollout = state.rollouts.get(venue)
    hold = None if rollout is None else rollout.hold
    if hold is None:
        return f"nothing new goes live at {venue} any more"
    return f"the rollout of {venue} is {hold.kind.value} ({hold.cause.value}: {hold.text})"
