"""What open orders hold, exits of an order with a class among them. Part of ``core.apply``; called by nothing else."""

from gateway.core.counting import note_waiting
from gateway.core.order_classes import open_exits, sibling_id_of
from gateway.core.risk.exposure import hold_order
from gateway.core.state import Cycles, GatewayState
from gateway.domain.enums import Route
from gateway.domain.orders import Order

# Named once: see domain.orders.
_SPLIT, _LIVE = Route.SPLIT, Route.LIVE


def hold_exposure(state: GatewayState, order: Order, sign: int) -> None:
    """Count an open order's exposure (1), or stop counting it (-1): around every change to the order."""
    if not order.is_open or order.route is _SPLIT:
        return
    cycles = state.cycles.get(order.position_key)
    if cycles is None:
        cycles = state.cycles[order.position_key] = Cycles()
    hold_order(state.books[order.route], cycles.of(order.route), order, sign)
    if order.route is _LIVE and not order.is_closing:
        note_waiting(state, order, sign)
    prices = state.throttle.prices
    if prices is not None:
        if sign > 0:
            prices.put(order)
        else:
            prices.drop(order)


def arm_exits(state: GatewayState, order: Order) -> None:
    """More or less of an entry has filled: that much is what its exits may close."""
    for leg in open_exits(state, order) if order.is_entry else ():
        hold_exposure(state, leg, -1)
        leg.armed_qty = order.cum_qty
        hold_exposure(state, leg, 1)


def uncover_sibling(state: GatewayState, order: Order) -> None:
    """An exit is done: the other one of its pair, until that has ended too, counts for itself."""
    sibling = state.orders.get(sibling_id_of(order))
    if sibling is not None and sibling.is_covered:
        hold_exposure(state, sibling, -1)
        sibling.is_covered = False
        hold_exposure(state, sibling, 1)


def arm_twins(state: GatewayState, order: Order, *, is_second: bool) -> None:
    """A twin of an entry has filled whole: those of its exits are awake, also after a restart."""
    for leg in open_exits(state, order):
        twin = leg.second_twin if is_second else leg.twin
        if twin is not None:
            twin.is_armed = True
