"""When breakers trip and reset: on the timers, after fills, and by a person."""

from collections.abc import Set
from decimal import Decimal
from operator import itemgetter

from gateway.core.breakers.measures import MEASURES, QUICK, Reading
from gateway.core.changes import cancel_orders
from gateway.core.decision import NOTHING, Decision
from gateway.core.flattening import request
from gateway.core.identity import reduction_id
from gateway.core.state import GatewayState
from gateway.core.switching import called_off, open_orders_of
from gateway.core.trading.states import BOOKS
from gateway.domain.breakers import BreakerAction, BreakerConfig, BreakerKind, Trip
from gateway.domain.effects import CancelOrder, Effect
from gateway.domain.enums import RejectStage, Role, ScopeKind
from gateway.domain.events import BreakerResetRequested, BreakersChecked, BreakerTripRequested, FlattenRequested
from gateway.domain.facts import CancelRequested, Fact, OrderEnded
from gateway.domain.flatten import FlattenOrder
from gateway.domain.money import ONE, ZERO, plain
from gateway.domain.orders import Actor, Reject
from gateway.domain.stop_facts import BreakerRearmed, BreakerReset, BreakerTripped, FlattenEnded

_NS = 1_000_000_000
MEASURED = frozenset(kind.value for kind in MEASURES)
#: What a reset begins to count anew. The others would trip again in the next second.
_BEGINS_ANEW = frozenset({BreakerKind.CONSECUTIVE_LOSSES.value})
SYSTEM = Actor("system", Role.ADMIN)
#: What was accepted by force trips again when it is worse by this share of the threshold.
_WORSE = Decimal("0.2")


def check(state: GatewayState, event: BreakersChecked) -> Decision:
    """Trip what has reached its threshold, reset what may be; nothing when nothing changes."""
    facts: list[Fact] = []
    effects: list[Effect] = []
    seen: set[str] = set()
    # As nearly always: only what reaches its threshold can mean anything.
    is_quiet = not (state.breakers.trips or state.breakers.accepted)
    for kind, measure in (MEASURES if event.is_full else QUICK).items():
        config = state.config.circuit_breakers.get(kind.value)
        if config is None or not config.enabled:
            continue
        # By name: a state that came from a checkpoint holds its maps in another order.
        readings = [
            (trip_id_of(kind, reading), reading)
            for reading in measure(state, config, event)
            if not is_quiet or reading.value >= config.threshold
        ]
        for trip_id, reading in sorted(readings, key=itemgetter(0)):
            seen.add(trip_id)
            trip = state.breakers.trips.get(trip_id)
            if trip is not None:
                facts += _reset_by_itself(state, event, config, trip, reading.value)
            elif _breaks(state, config, trip_id, reading.value):
                found, more = trip_facts(state, _trip(state, event.ts_ns, kind, config, reading, trip_id))
                facts += found
                effects += more
            elif trip_id in state.breakers.accepted and reading.value < config.threshold:
                facts.append(BreakerRearmed(ts_ns=event.ts_ns, trip_id=trip_id))
    if event.is_full:
        facts += _unmeasured(state, event, seen)
    if not facts:
        return NOTHING
    resets = [state.breakers.trips[fact.trip_id] for fact in facts if isinstance(fact, BreakerReset)]
    ids = {reduction_id(trip.trip_id, trip.since_ns) for trip in resets}
    over = [fact for fact in facts if isinstance(fact, FlattenEnded) and fact.flatten_id in ids]
    canceled, more = called_off(state, over, SYSTEM)
    facts += canceled
    effects += more
    return Decision(*_once(facts, effects))


def _once(facts: list[Fact], effects: list[Effect]) -> tuple[tuple[Fact, ...], tuple[Effect, ...]]:
    """Several breakers may end the same order in one moment: it is ended once."""
    kept: list[Fact] = []
    seen: set[tuple[type, str]] = set()
    for fact in facts:
        if isinstance(fact, CancelRequested | OrderEnded):
            key = (type(fact), fact.order_id)
            if key in seen:
                continue
            seen.add(key)
        kept.append(fact)
    cancels = {
        (one.ticket.order_id, one.ticket.is_twin, one.ticket.is_second_twin): one
        for one in effects
        if isinstance(one, CancelOrder)
    }
    others = [one for one in effects if not isinstance(one, CancelOrder)]
    return tuple(kept), (*cancels.values(), *others)


def trip_id_of(kind: BreakerKind, reading: Reading) -> str:
    parts = (kind.value, "" if reading.book is None else reading.book.value, reading.scope_id)
    return ":".join(part for part in parts if part).replace("|", "/")


def _breaks(state: GatewayState, config: BreakerConfig, trip_id: str, value: Decimal) -> bool:
    accepted = state.breakers.accepted.get(trip_id)
    if accepted is not None:
        return value >= max(accepted, config.threshold) + _WORSE * config.threshold
    return value >= config.threshold


def _trip(
    state: GatewayState, ts_ns: int, kind: BreakerKind, config: BreakerConfig, reading: Reading, trip_id: str
) -> Trip:
    return Trip(
        trip_id=trip_id,
        breaker_id=kind.value,
        book=None if config.stops_both_books else reading.book,
        scope=reading.scope,
        scope_id=reading.scope_id,
        action=config.action,
        value=reading.value,
        threshold=config.threshold,
        size_factor=config.size_factor,
        cause=reading.words,
        by=SYSTEM.name,
        since_ns=ts_ns,
        day=state.day,
        resets_ns=0 if config.reset_after_s is None else ts_ns + config.reset_after_s * _NS,
    )


def trip_facts(state: GatewayState, trip: Trip, actor: Actor = SYSTEM) -> tuple[list[Fact], tuple[Effect, ...]]:
    """The trip, and what follows at once: open orders are canceled, or a part of the positions is closed.

    For every breaker, whatever measures it; one without a rule to reset it is a lock that a person opens.
    """
    facts: list[Fact] = [BreakerTripped(ts_ns=trip.since_ns, trip=trip)]
    books = BOOKS if trip.book is None else (trip.book,)
    if trip.action is BreakerAction.HALT:
        found = open_orders_of(state, (trip.scope, trip.scope_id))
        orders = [order for order in found if order.route in books and not order.flatten_id]  # closing goes on
        canceled, effects = cancel_orders(orders, actor, trip.since_ns)
        return [*facts, *canceled], effects
    if trip.action is BreakerAction.REDUCE_POSITIONS:
        config = state.config.circuit_breakers[trip.breaker_id]
        order = FlattenOrder(
            flatten_id=reduction_id(trip.trip_id, trip.since_ns),
            scope=trip.scope,
            scope_id=trip.scope_id,
            books=books,
            keep_ratio=ONE - config.reduce_ratio,
            actor=actor,
            reason=f"breaker {trip.trip_id}",
        )
        reduction = request(state, FlattenRequested(ts_ns=trip.since_ns, order=order))
        return [*facts, *reduction.facts], reduction.effects
    return facts, ()


def _reset_by_itself(
    state: GatewayState, event: BreakersChecked, config: BreakerConfig, trip: Trip, value: Decimal
) -> list[Fact]:
    is_over = value < config.threshold or trip.breaker_id in _BEGINS_ANEW
    if config.reset_next_day and state.day > trip.day and is_over:
        return _reset(state, event.ts_ns, trip, value, "a new trading day began")
    if config.reset_below is None and config.reset_after_s is None:
        return []
    if config.reset_below is not None and value >= config.reset_below:
        return []
    if event.ts_ns < trip.resets_ns:
        return []
    cause = "its time is over" if config.reset_below is None else f"below {plain(config.reset_below)} again"
    return _reset(state, event.ts_ns, trip, value, cause)


def _unmeasured(state: GatewayState, event: BreakersChecked, seen: Set[str]) -> list[Fact]:
    """What becomes of trips that nothing measures any more, and of values accepted by force: what came down to nothing,
    as a position that was closed, came down too."""
    facts: list[Fact] = []
    for trip_id, trip in sorted(state.breakers.trips.items()):
        if trip_id not in seen:
            facts += _reset_unmeasured(state, event, trip)
    gone = sorted(state.breakers.accepted.keys() - seen)
    return [*facts, *(BreakerRearmed(ts_ns=event.ts_ns, trip_id=trip_id) for trip_id in gone)]


def _reset_unmeasured(state: GatewayState, event: BreakersChecked, trip: Trip) -> list[Fact]:
    """What nothing measures any more: the position is flat, the strategy silent, or the breaker was switched off."""
    config = state.config.circuit_breakers.get(trip.breaker_id)
    if trip.breaker_id not in MEASURED:
        return []
    if config is None or not config.enabled:
        return _reset(state, event.ts_ns, trip, ZERO, "the breaker was switched off")
    return _reset_by_itself(state, event, config, trip, ZERO)


def _reset(
    state: GatewayState,
    ts_ns: int,
    trip: Trip,
    value: Decimal,
    cause: str,
    actor: Actor = SYSTEM,
    accepted: Decimal | None = None,
) -> list[Fact]:
    """The trip is over, and so is what it still has to close."""
    reset = BreakerReset(
        ts_ns=ts_ns,
        trip_id=trip.trip_id,
        breaker_id=trip.breaker_id,
        value=value,
        threshold=trip.threshold,
        cause=cause,
        actor=actor,
        accepted=accepted,
    )
    reduction = state.flattens.get(reduction_id(trip.trip_id, trip.since_ns))
    if reduction is None or not reduction.is_running:
        return [reset]
    text = f"breaker {trip.trip_id} was reset: {cause}"
    return [
        reset,
        FlattenEnded(ts_ns=ts_ns, flatten_id=reduction.order.flatten_id, is_flat=False, text=text),
    ]


def reset(state: GatewayState, event: BreakerResetRequested) -> Decision:
    """A person resets one trip, or all of a breaker. While the cause lasts only by force, and with a reason."""
    found = sorted(state.breakers.trips.items())  # by name: see ``check``
    trips = [trip for _, trip in found if event.breaker_id in (trip.trip_id, trip.breaker_id)]
    if not trips:
        code = "BREAKER_NOT_TRIPPED" if event.breaker_id.partition(":")[0] in MEASURED else "BREAKER_NOT_FOUND"
        return _refused(code, f"{event.breaker_id} is not tripped; see GET /api/trading/circuit-breakers")
    facts: list[Fact] = []
    for trip in trips:
        value = _value_now(state, BreakersChecked(ts_ns=event.ts_ns, quote_ages_ns=event.quote_ages_ns), trip)
        config = state.config.circuit_breakers.get(trip.breaker_id)
        level = trip.threshold if config is None or config.reset_below is None else config.reset_below
        lasts = value is not None and value >= level
        if lasts and not event.is_forced:
            text = (
                f"{trip.trip_id} is at {plain(value or ZERO)}, and resets below {plain(level)}; "
                'send {"force": true, "reason": "..."} to reset it all the same'
            )
            return _refused("BREAKER_CAUSE_LASTS", text)
        cause = event.reason or "reset by hand"
        facts += _reset(state, event.ts_ns, trip, value or ZERO, cause, event.actor, value if lasts else None)
    canceled, effects = called_off(state, facts, event.actor)
    return Decision((*facts, *canceled), effects)


def _refused(code: str, text: str) -> Decision:
    return Decision(refusal=Reject(RejectStage.TRADING_STATE, code, text))


def _value_now(state: GatewayState, check_event: BreakersChecked, trip: Trip) -> Decimal | None:
    """What the breaker measures now where it tripped; None when nothing measures it."""
    config = state.config.circuit_breakers.get(trip.breaker_id)
    if config is None or trip.breaker_id not in MEASURED:
        return None
    kind = BreakerKind(trip.breaker_id)
    for reading in MEASURES[kind](state, config, check_event):
        if trip_id_of(kind, reading) == trip.trip_id:
            return reading.value
    return None


def trip_by_hand(state: GatewayState, event: BreakerTripRequested) -> Decision:
    """The emergency shutdown: everything is canceled and halted, in both books, until a person resets it."""
    kind = BreakerKind.EMERGENCY_SHUTDOWN
    trip = Trip(
        trip_id=kind.value,
        breaker_id=kind.value,
        book=None,
        scope=ScopeKind.GATEWAY,
        scope_id="",
        action=BreakerAction.HALT,
        value=ZERO,
        threshold=ZERO,
        size_factor=Decimal(1),
        cause=event.reason or "pressed by hand",
        by=event.actor.name,
        since_ns=event.ts_ns,
        day=state.day,
    )
    facts, effects = trip_facts(state, trip, event.actor)
    return Decision(tuple(facts), effects)
