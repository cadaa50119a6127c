"""Twins that had not ended when the gateway was killed: the simulator has forgotten them all."""

from gateway.domain.enums import ExecType, Mode, OrdStatus
from gateway.domain.events import GatewayStarted
from gateway.domain.orders import Order
from tests.world import D, World, trading_config

TRADE = ExecType.TRADE


def live_world() -> World:
    return World(trading_config(Mode.LIVE))


def restart(world: World) -> None:
    world.looked_up.clear()
    world.canceled.clear()
    world.replaced.clear()
    world.send(GatewayStarted(ts_ns=world.tick(), version="2"))


def twins_of(order: Order) -> list[OrdStatus]:
    assert order.twin is not None
    assert order.second_twin is not None
    return [order.twin.ord_status, order.second_twin.ord_status]


def twin_report(world: World, order: Order, kind: ExecType, *, second: bool = False, **more: object) -> None:
    world.report(order, kind, is_twin=True, is_second_twin=second, **more)


def test_twins_that_outlive_their_order_play_on_after_a_restart() -> None:
    """Without this, those that fill after their live order would be lost with every restart, and the comparison be of
    those alone that were as fast."""
    world = live_world()
    order = world.place(limit=D(180))
    world.fill(order)
    twin_report(world, order, TRADE, exec_id="t", last_qty=D(4), last_px=D(180))
    restart(world)
    assert [(one.order_id, one.cum_qty, one.is_second_twin) for one in world.looked_up] == [
        (order.order_id, D(4), False),
        (order.order_id, D(0), True),
    ]
    for second, qty in ((False, 6), (True, 10)):
        twin_report(world, order, TRADE, second=second, exec_id=f"u{second}", last_qty=D(qty), last_px=D(180))
    assert twins_of(order) == [OrdStatus.FILLED] * 2
    assert world.state.rollouts["alpha"].evidence.total.pairs == 1


def test_twins_whose_order_was_canceled_end_with_it() -> None:
    """Killed before the cancel of the twins got through, they would stay open, and nobody would ask again."""
    world = live_world()
    order = world.place(limit=D(180))
    world.report(order, ExecType.CANCELED)
    assert twins_of(order) == [OrdStatus.PENDING_NEW] * 2
    restart(world)
    assert twins_of(order) == [OrdStatus.CANCELED] * 2
    assert world.looked_up == []


def test_twins_have_terms_that_are_under_way_as_they_had_them_before() -> None:
    """The venue's answer that the change is in force moves no twin, for they had it at once. Without this, a twin would
    go on under the old terms beside an order under the new ones, and be compared with it."""
    world = live_world()
    order = world.place(limit=D(180))
    world.report(order, ExecType.NEW)
    world.replace(order, order_qty=D(12), limit_px=D(179))
    restart(world)
    told = [(one.order_qty, one.limit_px) for one in world.replaced]
    assert told == [(D(12), D(179))] * 2
    assert all(one.ticket.is_twin for one in world.replaced)


def test_twins_are_taken_up_with_the_quantity_of_their_order() -> None:
    """Killed before the twin told of its new quantity, it would be worked under the one and be done under the other:
    filled whole, and open for ever."""
    world = live_world()
    order = world.place(limit=D(180))
    world.report(order, ExecType.NEW)
    world.replace(order, order_qty=D(4))
    world.report(order, ExecType.REPLACED, order_qty=D(4))
    restart(world)
    twin_report(world, order, TRADE, exec_id="t", last_qty=D(4), last_px=D(180))
    assert twins_of(order) == [OrdStatus.FILLED, OrdStatus.NEW]


def test_a_twin_that_has_filled_all_that_its_order_is_for_now_is_over() -> None:
    """It filled under a larger quantity, which the venue then refused: the simulator takes up nothing that is done."""
    world = live_world()
    order = world.place(limit=D(180))
    world.report(order, ExecType.NEW)
    world.replace(order, order_qty=D(20))
    twin_report(world, order, ExecType.REPLACED, order_qty=D(20))
    twin_report(world, order, TRADE, exec_id="t", last_qty=D(15), last_px=D(180))
    world.report(order, ExecType.REPLACE_REJECTED)
    restart(world)
    assert twins_of(order) == [OrdStatus.CANCELED, OrdStatus.PENDING_NEW]
