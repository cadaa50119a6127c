"""What a restart may not change: orders are taken up by ``look_up``, from what their tickets say."""

from decimal import Decimal as D
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType, Side, TimeInForce
from tests.simulator.stories import MIDNIGHT_NS, MS, Floor, make_ticket
from tests.simulator.test_order_classes import bracket, oco

BUY = Side.BUY
OPENING, CLOSE = TimeInForce.AT_THE_OPENING, TimeInForce.AT_THE_CLOSE
EVENING_NS = MIDNIGHT_NS - 3_600_000 * MS


@pytest.fixture
def floor() -> Floor:
    """Just after midnight: 50 at 111 bid, 50 at 112 asked."""
    floor = Floor()
    floor.quote(111, 50, 112, 50, last=111)
    return floor


def take_up(floor: Floor, *tickets: OrderTicket) -> None:
    for one in tickets:
        floor.model.look_up(one, floor.now_ns)
    floor.wait(1)


@pytest.mark.parametrize(
    "terms",
    [
        {"time_in_force": TimeInForce.GTD, "expire_ns": MIDNIGHT_NS - 1},
        {"created_ns": EVENING_NS},
        {"created_ns": EVENING_NS, "time_in_force": OPENING},
        {"created_ns": EVENING_NS, "time_in_force": CLOSE},
        {"created_ns": EVENING_NS, "ord_type": OrdType.LIMIT_ON_CLOSE},
    ],
)
def test_orders_whose_time_ran_out_meanwhile_do_not_trade(floor: Floor, terms: dict[str, object]) -> None:
    """Without it, yesterday's order fills at today's prices, and one for the close waits for the close of another
    day."""
    take_up(floor, make_ticket("late", BUY, 1, 115, **terms))
    assert floor.kinds("late") == ["expired"]
    assert floor.model.open_orders == 0


def test_orders_of_this_session_go_on(floor: Floor) -> None:
    """The other half of it, also where a ticket does not say when it was made."""
    created_ns = MIDNIGHT_NS + 1
    take_up(floor, make_ticket("of today", BUY, 1, 100, created_ns=created_ns), make_ticket("unknown", BUY, 1, 100))
    take_up(floor, make_ticket("for the close", BUY, 1, 100, created_ns=created_ns, time_in_force=CLOSE))
    assert floor.model.open_orders == 3


def test_a_gtd_order_whose_time_comes_on_its_way_does_not_trade(floor: Floor) -> None:
    """It is over when it arrives: filling it first would give it a trade after its time."""
    ticket = make_ticket("late", BUY, 1, time_in_force=TimeInForce.GTD, expire_ns=floor.now_ns, limit=115)
    floor.submit(ticket)
    assert floor.kinds("late") == ["new", "expired"]


@pytest.mark.parametrize("terms", [{}, {"limit": 115}, {"ord_type": OrdType.STOP, "stop_px": 100}])
def test_what_was_being_canceled_does_not_trade_after_a_restart(floor: Floor, terms: dict[str, Any]) -> None:
    """A cancel was answered for, or trading halted, and the gateway killed before it heard of the end. Taken up again,
    the order could fill before the cancel that follows gets there."""
    take_up(floor, make_ticket("canceled", BUY, 10, is_working=True, is_cancel_requested=True, **terms))
    assert floor.kinds("canceled") == ["canceled"]
    assert floor.model.open_orders == 0


@pytest.mark.parametrize("terms", [{}, {"ord_type": OrdType.STOP_LIMIT, "stop_px": 114, "cum_qty": 1}])
def test_what_rested_before_a_restart_trades_at_its_limit_and_no_better(floor: Floor, terms: dict[str, Any]) -> None:
    """The market went through its price while the gateway was away. Sent anew it would take the better price of now,
    which an order that had been there all the time could not have had: SHADOW and twins would look too good."""
    take_up(floor, make_ticket("rested", BUY, 10, 115, is_working=True, **terms))
    floor.quote(111, 50, 112, 50, last=111)
    assert {px for _, px in floor.fills("rested")} == {D(115)}
    take_up(floor, make_ticket("never there", BUY, 10, 115, **terms))
    assert {px for _, px in floor.fills("never there")} == {D(112)}


def test_what_is_for_now_is_over_at_once_after_a_restart(floor: Floor) -> None:
    """It may not rest only because it was acknowledged before."""
    take_up(floor, make_ticket("now", BUY, 60, 115, is_working=True, time_in_force=TimeInForce.IOC))
    assert floor.kinds("now") == ["trade", "canceled"]


def test_an_exit_that_wakes_after_a_restart_takes_what_is_there(floor: Floor) -> None:
    """It was acknowledged before, and asleep: it has rested nowhere."""
    group = bracket(is_working=True)
    take_up(floor, group, *[replace(one, is_working=True) for one in group.exits])
    assert floor.fills("e") == [(10, D(112))]
    assert floor.fills("tp") == [(10, D(111))]


def test_an_exit_whose_other_one_has_just_filled_is_over(floor: Floor) -> None:
    """They are asked for one after the other. If the first fills at once and the second then works alone, both fill:
    the position is closed twice."""
    pair = oco()
    take_up(floor, pair, *pair.exits)
    assert floor.filled("tp") == 10
    floor.quote(80, 50, 82, 50, last=80)
    assert floor.kinds("sl") == ["canceled"]
    assert floor.model.open_orders == 0


@pytest.mark.parametrize("pair", [bracket().exits, (oco(), *oco().exits)])
@pytest.mark.parametrize("last", [0, 1])
def test_an_exit_whose_other_one_ended_before_the_restart_is_over(
    floor: Floor, pair: tuple[OrderTicket, ...], last: int
) -> None:
    """Nobody asks about one that is over. Killed between the fill of one exit and the cancel of the other, the gateway
    would find the other still open, and close the position a second time."""
    take_up(floor, replace(pair[last], is_armed=True, is_group_over=True, sibling_cum_qty=D(10)))
    floor.quote(80, 50, 82, 50, last=80)
    assert floor.kinds(pair[last].order_id) == ["canceled"]
    assert floor.model.open_orders == 0


def test_exits_that_filled_in_part_before_the_restart_fill_what_is_left_between_them(floor: Floor) -> None:
    """They are asked for one after the other: the first must not take at once what the other one had filled already."""
    profit, stop = (replace(one, is_armed=True) for one in bracket().exits)
    profit = replace(profit, cum_qty=D(3), sibling_cum_qty=D(4))
    take_up(floor, profit, replace(stop, cum_qty=D(4), sibling_cum_qty=D(3)))
    assert floor.filled("tp") == 3
    assert [floor.kinds(name)[-1] for name in ("tp", "sl")] == ["canceled"] * 2
    assert floor.model.open_orders == 0


def test_exits_that_had_filled_all_between_them_are_over(floor: Floor) -> None:
    """Killed before it was told that nothing is left for either, they would stay open with nothing to do, for ever."""
    profit, stop = (replace(one, is_armed=True) for one in bracket().exits)
    profit = replace(profit, cum_qty=D(3), sibling_cum_qty=D(7))
    take_up(floor, profit, replace(stop, cum_qty=D(7), sibling_cum_qty=D(3)))
    assert [floor.kinds(name) for name in ("tp", "sl")] == [["canceled"]] * 2
    assert floor.model.open_orders == 0


def test_exits_of_an_entry_that_has_just_ended_are_over(floor: Floor) -> None:
    """They would sleep for ever, and hold exposure for it."""
    group = bracket(limit=100, time_in_force=TimeInForce.IOC)
    take_up(floor, group, *group.exits)
    assert [floor.kinds(name) for name in ("e", "tp", "sl")] == [["canceled"]] * 3
    assert floor.model.open_orders == 0


@pytest.mark.parametrize("pair", [bracket().exits, (oco(), *oco().exits)])
def test_exits_for_yesterday_are_over(floor: Floor, pair: tuple[OrderTicket, ...]) -> None:
    """Without this, the exits of a day order live on when the gateway was away at the end of the day, and trade on the
    next one; had it been there, they would have expired."""
    take_up(floor, *[replace(one, is_armed=True, created_ns=EVENING_NS) for one in pair])
    assert [floor.kinds(name) for name in ("tp", "sl")] == [["expired"]] * 2
    assert floor.model.open_orders == 0


@pytest.mark.parametrize("pair", [bracket().exits, (oco(), *oco().exits)])
def test_exits_without_an_end_do_not_expire(floor: Floor, pair: tuple[OrderTicket, ...]) -> None:
    """A protective stop may not end because its order is older than today."""
    terms = {"is_armed": True, "created_ns": EVENING_NS, "time_in_force": TimeInForce.GTC, "limit_px": D(200)}
    take_up(floor, *[replace(one, **terms) for one in pair])
    assert floor.model.open_orders == 2


def test_an_exit_that_sleeps_ends_with_its_entry(floor: Floor) -> None:
    """Asked for before its entry, it must not be over while that may still fill."""
    created_ns = MIDNIGHT_NS + 1
    entry = bracket(limit=100, created_ns=created_ns)
    take_up(floor, *[replace(one, created_ns=EVENING_NS) for one in entry.exits], entry)
    assert floor.model.open_orders == 3
