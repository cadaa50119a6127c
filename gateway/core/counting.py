"""The small counts that both halves of ``core.apply`` keep. Called by them only."""

from gateway.core.state import GatewayState, VenueUse


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
