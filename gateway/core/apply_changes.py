"""Facts about changes of an order: cancels and replaces, asked for, held, refused and done.

Part of ``core.apply``, the only writer of state; called by nothing else.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.core.apply_orders import close_order
from gateway.core.counting import count, rest_value
from gateway.core.holding import hold_exposure
from gateway.core.rollout import folding, outcomes
from gateway.core.state import GatewayState
from gateway.domain.facts import (
    CancelRefused,
    CancelRequested,
    OrderReplaced,
    ReplaceAdmitted,
    ReplaceDenied,
    ReplaceHeld,
)


def _cancel_requested(state: GatewayState, fact: CancelRequested) -> None:
    order = state.orders[fact.order_id]
    if not state.throttle.note_cancel(order, fact.ts_ns):
        count(state, "messages", "cancels_over_budget")
    order.is_cancel_requested = True
    order.updated_ns = fact.ts_ns


def _cancel_refused(state: GatewayState, fact: CancelRefused) -> None:
    order = state.orders[fact.order_id]
    order.is_cancel_requested = False
    order.updated_ns = order.cancel_refused_ns = fact.ts_ns


def _replace_held(state: GatewayState, fact: ReplaceHeld) -> None:
    order = state.orders[fact.order_id]
    hold_exposure(state, order, -1)
    order.pending_replace = fact.pending
    order.updated_ns = fact.ts_ns
    hold_exposure(state, order, 1)
    state.throttle.note_replace(order, fact.ts_ns)


def _replace_admitted(state: GatewayState, fact: ReplaceAdmitted) -> None:
    order = state.orders[fact.order_id]
    pending = order.pending_replace
    if pending is not None:
        order.pending_replace = msgspec.structs.replace(pending, is_sent=True, sent_ns=fact.ts_ns)
    order.updated_ns = fact.ts_ns


def _replace_denied(state: GatewayState, fact: ReplaceDenied) -> None:
    order = state.orders[fact.order_id]
    if order.pending_replace is None:  # denied at once: what was held before it has counted already
        state.throttle.note_replace(order, fact.ts_ns)
    hold_exposure(state, order, -1)
    order.pending_replace = None
    order.updated_ns = fact.ts_ns
    hold_exposure(state, order, 1)
    count(state, "replaces", "denied")


def _order_replaced(state: GatewayState, fact: OrderReplaced) -> None:
    order = state.orders[fact.order_id]
    was_open = order.is_open
    folding.note_answered(state, order, fact.ts_ns)
    hold_exposure(state, order, -1)
    before, pending = rest_value(order), order.pending_replace
    terms = order.order_qty, order.limit_px, order.stop_px = fact.order_qty, fact.limit_px, fact.stop_px
    order.held_unit = fact.held_unit
    order.ord_status = fact.ord_status
    order.terms_ns = fact.transact_ns
    is_as_asked = fact.settles_pending and pending is not None and pending.terms == terms
    folding.note_replaced(state, order, before, is_as_asked=is_as_asked)
    state.throttle.note_more_sent(order, rest_value(order) - before, fact.ts_ns)
    if fact.settles_pending or not order.is_open:
        order.pending_replace = None
    order.is_in_doubt = False
    order.updated_ns = fact.ts_ns
    hold_exposure(state, order, 1)
    count(state, "replaces", "done")
    if was_open and not order.is_open:
        outcomes.note_done(state, order, fact.ts_ns)
        close_order(state, order)


CHANGE_APPLIERS: Mapping[type, Callable[[GatewayState, Any], None]] = {
    CancelRequested: _cancel_requested,
    CancelRefused: _cancel_refused,
    ReplaceHeld: _replace_held,
    ReplaceAdmitted: _replace_admitted,
    ReplaceDenied: _replace_denied,
    OrderReplaced: _order_replaced,
}
