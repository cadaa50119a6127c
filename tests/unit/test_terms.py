"""What one unit of a position is worth: the terms of its instrument, whatever is edited between two trades."""

from typing import Any

import msgspec

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.domain.config import Limits
from gateway.domain.enums import ExecType, Route, Side
from gateway.domain.instruments import Instrument
from gateway.domain.orders import Order
from gateway.domain.positions import Position
from tests.naive import assert_books_add_up
from tests.world import INSTRUMENTS, D, World, trading_config


def listed(symbol: str, **terms: Any) -> dict[str, Instrument]:
    return {**INSTRUMENTS, symbol: msgspec.structs.replace(INSTRUMENTS[symbol], **terms)}


def round_trip(world: World, symbol: str, bought: int, sold: int) -> None:
    world.fill(world.place(qty=1, symbol=symbol), px=D(bought), exec_id=f"in-{symbol}")
    world.fill(world.place(Side.SELL, 1, symbol=symbol), px=D(sold), exec_id=f"out-{symbol}")


def test_a_position_that_was_flat_goes_on_under_the_multiplier_that_was_mended() -> None:
    """Without this, a multiplier that was mended while nothing was held would never count where the symbol had been
    traded before: every limit, breaker and figure would see a fiftieth of what is held."""
    world = World(trading_config(instruments=listed("ES", multiplier=D(1))))
    round_trip(world, "ES", 5000, 5001)
    world.load(trading_config(revision="mended"))
    world.fill(world.place(qty=1, symbol="ES"), px=D(5000))
    gateway = world.state.books[Route.SHADOW].gateway
    assert (gateway.gross, gateway.pnl) == (250_000, 1)
    world.mark("ES", D(4990))
    assert gateway.pnl == 1 - 10 * 50
    restored = decode_snapshot(encode_snapshot(world.state))
    assert state_hash(restored) == state_hash(world.state)
    assert restored.books[Route.SHADOW].gateway.gross == 249_500


def test_a_currency_that_was_mended_takes_what_was_earned_along_at_its_worth() -> None:
    """Without this, euros would go on being counted as the dollars that the symbol was said to trade in."""
    rates = {"USD": D(1), "USDT": D(1), "EUR": D("1.25")}
    world = World(trading_config(rates=rates))
    round_trip(world, "AAPL", 100, 150)
    world.load(trading_config(rates=rates, instruments=listed("AAPL", currency="EUR"), revision="mended"))
    world.fill(world.place(qty=10), px=D(180))
    position = next(iter(world.state.books[Route.SHADOW].positions.values()))
    assert (position.currency, position.realized, position.fifo_realized) == ("EUR", 40, 40)
    assert (position.value, position.pnl) == (D(2250), 50)
    world.mark("AAPL", D(181))
    assert world.state.books[Route.SHADOW].gateway.pnl == D("62.5")


def test_an_execution_under_former_terms_is_not_computed_again_under_the_new_ones() -> None:
    """Without this, a correction of today would carry last week's executions through at today's multiplier."""
    world = World(trading_config(instruments=listed("ES", multiplier=D(1))))
    round_trip(world, "ES", 5000, 5001)
    world.load(trading_config(revision="mended"))
    today = world.place(qty=1, symbol="ES")
    world.fill(today, px=D(5000), exec_id="today")
    world.report(today, ExecType.TRADE_CORRECT, exec_id="c", exec_ref_id="today", last_qty=D(1), last_px=D(4999))
    position = next(iter(world.state.books[Route.SHADOW].positions.values()))
    assert (position.realized, position.cost, position.qty) == (1, 4999 * 50, 1)
    assert len(world.state.ledger.window) == len(position.executions) == 1


def mended() -> tuple[World, Order, Order, Order]:
    """A round trip of 5000 to 5001 at a multiplier of 1, and a purchase at 5000 since it was mended to 50."""
    world = World(trading_config(instruments=listed("ES", multiplier=D(1))))
    bought, sold = world.place(qty=1, symbol="ES"), world.place(Side.SELL, 1, symbol="ES")
    world.fill(bought, px=D(5000), exec_id="in")
    world.fill(sold, px=D(5001), exec_id="out")
    world.load(trading_config(revision="mended"))
    today = world.place(qty=1, symbol="ES")
    world.fill(today, px=D(5000), exec_id="today")
    world.mark("ES", D(5010))
    assert world.state.books[Route.SHADOW].gateway.pnl == 1 + 10 * 50
    return world, bought, sold, today


def held(world: World) -> Position:
    [position] = world.state.books[Route.SHADOW].positions.values()
    return position


def test_what_was_busted_of_before_takes_back_what_it_had_earned_then() -> None:
    """Without this, a trade of before the multiplier was mended gives back fifty times what it had earned."""
    world, bought, sold, _ = mended()
    gateway = world.state.books[Route.SHADOW].gateway
    world.report(bought, ExecType.TRADE_CANCEL, exec_ref_id="in")
    assert (held(world).qty, gateway.pnl) == (0, 501 - 10)
    world.report(sold, ExecType.TRADE_CANCEL, exec_ref_id="out")
    assert (held(world).qty, gateway.pnl) == (1, 500)
    world.mark("ES", D(5020))
    assert gateway.pnl == 1000
    assert_books_add_up(world.state, [])
    restored = decode_snapshot(encode_snapshot(world.state))
    assert state_hash(restored) == state_hash(world.state)
    assert restored.books[Route.SHADOW].gateway.pnl == 1000


def test_what_was_corrected_of_before_counts_at_its_own_multiplier() -> None:
    """Without this, 2 points of a price of last week become 100, and no execution of now is left as it was."""
    world, bought, sold, today = mended()
    gateway = world.state.books[Route.SHADOW].gateway
    world.report(sold, ExecType.TRADE_CORRECT, exec_id="c", exec_ref_id="out", last_qty=D(1), last_px=D(5003))
    assert (held(world).realized, held(world).fifo_realized, gateway.pnl) == (3, 3, 503)
    assert (held(world).cost, held(world).qty, held(world).lives) == (250_000, 1, 2)
    world.report(today, ExecType.TRADE_CORRECT, exec_id="d", exec_ref_id="today", last_qty=D(1), last_px=D(4999))
    assert (held(world).realized, gateway.pnl) == (3, 553)
    world.report(bought, ExecType.TRADE_CORRECT, exec_id="e", exec_ref_id="in", last_qty=D(1), last_px=D(4999))
    assert (held(world).realized, gateway.pnl) == (4, 554)
    world.fill(world.place(Side.SELL, 1, symbol="ES"), px=D(5010), exec_id="end")
    assert [one.realized for one in world.state.ledger.closed.values()] == [1, 550], "no life of now has earned it"


def test_what_was_corrected_of_before_counts_in_its_own_currency() -> None:
    """Without this, dollars that were given back would be counted as euros, and so would a fee."""
    rates = {"USD": D(1), "USDT": D(1), "EUR": D("1.25")}
    world = World(trading_config(rates=rates))
    bought, sold = world.place(qty=1), world.place(Side.SELL, 1)
    world.fill(bought, px=D(100), exec_id="in")
    world.fill(sold, px=D(150), exec_id="out", fee=D(5))
    world.load(trading_config(rates=rates, instruments=listed("AAPL", currency="EUR"), revision="mended"))
    world.fill(world.place(qty=1), px=D(180))
    gateway = world.state.books[Route.SHADOW].gateway
    assert gateway.pnl == 45
    world.report(sold, ExecType.TRADE_CORRECT, exec_id="c", exec_ref_id="out", last_qty=D(1), last_px=D(140), fee=D(3))
    assert (held(world).realized, gateway.pnl) == (32, 37)


def test_a_held_position_keeps_the_terms_that_it_began_with() -> None:
    """Without this, an edit that slipped by would revalue what is held, and make a profit or a loss out of nothing."""
    world = World()
    world.fill(world.place(qty=1, symbol="ES"), px=D(5000))
    world.load(trading_config(instruments=listed("ES", multiplier=D(1)), revision="slipped"))
    world.fill(world.place(qty=1, symbol="ES"), px=D(5000))
    assert world.state.books[Route.SHADOW].gateway.gross == 500_000


def test_a_late_fill_of_what_left_the_configuration_is_worth_what_it_was_worth() -> None:
    """Without this, a fill that comes after the cancel, and after the symbol was removed, would be booked as a share:
    one ES future of 250,000 as 5,000."""
    world = World()
    order = world.place(qty=1, symbol="ES", limit=D(5000))
    world.report(order, ExecType.NEW)
    world.cancel(order)
    world.report(order, ExecType.CANCELED)
    world.load(trading_config(instruments={"AAPL": INSTRUMENTS["AAPL"]}, revision="without"))
    world.fill(order, 1, D(5000))
    assert world.state.books[Route.SHADOW].gateway.gross == 250_000


def test_an_open_order_holds_what_it_is_worth_at_the_rate_of_now() -> None:
    """Without this, what is on order in a currency that has risen would count at the old rate until it fills, and new
    orders be admitted beside it that the limit has no room for."""
    rates = {"USD": D(1), "USDT": D(1)}
    limits = Limits(max_gross_exposure=D(18_000))
    world = World(trading_config(limits=limits, rates=rates))
    order = world.place(qty=D("0.1"), symbol="BTC/USDT", limit=D(60_000))
    world.report(order, ExecType.NEW)
    world.replace(order, order_qty=D("0.11"))
    gateway = world.state.books[Route.SHADOW].gateway
    assert gateway.held == 6_600
    world.load(trading_config(limits=limits, rates={**rates, "USDT": D("1.5")}, revision="risen"))
    gateway = world.state.books[Route.SHADOW].gateway
    assert gateway.held == 9_900
    assert world.place(qty=50, limit=D(180)).reject is not None
    assert_books_add_up(world.state, list(world.state.orders.values()))
    world.report(order, ExecType.REPLACED, order_qty=D("0.11"), limit_px=D(60_000))
    world.cancel(order)
    world.report(order, ExecType.CANCELED)
    assert world.state.books[Route.SHADOW].gateway.held == 0
    restored = decode_snapshot(encode_snapshot(world.state))
    assert state_hash(restored) == state_hash(world.state)
