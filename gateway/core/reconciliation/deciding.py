"""What follows from comparisons that agree with each other, and from a person who accepts a difference."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from gateway.core.decision import NOTHING, Decision
from gateway.core.rollout.control import demotion, hold, is_at_risk
from gateway.core.state import GatewayState
from gateway.core.tickets import lookup_effects, ticket_of
from gateway.core.trading.agreements import VenueAgreement, words_of
from gateway.domain.effects import CancelOrder, Effect
from gateway.domain.enums import RejectStage, Route
from gateway.domain.facts import Fact, OrderInDoubt
from gateway.domain.money import plain
from gateway.domain.orders import Order, Reject
from gateway.domain.reconciliation import ForeignOrder
from gateway.domain.reconciliation_events import AccountCompared, DriftAcceptance
from gateway.domain.reconciliation_facts import (
    DriftAccepted,
    DriftFound,
    ExecutionsDiffer,
    ForeignOrderGone,
    ForeignOrderSeen,
)
from gateway.domain.rollout import HoldCause


def note(state: GatewayState, event: AccountCompared) -> Decision:
    """Record what two readings agree on: differences, orders of others, orders of ours that the venue has lost,
    executions that it tells otherwise."""
    known = state.agreements.get(event.venue) or VenueAgreement()
    found = [*_drifts(known, event)]
    facts: list[Fact] = [*found]
    effects: list[Effect] = []
    if found and is_at_risk(state, event.venue):  # with it, and not by the next look: orders come in between
        new = demotion(state, event.ts_ns, HoldCause.DRIFT, words_of(found[0].drift))
        held, canceled = hold(state, event.venue, new)
        facts += held
        effects += canceled
    facts.extend(_foreign(known, event))
    effects.extend(_cancels(state, event))
    if set(event.differing) != set(known.differing):
        facts.append(ExecutionsDiffer(ts_ns=event.ts_ns, venue=event.venue, executions=event.differing))
    for order_id in event.lost_ids:
        own = state.orders.get(order_id)
        if own is not None and own.is_open and not own.is_in_doubt:
            text = f"{event.venue} does not list it among its open orders"
            facts.append(OrderInDoubt(ts_ns=event.ts_ns, order_id=order_id, text=text))
            effects.extend(lookup_effects(state, own))
    return Decision(tuple(facts), tuple(effects)) if facts or effects else NOTHING


def _drifts(known: VenueAgreement, event: AccountCompared) -> Iterator[DriftFound]:
    for drift in event.drifts:
        before = known.drifts.get(drift.symbol)
        if before is None and not drift.qty:
            continue
        if before is None or (before.qty, before.symbols) != (drift.qty, drift.symbols):
            since_ns = event.ts_ns if before is None else before.since_ns
            yield DriftFound(ts_ns=event.ts_ns, drift=msgspec.structs.replace(drift, since_ns=since_ns))


def _foreign(known: VenueAgreement, event: AccountCompared) -> Iterator[Fact]:
    for order in event.foreign:
        seen = known.foreign.get(order.venue_order_id)
        if seen is not None and not seen.is_open and not order.is_open and order.cum_qty <= seen.cum_qty:
            continue  # told already; only fewer of its executions are listed now
        shown = msgspec.structs.replace(order, since_ns=event.ts_ns if seen is None else seen.since_ns)
        if seen != shown:
            yield ForeignOrderSeen(ts_ns=event.ts_ns, order=shown)
    for venue_order_id in event.gone:
        seen = known.foreign.get(venue_order_id)
        if seen is not None and seen.is_open:
            yield ForeignOrderGone(ts_ns=event.ts_ns, venue=event.venue, venue_order_id=venue_order_id)


def _cancels(state: GatewayState, event: AccountCompared) -> Iterator[Effect]:
    """An order that is over for us must not fill, and nobody could cancel it through the gateway any more: that is
    asked for as often as it is seen, for a cancel may be lost, or find no room in the venue's budget. One that left
    memory is known from the archive. What bears the id of an order of ours and is not that order is let be."""
    archived = {order.order_id: order for order in event.archived}
    for seen in event.foreign:
        order = (state.orders.get(seen.order_id) or archived.get(seen.order_id)) if seen.is_open else None
        if order is not None and not order.is_open and _is_same(state, order, seen):
            yield CancelOrder(ticket=ticket_of(order))


def _is_same(state: GatewayState, order: Order, seen: ForeignOrder) -> bool:
    """Whether what was seen at a venue can be what went there; a symbol that is not traded here any more is told by the
    venue's own name."""
    is_there = order.route is Route.LIVE and order.venue == seen.venue
    is_named_so = seen.symbol == order.symbol or seen.symbol not in state.config.instruments
    return is_there and is_named_so and order.side is seen.side


def accept(state: GatewayState, event: DriftAcceptance) -> Decision:
    """A person takes a difference as given; not another one than he was shown."""
    known = state.agreements.get(event.venue) or VenueAgreement()
    drift = known.drifts.get(event.symbol)
    if drift is None:
        text = f"no difference of {event.symbol} at {event.venue} waits; see GET /api/trading/reconciliation"
        return Decision(refusal=Reject(RejectStage.INTAKE, "DRIFT_NOT_FOUND", text))
    if event.qty is not None and event.qty != drift.qty:
        text = f"the difference of {event.symbol} at {event.venue} is {plain(drift.qty)} now, not {plain(event.qty)}"
        return Decision(refusal=Reject(RejectStage.INTAKE, "DRIFT_MOVED", text))
    base: Decimal = known.base(event.symbol) + drift.qty
    accepted = DriftAccepted(
        ts_ns=event.ts_ns,
        venue=event.venue,
        symbol=event.symbol,
        qty=drift.qty,
        base_qty=base,
        actor=event.actor,
        reason=event.reason,
    )
    return Decision((accepted,))
