"""What is done about an order that is about to leave and could trade with an open one of our own.

Two rules stand above the configured one. An order that closes a live position is never refused: what stands in its
way is asked to go first, and the order goes at once (invariant 3). And an open order that closes a position is never
canceled for the sake of another: the other is refused.

An order that opens or adds never leaves while one that it could trade with may still trade. Under ``cancel_oldest``
it is therefore put off, not sent behind the cancel: venues promise no order between the two, and a fill may be
faster than the cancel. The client sends the same request again once the older order is gone.
"""

from collections.abc import Sequence

from gateway.core.changes import make_way
from gateway.core.decision import Decision
from gateway.core.order_classes import exits_of
from gateway.core.state import GatewayState
from gateway.core.throttle.rules import match_reject, opposing
from gateway.domain.effects import Effect
from gateway.domain.enums import OrderClass, SelfMatchPrevention
from gateway.domain.facts import Fact, OrderDenied
from gateway.domain.orders import Order
from gateway.domain.throttle_facts import OrderDeferred

#: How long a client waits before it sends an order again that was put off: venues confirm a cancel within this.
RETRY_NS = 1_000_000_000


def settle_match(state: GatewayState, order: Order, ts_ns: int) -> Decision | None:
    """What comes instead of admitting ``order``, or, when it closes a position, before that. None: nothing of ours
    is in its way."""
    others = opposing(state.throttle, state.orders, order)
    if order.order_class is OrderClass.OCO:  # its other exit works beside it from the beginning
        others = list({one.order_id: one for one in (*others, *_opposing_any(state, exits_of(order)))}.values())
    others = [other for other in others if other.is_admitted or _is_older(other, order)]
    if not others:
        return None
    if order.is_closing:
        return Decision(*make_way(others, ts_ns))
    closing = next((other for other in others if other.is_closing), None)
    if closing is not None:
        reject = match_reject(state.throttle, closing, "it closes a position and stays")
        return Decision((OrderDenied(ts_ns=ts_ns, order_id=order.order_id, reject=reject),))
    facts, effects = make_way(others, ts_ns)
    if state.throttle.prevention is SelfMatchPrevention.CANCEL_OLDEST and not order.parent_id:
        advice = "its cancel is under way; send this order again when it is gone"
        reject = match_reject(state.throttle, others[0], advice)
        deferred = OrderDeferred(ts_ns=ts_ns, order_id=order.order_id, reject=reject)
        return Decision((*facts, deferred), effects, reject, RETRY_NS)
    reject = match_reject(state.throttle, others[0], "its cancel is under way, and this order is denied")
    return Decision((*facts, OrderDenied(ts_ns=ts_ns, order_id=order.order_id, reject=reject)), effects)


def make_way_for(
    state: GatewayState, exits: Sequence[Order], ts_ns: int
) -> tuple[tuple[Fact, ...], tuple[Effect, ...]]:
    """What opens or adds and could trade with exits that begin to work is asked to go. Orders that came after them
    were held against them; those that rested before were not, for sleeping exits trade with nobody."""
    return make_way(_opposing_any(state, exits), ts_ns)


def _opposing_any(state: GatewayState, orders: Sequence[Order]) -> list[Order]:
    found = {other.order_id: other for one in orders for other in opposing(state.throttle, state.orders, one)}
    for one in orders:
        found.pop(one.entry_id, None)  # it has filled, though that is not written yet
    return list(found.values())


def _is_older(other: Order, order: Order) -> bool:
    """Both wait for the policy: the newer of the two looks after the match."""
    return (other.created_ns, other.order_id) < (order.created_ns, order.order_id)
