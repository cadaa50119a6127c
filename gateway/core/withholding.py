"""What was decided and must not leave any more: between the decision and the send, trading was taken back.

The intent to send is durable by then, so that it is withheld is a fact of its own. After a crash in between, the venue
is asked as about any order that may have left, and does not have it.
"""

from gateway.core.changes import raises_risk
from gateway.core.refusal import refused_by_trading_state, why_shadow
from gateway.core.state import GatewayState
from gateway.domain.enums import Mode, OrdStatus
from gateway.domain.orders import Order

_PENDING_NEW, _SHADOW = OrdStatus.PENDING_NEW, Mode.SHADOW  # named once: see domain.orders


def why_withheld(state: GatewayState, order: Order, *, is_replace: bool = False, now_ns: int = 0) -> str:
    """Why an admitted live order (or its new terms) must not be sent now; empty: send it.

    What closes a position is held back by nothing but its own cancel. The control epoch tells nearly every order at
    once that nothing changed since it was admitted.
    """
    if is_replace:
        if order.pending_replace is None:
            return "nobody waits for the change any more"
        if order.is_cancel_requested:  # at some venues a change is a new order
            return "canceled before it was sent"
        if not raises_risk(order, order.pending_replace):
            return ""
    elif order.ord_status is not _PENDING_NEW:
        return ""
    if not order.is_closing and (order.control_epoch != state.control_epoch or is_replace):
        if state.mode_of(order.venue, now_ns) is _SHADOW:
            return f"not sent: {why_shadow(state, order.venue)}"
        reject = refused_by_trading_state(state, order, is_closing=False)
        if reject is not None:
            return f"not sent: {reject.text}"
    return "canceled before it was sent" if order.is_cancel_requested else ""
