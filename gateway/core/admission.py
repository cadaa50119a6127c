"""From an order received to an order admitted or denied.

``receive`` checks the instrument, the trading state, the route and the limits, and holds the exposure. Where the
policy answers within the same step, ``settle`` adds what its verdicts come to; else ``conclude`` hears it later and
admits, denies, or has it decided again because the rules moved meanwhile.
"""

import msgspec

from gateway.core.cutting import Candidate, candidates, order_of, refusal_of_exits, venue_of
from gateway.core.decision import NOTHING, Decision
from gateway.core.message_rate import refused_as_too_early
from gateway.core.order_classes import exits_of
from gateway.core.overrides import used_facts, uses_of_legs
from gateway.core.policy import denial_of, policy_document
from gateway.core.refusal import refusal_of
from gateway.core.routing import Leg
from gateway.core.self_matching import settle_match
from gateway.core.state import GatewayState
from gateway.core.tickets import submit_effects
from gateway.core.words import refuse
from gateway.domain.effects import Effect, EvaluatePolicy, ReconsiderOrder
from gateway.domain.enums import OrderClass, OrdStatus, RejectStage, Route
from gateway.domain.events import OrderReceived, PolicyEvaluated, PolicyVerdict
from gateway.domain.exit_facts import ExitsAttached
from gateway.domain.facts import CycleOpened, Fact, HoldReleased, OrderAdmitted, OrderDenied, OrderHeld
from gateway.domain.money import ZERO
from gateway.domain.orders import NewOrderSingle, Order, Reject
from gateway.domain.reasons import RejectCode, RouteReason

# Named once: see domain.orders.
_SPLIT, _SIMPLE = Route.SPLIT, OrderClass.SIMPLE


def receive(state: GatewayState, event: OrderReceived) -> Decision:
    """Check a well-formed order against everything that is ours, hold its exposure, and hear the policy if it spoke."""
    return settle(state, _receive(state, event), event)


def settle(state: GatewayState, decision: Decision, event: OrderReceived) -> Decision:
    """``decision`` on the order itself, with what the event's verdicts make of the orders that it holds.

    Nothing can move between the two: the verdicts were given on the very decision, before anything else was decided.
    """
    verdicts = event.verdicts
    if not verdicts:
        return decision
    # Every order that is held is asked about, and nothing else: a parent that was split has its legs asked about.
    held = [fact.order for fact in decision.facts if type(fact) is OrderHeld and fact.order.route is not _SPLIT]
    facts, effects = decision.facts, decision.effects[len(verdicts) :]
    refusal, wait_ns = decision.refusal, decision.wait_ns
    for order, verdict in zip(held, verdicts, strict=False):
        heard = _hear(state, order, verdict, event.ts_ns)
        facts, effects = (*facts, *heard.facts), (*effects, *heard.effects)
        refusal, wait_ns = heard.refusal, heard.wait_ns
    return Decision(facts, effects, refusal, wait_ns)


def _receive(state: GatewayState, event: OrderReceived) -> Decision:
    if state.throttle.plan.messages is not None:
        early = refused_as_too_early(state, event, venue_of(state, event.request))
        if early is not None:
            return early
    found = candidates(state, event)
    if isinstance(found, Reject):
        return _deny(state, event, found)
    if len(found) == 1 and not found[0].order.parent_id:
        return _receive_whole(state, event, found[0])
    return _receive_split(state, event, found)


def _receive_whole(state: GatewayState, event: OrderReceived, found: Candidate) -> Decision:
    order = found.order
    reject = refusal_of(state, order, found.measured)
    if reject is not None:
        return Decision((_denied(order, reject, event.ts_ns),))
    facts, effect = _hold(state, event, order, found.leg)
    return Decision((*used_facts(order, event.ts_ns), *facts) if order.overrides else facts, (effect,))


def _receive_split(state: GatewayState, event: OrderReceived, found: tuple[Candidate, ...]) -> Decision:
    """Hold each leg on its own; the closing part stands even when the rest is denied. Legs that are denied come last:
    an order is over when all of its legs that are known are.

    The exits of an order with a class are not held before it is admitted: they are on record as terms of the parent.
    """
    rejects = [refusal_of(state, one.order, one.measured) or refusal_of_exits(one.exits) for one in found]
    not_closed = [reject for one, reject in zip(found, rejects, strict=True) if reject and one.leg.is_closing]
    if not_closed:  # what cannot be closed is not to be outweighed by a new position
        rejects = [
            reject if reject or one.leg.is_closing else not_closed[0]
            for one, reject in zip(found, rejects, strict=True)
        ]
    parent = _parent(event, found[0].order)
    if rejects[0] is not None and all(reject is not None for reject in rejects):
        return Decision((_denied(parent, rejects[0], event.ts_ns),))
    exits = (leg for one in found for leg in exits_of(one.order))
    parent.leg_ids = (*(one.order.order_id for one in found), *(leg.order_id for leg in exits))
    parent.overrides = uses_of_legs(one.order for one in found)
    facts: list[Fact] = [*used_facts(parent, event.ts_ns), OrderHeld(ts_ns=event.ts_ns, order=parent)]
    effects: list[Effect] = []
    denied_legs: list[Fact] = []
    for one, reject in zip(found, rejects, strict=True):
        if reject is not None:
            denied_legs.append(_denied(one.order, reject, event.ts_ns))
            continue
        held, effect = _hold(state, event, one.order, one.leg)
        facts.extend(held)
        effects.append(effect)
    return Decision((*facts, *denied_legs), tuple(effects))


def _parent(event: OrderReceived, first_leg: Order) -> Order:
    """What stands for the whole of a split order: it is never held or sent itself."""
    has_class = first_leg.order_class is not _SIMPLE
    return msgspec.structs.replace(
        first_leg,
        order_id=event.order_id,
        parent_id="",
        cl_ord_id=event.request.cl_ord_id,
        order_qty=event.request.order_qty,
        route=_SPLIT,
        route_reason=RouteReason.ORDER_CLASS if has_class else RouteReason.SPLIT_CLOSE_AND_REST,
        is_closing=False,
        cycle=0,
        held_unit=ZERO,
        bucket=None,
        overrides=(),
    )


def _denied(order: Order, reject: Reject, ts_ns: int) -> OrderDenied:
    """An order that was never held: it is on record with what it was denied for."""
    order.ord_status, order.reject = OrdStatus.DENIED, reject
    return OrderDenied(ts_ns=ts_ns, order_id=order.order_id, reject=reject, order=order)


def _hold(state: GatewayState, event: OrderReceived, order: Order, leg: Leg) -> tuple[tuple[Fact, ...], EvaluatePolicy]:
    document = policy_document(state, order, event.view, event.ts_ns)
    held = OrderHeld(ts_ns=event.ts_ns, order=order)
    effect = EvaluatePolicy(order_id=order.order_id, document=document)
    if not leg.opens_cycle:
        return (held,), effect
    opened = CycleOpened(
        ts_ns=event.ts_ns,
        position_key=order.position_key,
        venue=order.venue,
        cycle=leg.cycle,
        route=leg.route,
        bucket=leg.bucket,
        weight_bp=leg.weight_bp,
        order_id=order.order_id,
    )
    return (opened, held), effect


def _deny(state: GatewayState, event: OrderReceived, reject: Reject) -> Decision:
    venue = venue_of(state, event.request)
    leg = Leg(route=Route.SHADOW, reason=RouteReason.MODE_SHADOW, qty=event.request.order_qty, cycle=0)
    order = order_of(state, event, venue, None, leg, event.order_id)
    request = event.request
    if request.order_class is not _SIMPLE:
        order.order_class = request.order_class
        order.take_profit, order.stop_loss = request.take_profit, request.stop_loss
    return Decision((_denied(order, reject, event.ts_ns),))


def conclude(state: GatewayState, event: PolicyEvaluated) -> Decision:
    """The policy has spoken on a held order."""
    order = state.orders.get(event.order_id)
    if order is None or order.is_admitted or not order.is_open:
        return NOTHING  # canceled or withdrawn while the policy was thinking
    has_moved = order.control_epoch != state.control_epoch
    if not has_moved and not order.is_closing:
        has_moved = state.has_ended_override(order.venue, order.created_ns, event.ts_ns)
    if has_moved and not _stands_whatever_changed(state, order):
        return _decide_again(state, event, order)
    return _hear(state, order, event.verdict, event.ts_ns)


def _hear(state: GatewayState, order: Order, verdict: PolicyVerdict, ts_ns: int) -> Decision:
    """What the policy's verdict makes of a held order."""
    reject = denial_of(verdict)
    if reject is not None:
        return Decision((OrderDenied(ts_ns=ts_ns, order_id=order.order_id, reject=reject),))
    admitted: tuple[Fact, ...] = (
        OrderAdmitted(ts_ns=ts_ns, order_id=order.order_id, policy_revision=verdict.revision),
    )
    if order.is_sent_with_exits:
        exits = exits_of(order, verdict.revision)
        admitted = (*admitted, ExitsAttached(ts_ns=ts_ns, order_id=order.order_id, exits=exits))
    match = None if state.throttle.prices is None else settle_match(state, order, ts_ns)
    if match is None:
        return Decision(admitted, submit_effects(order))
    if not order.is_closing:
        return match
    return Decision((*match.facts, *admitted), (*match.effects, *submit_effects(order)))


def _stands_whatever_changed(state: GatewayState, order: Order) -> bool:
    """The closing leg of a split order, or an OCO: no change of mode or limits may keep a position open."""
    return bool(order.parent_id) and order.is_closing and not state.trading.is_halted(order)


def _decide_again(state: GatewayState, event: PolicyEvaluated, order: Order) -> Decision:
    """Mode, limits or trading state moved while the policy was thinking: what was approved is void.

    A leg of a split order is denied instead: its parent was answered for as a whole, and the client can send
    the rest again under the rules of now.
    """
    if order.parent_id:
        text = "mode, limits or trading state changed while the order was checked; send it again"
        reject = refuse(RejectStage.ROUTER, RejectCode.CONTROLS_CHANGED, text)
        return Decision((OrderDenied(ts_ns=event.ts_ns, order_id=order.order_id, reject=reject),))
    request = NewOrderSingle(
        symbol=order.symbol,
        side=order.side,
        order_qty=order.order_qty,
        ord_type=order.ord_type,
        limit_px=order.limit_px,
        stop_px=order.stop_px,
        trailing_amount=order.trailing_amount,
        trailing_percent=order.trailing_percent,
        time_in_force=order.time_in_force,
        expire_ns=order.expire_ns,
        account=order.account,
        strategy_id=order.strategy_id,
        venue=order.venue,
        cl_ord_id=order.cl_ord_id,
        execution_algorithm=order.execution_algorithm,
    )
    again = ReconsiderOrder(order_id=order.order_id, request=request, fingerprint=order.fingerprint, actor=order.actor)
    return Decision((HoldReleased(ts_ns=event.ts_ns, order_id=order.order_id),), (again,))
