"""Facts about one order: its hold, its admission or denial, its fills, its end.

Part of ``core.apply``, the only writer of state; called by nothing else. Order objects inside facts are copied
before they enter the state, so that a fact stays what it was when decided.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.counting import count, give_back, note_live, venue_use
from gateway.core.holding import arm_exits, arm_twins, hold_exposure, uncover_sibling
from gateway.core.ledger.booking import book_fill
from gateway.core.ledger.terms import traded_position
from gateway.core.lifecycle import fill_of
from gateway.core.parents import settle_again, settle_parent
from gateway.core.pricing import unit_value
from gateway.core.revisions import Revisions
from gateway.core.rollout import folding, outcomes
from gateway.core.state import GatewayState
from gateway.core.trading.agreements import note_executed
from gateway.core.trading.flattens import note_outcome, note_sent
from gateway.domain.enums import OPEN_STATUSES, ExecType, OrderClass, OrdStatus, Route
from gateway.domain.exit_facts import ExitsAttached
from gateway.domain.facts import (
    HoldReleased,
    OrderAcknowledged,
    OrderAdmitted,
    OrderDenied,
    OrderEnded,
    OrderExecuted,
    OrderHeld,
    OrderInDoubt,
    OrderRestored,
    OrderWithdrawn,
    TwinUpdated,
)
from gateway.domain.money import ZERO
from gateway.domain.orders import Order
from gateway.domain.throttle_facts import OrderDeferred
from gateway.domain.twin import Twin

# Named once: see domain.orders.
_LIVE, _SIMPLE = Route.LIVE, OrderClass.SIMPLE
_PENDING_NEW, _NEW = OrdStatus.PENDING_NEW, OrdStatus.NEW


def _enter(state: GatewayState, order: Order) -> Order:
    own = order.copy()
    state.orders[own.order_id] = own
    if own.cl_ord_id and not own.parent_id:
        state.client_ids[(own.account, own.cl_ord_id)] = own.order_id
    return own


def close_order(state: GatewayState, order: Order) -> None:
    """The order is done: it stays in memory until ``retained_closed_orders`` newer ones are done too.

    A leg leaves with its parent, and the parent is done when its last leg is.
    """
    if order.parent_id:
        parent = state.orders.get(order.parent_id)
        if parent is None or any(leg.is_open for leg in state.legs_of(parent)):
            return
        settle_parent(state, parent)
        close_order(state, parent)
        return
    state.closed_ids[order.order_id] = None


def trim(state: GatewayState) -> None:
    """Let go of the oldest finished orders. Between records only: what one event decided may still speak of them."""
    most = state.config.retained_closed_orders or 1
    while len(state.closed_ids) > most:
        oldest, _ = state.closed_ids.popitem(last=False)
        _forget(state, oldest)
    state.ledger.trim(state.config.retained_executions, max(state.config.retained_closed_orders, 1))


def _forget(state: GatewayState, order_id: str) -> None:
    order = state.orders.pop(order_id, None)
    if order is None:
        return  # a leg that left with its parent
    if order.cl_ord_id and state.client_ids.get((order.account, order.cl_ord_id)) == order_id:
        del state.client_ids[(order.account, order.cl_ord_id)]
    for leg_id in order.leg_ids:
        state.orders.pop(leg_id, None)


def _order_held(state: GatewayState, fact: OrderHeld) -> None:
    order = _enter(state, fact.order)
    hold_exposure(state, order, 1)
    if not order.parent_id:
        count(state, "orders", "received")
        state.throttle.note_order(order, fact.ts_ns, is_held=True)
    note_sent(state.flattens, order)
    state.breakers.counters.note_received(order, fact.ts_ns)


def _order_admitted(state: GatewayState, fact: OrderAdmitted) -> None:
    order = state.orders[fact.order_id]
    order.is_admitted = True
    order.policy_revision = fact.policy_revision
    order.updated_ns = fact.ts_ns
    folding.note_admitted(state, order)
    if order.route is _LIVE:
        order.twin, order.second_twin = Twin(order_qty=order.order_qty), Twin(order_qty=order.order_qty)
        order.sent_ns = fact.ts_ns
        if not order.is_closing:
            note_live(state, order)
    state.breakers.counters.note_admitted(order, fact.ts_ns)
    count(state, "orders", "admitted")
    count(state, "routes", str(order.route))
    state.throttle.note_sent(order, fact.ts_ns)


def _exits_attached(state: GatewayState, fact: ExitsAttached) -> None:
    for one in fact.exits:
        order = _enter(state, one)
        if order.route is _LIVE:
            order.twin, order.second_twin = Twin(), Twin()
        hold_exposure(state, order, 1)
        count(state, "orders", "admitted")
        count(state, "routes", str(order.route))


def _order_denied(state: GatewayState, fact: OrderDenied) -> None:
    if fact.order is not None:
        order = _enter(state, fact.order)
        if not order.parent_id:
            count(state, "orders", "received")
            state.throttle.note_order(order, fact.ts_ns, is_held=False)
        state.breakers.counters.note_received(order, fact.ts_ns)
    else:
        order = state.orders[fact.order_id]
        hold_exposure(state, order, -1)
        give_back(state, order)
        state.throttle.forget_order(order.order_id)
        order.ord_status = OrdStatus.DENIED
        order.reject = fact.reject
        order.updated_ns = fact.ts_ns
    count(state, "orders", "denied")
    count(state, "denied", fact.reject.code)
    close_order(state, order)


def _hold_released(state: GatewayState, fact: HoldReleased) -> None:
    order = state.orders[fact.order_id]
    hold_exposure(state, order, -1)
    give_back(state, order)
    _forget(state, fact.order_id)
    state.throttle.undo_order(order, fact.ts_ns)
    state.breakers.counters.undo_received(order)
    state.statistics["orders"]["received"] -= 1  # it is received again when it is decided again


def _order_deferred(state: GatewayState, fact: OrderDeferred) -> None:
    order = state.orders[fact.order_id]
    hold_exposure(state, order, -1)
    give_back(state, order)
    _forget(state, fact.order_id)
    state.throttle.forget_order(fact.order_id)
    count(state, "orders", "deferred")


def _order_withdrawn(state: GatewayState, fact: OrderWithdrawn) -> None:
    order = state.orders.get(fact.order_id)
    if order is None:
        return
    give_back(state, order)
    for leg in (*state.legs_of(order), order):
        hold_exposure(state, leg, -1)
        _uncount(state, leg)
        state.closed_ids.pop(leg.order_id, None)
    _forget(state, fact.order_id)
    state.throttle.forget_order(fact.order_id)
    count(state, "orders", "withdrawn")


def _uncount(state: GatewayState, order: Order) -> None:
    """Take back what was counted of an order that is on record nowhere."""
    folding.forget_doubt(state, order)
    if order.is_admitted:
        if not order.entry_id:  # an exit was not counted as evidence
            folding.note_admitted(state, order, -1)
        count(state, "orders", "admitted", -1)
        count(state, "routes", str(order.route), -1)
        use = venue_use(state, order.venue)
        if order.route is _LIVE and not order.is_closing and order.counted_day == use.day:
            use.live_orders_today -= 1
    if order.ord_status is OrdStatus.DENIED and order.reject is not None and not order.leg_ids:
        count(state, "orders", "denied", -1)
        count(state, "denied", order.reject.code, -1)


def _order_in_doubt(state: GatewayState, fact: OrderInDoubt) -> None:
    order = state.orders[fact.order_id]
    folding.note_in_doubt(state, order, fact.ts_ns, is_ours=fact.is_ours)
    order.is_in_doubt, order.doubt_since_ns = True, fact.ts_ns
    order.updated_ns = fact.ts_ns
    count(state, "orders", "in_doubt")


def _end_doubt(order: Order) -> None:
    order.is_in_doubt, order.doubt_since_ns = False, 0


def _order_acknowledged(state: GatewayState, fact: OrderAcknowledged) -> None:
    order = state.orders[fact.order_id]
    folding.note_answered(state, order, fact.ts_ns)
    if order.ord_status is _PENDING_NEW:
        order.ord_status = _NEW
    _end_doubt(order)
    order.venue_order_id = fact.venue_order_id or order.venue_order_id
    order.updated_ns = fact.ts_ns


def _order_executed(state: GatewayState, fact: OrderExecuted) -> None:
    order = state.orders[fact.order_id]
    was_open = order.is_open
    outcomes.take_back(state, order)
    folding.note_answered(state, order, fact.ts_ns)
    folding.note_executed(state, order, fact)
    hold_exposure(state, order, -1)
    order.ord_status = fact.ord_status
    order.cum_qty, order.cum_value = fact.cum_qty, fact.cum_value
    order.fills.append(fact.fill)
    if order.early_revisions:
        order.early_revisions = Revisions(order, ()).still_waiting()
    order.fees += fact.fill.fee
    _end_doubt(order)
    order.venue_order_id = fact.venue_order_id or order.venue_order_id
    order.updated_ns = fact.ts_ns
    if not order.is_open:
        order.pending_replace = None
    outcomes.say_again(state, order)
    hold_exposure(state, order, 1)
    if order.order_class is not _SIMPLE:
        arm_exits(state, order)
        if not order.is_open:
            uncover_sibling(state, order)
    _book_position(state, order, fact)
    _note_execution(state, order, fact)
    count(state, "fills", str(order.route))
    note_executed(state.agreements, order, fact.ts_ns)
    if was_open and not order.is_open:
        count(state, "orders", str(order.ord_status))
        outcomes.note_done(state, order, fact.ts_ns)
        close_order(state, order)
    elif not was_open and (fact.ord_status is OrdStatus.FILLED or order.order_class is OrderClass.OCO):
        settle_again(state, order)


def _note_execution(state: GatewayState, order: Order, fact: OrderExecuted) -> None:
    if not state.throttle.is_watching:
        return
    instrument = state.config.instruments.get(order.symbol)
    unit = ZERO if instrument is None else unit_value(fact.fill.last_px, instrument, state.config)
    state.throttle.note_executed(order, fact.fill, fact.fill.last_qty * unit, fact.ts_ns)


def _book_position(state: GatewayState, order: Order, fact: OrderExecuted) -> None:
    book = state.books[order.route]
    position = traded_position(book, state.ledger, order, state.config, state.rates, fact.ts_ns)
    book_fill(book, state.ledger, position, order, fact.fill, fact.ts_ns, state.rates)


def _order_ended(state: GatewayState, fact: OrderEnded) -> None:
    order = state.orders[fact.order_id]
    hold_exposure(state, order, -1)
    if not order.is_admitted:
        give_back(state, order)
    folding.note_answered(state, order, fact.ts_ns, None if fact.reject is None else fact.reject.code)
    order.ord_status = fact.ord_status
    order.reject = fact.reject or order.reject
    _end_doubt(order)
    order.is_cancel_requested = False
    order.pending_replace = None
    order.updated_ns = fact.ts_ns
    if order.order_class is not _SIMPLE:
        uncover_sibling(state, order)
    count(state, "orders", str(fact.ord_status))
    state.breakers.counters.note_ended(order, fact.ts_ns)
    note_outcome(state.flattens, order, fact.ts_ns)
    outcomes.note_done(state, order, fact.ts_ns)
    close_order(state, order)


def _twin_updated(state: GatewayState, fact: TwinUpdated) -> None:
    order = state.orders[fact.order_id]
    report = fact.report
    twin = order.second_twin if report.is_second_twin else order.twin
    if twin is None:
        return
    folding.note_twin(twin, fact.ts_ns)
    was_open = twin.ord_status in OPEN_STATUSES
    if not was_open:
        outcomes.take_back(state, order)
    if report.exec_type is ExecType.TRADE:
        fill = fill_of(report)
        twin.exec_ids.append(fill.exec_id)
        twin.cum_qty += fill.last_qty
        twin.cum_value += fill.last_qty * fill.last_px
        twin.fee += fill.fee
    elif report.exec_type is ExecType.REPLACED:
        twin.order_qty, twin.replaced = report.order_qty or twin.order_qty, twin.replaced + 1
    twin.ord_status = fact.ord_status
    if not was_open:
        outcomes.say_again(state, order)
    if order.is_entry and twin.ord_status is OrdStatus.FILLED:
        arm_twins(state, order, is_second=report.is_second_twin)
    if was_open and twin.ord_status not in OPEN_STATUSES:
        outcomes.note_twin_done(state, order, fact.ts_ns)


def _order_restored(state: GatewayState, fact: OrderRestored) -> None:
    order = _enter(state, fact.order)
    if not order.parent_id or order.parent_id not in state.orders:  # a leg leaves with its parent, if that is here
        state.closed_ids[order.order_id] = None


ORDER_APPLIERS: Mapping[type, Callable[[GatewayState, Any], None]] = {
    OrderHeld: _order_held,
    OrderAdmitted: _order_admitted,
    ExitsAttached: _exits_attached,
    OrderDenied: _order_denied,
    HoldReleased: _hold_released,
    OrderDeferred: _order_deferred,
    OrderWithdrawn: _order_withdrawn,
    OrderInDoubt: _order_in_doubt,
    OrderAcknowledged: _order_acknowledged,
    OrderExecuted: _order_executed,
    OrderEnded: _order_ended,
    TwinUpdated: _twin_updated,
    OrderRestored: _order_restored,
}
