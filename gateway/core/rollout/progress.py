"""How a rollout moves on: days, connections, and the facts about it. Part of ``core.apply``; called by it only."""

from gateway.core.evidence.memory import VenueRollout
from gateway.domain.facts import VenueStatusRecorded


def note_connection(rollout: VenueRollout, fact: VenueStatusRecorded, *, was_connected: bool) -> None:
    """The venue was lost, or is back."""
    if fact.is_connected:
        if not was_connected or not rollout.back_ns:
            rollout.back_ns = fact.ts_ns
    elif was_connected:
        rollout.lost_ns = fact.ts_ns
        rollout.outages_today += bool(rollout.back_ns)  # one that is not up yet was not lost


def note_day(rollout: VenueRollout) -> None:
    """A trading day of the venue is over. It counts if orders of it count, and nothing held the rollout in it."""
    evidence = rollout.evidence
    if evidence.day_orders and not evidence.is_day_spoiled:
        evidence.days += 1
        rollout.canary_days += evidence.position >= 0
    evidence.day_orders = 0
    evidence.is_day_spoiled = rollout.hold is not None
    rollout.outages_today = 0
