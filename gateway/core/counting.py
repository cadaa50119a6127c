"""The small counts that both halves of ``core.apply`` keep. Called by them only."""

from decimal import Decimal

import msgspec

from gateway.core.state import GatewayState, VenueUse
from gateway.domain.money import ZERO
from gateway.domain.orders import Order


def count(state: GatewayState, group: str, name: str, more: int = 1) -> None:
    """Count one more of ``name`` in the statistics (-1 takes one back)."""
    try:
        state.statistics[group][name] += more
    except KeyError:
        state.statistics.setdefault(group, {})[name] = more


def venue_use(state: GatewayState, venue: str) -> VenueUse:
    """What is counted per venue, begun when new."""
    use = state.venues.get(venue)
    if use is None:
        use = state.venues[venue] = VenueUse()
    return use


def rest_value(order: Order) -> Decimal:
    """What may still fill of it under the terms in force, base currency, worst case."""
    left = order.order_qty - order.cum_qty
    return left * order.held_unit if left > 0 else ZERO


def added_value(order: Order) -> Decimal:
    """What the terms that are asked for would add to that."""
    pending = order.pending_replace
    if pending is None:
        return ZERO
    return max((pending.order_qty - order.cum_qty) * pending.held_unit - rest_value(order), ZERO)


def note_waiting(state: GatewayState, order: Order, sign: int) -> None:
    """A live order that opens or adds waits to be admitted, or its new terms for an answer (-1: no longer)."""
    if not order.is_admitted:
        use = venue_use(state, order.venue)
        use.live_orders_waiting += sign
        use.live_value_waiting += sign * rest_value(order)
    elif order.pending_replace is not None:
        venue_use(state, order.venue).live_value_waiting += sign * added_value(order)


def note_live(state: GatewayState, order: Order) -> None:
    """A live order that opens or adds is admitted: it is of the day now, and waits no more."""
    use = venue_use(state, order.venue)
    use.live_orders_waiting -= 1
    use.live_value_waiting -= rest_value(order)
    use.live_orders_today += 1
    order.counted_day = use.day


def give_back(state: GatewayState, order: Order) -> None:
    """An order that is never sent uses no override up; one that is over meanwhile stays so. A leg's is its parent's."""
    uses, order.overrides = order.overrides, ()
    if order.parent_id:
        return
    for use in uses:
        override = state.overrides.get(use.override_id)
        if override is not None:
            state.overrides[use.override_id] = msgspec.structs.replace(override, used_by="", uses=override.uses - 1)
