"""Where an order stands in the queue at its price, estimated from public data alone (level 2, no order ids).

The rule is the cautious one ("risk averse" in hftbacktest's queue models): the queue ahead shrinks by what trades
at the price, and to what is still visible there; cancels are otherwise taken to come from behind us.

One trap: a trade reaches us twice, as a print and as a smaller level, and on Binance the level usually comes
first (four times of five in the recorded feed). Counting both would move us up twice for one trade. So a fall of
the level is remembered for ``PRINT_LAG_NS``, and prints that come meanwhile are set against it before they move us.
"""

from decimal import ROUND_CEILING, Decimal

from gateway.adapters.venues.simulator.order import SimOrder
from gateway.domain.money import ONE, ZERO

#: How long after a fall of the level its trade print may still come. In the recorded feed nine of ten prints
#: that follow a fall of exactly their size do so within this time, half of them within 1 ms.
PRINT_LAG_NS = 50_000_000


def join_queue(order: SimOrder, visible: Decimal | None) -> None:
    """Stand behind ``queue_share`` of what is visible at the price, in whole lots: part of one would let part of one
    through to us. None (not visible) leaves the place open."""
    ahead = visible
    if visible and order.queue_share != ONE:
        assert order.instrument is not None  # refused otherwise
        lot = order.instrument.lot_size
        ahead = min((visible * order.queue_share / lot).to_integral_value(ROUND_CEILING) * lot, visible)
    order.queue_ahead = ahead
    order.unprinted_qty = ZERO


def see_level(order: SimOrder, visible: Decimal | None, now_ns: int) -> None:
    """The feed showed the order's level again: no more can be ahead of us than stands there at all."""
    if visible is None:
        return
    ahead = order.queue_ahead
    if ahead is None:
        join_queue(order, visible)
    elif visible < ahead:
        is_recent = now_ns - order.unprinted_ns <= PRINT_LAG_NS
        order.unprinted_qty = ahead - visible + (order.unprinted_qty if is_recent else ZERO)
        order.unprinted_ns = now_ns
        order.queue_ahead = visible


def see_print(order: SimOrder, qty: Decimal, now_ns: int) -> Decimal:
    """Others traded ``qty`` at the order's price: move up, and return how much of the trade came as far as us."""
    ahead = order.queue_ahead
    if ahead is None:
        return ZERO  # our place is not known yet, so nothing can be said to have reached it
    if order.unprinted_qty:
        if now_ns - order.unprinted_ns <= PRINT_LAG_NS:
            known = min(order.unprinted_qty, qty)
            order.unprinted_qty -= known
            qty -= known
        else:
            order.unprinted_qty = ZERO
    order.queue_ahead = max(ahead - qty, ZERO)
    return max(qty - ahead, ZERO)


def see_through(order: SimOrder) -> None:
    """A trade went through the price: everybody ahead of us is served or gone."""
    order.queue_ahead = ZERO
    order.unprinted_qty = ZERO
