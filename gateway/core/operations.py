"""What is not an order: sessions, configuration, marks, connections, start and failure."""

from gateway.core.decision import NOTHING, Decision
from gateway.core.lifecycle import Progress
from gateway.core.new_terms import denied
from gateway.core.rollout.control import is_at_risk, lose
from gateway.core.rollout.ended_overrides import expired_overrides
from gateway.core.state import GatewayState
from gateway.core.tickets import lookup_effects, twin_change_effects
from gateway.core.twins_left import twins_left
from gateway.core.words import refuse
from gateway.domain.effects import Effect
from gateway.domain.enums import OrdStatus, RejectStage, Route
from gateway.domain.events import (
    AdmissionsAbandoned,
    FiguresObserved,
    GatewayStarted,
    MarksObserved,
    SessionEnded,
    SessionStarted,
    UnlockRequested,
    VenueStatusChanged,
)
from gateway.domain.facts import (
    DayRolled,
    Fact,
    FiguresMoved,
    MarksMoved,
    OrderDenied,
    OrderInDoubt,
    OrderWithdrawn,
    ReplaceDenied,
    SessionClosed,
    SessionOpened,
    VenueStatusRecorded,
)
from gateway.domain.reasons import RejectCode
from gateway.domain.sessions import Session
from gateway.domain.throttle_facts import StrategyUnlocked

DAY_NS = 86_400_000_000_000


def start_session(state: GatewayState, event: SessionStarted) -> Decision:
    """Open a session; one that is running is closed first."""
    session = Session(
        session_id=event.session_id,
        label=event.label,
        strategies=event.strategies,
        actor=event.actor,
        started_ns=event.ts_ns,
    )
    opened = SessionOpened(ts_ns=event.ts_ns, session=session)
    if state.session is None:
        return Decision((opened,))
    closed = SessionClosed(ts_ns=event.ts_ns, session_id=state.session.session_id, actor=event.actor)
    return Decision((closed, opened))


def end_session(state: GatewayState, event: SessionEnded) -> Decision:
    if state.session is None:
        return NOTHING
    closed = SessionClosed(ts_ns=event.ts_ns, session_id=state.session.session_id, actor=event.actor)
    return Decision((closed,))


def observe_marks(state: GatewayState, event: MarksObserved) -> Decision:
    """Value positions at what the market says now, and begin a new day when it has begun."""
    facts: list[Fact] = []
    if event.marks:
        facts.append(MarksMoved(ts_ns=event.ts_ns, marks=event.marks))
    facts.extend(_new_days(state, event))
    return Decision(tuple(facts)) if facts else NOTHING


def _new_days(state: GatewayState, event: MarksObserved | GatewayStarted) -> list[Fact]:
    """The days that began by this event. A clock that goes back begins none; a venue that the event does not name
    (it left the configuration) has the gateway's day."""
    day = event.ts_ns // DAY_NS if event.day is None else event.day
    venue_days: dict[str, int] = {}
    for venue in {**state.config.venues, **state.venues}:
        new = event.venue_days.get(venue, day)
        if state.is_new_day(venue, new):
            venue_days[venue] = new
    if day <= state.day and not venue_days:
        return []
    return [DayRolled(ts_ns=event.ts_ns, day=max(day, state.day), venue_days=venue_days)]


def observe_figures(state: GatewayState, event: FiguresObserved) -> Decision:
    """Take over the statistics that were computed, unless newer ones are known already."""
    if state.figures is not None and event.figures.as_of_ns <= state.figures.as_of_ns:
        return NOTHING
    return Decision((FiguresMoved(ts_ns=event.ts_ns, figures=event.figures),))


def record_venue_status(state: GatewayState, event: VenueStatusChanged) -> Decision:
    recorded = VenueStatusRecorded(
        ts_ns=event.ts_ns, venue=event.venue, is_connected=event.is_connected, text=event.text
    )
    use = state.venues.get(event.venue)
    if use is not None and use.is_connected == event.is_connected and use.text == event.text:
        return NOTHING
    if event.is_connected or not is_at_risk(state, event.venue):
        return Decision((recorded,))
    facts, effects = lose(state, event.venue, event.ts_ns)
    return Decision((recorded, *facts), effects)


def unlock_strategy(state: GatewayState, event: UnlockRequested) -> Decision:
    """A person lets a strategy go on. A lock that is gone is no error: two people may have pressed at once."""
    if event.lock_id not in state.throttle.locks:
        return NOTHING
    unlocked = StrategyUnlocked(ts_ns=event.ts_ns, lock_id=event.lock_id, actor=event.actor, reason=event.reason)
    return Decision((unlocked,))


def abandon_admissions(state: GatewayState, event: AdmissionsAbandoned) -> Decision:
    """The journal failed before these were durable: take them back, whole, and free their client ids."""
    facts: list[Fact] = [
        OrderWithdrawn(ts_ns=event.ts_ns, order_id=order_id) for order_id in event.order_ids if order_id in state.orders
    ]
    for order_id in event.replace_order_ids:
        order = state.orders.get(order_id)
        if order is not None and order.pending_replace is not None:
            reject = refuse(RejectStage.JOURNAL, RejectCode.JOURNAL_UNAVAILABLE, event.text)
            facts += denied(order_id, Progress.of(order), reject, event.ts_ns)
    return Decision(tuple(facts))


def start(state: GatewayState, event: GatewayStarted) -> Decision:
    """Take over a journal: what was never admitted is denied, what may be at a venue is looked up there."""
    facts: list[Fact] = [*expired_overrides(state, event.ts_ns)]
    effects: list[Effect] = []
    for order in state.open_orders():
        if not order.is_admitted:
            text = "the gateway restarted before the order was admitted; it was not sent"
            reject = refuse(RejectStage.INTAKE, RejectCode.NEVER_SENT, text)
            facts.append(OrderDenied(ts_ns=event.ts_ns, order_id=order.order_id, reject=reject))
            continue
        effects.extend(lookup_effects(state, order))
        if order.route is Route.LIVE and order.ord_status is OrdStatus.PENDING_NEW and not order.is_in_doubt:
            text = "the gateway restarted before the venue answered"
            facts.append(OrderInDoubt(ts_ns=event.ts_ns, order_id=order.order_id, text=text, is_ours=True))
        if order.pending_replace is not None and not order.pending_replace.is_sent:
            text = "the gateway restarted before the new terms were admitted; they were not sent"
            reject = refuse(RejectStage.INTAKE, RejectCode.NEVER_SENT, text)
            facts.append(ReplaceDenied(ts_ns=event.ts_ns, order_id=order.order_id, reject=reject))
        elif order.pending_replace is not None:
            effects.extend(twin_change_effects(order, order.pending_replace.terms))  # which they had at once
    ended, taken_up = twins_left(state, event.ts_ns)
    facts.extend((*ended, *_new_days(state, event)))
    return Decision(tuple(facts), (*effects, *taken_up))
