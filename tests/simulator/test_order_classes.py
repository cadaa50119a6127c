"""Bracket, OCO and OTO in the simulator: exits sleep until their entry has filled whole, and one ends the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, OrderClass, OrdType, Side
from tests.simulator.stories import D, Floor, make_ticket

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def floor() -> Floor:
    """10 at 99 bid, 10 at 101 asked, last trade at 100."""
    floor = Floor()
    floor.quote(99, 10, 101, 10, last=100)
    return floor


def bracket(qty: int = 10, limit: int | None = None, **terms: object) -> OrderTicket:
    """Buy, with a profit at 110 and a stop at 90."""
    exits = (
        make_ticket(
            "tp", SELL, qty, 110, order_class=OrderClass.BRACKET, entry_id="e", sibling_id="sl", is_armed=False
        ),
        make_ticket(
            "sl",
            SELL,
            qty,
            ord_type=OrdType.STOP,
            stop_px=90,
            order_class=OrderClass.BRACKET,
            entry_id="e",
            sibling_id="tp",
            is_armed=False,
        ),
    )
    return make_ticket("e", BUY, qty, limit, order_class=OrderClass.BRACKET, exits=exits, **terms)


def oco(qty: int = 10) -> OrderTicket:
    """Sell at 110, or at the market from 90 down."""
    stop = make_ticket(
        "sl",
        SELL,
        qty,
        ord_type=OrdType.STOP,
        stop_px=90,
        order_class=OrderClass.OCO,
        entry_id="tp",
        sibling_id="tp",
    )
    return make_ticket("tp", SELL, qty, 110, order_class=OrderClass.OCO, sibling_id="sl", exits=(stop,))


def send(floor: Floor, ticket: OrderTicket) -> None:
    floor.model.submit(ticket, floor.now_ns)
    floor.tickets.update({one.order_id: one for one in (ticket, *ticket.exits)})
    floor.wait(0)


def test_exits_sleep_until_the_entry_has_filled_whole(floor: Floor) -> None:
    """Awake before, an exit would open a position the other way round."""
    send(floor, bracket(20))
    assert floor.fills("e") == [(10, D(101))]
    assert (floor.kinds("tp"), floor.kinds("sl")) == (["new"], ["new"])
    floor.trade(112, 50, hits="ask")
    floor.quote(111, 50, 112, 0, last=112)
    assert floor.fills("tp") == []
    floor.quote(108, 50, 109, 50, last=108)
    assert floor.fills("e")[1:] == [(10, D(109))]
    floor.quote(111, 50, 112, 50, last=111)
    assert floor.fills("tp") == [(20, D(110))]


def test_a_profit_taken_ends_the_stop(floor: Floor) -> None:
    """A stop that is left behind sells what is not held any more."""
    send(floor, bracket())
    floor.quote(111, 50, 112, 50, last=111)
    assert floor.fills("tp") == [(10, D(110))]
    assert floor.kinds("sl") == ["new", "canceled"]
    floor.quote(80, 50, 81, 50, last=80)
    assert floor.fills("sl") == []
    assert floor.model.open_orders == 0


def test_a_stop_that_triggers_ends_the_profit(floor: Floor) -> None:
    """The other way round."""
    send(floor, bracket())
    floor.trade(90, 1, hits="bid")
    assert floor.fills("sl") == [(10, D(99))]
    assert floor.kinds("tp") == ["new", "canceled"]
    assert floor.model.open_orders == 0


def test_the_two_exits_never_sell_more_than_was_bought(floor: Floor) -> None:
    """Each is for the whole position: filled in part one after the other, they would turn it over."""
    send(floor, bracket())
    floor.trade(110, 1, hits="ask")
    floor.quote(109, 10, 110, 5, last=109)
    floor.trade(111, 4, hits="ask")
    taken = sum(qty for qty, _ in floor.fills("tp"))
    assert 0 < taken < 10
    floor.quote(88, 50, 89, 50, last=88)
    assert sum(qty for qty, _ in floor.fills("sl")) == 10 - taken
    assert floor.kinds("sl")[-1] == "canceled"
    assert floor.kinds("tp")[-1] == "canceled"
    assert floor.model.open_orders == 0


@pytest.mark.parametrize("filled", [0, 5])
def test_exits_end_with_an_entry_that_is_canceled(floor: Floor, filled: int) -> None:
    """They would wait for ever."""
    ticket = bracket(15, limit=100)
    send(floor, ticket)
    if filled:
        floor.quote(97, 10, 99, filled, last=99)
    floor.model.cancel(ticket, floor.now_ns)
    floor.wait(0)
    assert floor.kinds("tp") == ["new", "canceled"]
    assert floor.kinds("sl") == ["new", "canceled"]
    assert floor.model.open_orders == 0


def test_exits_of_an_entry_that_is_refused_are_over(floor: Floor) -> None:
    """Their twins would stay open for ever."""
    send(floor, replace(bracket(), symbol="NOPE", exits=tuple(replace(one, symbol="NOPE") for one in bracket().exits)))
    assert floor.kinds("e") == ["rejected"]
    assert floor.kinds("tp") == ["canceled"]
    assert floor.model.open_orders == 0


def test_a_canceled_exit_takes_the_other_along(floor: Floor) -> None:
    """As at the venue, where the two are one thing."""
    ticket = bracket()
    send(floor, ticket)
    floor.model.cancel(ticket.exits[1], floor.now_ns)
    floor.wait(0)
    assert floor.kinds("tp") == ["new", "canceled"]
    assert floor.model.open_orders == 0


def test_an_oco_works_at_once_and_fills_once(floor: Floor) -> None:
    """It has no entry to wait for."""
    send(floor, oco())
    floor.quote(89, 50, 91, 50, last=89)
    assert floor.fills("sl") == [(10, D(89))]
    assert floor.kinds("tp") == ["new", "canceled"]
    assert floor.model.open_orders == 0


def test_an_exit_is_not_made_smaller_than_what_both_have_filled(floor: Floor) -> None:
    """It would be left with less than nothing to do, and its next fill would be of a negative quantity."""
    send(floor, oco())
    floor.trade(111, 6, hits="ask")
    floor.replace("sl", 3)
    assert floor.kinds("sl")[-1] == "replace_rejected"
    floor.quote(80, 10, 82, 10, last=85)
    assert (floor.filled("tp"), floor.filled("sl")) == (6, 4)


def test_an_exit_made_larger_leaves_the_other_nothing_and_not_less(floor: Floor) -> None:
    """The one that was not made larger would have less than nothing left, and fill a negative quantity."""
    send(floor, oco())
    floor.replace("tp", 15, 110)
    floor.trade(111, 12, hits="ask")
    floor.quote(80, 10, 82, 10, last=85)
    assert (floor.filled("tp"), floor.fills("sl")) == (12, [])


def test_an_oco_that_is_through_on_arrival_leaves_no_stop(floor: Floor) -> None:
    """Its profit fills before its stop has been looked at."""
    floor.quote(111, 50, 112, 50, last=111)
    send(floor, oco())
    assert floor.fills("tp") == [(10, D(111))]
    assert floor.kinds("sl") == ["new", "canceled"]
    assert floor.model.open_orders == 0


@pytest.mark.parametrize("order", [("e", "tp", "sl"), ("sl", "tp", "e")])
def test_a_group_is_taken_up_again_after_a_restart(order: tuple[str, ...]) -> None:
    """Whatever is asked for first: exits still sleep, and one still ends the other."""
    ticket = bracket(limit=95)
    parts = {one.order_id: one for one in (ticket, *ticket.exits)}
    floor = Floor()
    floor.quote(99, 10, 101, 10, last=100)
    for name in order:
        floor.model.look_up(parts[name], floor.now_ns)
    floor.quote(111, 50, 112, 50, last=111)
    assert floor.fills("tp") == []
    floor.quote(93, 50, 94, 50, last=94)
    assert floor.fills("e") == [(10, D(95))]
    floor.quote(111, 50, 112, 50, last=111)
    assert floor.fills("tp") == [(10, D(110))]
    assert floor.kinds("sl") == ["canceled"]
    assert floor.model.open_orders == 0


def test_exits_that_were_awake_are_so_after_a_restart() -> None:
    """Their entry is over, and nobody asks about it any more."""
    floor = Floor()
    floor.quote(99, 10, 101, 10, last=100)
    for one in bracket().exits:
        floor.model.look_up(replace(one, is_armed=True), floor.now_ns)
    floor.trade(90, 1, hits="bid")
    assert floor.fills("sl") == [(10, D(99))]
    assert floor.kinds("tp") == ["canceled"]


def test_both_twins_play_their_own(floor: Floor) -> None:
    """They share ids with the live order and with each other, and nothing else."""
    ticket = bracket()
    for number in (False, True):
        exits = tuple(replace(one, is_twin=True, is_second_twin=number) for one in ticket.exits)
        floor.model.submit(replace(ticket, is_twin=True, is_second_twin=number, exits=exits), floor.now_ns)
    floor.wait(0)
    floor.quote(111, 50, 112, 50, last=111)
    assert len([one for one in floor.reports if one.order_id == "tp" and one.last_qty == 10]) == 2
    assert floor.model.open_orders == 0


_PRICES = st.integers(85, 115)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("quote"), _PRICES, st.integers(1, 12)),
        st.tuples(st.just("trade"), _PRICES, st.integers(1, 12)),
        st.tuples(st.just("bracket"), st.integers(95, 105), st.integers(1, 15)),
        st.tuples(st.just("oco"), _PRICES, st.integers(1, 15)),
        st.tuples(st.just("cancel"), st.integers(0, 100), st.integers(0, 2)),
    ),
    max_size=40,
)


@given(steps=_STEPS)
def test_whatever_the_market_does_exits_close_what_was_opened_and_no_more(steps: list[tuple[str, int, int]]) -> None:
    """Two exits that both fill, or one that fills before its entry, would turn positions over."""
    floor = Floor()
    floor.quote(99, 10, 101, 10, last=100)
    groups: list[OrderTicket] = []
    for step in steps:
        _play(floor, groups, *step)
        for group in groups:
            _check_group(floor, group)
    for group in groups:
        for ticket in (group, *group.exits):
            floor.model.cancel(ticket, floor.now_ns)
    floor.wait(0)
    assert floor.model.open_orders == 0
    for group in groups:
        for ticket in (group, *group.exits):
            over = [one for one in floor.of(ticket.order_id) if one.exec_type in _ENDS]
            assert (len(over) == 1) is (floor.filled(ticket.order_id) < ticket.order_qty)


def _play(floor: Floor, groups: list[OrderTicket], kind: str, one: int, two: int) -> None:
    if kind == "quote":
        floor.quote(one, two, one + 1, two, last=one)
    elif kind == "trade":
        floor.trade(one, two, hits="ask" if one % 2 else "bid")
    elif kind == "cancel" and groups:
        group = groups[one % len(groups)]
        floor.model.cancel((group, *group.exits)[min(two, len(group.exits))], floor.now_ns)
        floor.wait(0)
    elif kind in ("bracket", "oco"):
        groups.append(_renamed(bracket(two, limit=one) if kind == "bracket" else oco(two), len(groups)))
        send(floor, groups[-1])


_ENDS = (ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED)


def _check_group(floor: Floor, group: OrderTicket) -> None:
    exits = sum((floor.filled(one.order_id) for one in group.exits), D(0))
    own = floor.filled(group.order_id)
    if group.order_class is OrderClass.OCO:
        assert own + exits <= group.order_qty
    else:
        assert exits <= (own if own == group.order_qty else 0)


def _renamed(ticket: OrderTicket, number: int) -> OrderTicket:
    """The same under ids of its own."""
    names = {"order_id": f"{ticket.order_id}{number}"}
    for name in ("entry_id", "sibling_id"):
        if getattr(ticket, name):
            names[name] = f"{getattr(ticket, name)}{number}"
    return replace(ticket, **names, exits=tuple(_renamed(one, number) for one in ticket.exits))
