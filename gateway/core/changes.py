"""Cancels and replaces: they follow their order's route (invariant 5)."""

from decimal import Decimal

import msgspec

from gateway.core.decision import NOTHING, Decision
from gateway.core.measuring import measured_replace, refused_by_limits
from gateway.core.policy import denial_of, policy_document
from gateway.core.pricing import reference_px, unit_value, worst_px_under
from gateway.core.refusal import refused_as_new_risk, refused_by_trading_state, why_shadow
from gateway.core.risk.gate import NOTHING_LIFTED
from gateway.core.risk.rules import OF_THE_MARKET
from gateway.core.routing import cap_broken_by
from gateway.core.state import GatewayState
from gateway.core.throttle.rules import (
    Added,
    match_refusal,
    message_wait,
    new_risk_breaches,
    opposing,
    put_off,
)
from gateway.core.tickets import cancel_effects, ticket_of, twin_tickets
from gateway.core.validation import MAY_HAVE_STOP, NEEDS_LIMIT, instrument_breaches, notional_breach
from gateway.core.venue_limits import can_replace
from gateway.core.words import refuse, reject_of
from gateway.domain.effects import Effect, EvaluatePolicy, ReplaceOrder
from gateway.domain.enums import Mode, OrderClass, OrdStatus, RejectStage, Role, Route, Side
from gateway.domain.events import CancelReceived, PolicyEvaluated, ReplaceReceived
from gateway.domain.facts import (
    CancelRequested,
    Fact,
    OrderEnded,
    ReplaceAdmitted,
    ReplaceDenied,
    ReplaceHeld,
)
from gateway.domain.market import MarketView
from gateway.domain.orders import Actor, Order, PendingReplace, Reject
from gateway.domain.reasons import RejectCode

#: Until a cancel that the venue refused is asked for again where the order must end.
_REFUSED_NS = 2_000_000_000
_SELF_MATCH_PREVENTION = Actor("self_match_prevention", Role.RISK)


def cancel(state: GatewayState, event: CancelReceived) -> Decision:
    """A cancel always passes: no limit, policy or trading state stands in its way."""
    order = state.orders[event.order_id]
    if not order.is_open:
        return Decision(refusal=not_open(order))
    targets = state.legs_of(order) if order.leg_ids else [order]
    facts, effects = cancel_orders(targets, event.actor, event.ts_ns)
    return Decision(facts, effects)


def cancel_orders(orders: list[Order], actor: Actor, ts_ns: int) -> tuple[tuple[Fact, ...], tuple[Effect, ...]]:
    """Ask for the end of every open order among ``orders``; what was never sent ends here and now."""
    facts: list[Fact] = []
    effects: list[Effect] = []
    for order in orders:
        if not order.is_open:
            continue
        facts.append(CancelRequested(ts_ns=ts_ns, order_id=order.order_id, actor=actor))
        if order.is_admitted:
            effects.extend(cancel_effects(order))
        else:
            text = "canceled before it was sent"
            facts.append(OrderEnded(ts_ns=ts_ns, order_id=order.order_id, ord_status=OrdStatus.CANCELED, text=text))
    return tuple(facts), tuple(effects)


def may_cancel(order: Order, ts_ns: int) -> bool:
    """Whether a cancel is worth asking for: none is under way, and the venue has not just refused one."""
    return not order.is_cancel_requested and ts_ns - order.cancel_refused_ns >= _REFUSED_NS


def make_way(others: list[Order], ts_ns: int) -> tuple[tuple[Fact, ...], tuple[Effect, ...]]:
    """Cancel, once, those of our own orders that only open or add and that an order could trade with."""
    yielding = [other for other in others if not other.is_closing and not other.is_cancel_requested]
    return cancel_orders(yielding, _SELF_MATCH_PREVENTION, ts_ns)


def not_open(order: Order) -> Reject:
    """Why a finished order cannot be changed."""
    text = f"order is {order.ord_status.value}; only an open order can be changed"
    return refuse(RejectStage.INTAKE, RejectCode.ORDER_NOT_OPEN, text, ord_status=order.ord_status.value)


def replace(state: GatewayState, event: ReplaceReceived) -> Decision:
    """Change an open order's terms. What raises its risk is checked like a new order, policy included."""
    order = state.orders[event.order_id]
    refusal = _cannot_replace(order) or _unknown_to_venue(state, order)
    if refusal is not None:
        return Decision(refusal=refusal)
    request = event.request
    qty = order.order_qty if request.order_qty is None else request.order_qty
    limit_px = order.limit_px if request.limit_px is None else request.limit_px
    stop_px = order.stop_px if request.stop_px is None else request.stop_px
    refusal = _unfit_terms(order, qty, limit_px, stop_px)
    if refusal is not None:
        return Decision(refusal=refusal)
    wait = message_wait(state.throttle, order, order.venue, event.ts_ns, may_use_reserve=order.is_closing)
    if wait is not None:
        return put_off(state.throttle, wait, event.ts_ns)
    instrument = state.config.instruments[order.symbol]
    breaches = tuple(instrument_breaches(instrument, state.config, order.ord_type, qty, (limit_px, stop_px)))
    reference = reference_px(event.view, instrument)
    px = worst_px_under(order, limit_px, stop_px, reference, state.config.reprice_reserve_bps)
    if not breaches and px is not None and px * instrument.multiplier * qty < instrument.min_notional:
        breaches = (notional_breach(instrument, px, qty),)
    if breaches:
        return _deny(event.order_id, event.ts_ns, reject_of(RejectStage.INSTRUMENT, breaches))
    held_unit = order.held_unit if px is None else unit_value(px, instrument, state.config)
    pending = PendingReplace(qty, limit_px, stop_px, held_unit, is_sent=False)
    if not raises_risk(order, pending):
        held = ReplaceHeld(ts_ns=event.ts_ns, order_id=order.order_id, pending=pending)
        admitted = ReplaceAdmitted(ts_ns=event.ts_ns, order_id=order.order_id)
        return Decision((held, admitted), _replace_effects(order, pending))
    reject = _refused_by_rules(state, order, pending, event.ts_ns, event.view)
    if reject is not None:
        return _deny(order.order_id, event.ts_ns, reject)
    changed = msgspec.structs.replace(
        order, order_qty=qty, limit_px=limit_px, stop_px=stop_px, held_unit=held_unit, actor=event.actor
    )
    document = policy_document(state, changed, event.view, event.ts_ns)
    return Decision(
        (ReplaceHeld(ts_ns=event.ts_ns, order_id=order.order_id, pending=pending),),
        (EvaluatePolicy(order_id=order.order_id, document=document, is_replace=True),),
    )


def conclude_replace(state: GatewayState, event: PolicyEvaluated) -> Decision:
    """The policy has spoken on new terms; the order itself works on meanwhile."""
    order = state.orders.get(event.order_id)
    if order is None or not order.is_open or order.pending_replace is None or order.pending_replace.is_sent:
        return NOTHING
    reject = denial_of(event.verdict) or _refused_by_rules(state, order, order.pending_replace, event.ts_ns, None)
    if reject is not None:
        return _deny(order.order_id, event.ts_ns, reject)
    admitted = ReplaceAdmitted(ts_ns=event.ts_ns, order_id=order.order_id)
    # Only a closing order gets here with one of ours in its way, see match_refusal.
    facts, effects = make_way(opposing(state.throttle, state.orders, order, order.pending_replace), event.ts_ns)
    return Decision((*facts, admitted), (*effects, *_replace_effects(order, order.pending_replace)))


def _deny(order_id: str, ts_ns: int, reject: Reject) -> Decision:
    return Decision((ReplaceDenied(ts_ns=ts_ns, order_id=order_id, reject=reject),))


def _replace_effects(order: Order, pending: PendingReplace) -> tuple[Effect, ...]:
    return tuple(
        ReplaceOrder(
            ticket=ticket,
            order_qty=pending.order_qty,
            limit_px=pending.limit_px,
            stop_px=pending.stop_px,
        )
        for ticket in (ticket_of(order), *twin_tickets(order))
    )


def _cannot_replace(order: Order) -> Reject | None:
    if order.order_class is not OrderClass.SIMPLE:
        text = f"the terms of a {order.order_class} order and its exits are fixed: cancel it, and place a new one"
        return refuse(RejectStage.INTAKE, RejectCode.ORDER_HAS_CLASS, text, order_class=order.order_class.value)
    if order.leg_ids:
        text = f"the order was split; replace its legs instead: {', '.join(order.leg_ids)}"
        return refuse(RejectStage.INTAKE, RejectCode.ORDER_IS_SPLIT, text, legs=", ".join(order.leg_ids))
    if not order.is_open:
        return not_open(order)
    if order.pending_replace is not None or order.is_cancel_requested or not order.is_admitted:
        text = "a change of this order is still under way; wait for its report"
        return refuse(RejectStage.INTAKE, RejectCode.REPLACE_PENDING, text)
    return None


def _unknown_to_venue(state: GatewayState, order: Order) -> Reject | None:
    if can_replace(state, order.venue):
        return None
    text = f"{order.venue} cannot change an order: cancel it and place a new one"
    return refuse(RejectStage.INSTRUMENT, RejectCode.REPLACE_UNSUPPORTED, text, venue=order.venue)


def _unfit_terms(order: Order, qty: Decimal, limit_px: Decimal | None, stop_px: Decimal | None) -> Reject | None:
    if (qty, limit_px, stop_px) == (order.order_qty, order.limit_px, order.stop_px):
        text = "the new terms are the old ones; nothing to change"
        return refuse(RejectStage.INTAKE, RejectCode.REPLACE_UNCHANGED, text)
    if qty <= order.cum_qty:
        text = f"quantity {qty:f} is not above what has filled, {order.cum_qty:f}; cancel the order instead"
        return refuse(
            RejectStage.INTAKE,
            RejectCode.REPLACE_BELOW_FILLED,
            text,
            limit=f"{order.cum_qty:f}",
            value=f"{qty:f}",
        )
    has_stray_limit = limit_px is not None and order.ord_type not in NEEDS_LIMIT
    if has_stray_limit or (stop_px is not None and order.ord_type not in MAY_HAVE_STOP):
        field = "limit_price" if has_stray_limit else "stop_price"
        text = f"a {order.ord_type.value} order has no {field}"
        return refuse(RejectStage.INTAKE, RejectCode.ORDER_SHAPE_INVALID, text, field=field)
    return None


def raises_risk(order: Order, pending: PendingReplace) -> bool:
    """More of it, at a dearer price, or nearer to the market: anything that could add risk."""
    if pending.order_qty > order.order_qty or pending.held_unit > order.held_unit:
        return True
    if pending.stop_px != order.stop_px:
        return True
    if pending.limit_px is None or order.limit_px is None:
        return False
    if order.side is Side.BUY:
        return pending.limit_px > order.limit_px
    return pending.limit_px < order.limit_px


def _stays_closing(state: GatewayState, order: Order, pending: PendingReplace) -> bool:
    """Whether a closing order under its new terms only closes: with what other closing orders may take, it fits into
    the position as it is now."""
    position = state.books[order.route].positions.get(order.position_key)
    if position is None or not position.qty or (position.qty > 0) == (order.side is Side.BUY):
        return False
    others = state.cycles[order.position_key].of(order.route).closing_qty - order.held_qty
    return pending.order_qty - order.cum_qty - order.broken_qty <= abs(position.qty) - others


def _refused_by_mode(state: GatewayState, order: Order, added_value: Decimal, ts_ns: int) -> Reject | None:
    """What new orders stay in SHADOW for, by mode or by a cap of the canary: an order that is live already cannot."""
    if state.mode_of(order.venue, ts_ns) is Mode.SHADOW:
        text = f"more of this live order is not sent: {why_shadow(state, order.venue)}"
        return refuse(RejectStage.ROUTER, RejectCode.WITHHELD, text, venue=order.venue)
    cap = cap_broken_by(state, order.venue, added_value, ts_ns)
    if cap is None:
        return None
    text = f"more of this live order would break a cap of the canary at {order.venue} ({cap.value})"
    return refuse(RejectStage.ROUTER, RejectCode.CANARY_CAP, text, cap=cap.value, venue=order.venue)


def _refused_by_rules(
    state: GatewayState, order: Order, pending: PendingReplace, ts_ns: int, view: MarketView | None
) -> Reject | None:
    """The trading state and every limit, measured on what the new terms add to what is held already.

    ``view`` None: the market was looked at when the terms came, and limits that need it are not asked again.
    """
    is_closing = order.is_closing
    if is_closing and not _stays_closing(state, order, pending):
        text = (
            "the order closes a position, and with these terms would be more than is left of it: make it smaller, or "
            "place another order for the rest"
        )
        return refuse(RejectStage.ROUTER, RejectCode.REPLACE_OPENS, text)
    reject = refused_by_trading_state(state, order, is_closing)
    if reject is None and not is_closing:
        reject = refused_as_new_risk(state, order, state.config.instruments[order.symbol])
    if reject is not None:
        return reject
    measured = measured_replace(state, order, pending, view or MarketView(), ts_ns, is_closing)
    reject = refused_by_limits(measured, OF_THE_MARKET if view is None else NOTHING_LIFTED)
    if is_closing:
        return reject
    if reject is None and state.throttle.is_watching:
        added = Added(measured.risk.qty, measured.risk.added_value, pending.held_unit)
        breaches = new_risk_breaches(state.throttle, measured.book, order, added, ts_ns, whole_qty=None)
        reject = reject_of(RejectStage.RISK, breaches) if breaches else None
    if reject is None and order.route is Route.LIVE:
        reject = _refused_by_mode(state, order, measured.risk.added_value, ts_ns)
    return reject or match_refusal(state.throttle, state.orders, order, pending)
