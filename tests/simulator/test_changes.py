"""Cancel, replace and lookup: orders that change their terms, leave, or come back after a restart."""

import pytest

from gateway.domain.enums import ExecType, OrdType, Side
from tests.simulator.stories import DAY_MS, INSTANT, D, Floor, make_ticket


@pytest.fixture
def floor() -> Floor:
    """5 at 99 bid and 5 at 101 asked."""
    floor = Floor()
    floor.quote(99, 5, 101, 5)
    return floor


def test_a_canceled_order_does_not_fill(floor: Floor) -> None:
    """Without it, a cancel would be a wish."""
    floor.buy("b", 5, 99)
    floor.cancel("b")
    floor.trade(90, 100, hits="bid")
    assert floor.kinds("b") == ["new", "canceled"]
    assert floor.model.open_orders == 0


@pytest.mark.parametrize("limit", [None, 101])
def test_a_cancel_that_comes_too_late_is_rejected(floor: Floor, limit: int | None) -> None:
    """Without it, the gateway would wait for a cancel that never comes, or book one that did not happen."""
    floor.buy("b", 5, limit)
    floor.cancel("b")
    assert floor.kinds("b") == ["new", "trade", "cancel_rejected"]
    assert floor.text("b") == "too late: the order is filled"


def test_a_cancel_of_an_unknown_order_is_rejected(floor: Floor) -> None:
    """Without it, the gateway would wait for ever for the cancel of an order that this simulator never had."""
    floor.model.cancel(make_ticket("ghost", Side.BUY, 5, 99), floor.now_ns)
    floor.wait(1)
    assert floor.kinds("ghost") == ["cancel_rejected"]
    assert "does not know" in floor.text("ghost")


def test_what_is_left_of_a_market_order_can_be_canceled(floor: Floor) -> None:
    """Without it, a market order in a thin market could not be stopped."""
    floor.buy("b", 9)
    floor.cancel("b")
    floor.quote(99, 5, 102, 50)
    assert floor.kinds("b") == ["new", "trade", "canceled"]


def test_less_quantity_keeps_the_place(floor: Floor) -> None:
    """As on real venues: reducing an order must not cost its priority."""
    floor.buy("b", 5, 99)
    floor.trade(99, 4, hits="bid")
    floor.quote(99, 80, 101, 5)
    floor.replace("b", 2)
    floor.trade(99, 9, hits="bid")
    assert floor.kinds("b") == ["new", "replaced", "trade"]
    assert floor.fills("b") == [(2, D(99))]


@pytest.mark.parametrize(("qty", "limit"), [(6, 99), (5, 98), (2, 98)])
def test_more_quantity_or_a_new_price_loses_the_place(floor: Floor, qty: int, limit: int) -> None:
    """Without it, a replace would jump the queue."""
    floor.buy("b", 5, 99)
    floor.trade(99, 4, hits="bid")
    floor.quote(limit, 80, 101, 5)
    floor.replace("b", qty, limit)
    floor.trade(limit, 79, hits="bid")
    assert floor.filled("b") == 0
    floor.trade(limit, 81, hits="bid")
    assert floor.filled("b") == qty


def test_a_replace_tells_the_terms_as_they_stand(floor: Floor) -> None:
    """The gateway books what the report says; a term left out must come back as it was."""
    floor.buy("b", 5, 99)
    floor.replace("b", 7)
    report = floor.of("b")[-1]
    assert report.exec_type is ExecType.REPLACED
    assert (report.order_qty, report.limit_px, report.stop_px) == (7, 99, None)


def test_a_replace_into_the_market_takes(floor: Floor) -> None:
    """Without it, an order moved through the other side would sit there crossed."""
    floor.buy("b", 5, 99)
    floor.replace("b", 5, 101)
    assert floor.fills("b") == [(5, D(101))]
    assert not floor.of("b")[-1].is_maker


def test_a_replace_below_what_filled_is_rejected_and_changes_nothing(floor: Floor) -> None:
    """Without it, cum_qty could exceed order_qty."""
    floor.buy("b", 5, 100)
    floor.trade(100, 3, hits="bid")
    for qty in (2, 3):
        floor.replace("b", qty)
        assert floor.kinds("b")[-1] == "replace_rejected"
        assert "above what has filled" in floor.text("b")
    floor.trade(100, 9, hits="bid")
    assert floor.filled("b") == 5


def test_a_replace_that_comes_too_late_is_rejected(floor: Floor) -> None:
    """Without it, a filled order could be brought back to life."""
    floor.buy("b", 5)
    floor.replace("b", 9)
    assert floor.kinds("b")[-1] == "replace_rejected"
    assert "too late" in floor.text("b")


def test_an_id_is_taken_once(floor: Floor) -> None:
    """A ticket handed over twice must not trade twice."""
    floor.buy("b", 1, 98)
    floor.buy("b", 1, 98)
    assert floor.kinds("b") == ["new"]
    assert floor.model.open_orders == 1


# --- lookup -----------------------------------------------------------------------------------


def test_a_lost_order_is_adopted_at_the_back_with_what_is_open() -> None:
    """After a restart an open order must go on working, from where its fills got it."""
    floor = Floor()
    floor.quote(99, 5, 101, 5)
    ticket = make_ticket("b", Side.BUY, 10, 99, cum_qty=4)
    (report,) = floor.model.look_up(ticket, floor.now_ns)
    assert report.exec_type is ExecType.NEW
    floor.trade(99, 5, hits="bid")
    assert floor.filled("b") == 0
    floor.trade(99, 50, hits="bid")
    assert floor.fills("b") == [(6, D(99))]
    assert floor.of("b")[-1].exec_id == "b-10"


def test_an_adopted_order_goes_to_the_back_even_where_new_ones_do_not() -> None:
    """A restart must never improve an order's place."""
    floor = Floor(INSTANT.__class__(order_latency_ms=D(0), report_latency_ms=D(0), queue_position=D(0)))
    floor.quote(99, 5, 101, 5)
    floor.model.look_up(make_ticket("b", Side.BUY, 1, 99), floor.now_ns)
    floor.trade(99, 5, hits="bid")
    assert floor.filled("b") == 0


def test_adoption_does_not_need_market_data_yet() -> None:
    """A real feed is often not there at the moment of a restart; the order must not die of it."""
    floor = Floor()
    for ticket in (make_ticket("limit", Side.BUY, 2, 99), make_ticket("market", Side.BUY, 2)):
        assert floor.model.look_up(ticket, floor.now_ns)[0].exec_type is ExecType.NEW
    floor.quote(99, 5, 101, 5)
    assert floor.fills("market") == [(2, D(101))]
    floor.trade(99, 6, hits="bid")
    assert floor.filled("limit") == 1


def test_the_fills_of_an_adopted_order_have_ids_of_their_own() -> None:
    """The gateway drops a repeated exec_id; one that came again with another fill would lose that fill."""
    floor = Floor()
    floor.quote(99, 5, 101, 4)
    floor.buy("b", 10)
    before = {report.exec_id for report in floor.of("b")}
    restarted = Floor()
    restarted.quote(99, 5, 101, 4)
    restarted.model.look_up(make_ticket("b", Side.BUY, 10, cum_qty=4), restarted.now_ns)
    restarted.quote(99, 5, 102, 6)
    after = [report.exec_id for report in restarted.of("b")]
    assert after == ["b-8", "b-10"]
    assert not before & set(after)


def test_lookup_of_an_order_that_is_here_changes_nothing(floor: Floor) -> None:
    """Without it, asking twice would put the order into the book twice."""
    floor.buy("b", 5, 98)
    assert [report.exec_type for report in floor.model.look_up(floor.tickets["b"], floor.now_ns)] == [ExecType.NEW]
    assert floor.model.open_orders == 1


def test_lookup_of_an_order_that_just_finished_does_not_bring_it_back(floor: Floor) -> None:
    """The question may have been asked before the answer was read; the order must not trade again."""
    floor.buy("b", 5)
    (report,) = floor.model.look_up(floor.tickets["b"], floor.now_ns)
    assert report == floor.of("b")[-1]
    assert floor.model.open_orders == 0


def test_lookup_of_a_filled_ticket_has_nothing_to_add(floor: Floor) -> None:
    """There is nothing left to work."""
    assert floor.model.look_up(make_ticket("b", Side.BUY, 5, 99, cum_qty=5), floor.now_ns) == ()
    assert floor.model.open_orders == 0


def test_an_adopted_stop_waits_for_its_trigger_unless_it_had_filled() -> None:
    """A partial fill proves that the stop had triggered; without one it must not trade yet."""
    floor = Floor()
    floor.quote(99, 5, 101, 5, last=100)
    asleep = make_ticket("asleep", Side.BUY, 5, ord_type=OrdType.STOP, stop_px=110)
    awake = make_ticket("awake", Side.BUY, 5, ord_type=OrdType.STOP, stop_px=110, cum_qty=2)
    for ticket in (asleep, awake):
        floor.model.look_up(ticket, floor.now_ns)
    floor.wait(1)
    assert (floor.filled("asleep"), floor.filled("awake")) == (0, 3)


def test_an_adopted_order_of_a_removed_symbol_is_rejected() -> None:
    """Without it, the exposure of an order that nothing can fill would be held for ever."""
    floor = Floor()
    assert floor.model.look_up(make_ticket("b", Side.BUY, 5, 99, symbol="GONE"), floor.now_ns) == ()
    floor.wait(1)
    assert floor.kinds("b") == ["rejected"]


def test_an_adopted_day_order_still_ends_with_the_day() -> None:
    """Without it, a restart would make day orders immortal."""
    floor = Floor()
    floor.quote(99, 5, 101, 5)
    floor.model.look_up(make_ticket("b", Side.BUY, 5, 98), floor.now_ns)
    floor.wait(DAY_MS)
    assert floor.kinds("b") == ["expired"]
