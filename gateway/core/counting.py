"""The small counts that both halves of ``core.apply`` keep. Called by them only."""

import msgspec

from gateway.core.state import GatewayState, VenueUse
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


def give_back(state: GatewayState, order: Order) -> None:
    """An order that is never sent uses no override up; one that is over meanwhile stays so. A leg's is its parent's."""
    uses, order.overrides = order.overrides, ()
    if order.parent_id:
        return
    for use in uses:
        override = state.overrides.get(use.override_id)
        if override is not None:
            state.overrides[use.override_id] = msgspec.structs.replace(override, used_by="", uses=override.uses - 1)
