"""Facts that are not about one order: cycles, trading state, sessions, config, marks, days, venues.

Part of ``core.apply``, the only writer of state; called by nothing else.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from gateway.core.checkpoint import rebuild
from gateway.core.counting import count, note_waiting, venue_use
from gateway.core.ledger.booking import position_of
from gateway.core.ledger.memory import note_mark
from gateway.core.risk.exposure import Book, revalue, start_day
from gateway.core.rollout.accounts import note_accounts
from gateway.core.rollout.folding import rollout_of
from gateway.core.rollout.progress import note_connection, note_day
from gateway.core.state import Cycles, GatewayState
from gateway.core.trading.flattens import begin
from gateway.core.trading.states import BOOKS, TradingStop
from gateway.domain.alert_facts import AlertAcknowledged, AlertRaised, AlertResolved
from gateway.domain.breakers import BreakerKind
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Route
from gateway.domain.exception_facts import (
    ConfigApproved,
    OverrideExpired,
    OverrideGranted,
    OverrideRevoked,
    OverrideUsed,
)
from gateway.domain.facts import (
    ConfigChanged,
    CycleOpened,
    DayRolled,
    FiguresMoved,
    MarksMoved,
    PortfolioRecorded,
    ReportUnmatched,
    SessionClosed,
    SessionOpened,
    TradingStateChanged,
    VenueStatusRecorded,
)
from gateway.domain.money import ZERO, share_of
from gateway.domain.stop_facts import (
    BreakerRearmed,
    BreakerReset,
    BreakerTripped,
    FlattenEnded,
    FlattenStarted,
    FlattenWaited,
)
from gateway.domain.throttle_facts import ClockSteppedBack, StrategyLocked, StrategyUnlocked


def _report_unmatched(state: GatewayState, fact: ReportUnmatched) -> None:
    count(state, "reports", "unmatched")


def _trading_state_changed(state: GatewayState, fact: TradingStateChanged) -> None:
    stop = TradingStop(
        scope=fact.scope,
        scope_id=fact.scope_id,
        state=fact.state,
        actor=fact.actor,
        reason=fact.reason,
        since_ns=fact.ts_ns,
    )
    state.trading.put(stop)
    state.control_epoch += 1


def _breaker_tripped(state: GatewayState, fact: BreakerTripped) -> None:
    trip = fact.trip
    state.breakers.trips[trip.trip_id] = trip
    state.breakers.accepted.pop(trip.trip_id, None)
    state.take_trips()
    state.control_epoch += 1
    count(state, "circuit_breakers", trip.breaker_id)


def _breaker_reset(state: GatewayState, fact: BreakerReset) -> None:
    trip = state.breakers.trips[fact.trip_id]
    if trip.breaker_id == BreakerKind.CONSECUTIVE_LOSSES:
        for book in BOOKS if trip.book is None else (trip.book,):
            state.ledger.losses.get(book.value, {}).pop(trip.scope_id, None)
    state.breakers.reset(fact.trip_id, fact.accepted)
    state.take_trips()
    state.control_epoch += 1


def _breaker_rearmed(state: GatewayState, fact: BreakerRearmed) -> None:
    state.breakers.accepted.pop(fact.trip_id, None)


def _flatten_started(state: GatewayState, fact: FlattenStarted) -> None:
    begin(state.flattens, fact.order, fact.ts_ns, fact.keeps)


def _flatten_waited(state: GatewayState, fact: FlattenWaited) -> None:
    state.flattens[fact.flatten_id].waits = fact.waits


def _flatten_ended(state: GatewayState, fact: FlattenEnded) -> None:
    flatten = state.flattens[fact.flatten_id]
    flatten.ended_ns, flatten.is_flat, flatten.text, flatten.waits = fact.ts_ns, fact.is_flat, fact.text, ()


def _session_opened(state: GatewayState, fact: SessionOpened) -> None:
    state.session = fact.session
    state.control_epoch += 1


def _session_closed(state: GatewayState, fact: SessionClosed) -> None:
    state.session = None
    state.control_epoch += 1


def _config_changed(state: GatewayState, fact: ConfigChanged) -> None:
    rates, terms = state.config.rates, state.risk_plan.terms
    note_accounts(state)
    _keep_terms(state, fact.config)
    state.take_config(fact.config)
    if fact.looser:
        state.approvals.pop(fact.config.revision, None)
    state.control_epoch += 1
    if rates != fact.config.rates or terms != state.risk_plan.terms:
        _revalue_orders(state, rates)
        highs = {route: book.highs() for route, book in state.books.items()}
        rebuild(state, {route: book.positions for route, book in state.books.items()})
        for route, found in highs.items():
            state.books[route].set_highs(found)
            _note_highs(state.books[route], fact.ts_ns)


def _revalue_orders(state: GatewayState, before: Mapping[str, Decimal]) -> None:
    """What open orders hold is in the base currency too: it is worth what it is worth at the rates of now."""
    after = state.config.rates
    for order in state.orders.values():
        instrument = state.config.instruments.get(order.symbol) if order.is_open else None
        currency = "" if instrument is None else instrument.currency
        old, new = before.get(currency), after.get(currency)
        if not old or not new or old == new:
            continue
        is_waiting = order.route is Route.LIVE and not order.is_closing
        if is_waiting:
            note_waiting(state, order, -1)
        order.held_unit = share_of(order.held_unit, new, old)
        pending = order.pending_replace
        if pending is not None:
            order.pending_replace = msgspec.structs.replace(pending, held_unit=share_of(pending.held_unit, new, old))
        if is_waiting:
            note_waiting(state, order, 1)


def _keep_terms(state: GatewayState, new: TradingConfig) -> None:
    """An instrument leaves the configuration: a late fill of an order in it is still worth what it was worth."""
    for order in state.orders.values():
        known = None if order.symbol in new.instruments else state.config.instruments.get(order.symbol)
        if known is not None and order.route in state.books:
            position_of(state.books[order.route], order, known)


def _config_approved(state: GatewayState, fact: ConfigApproved) -> None:
    for revision, approval in list(state.approvals.items()):
        if approval.expires_ns <= fact.ts_ns:
            del state.approvals[revision]
    state.approvals[fact.revision] = fact.approval


def _override_granted(state: GatewayState, fact: OverrideGranted) -> None:
    state.overrides[fact.override.override_id] = fact.override


def _override_used(state: GatewayState, fact: OverrideUsed) -> None:
    override = state.overrides[fact.override_id]
    used_by = fact.order_id if override.terms.is_for_one else ""
    state.overrides[fact.override_id] = msgspec.structs.replace(override, used_by=used_by, uses=override.uses + 1)


def _override_over(state: GatewayState, fact: OverrideRevoked | OverrideExpired) -> None:
    state.overrides.pop(fact.override_id, None)


def _marks_moved(state: GatewayState, fact: MarksMoved) -> None:
    rates = state.rates
    for book in state.books.values():
        for position in book.positions.values():
            mark = fact.marks.get(position.symbol)
            if mark is not None and position.qty:
                revalue(book, position, rates.get(position.currency, ZERO), mark)
                note_mark(position, mark)
        _note_highs(book, fact.ts_ns)


def _note_highs(book: Book, ts_ns: int) -> None:
    for use in book.all_scopes().values():
        use.note_highs(ts_ns)


def _figures_moved(state: GatewayState, fact: FiguresMoved) -> None:
    state.take_figures(fact.figures)
    breaker = state.config.circuit_breakers.get(BreakerKind.VOLATILITY.value)
    state.breakers.counters.note_figures(fact.figures, None if breaker is None else breaker.threshold)


def _portfolio_recorded(state: GatewayState, fact: PortfolioRecorded) -> None:
    state.snapshot_ns = fact.ts_ns


def _day_rolled(state: GatewayState, fact: DayRolled) -> None:
    is_gateway_day = fact.day > state.day
    state.day = fact.day
    begun: set[str] = set()
    for venue, day in fact.venue_days.items():
        use = venue_use(state, venue)
        if use.day:  # before its first day nothing was counted that belongs to an earlier one
            begun.add(venue)
            use.live_orders_today = 0
            note_day(rollout_of(state, venue), state.config.rollout.demotion.max_outages)
        use.day = day
    for book in state.books.values():
        for position in book.positions.values():
            if position.venue in begun:
                start_day(book, position, fact.ts_ns)
        if is_gateway_day:
            for scope in book.all_scopes().values():
                scope.highs.day_high_pnl = scope.pnl
                scope.highs.day_high_ns = fact.ts_ns if scope.pnl else 0  # what was never traded in is not remembered


def _venue_status_recorded(state: GatewayState, fact: VenueStatusRecorded) -> None:
    use = venue_use(state, fact.venue)
    note_connection(rollout_of(state, fact.venue), fact, was_connected=use.is_connected)
    use.is_connected = fact.is_connected
    use.text = fact.text
    use.since_ns = fact.ts_ns


def _cycle_opened(state: GatewayState, fact: CycleOpened) -> None:
    cycles = state.cycles.get(fact.position_key)
    if cycles is None:
        cycles = state.cycles[fact.position_key] = Cycles()
    cycles.last = fact.cycle
    cycles.of(fact.route).cycle = fact.cycle
    use = venue_use(state, fact.venue)
    if not fact.weight_bp:
        return  # no share was asked: in SHADOW, or held there
    if fact.weight_bp != use.cycles_weight_bp:
        use.cycles_weight_bp, use.cycles_live, use.cycles_shadow = fact.weight_bp, 0, 0
    if fact.route is Route.LIVE:
        use.cycles_live += 1
    else:
        use.cycles_shadow += 1


def _strategy_locked(state: GatewayState, fact: StrategyLocked) -> None:
    state.throttle.lock(fact.lock)
    state.control_epoch += 1


def _strategy_unlocked(state: GatewayState, fact: StrategyUnlocked) -> None:
    state.throttle.unlock(fact.lock_id)
    state.control_epoch += 1


def _clock_stepped_back(state: GatewayState, fact: ClockSteppedBack) -> None:
    state.throttle.clock.advance(fact.ts_ns)


OPERATION_APPLIERS: Mapping[type, Callable[[GatewayState, Any], None]] = {
    CycleOpened: _cycle_opened,
    ReportUnmatched: _report_unmatched,
    TradingStateChanged: _trading_state_changed,
    BreakerTripped: _breaker_tripped,
    BreakerReset: _breaker_reset,
    BreakerRearmed: _breaker_rearmed,
    FlattenStarted: _flatten_started,
    FlattenWaited: _flatten_waited,
    FlattenEnded: _flatten_ended,
    AlertRaised: lambda state, fact: state.alerts.take_raised(fact),
    AlertAcknowledged: lambda state, fact: state.alerts.take_acknowledged(fact),
    AlertResolved: lambda state, fact: state.alerts.take_resolved(fact),
    SessionOpened: _session_opened,
    SessionClosed: _session_closed,
    ConfigChanged: _config_changed,
    ConfigApproved: _config_approved,
    MarksMoved: _marks_moved,
    OverrideGranted: _override_granted,
    OverrideUsed: _override_used,
    OverrideRevoked: _override_over,
    OverrideExpired: _override_over,
    FiguresMoved: _figures_moved,
    PortfolioRecorded: _portfolio_recorded,
    DayRolled: _day_rolled,
    VenueStatusRecorded: _venue_status_recorded,
    StrategyLocked: _strategy_locked,
    StrategyUnlocked: _strategy_unlocked,
    ClockSteppedBack: _clock_stepped_back,
}
