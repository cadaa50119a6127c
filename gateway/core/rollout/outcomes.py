"""What a finished live order says of its venue, by itself and beside its twins. Called by ``core.apply`` only.

Fills come after the end of an order too, and venues take fills back: what the order said is taken out of the evidence
before such a fact is applied, and what it says then put in. Only of the step in which it counted, while that lasts.
"""

from decimal import Decimal

from gateway.core.evidence.histogram import Histogram
from gateway.core.evidence.memory import StepEvidence, Tally, VenueRollout
from gateway.core.rollout.comparisons import look_where_due
from gateway.core.rollout.folding import rollout_of, stratum_of
from gateway.core.state import GatewayState
from gateway.domain.enums import OPEN_STATUSES, OrdStatus, Route, Side
from gateway.domain.money import ONE, ZERO, ratio
from gateway.domain.orders import Order
from gateway.domain.twin import Twin

_LIVE = Route.LIVE
_FILLED, _REJECTED, _CANCELED = OrdStatus.FILLED, OrdStatus.REJECTED, OrdStatus.CANCELED
_BUY = Side.BUY
_TENTHS = Decimal(100_000)


def note_done(state: GatewayState, order: Order, ts_ns: int) -> None:
    """A live order is done, as it now stands."""
    if order.route is not _LIVE or not order.ack_ns:
        return
    rollout = rollout_of(state, order.venue)
    evidence = rollout.evidence
    order.judged_ns = rollout.see(ts_ns)
    _judge(evidence, order, 1)
    _note_pair(rollout, order, ts_ns)
    look_where_due(evidence, state.config.rollout.gates)


def note_twin_done(state: GatewayState, order: Order, ts_ns: int) -> None:
    """One of the twins of a live order is done, as it now stands."""
    if order.ord_status not in OPEN_STATUSES and order.ack_ns:
        rollout = rollout_of(state, order.venue)
        _note_pair(rollout, order, ts_ns)
        look_where_due(rollout.evidence, state.config.rollout.gates)


def take_back(state: GatewayState, order: Order) -> None:
    """Something is about to change of an order that may be done."""
    _count(state, order, -1)


def say_again(state: GatewayState, order: Order) -> None:
    """It has changed."""
    _count(state, order, 1)


def _count(state: GatewayState, order: Order, sign: int) -> None:
    if not order.judged_ns:
        return
    evidence = rollout_of(state, order.venue).evidence
    if order.judged_ns > evidence.entered_ns:
        _judge(evidence, order, sign)
    if order.paired_ns > evidence.entered_ns:
        _pair(evidence, order, sign)


def _judge(evidence: StepEvidence, order: Order, sign: int) -> None:
    tenths, of_vwap = _slippage(order, order.arrival_px), _slippage(order, order.vwap_px)
    for tally in evidence.tallies(stratum_of(order)):
        _count_done(tally, order, sign)
        if tenths is not None:
            tally.slippages += sign
            tally.slippage += sign * tenths
        if of_vwap is not None:
            tally.vwap_orders += sign
            tally.vwap += sign * of_vwap
    if tenths is not None:
        _sample(evidence.slippage, tenths, sign)
    if of_vwap is not None:
        _sample(evidence.vwap, of_vwap, sign)


def _count_done(tally: Tally, order: Order, sign: int) -> None:
    tally.ended += sign
    tally.filled += sign * (order.ord_status is _FILLED)
    tally.partial += sign * (bool(order.cum_qty) and order.ord_status is not _FILLED)
    tally.canceled += sign * (order.ord_status is _CANCELED)
    tally.fill_ratio += sign * min(ratio(order.cum_qty, order.order_qty), ONE)


def _note_pair(rollout: VenueRollout, order: Order, ts_ns: int) -> None:
    """Compare a live order with its twins, once all of them are done: every one of them ends once, the last one pairs.

    Twins that got terms which the venue refused, or did not get what the venue changed by itself, are other orders.
    """
    twins = _twins(order)
    if not twins or any(twin.ord_status in OPEN_STATUSES for twin in twins) or order.ord_status is _REJECTED:
        return
    if any(twin.is_apart or twin.replaced > order.replaced for twin in twins):
        return
    evidence = rollout.evidence
    order.paired_ns = rollout.see(ts_ns)
    filled = [twin for twin in twins if twin.cum_qty]
    if len(filled) == len(twins) > 1:
        evidence.noise.add(_difference(filled[1].avg_px, filled[0].avg_px, order.side))
    evidence.noise_fills += 0 < len(filled) < len(twins)
    if min(order.ack_ns, twins[0].ack_ns) >= order.sent_ns:
        evidence.ack_delay_ms.add((order.ack_ns - twins[0].ack_ns) // 1_000_000)
    _pair(evidence, order, 1)


def _pair(evidence: StepEvidence, order: Order, sign: int) -> None:
    """What the order filled against what its twins did. Their price is the mean of both, which halves the simulator's
    own noise in every comparison."""
    twins = _twins(order)
    filled = [twin for twin in twins if twin.cum_qty]
    if not order.cum_qty and not filled:
        return
    tenths = None
    if order.cum_qty and filled:
        mean = sum((twin.avg_px for twin in filled), ZERO) / len(filled)
        tenths = _difference(order.avg_px, mean, order.side)
        _sample(evidence.twin_slippage, tenths, sign)
    is_hit = bool(order.cum_qty) and order.cum_qty >= min(twin.cum_qty for twin in twins)
    for tally in evidence.tallies(stratum_of(order)):
        tally.pairs += sign
        tally.hits += sign * is_hit
        if tenths is not None:
            tally.twin_slippages += sign
            tally.twin_slippage += sign * tenths


def _twins(order: Order) -> list[Twin]:
    return [twin for twin in (order.twin, order.second_twin) if twin is not None]


def _sample(samples: Histogram, value: int, sign: int) -> None:
    if sign > 0:
        samples.add(value)
    else:
        samples.remove(value)


def _slippage(order: Order, benchmark: Decimal | None) -> int | None:
    if not order.cum_qty or benchmark is None or benchmark <= 0:
        return None
    return _difference(order.avg_px, benchmark, order.side)


def _difference(px: Decimal, benchmark: Decimal, side: Side) -> int:
    """How much worse ``px`` is than ``benchmark``, in tenths of a basis point of it; negative when it is better."""
    worse = px - benchmark if side is _BUY else benchmark - px
    return int((worse / benchmark * _TENTHS).to_integral_value()) if benchmark > 0 else 0
