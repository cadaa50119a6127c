"""Resting orders: a place in the queue, and no fill before the market comes to it."""

from decimal import Decimal

import msgspec
import pytest

from tests.simulator.stories import INSTANT, D, Floor, levels


def make_floor(queue_position: str = "1") -> Floor:
    """A market of 5 at 99 bid and 5 at 101 asked."""
    floor = Floor(msgspec.structs.replace(INSTANT, queue_position=Decimal(queue_position)))
    floor.quote(99, 5, 101, 5)
    return floor


def test_a_touch_is_not_a_fill() -> None:
    """The whole point: 'the market was there' fills paper orders that a real queue would not have served."""
    floor = make_floor()
    floor.buy("b", 1, 99)
    floor.trade(99, 4, hits="bid")  # 4 of the 5 ahead
    floor.quote(99, 1, 101, 5)
    floor.quote(98, 9, 99, 9)  # now somebody even offers at our price, as a new level
    assert floor.kinds("b") == ["new"]


def test_trades_shrink_the_queue_and_then_fill_at_the_limit() -> None:
    """Without it, resting orders would never fill, or fill before those who were there first."""
    floor = make_floor()
    floor.buy("b", 3, 99)
    floor.trade(99, 4, hits="bid")
    assert floor.filled("b") == 0
    floor.trade(99, 3, hits="bid")  # 1 still ahead, then 2 for us
    assert floor.fills("b") == [(2, D(99))]
    floor.trade(99, 10, hits="bid")
    assert floor.fills("b") == [(2, D(99)), (1, D(99))]
    assert all(report.is_maker for report in floor.of("b")[1:])


def test_a_trade_on_the_other_side_does_not_reach_us() -> None:
    """A buyer lifting an offer says nothing about the queue of the bids at that same price."""
    floor = make_floor()
    floor.buy("b", 1, 100)  # alone at its price
    floor.trade(100, 50, hits="ask")
    assert floor.filled("b") == 0


def test_a_trade_through_the_price_fills_whatever_was_ahead() -> None:
    """Nobody sells lower while a bid at our price stands: those ahead must be gone."""
    floor = make_floor()
    floor.buy("b", 3, 99)
    floor.trade("98.5", 2, hits="bid")
    assert floor.fills("b") == [(2, D(99))]


def test_a_quote_strictly_through_the_price_fills_from_what_it_shows() -> None:
    """An offer below our bid would have met us first, with the quantity it shows and no more."""
    floor = make_floor()
    floor.buy("b", 10, 99)
    floor.quote(98, 5, 99, 7)  # touches
    assert floor.filled("b") == 0
    floor.quote(97, 5, 98, 7)  # through
    assert floor.fills("b") == [(7, D(99))]
    floor.quote(97, 6, 98, 7)  # the same seven
    assert floor.filled("b") == 7
    floor.quote(96, 5, 97, 7)
    assert floor.filled("b") == 10


def test_cancels_ahead_count_only_when_the_level_shows_them() -> None:
    """The cautious rule: a level smaller than our queue proves that some ahead of us left."""
    floor = make_floor()
    floor.buy("b", 1, 99)
    floor.quote(99, 2, 101, 5)  # three of the five ahead canceled
    floor.trade(99, 2, hits="bid")
    assert floor.filled("b") == 0
    floor.trade(99, 1, hits="bid")
    assert floor.filled("b") == 1


def test_orders_that_join_behind_change_nothing() -> None:
    """Without it, a growing level would push us back in a queue that we already stand in."""
    floor = make_floor()
    floor.buy("b", 1, 99)
    floor.quote(99, 500, 101, 5)
    floor.trade(99, 6, hits="bid")
    assert floor.filled("b") == 1


@pytest.mark.parametrize("is_level_first", [True, False])
def test_one_trade_told_twice_moves_us_up_once(is_level_first: bool) -> None:
    """A trade comes as a print and as a smaller level, in either order; counting both would fill us early."""
    floor = make_floor()
    floor.buy("b", 1, 99)
    if is_level_first:
        floor.quote(99, 2, 101, 5)
        floor.trade(99, 3, hits="bid", after_ms=1)
    else:
        floor.trade(99, 3, hits="bid")
        floor.quote(99, 2, 101, 5, after_ms=1)
    floor.trade(99, 2, hits="bid")  # the two still ahead
    assert floor.filled("b") == 0
    floor.trade(99, 1, hits="bid")
    assert floor.filled("b") == 1


def test_a_large_trade_whose_level_fell_first_still_reaches_us() -> None:
    """Setting the print against the fall must use up the fall only, not the rest of the trade."""
    floor = make_floor()
    floor.buy("b", 4, 99)
    floor.quote(99, 5, 101, 5)
    floor.quote(98, 7, 101, 5)  # the level is gone
    floor.trade(99, 7, hits="bid", after_ms=1)  # 5 were ahead
    assert floor.fills("b") == [(2, D(99))]


def test_a_better_price_than_the_best_has_no_queue() -> None:
    """Without it, an order that narrows the spread would wait behind people who are not there."""
    floor = make_floor()
    floor.sell("s", 2, 100)
    floor.trade(100, 1, hits="ask")
    assert floor.fills("s") == [(1, D(100))]


def test_queue_position_zero_stands_in_front() -> None:
    """The setting is the only optimism allowed, and it must do what it says."""
    floor = make_floor("0")
    floor.buy("b", 1, 99)
    floor.trade(99, 1, hits="bid")
    assert floor.filled("b") == 1


def test_half_a_queue_position_waits_for_half_the_queue() -> None:
    """A setting in between that counted as one of its ends could not be fitted to a venue."""
    floor = make_floor("0.5")
    floor.buy("b", 1, 99)
    floor.trade(99, 3, hits="bid")
    assert floor.filled("b") == 0
    floor.trade(99, 1, hits="bid")
    assert floor.filled("b") == 1


def test_a_price_that_the_feed_does_not_show_has_an_unknown_queue() -> None:
    """With only the best prices known, a deeper order must not think itself first when its price comes up."""
    floor = make_floor()
    floor.buy("b", 1, 98)
    floor.quote(98, 40, 101, 5)  # now we see who is there
    floor.trade(98, 40, hits="bid")
    assert floor.filled("b") == 0
    floor.trade(98, 1, hits="bid")
    assert floor.filled("b") == 1


def test_a_trade_at_a_price_of_unknown_queue_fills_nothing() -> None:
    """The first trade at a deeper price goes to those who were there, and we do not know how many they are."""
    floor = make_floor()
    floor.buy("b", 1, 98)
    floor.trade(98, 9, hits="bid")
    assert floor.filled("b") == 0


def test_within_the_known_depth_an_empty_price_has_no_queue() -> None:
    """With depth, a gap between levels is known to be empty: waiting for nobody would be too cautious."""
    floor = make_floor()
    floor.depth(levels((99, 5), (97, 5)), levels((101, 5)), is_snapshot=True)
    floor.buy("gap", 1, 98)
    floor.buy("level", 1, 97)
    floor.quote(98, 3, 101, 5)
    floor.trade(98, 1, hits="bid")
    assert floor.filled("gap") == 1
    assert floor.filled("level") == 0


def test_depth_updates_move_the_queue_behind_the_touch() -> None:
    """Without it, cancels at deeper prices would go unseen until the price got there."""
    floor = make_floor()
    floor.depth(levels((99, 5), (98, 30)), levels((101, 5)), is_snapshot=True)
    floor.buy("b", 1, 98)
    floor.depth(levels((98, 2)))
    floor.quote(98, 2, 101, 5)
    floor.trade(98, 3, hits="bid")
    assert floor.filled("b") == 1


def test_a_quote_through_the_price_and_the_print_of_it_are_one_offer() -> None:
    """The 4 on offer were ours when they were quoted. That somebody bought them in the real market is no second offer:
    counting both would fill 8 from 4."""
    floor = make_floor()
    floor.buy("b", 10, 100)
    floor.quote(99, 5, "99.5", 4)
    assert floor.filled("b") == 4
    floor.trade("99.5", 4, hits="ask")
    assert floor.filled("b") == 4
    floor.quote(99, 5, 101, 5)
    floor.trade("99.5", 3, hits="ask")  # another offer, which no quote told of
    floor.trade("99.5", 2, hits="bid")  # somebody sold, and would have met us first
    assert floor.filled("b") == 9


@pytest.mark.parametrize("shown", [None, 1])
def test_an_offer_that_leaves_the_book_before_its_print_comes_fills_once(shown: int | None) -> None:
    """Most venues tell of the smaller level first. Who took 4 of the 4 offered, and rests for more, would fill 4 more
    with the print of the same 4."""
    floor = make_floor()
    floor.quote(98, 5, 99, 4)
    floor.buy("b", 10, 100)
    assert floor.filled("b") == 4
    if shown is None:
        floor.quote(98, 5, 101, 5, after_ms=1)
    else:
        floor.quote(98, 5, 99, shown, after_ms=1)
    floor.trade(99, 4 - (shown or 0), hits="ask", after_ms=1)
    assert floor.filled("b") == 4
    floor.quote(98, 5, 101, 5)
    floor.trade(99, 3, hits="ask")  # too late to be one of those
    assert floor.filled("b") == 7


def test_a_share_of_the_queue_is_counted_in_whole_lots() -> None:
    """Half of 5 shares is 2.5: a print of 3 would then fill half a share, which no venue of whole shares does."""
    floor = make_floor("0.5")
    floor.buy("b", 2, 99)
    floor.trade(99, 3, hits="bid")
    assert floor.fills("b") == []
    floor.trade(99, 1, hits="bid")
    assert floor.fills("b") == [(1, D(99))]


def test_our_own_orders_queue_behind_each_other() -> None:
    """Without it, one public trade would fill every one of our orders at its price."""
    floor = make_floor()
    floor.buy("first", 2, 99)
    floor.buy("second", 2, 99)
    floor.trade(99, 8, hits="bid")  # 5 ahead, 3 for us
    assert (floor.filled("first"), floor.filled("second")) == (2, 1)


def test_what_the_order_before_ours_was_served_did_not_move_us_up() -> None:
    """Of 11 traded the 8 of others that stood ahead leave 3, all for the first order. Counted by each order for itself,
    the 3 would fill both."""
    floor = Floor()
    floor.quote(99, 5, 101, 9)
    floor.buy("first", 3, 99)
    floor.quote(99, 8, 101, 9)
    floor.buy("second", 10, 99)
    floor.quote(99, 20, 101, 9)
    for traded, shown in ((6, 14), (2, 12), (3, 9)):
        floor.trade(99, traded, hits="bid")
        floor.quote(99, shown, 101, 9)
    assert (floor.filled("first"), floor.filled("second")) == (3, 0)


def test_the_better_priced_of_our_orders_is_served_first() -> None:
    """Price comes before time."""
    floor = make_floor()
    floor.buy("lower", 2, 99)
    floor.buy("higher", 2, 100)
    floor.trade("98.5", 3, hits="bid")
    assert (floor.filled("higher"), floor.filled("lower")) == (2, 1)
    assert floor.fills("higher") == [(2, D(100))]


def test_a_change_beyond_the_depth_shown_tells_nothing_of_the_prices_between() -> None:
    """Snapshots show the best levels, changes come of all. Taken for empty, the prices between would put us first in
    queues that were only never told of."""
    floor = make_floor()
    floor.depth(levels((98, 5)), levels((102, 5)), is_snapshot=True)
    floor.depth(levels((90, 7)), levels((110, 7)))
    floor.buy("between", 1, 95)
    floor.buy("shown", 1, 90)
    floor.quote(95, 30, 96, 5)
    floor.trade(95, 3, hits="bid")
    assert floor.filled("between") == 0  # behind 30, as soon as they are seen
    floor.trade(95, 28, hits="bid")
    assert floor.filled("between") == 1
    floor.quote(90, 7, 92, 5)
    floor.trade(90, 8, hits="bid")
    assert floor.filled("shown") == 1
