"""Busts and corrections, as stories: what a venue takes back was never there."""

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.domain.config import Limits
from gateway.domain.enums import ExecType, Mode, OrdStatus, Route, Side
from gateway.domain.events import ReportsReceived
from gateway.domain.executions import ExecutionReport
from gateway.domain.facts import OrderRestored, ReportUnmatched
from gateway.domain.orders import Order
from gateway.domain.positions import Position
from gateway.domain.reasons import RouteReason
from tests.world import D, World, trading_config


def bust(world: World, order: Order, exec_id: str) -> None:
    world.report(order, ExecType.TRADE_CANCEL, exec_id=f"bust-{exec_id}", exec_ref_id=exec_id)


def held(world: World, order: Order) -> Position:
    return world.state.books[order.route].positions[order.position_key]


def test_a_bust_after_the_position_was_closed_opens_it_again_and_it_can_be_closed_live() -> None:
    """Without this, a live position that a bust brought back could not be closed, or only in the simulator."""
    world = World(trading_config(Mode.LIVE))
    world.fill(world.place(Side.BUY, 10), px=D(100), exec_id="in")
    out = world.place(Side.SELL, 10)
    world.fill(out, px=D(110), exec_id="out")
    assert [one.realized for one in world.state.ledger.closed.values()] == [100]
    world.load(trading_config(Mode.SHADOW))
    bust(world, out, "out")
    assert held(world, out).qty == 10
    assert (out.ord_status, out.cum_qty, out.leaves_qty, out.avg_px) == (OrdStatus.CANCELED, 0, 0, 0)
    assert world.state.ledger.closed == {}
    again = world.place(Side.SELL, 10)
    assert (again.route, again.route_reason, again.cycle) == (Route.LIVE, RouteReason.CLOSES_POSITION, out.cycle)
    world.fill(again, px=D(90))
    assert [one.realized for one in world.state.ledger.closed.values()] == [-100]
    assert world.state.ledger.losses_in_a_row(Route.LIVE, "s1") == 1


def test_a_bust_of_an_open_order_leaves_it_working_for_the_rest_only() -> None:
    """Without this, quantity that the venue does not work would hold exposure for ever."""
    world = World()
    order = world.place(qty=10)
    world.report(order, ExecType.NEW)
    world.fill(order, 6, px=D(180), exec_id="x")
    bust(world, order, "x")
    assert (order.ord_status, order.leaves_qty, order.held_qty) == (OrdStatus.NEW, 4, 4)
    world.fill(order, 4, px=D(181))
    assert (order.ord_status, order.cum_qty, order.held_qty) == (OrdStatus.CANCELED, 4, 0)
    assert world.state.books[Route.SHADOW].gateway.held == 0


def test_more_of_an_order_with_a_bust_is_measured_by_what_it_may_still_fill() -> None:
    """Without this, quantity that was taken back and does not trade again would count as more of the order: new terms
    well within a limit would be denied, and a closing order could not be made as large as its position."""
    world = World(trading_config(Mode.SHADOW, limits=Limits(max_open_order_value=D(1_080))))
    order = world.place(qty=10, limit=D(100))
    world.fill(order, 6, exec_id="x")
    bust(world, order, "x")
    world.replace(order, order_qty=D(16))
    assert order.pending_replace is not None
    assert (order.held_qty, order.held_value) == (10, 1_000)
    world.report(order, ExecType.REPLACED, order_qty=D(16))
    world.replace(order, order_qty=D(17))
    assert order.pending_replace is None  # 1,100


def test_a_closing_order_with_a_bust_may_grow_to_its_position() -> None:
    """Without this, what is left of a position could not be closed by the order that closes it."""
    world = World()
    world.fill(world.place(qty=10))
    order = world.place(Side.SELL, 8, limit=D(200))
    world.fill(order, 6, exec_id="x")
    bust(world, order, "x")
    world.replace(order, order_qty=D(16))
    assert order.pending_replace is not None
    assert order.held_qty == 10
    world.report(order, ExecType.REPLACED, order_qty=D(16))
    world.replace(order, order_qty=D(17))
    assert order.pending_replace is None


def test_a_redelivered_execution_stays_busted() -> None:
    """Without this, a venue that repeats itself after a bust would put the position back."""
    world = World()
    order = world.place(qty=10)
    world.fill(order, px=D(180), exec_id="x")
    bust(world, order, "x")
    bust(world, order, "x")
    before = state_hash(world.state)
    world.report(order, ExecType.TRADE, exec_id="x", last_qty=D(10), last_px=D(180))
    assert state_hash(world.state) == before
    assert held(world, order).qty == 0


def test_an_erroneous_profit_that_is_busted_leaves_no_drawdown() -> None:
    """Without this, a venue's error would trip the drawdown breaker when the venue mends it."""
    world = World()
    world.fill(world.place(Side.BUY, 10), px=D(100))
    wrong = world.place(Side.SELL, 10)
    world.fill(wrong, px=D(1000), exec_id="x")
    account = world.state.books[Route.SHADOW].accounts["default"]
    assert account.peak_pnl == 9000
    world.report(
        wrong, ExecType.TRADE_CORRECT, exec_id="c", exec_ref_id="x", last_qty=D(10), last_px=D(101), fee=D("0.5")
    )
    assert (account.pnl, account.peak_pnl, account.drawdown) == (D("9.5"), D("9.5"), 0)
    assert (wrong.avg_px, wrong.fees, wrong.fills[0].exec_id) == (101, D("0.5"), "x")


def test_a_bust_of_a_loss_makes_no_peak_that_nobody_reached() -> None:
    """Without this, taking back an execution that has lost money since would raise a peak of earlier by that loss: a
    drawdown out of nothing, which may trip the breaker for it."""
    world = World()
    world.fill(world.place(qty=10), px=D(180))
    wrong = world.place(qty=10)
    world.fill(wrong, px=D(190), exec_id="x")
    world.mark("AAPL", D(191))
    account = world.state.books[Route.SHADOW].accounts["default"]
    assert (account.pnl, account.peak_pnl) == (120, 120)
    world.mark("AAPL", D(170))
    bust(world, wrong, "x")
    assert (account.pnl, account.peak_pnl, account.highs.day_high_pnl) == (-100, 120, 120)


def test_a_high_of_the_day_before_an_execution_is_not_moved_by_its_bust() -> None:
    """Without this, an error of the venue in the afternoon would change how high the account stood in the morning."""
    world = World()
    world.fill(world.place(qty=10), px=D(180))
    world.mark("AAPL", D(230))
    world.mark("AAPL", D(180))
    wrong = world.place(qty=10)
    world.fill(wrong, px=D(170), exec_id="x")
    world.mark("AAPL", D(180))
    account = world.state.books[Route.SHADOW].accounts["default"]
    assert (account.pnl, account.highs.day_high_pnl) == (100, 500)
    bust(world, wrong, "x")
    assert (account.pnl, account.highs.day_high_pnl, account.peak_pnl) == (0, 500, 500)


def order_that_left_memory() -> tuple[World, Order, Order]:
    """It bought ten by execution ``x``; the second is a copy, as the archive has it."""
    world = World(trading_config(retained_closed_orders=1))
    order = world.place(qty=10)
    world.fill(order, px=D(180), exec_id="x")
    archived = order.copy()
    for _ in range(3):
        world.fill(world.place(qty=1, strategy="other"))
    assert order.order_id not in world.state.orders
    return world, order, archived


def test_a_bust_of_an_order_that_left_memory_is_booked_too() -> None:
    """Without this, a bust that comes a day late would be an unmatched report, and the position wrong."""
    world, order, archived = order_that_left_memory()
    report = ExecutionReport(
        order_id=order.order_id, exec_type=ExecType.TRADE_CANCEL, transact_ns=1, exec_id="b", exec_ref_id="x"
    )
    missed = world.send(ReportsReceived(ts_ns=world.tick(), reports=(report,)))
    assert isinstance(missed.facts[0], ReportUnmatched)
    done = world.send(ReportsReceived(ts_ns=world.tick(), reports=(report,), restored=(archived,)))
    assert isinstance(done.facts[0], OrderRestored)
    assert held(world, order).qty == 0
    restored = decode_snapshot(encode_snapshot(world.state))
    assert state_hash(restored) == state_hash(world.state)


def test_an_execution_told_again_after_the_order_left_memory_says_nothing() -> None:
    """Without this, a venue that tells the day's executions at every connect would have every order of the day brought
    back and journaled again each time."""
    world, order, archived = order_that_left_memory()
    report = ExecutionReport(
        order_id=order.order_id, exec_type=ExecType.TRADE, transact_ns=1, exec_id="x", last_qty=D(10), last_px=D(180)
    )
    told = world.send(ReportsReceived(ts_ns=world.tick(), reports=(report,), restored=(archived,)))
    assert not told.facts
    assert held(world, order).qty == 10


def test_excursions_and_fees_belong_to_the_life_that_had_them() -> None:
    """Without this, a flip would show one trade's worst moment, or its costs, under the next."""
    world = World()
    world.fill(world.place(Side.BUY, 10), px=D(100), fee=D(1))
    world.mark("AAPL", D(95))
    world.mark("AAPL", D(104))
    flip = world.place(Side.SELL, 15)
    for leg in world.legs(flip):
        world.fill(leg, px=D(102), fee=D(2))
    (done,) = world.state.ledger.closed.values()
    assert (done.realized, done.mae, done.mfe, done.fees, done.result) == (20, -50, 40, {"USD": 3}, 17)
    assert (done.entry_px, done.exit_px, done.max_qty, done.executions, done.is_long) == (100, 102, 10, 2, True)
    life = held(world, world.legs(flip)[1]).life
    assert life is not None
    assert (life.is_long, life.mae, life.mfe, life.fees) == (False, 0, 0, {"USD": 2})


def test_an_execution_of_yesterday_that_is_corrected_twice_is_no_result_of_today() -> None:
    """Without this, the second correction of what memory had let go of would count today: a breaker of the day's loss
    would trip over what was lost the day before."""
    world = World(trading_config(retained_executions=1))
    world.mark("AAPL", D(180))  # carries the first day
    order = world.place(Side.BUY, 10)
    world.fill(order, px=D(180), exec_id="old")
    world.fill(world.place(Side.BUY, 1), px=D(180))
    world.tick(86_400_000_000_000)
    world.mark("AAPL", D(185))
    world.mark("AAPL", D(186))
    gateway = world.state.books[Route.SHADOW].gateway
    for number, px in enumerate((D(181), D(190)), 1):
        fields = {"exec_ref_id": "old", "last_qty": D(10), "last_px": px}
        world.report(order, ExecType.TRADE_CORRECT, exec_id=f"c{number}", **fields)
        assert gateway.pnl == 10 * (186 - px) + 6
        assert gateway.day_pnl == 11
        assert held(world, order).day_traded_qty == 0
