"""Invariants 6 to 8: exposure, fills and doubt."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.lifecycle import ORD_STATUS_TRANSITIONS
from gateway.domain.enums import (
    OPEN_STATUSES,
    PENDING_STATUSES,
    TERMINAL_STATUSES,
    WORKING_STATUSES,
    ExecType,
    Mode,
    OrdStatus,
    Route,
    SubmitStatus,
)
from gateway.domain.events import ReportsReceived, SubmitCompleted
from gateway.domain.executions import ExecutionReport
from tests.naive import assert_books_add_up
from tests.properties.streams import Step, live_through, operations
from tests.world import World, trading_config

D = Decimal


def test_every_status_is_in_exactly_one_class_and_has_a_row() -> None:
    """Without this, an order could be neither open nor done, and hold exposure for ever or never."""
    for status in OrdStatus:
        classes = [status in group for group in (PENDING_STATUSES, WORKING_STATUSES, TERMINAL_STATUSES)]
        assert classes.count(True) == 1
        assert (status in OPEN_STATUSES) != (status in TERMINAL_STATUSES)
        assert status in ORD_STATUS_TRANSITIONS


@given(steps=operations())
def test_inv_6_exposure_held_is_the_sum_over_open_orders(steps: list[Step]) -> None:
    """Without this, headroom leaks away or is given twice, and limits measure a fiction."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps, lambda w: assert_books_add_up(w.state, list(w.state.orders.values())))


@given(steps=operations())
def test_inv_6_nothing_is_held_when_all_orders_are_done(steps: list[Step]) -> None:
    """Without this, a day's worth of finished orders would slowly eat the limits."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps)
    for order in world.state.open_orders():
        world.report(order, ExecType.CANCELED)
    for book in world.state.books.values():
        for use in book.all_scopes().values():
            assert use.held == 0
            assert all(symbol.buy_qty == symbol.sell_qty == 0 for symbol in use.symbols.values())
    for cycles in world.state.cycles.values():
        assert cycles.live.open_orders == cycles.shadow.open_orders == 0
        assert cycles.live.closing_qty == cycles.shadow.closing_qty == 0


_FILLS = st.lists(st.integers(1, 5), min_size=1, max_size=6)


@given(fills=_FILLS, ends=st.booleans(), data=st.data())
def test_inv_7_reports_shuffled_and_repeated_give_the_same_order(
    fills: list[int], ends: bool, data: st.DataObject
) -> None:
    """Without this, a redelivered or overtaking report would book a fill twice or lose one."""
    total = sum(fills) + (3 if ends else 0)
    reports = [_trade(n, qty) for n, qty in enumerate(fills)]
    reports.append(ExecutionReport(order_id="o1", exec_type=ExecType.NEW, transact_ns=1, venue_order_id="v9"))
    if ends:
        reports.append(ExecutionReport(order_id="o1", exec_type=ExecType.CANCELED, transact_ns=99))
    repeated = reports + data.draw(st.lists(st.sampled_from(reports), max_size=8))
    shuffled = data.draw(st.permutations(repeated))
    cut = data.draw(st.integers(0, len(shuffled)))
    straight, scrambled = World(), World()
    for world, batches in ((straight, [reports]), (scrambled, [shuffled[:cut], shuffled[cut:]])):
        order = world.place(qty=total, limit=D(180))
        for batch in batches:
            world.send(ReportsReceived(ts_ns=world.tick(), reports=tuple(batch)))
        assert 0 <= order.cum_qty <= order.order_qty
        assert order.cum_qty == sum(fills)
        assert world.position(Route.SHADOW) == sum(fills)
        assert order.ord_status is (OrdStatus.CANCELED if ends else OrdStatus.FILLED)
        assert order.leaves_qty == 0
    first, second = (next(iter(w.state.books[Route.SHADOW].positions.values())) for w in (straight, scrambled))
    assert (first.qty, first.realized, first.fees) == (second.qty, second.realized, second.fees)
    assert abs(first.cost - second.cost) < D("1e-12")


def _trade(n: int, qty: int) -> ExecutionReport:
    return ExecutionReport(
        order_id="o1", exec_type=ExecType.TRADE, transact_ns=n, exec_id=f"e{n}", last_qty=D(qty), last_px=D(180 + n)
    )


def test_inv_7_a_late_fill_after_a_cancel_is_booked_and_the_status_stays() -> None:
    """Without this, a fill that crossed the cancel would be missing from the position (FIX App. D)."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(qty=10, limit=D(180))
    world.cancel(order)
    world.report(order, ExecType.CANCELED)
    world.fill(order, 4)
    assert order.ord_status is OrdStatus.CANCELED
    assert order.cum_qty == 4
    assert order.leaves_qty == 0
    assert world.position(Route.LIVE) == 4


def test_inv_7_an_overfill_is_booked_and_marked_never_clamped() -> None:
    """Without this, a venue that executes too much would leave a position that nobody sees."""
    world = World(trading_config(Mode.LIVE))
    order = world.place(qty=10, limit=D(180))
    world.fill(order, 10)
    world.fill(order, 5)
    assert world.position(Route.LIVE) == 15
    assert world.records[-1].facts[0].is_overfill  # type: ignore[union-attr]


@given(steps=operations())
def test_inv_8_a_timeout_is_in_doubt_never_a_rejection_never_a_resend(steps: list[Step]) -> None:
    """Without this, an order that timed out but lives would be forgotten, or sent a second time."""
    world = World(trading_config(Mode.LIVE))
    live_through(world, steps)
    world.resume()
    order = world.place(qty=7, limit=D(180))
    if order.leg_ids:
        order = world.legs(order)[0]
    sent = [ticket.order_id for ticket in world.sent]
    held = world.state.books[order.route].gateway.held
    event = SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN, text="timeout")
    world.send(event)
    assert order.is_in_doubt
    assert order.ord_status is OrdStatus.PENDING_NEW
    assert [ticket.order_id for ticket in world.sent] == sent
    asked = [ticket for ticket in world.looked_up[-2:] if ticket.order_id == order.order_id]
    assert asked
    assert all(ticket.created_ns == order.created_ns > 0 for ticket in asked), "and when it was made"
    assert world.state.books[order.route].gateway.held == held
    world.send(msgspec.structs.replace(event, ts_ns=world.tick()))
    assert [ticket.order_id for ticket in world.sent] == sent
