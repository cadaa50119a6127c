"""Evidence folded out of facts as they are applied: a fixed amount of work for each.

Called by ``core.apply`` only. Only live orders count, except for what was seen in SHADOW before the first step; what
an outage cut off does not.
"""

from decimal import Decimal

from gateway.core.counting import rest_value
from gateway.core.evidence.memory import StepEvidence, VenueRollout
from gateway.core.state import GatewayState
from gateway.domain.breakers import BreakerKind
from gateway.domain.enums import OPEN_STATUSES, OrdStatus, Route
from gateway.domain.facts import OrderExecuted
from gateway.domain.orders import Order
from gateway.domain.reasons import RejectCode
from gateway.domain.twin import Twin

_LIVE = Route.LIVE
_MS = 1_000_000


def rollout_of(state: GatewayState, venue: str) -> VenueRollout:
    """The rollout of a venue, begun when new."""
    found = state.rollouts.get(venue)
    if found is None:
        found = state.rollouts[venue] = VenueRollout()
    return found


def note_admitted(state: GatewayState, order: Order, sign: int = 1) -> None:
    """An order is ours to send (-1: it is not after all, which takes it out of the step that it was admitted in)."""
    rollout = rollout_of(state, order.venue)
    evidence = rollout.evidence
    begun_ns = order.sent_ns or order.updated_ns
    if sign < 0 and begun_ns < evidence.entered_ns:
        evidence = StepEvidence()
    if order.route is not _LIVE:
        evidence.shadow_orders += sign
        if evidence.position < 0:
            evidence.day_orders = max(evidence.day_orders + sign, 0)  # one of a day that is over is taken out of none
    if not order.is_closing:
        value = rest_value(order) * sign
        if sign > 0 or begun_ns >= rollout.restarted_ns:
            rollout.opened += value
        evidence.opened += value
        if order.route is _LIVE:
            evidence.live_opened += value


def note_in_doubt(state: GatewayState, order: Order, ts_ns: int, *, is_ours: bool) -> None:
    """Nobody answered; where that was our own fault (a restart), it is counted like an outage."""
    if order.route is _LIVE and not order.is_in_doubt:
        rollout = rollout_of(state, order.venue)
        rollout.in_doubt += 1
        if is_ours:
            rollout.lost_ns = ts_ns


def forget_doubt(state: GatewayState, order: Order) -> None:
    """An order that was in doubt is on record nowhere."""
    if order.route is _LIVE and order.is_in_doubt:
        rollout_of(state, order.venue).in_doubt -= 1


def note_answered(state: GatewayState, order: Order, ts_ns: int, reject_code: str | None = None) -> None:
    """The venue has spoken of an order for the first time; ``reject_code`` when that was no. Before it is applied."""
    if order.route is not _LIVE or not order.is_admitted:
        return
    rollout = rollout_of(state, order.venue)
    was_in_doubt = order.is_in_doubt
    if was_in_doubt:
        rollout.in_doubt -= 1
    if reject_code == RejectCode.WITHHELD:
        _note_withheld(state, order)
        return
    if order.entry_id:
        return  # an exit is no request of its own: what the venue makes of it tells nothing of how it answers
    if order.ord_status is not OrdStatus.PENDING_NEW:
        if order.ord_status is OrdStatus.NEW and reject_code == RejectCode.VENUE_REJECTED and order.ack_ns:
            _note_late_reject(rollout, order)
        return
    is_error = was_in_doubt or reject_code is not None
    if is_error and reject_code != RejectCode.VENUE_REJECTED and _was_away(state, rollout, order):
        rollout.evidence.lost += 1
        return
    _count_answer(rollout, order, ts_ns, is_error=is_error, is_reject=reject_code == RejectCode.VENUE_REJECTED)


def _count_answer(rollout: VenueRollout, order: Order, ts_ns: int, *, is_error: bool, is_reject: bool) -> None:
    """The first answer to an order, as evidence of its step."""
    evidence = rollout.evidence
    order.ack_ns, order.is_error = ts_ns, is_error
    order.answered_ns = rollout.see(ts_ns)
    rollout.orders += 1
    rollout.errors += is_error
    evidence.day_orders += evidence.position >= 0
    delay_ms = (ts_ns - order.sent_ns) // _MS
    is_timed = not is_error and delay_ms >= 0  # where the clock went back in between, nobody knows how long it took
    if is_timed:
        evidence.ack_ms.add(delay_ms)
    for tally in evidence.tallies(stratum_of(order)):
        tally.orders += 1
        tally.errors += is_error
        tally.rejects += is_reject
        if is_timed:
            tally.acks += 1
            tally.ack_ms += delay_ms


def _note_withheld(state: GatewayState, order: Order) -> None:
    """We did not send it: it says nothing of the venue, and used nothing of what a day or step may risk."""
    note_admitted(state, order, -1)
    use = state.venues.get(order.venue)
    if use is not None and not order.is_closing and order.counted_day == use.day:
        use.live_orders_today -= 1


def _note_late_reject(rollout: VenueRollout, order: Order) -> None:
    """A venue that acknowledges before its own checks: an error of the step that counted the order, unless it is left,
    and of the rollout, unless it has begun again since. One that was in doubt before has been one already."""
    is_new_error, order.is_error = not order.is_error, True
    counted_ns = order.answered_ns or order.ack_ns  # by a version before, the clock alone told the step
    rollout.errors += is_new_error and counted_ns >= rollout.restarted_ns
    if counted_ns < rollout.evidence.entered_ns:
        return
    for tally in rollout.evidence.tallies(stratum_of(order)):
        tally.errors += is_new_error
        tally.rejects += 1


def note_executed(state: GatewayState, order: Order, fact: OrderExecuted) -> None:
    """A live order filled, once more. Before it is applied."""
    if order.route is not _LIVE:
        return
    evidence = rollout_of(state, order.venue).evidence
    evidence.breaches += fact.is_overfill
    order.vwap_px = fact.vwap_px
    if fact.ts_ns >= order.sent_ns > 0 and not order.cum_qty:
        for tally in evidence.tallies(stratum_of(order)):
            tally.first_fills += 1
            tally.fill_ms += (fact.ts_ns - order.sent_ns) // _MS


def note_replaced(state: GatewayState, order: Order, value_before: Decimal, *, is_as_asked: bool) -> None:
    """An order has other terms now. What they add is opened like a new order's; what they take from an order of an
    earlier step was never opened in this one. ``is_as_asked`` False: its twins, which heard what was asked for, if
    anything was, had other terms."""
    rollout = rollout_of(state, order.venue)
    evidence, added = rollout.evidence, rest_value(order) - value_before
    if not order.is_closing:
        if added > 0 or order.created_ns > rollout.restarted_ns:
            rollout.opened += added
        if added > 0 or order.created_ns > evidence.entered_ns:
            evidence.opened += added
            evidence.live_opened += added if order.route is _LIVE else 0
    order.replaced += 1
    if order.route is _LIVE:
        for tally in evidence.tallies(stratum_of(order)):
            tally.replaced += 1
    for twin in (order.twin, order.second_twin) if not is_as_asked else ():
        if twin is not None and (twin.ord_status in OPEN_STATUSES or twin.replaced >= order.replaced):
            twin.is_apart = True


def note_twin(twin: Twin, ts_ns: int) -> None:
    """When a twin was first heard of."""
    twin.ack_ns = twin.ack_ns or ts_ns


def stratum_of(order: Order) -> str:
    return f"{order.ord_type.value}|{order.side.value}|{order.symbol}"


def is_away(state: GatewayState, venue: str) -> bool:
    """Whether nothing can be said of the venue now: it is not connected, or a breaker says that it is as good as."""
    use = state.venues.get(venue)
    if use is not None and not use.is_connected:
        return True
    return any(
        trip.breaker_id == BreakerKind.VENUE_CONNECTION and trip.scope_id == venue
        for trip in state.breakers.trips.values()
    )


def _was_away(state: GatewayState, rollout: VenueRollout, order: Order) -> bool:
    """Whether the venue was lost at any time since the order was sent."""
    use = state.venues.get(order.venue)
    return (use is not None and not use.is_connected) or rollout.lost_ns >= order.sent_ns > 0
