"""What the feed does not tell is unknown: neither is it gone, nor does it come back as something new."""

import pytest

from gateway.domain.enums import OrdType, TimeInForce
from tests.simulator.stories import Floor, levels


def test_nobody_knows_who_stands_at_a_best_price_without_a_size() -> None:
    """Taken for an empty price, it would put us first in a queue of unknown length, and the next print would fill us.
    TWS tells a new price before its size; some exchanges of ccxt tell no sizes at all."""
    floor = Floor()
    floor.quote(99, None, 101, 5)
    floor.buy("b", 1, 99)
    floor.trade(99, 3, hits="bid")
    assert floor.fills("b") == []
    floor.quote(99, 5, 101, 5)  # now our place is known: behind these
    floor.trade(99, 6, hits="bid")
    assert floor.filled("b") == 1


@pytest.mark.parametrize("qty", [None, 0])
def test_a_size_that_is_left_out_once_moves_nobody_up(qty: int | None) -> None:
    """Without it, the 500 ahead of us would be gone for one update that did not tell of them."""
    floor = Floor()
    floor.quote(99, 500, 101, 5)
    floor.buy("b", 1, 99)
    floor.quote(99, qty, 101, 5)
    floor.quote(99, 500, 101, 5)
    floor.trade(99, 3, hits="bid")
    assert floor.fills("b") == []


def test_a_size_that_is_left_out_once_does_not_come_back_as_a_new_one() -> None:
    """Without it, the same 5 would be sold twice."""
    floor = Floor()
    floor.quote(99, 5, 101, 5)
    floor.buy("first", 4)
    floor.quote(99, 5, 101, None)
    floor.quote(99, 5, 101, 5)
    floor.buy("second", 9, time_in_force=TimeInForce.IOC)
    assert floor.filled("second") == 1


def test_prices_that_are_withdrawn_move_nobody_up() -> None:
    """A source that loses a symbol (a competing session, an edit, a subscription that ends) says so with an empty
    quote. Read as 'nobody stands there', it would put every resting order first in its queue."""
    floor = Floor()
    floor.quote(99, 500, 101, 5)
    floor.buy("b", 1, 99)
    floor.quote(None, None, None, None)
    floor.depth(is_snapshot=True)
    floor.quote(99, 500, 101, 5)
    floor.trade(99, 3, hits="bid")
    assert floor.fills("b") == []


def test_a_book_that_is_seen_again_after_a_withdrawal_is_not_a_new_one() -> None:
    """Without it, what was taken before could be taken once more."""
    floor = Floor()
    floor.quote(99, 5, 101, 5)
    floor.buy("first", 5)
    floor.quote(None, None, None, None)
    floor.quote(99, 5, 101, 7)
    floor.buy("second", 9, time_in_force=TimeInForce.IOC)
    assert floor.filled("second") == 2


def test_a_side_on_which_nobody_stands_is_known() -> None:
    """The other half of it: with an ask and no bid, a first bid is the first in its queue."""
    floor = Floor()
    floor.quote(None, None, 101, 5)
    floor.buy("b", 1, 99)
    floor.trade(99, 1, hits="bid")
    assert floor.filled("b") == 1


def test_stops_do_not_watch_a_price_that_was_withdrawn() -> None:
    """Another source of the symbol may tell no trades: stops would compare with the last trade of the one before,
    which may have been invented, and wake at once or never."""
    floor = Floor()
    floor.quote(99, 5, 101, 5, last=100)
    floor.quote(None, None, None, None)
    floor.quote(49, 5, 51, 5)
    floor.buy("b", 1, ord_type=OrdType.STOP, stop_px=80)
    assert floor.kinds("b") == ["new"]


def test_orders_are_refused_while_prices_are_withdrawn() -> None:
    """As before the first price: there is nothing to fill them from."""
    floor = Floor()
    floor.quote(99, 5, 101, 5)
    floor.quote(None, None, None, None)
    floor.buy("b", 1)
    assert floor.kinds("b") == ["rejected"]


def test_depth_that_is_withdrawn_after_the_prices_is_no_market_data() -> None:
    """So an edit tells of a symbol that it takes away: no prices, then no depth. Read as data, orders for a symbol
    without any would be acknowledged and wait for ever."""
    floor = Floor()
    floor.quote(99, 5, 101, 5)
    floor.quote(None, None, None, None)
    floor.depth(is_snapshot=True)
    floor.buy("b", 1)
    assert floor.kinds("b") == ["rejected"]


def deep_floor() -> Floor:
    """5 at each of 101, 102 and 103 asked, of which the first order has taken 13."""
    floor = Floor()
    floor.quote(99, 5, 101, 5)
    floor.depth(levels((98, 5)), levels((102, 5), (103, 5)), is_snapshot=True)
    floor.buy("first", 13)
    assert floor.filled("first") == 13
    return floor


def test_a_gap_in_the_depth_brings_nothing_new() -> None:
    """Sources tell of a gap with an empty snapshot, and then of the same levels again. They were not gone: taken twice,
    they would fill orders with liquidity that the feed never showed."""
    floor = deep_floor()
    floor.depth(is_snapshot=True)
    floor.quote(99, 6, 101, 5)
    floor.depth(levels((98, 5)), levels((102, 5), (103, 4)), is_snapshot=True)
    floor.buy("second", 9, time_in_force=TimeInForce.IOC)
    assert floor.filled("second") == 2  # of 103: 3 of 5 were taken, and one of these counts as what left since


def test_levels_that_are_gone_after_a_gap_count_as_new_when_they_come_back() -> None:
    """Otherwise a price, once taken at, would be empty for ever."""
    floor = deep_floor()
    floor.depth(is_snapshot=True)
    floor.depth(levels((98, 5)), levels((103, 5)), is_snapshot=True)
    floor.depth(asks=levels((102, 5)))
    floor.buy("second", 20, time_in_force=TimeInForce.IOC)
    assert floor.filled("second") == 5 + 2


def test_a_best_price_worse_than_those_taken_says_that_they_are_gone() -> None:
    """The quote goes on during a gap, and knows better."""
    floor = deep_floor()
    floor.depth(is_snapshot=True)
    floor.quote(99, 5, 103, 5)
    floor.quote(99, 5, 102, 5)
    floor.buy("second", 20, time_in_force=TimeInForce.IOC)
    assert floor.filled("second") == 5


def test_a_price_that_is_bettered_for_a_moment_does_not_come_back_as_a_new_one() -> None:
    """A source of quotes alone tells of the best price only. Those behind it are not gone when a better one comes:
    without this, the same 5 would be sold with every flicker of the quote."""
    floor = Floor()
    floor.quote(99, 5, 102, 5)
    floor.buy("first", 5)
    floor.quote(99, 5, 101, 1)
    floor.quote(99, 5, 102, 7)
    floor.buy("second", 9, time_in_force=TimeInForce.IOC)
    assert floor.filled("second") == 2
    floor.quote(99, 5, 103, 1)  # now it is gone
    floor.quote(99, 5, 102, 7)
    floor.buy("third", 9, time_in_force=TimeInForce.IOC)
    assert floor.filled("third") == 7


def test_a_level_that_leaves_the_depth_shown_does_not_come_back_as_a_new_one() -> None:
    """Most sources show the best few levels: 103 goes out of sight when 100 appears, and is not gone."""
    floor = deep_floor()
    floor.depth(levels((98, 5)), levels((101, 5), (102, 5)), is_snapshot=True)
    floor.depth(levels((98, 5)), levels((101, 5), (102, 5), (103, 5)), is_snapshot=True)
    floor.buy("second", 20, time_in_force=TimeInForce.IOC)
    assert floor.filled("second") == 2


def test_a_level_told_to_be_gone_while_out_of_sight_is_gone() -> None:
    """The other half of it: a change to nothing is news of a level, seen or not."""
    floor = deep_floor()
    floor.depth(levels((98, 5)), levels((101, 5), (102, 5)), is_snapshot=True)
    floor.depth(asks=levels((103, 0)))
    floor.depth(asks=levels((103, 5)))
    floor.buy("second", 20, time_in_force=TimeInForce.IOC)
    assert floor.filled("second") == 5


def test_prices_long_left_behind_are_forgotten() -> None:
    """Otherwise a quote-only market that wanders would leave a trace of every price taken at, for each quote to look
    through."""
    floor = Floor()
    for px in range(1000, 900, -1):
        floor.quote(90, 5, px, 5)
        floor.buy(f"b{px}", 5)
    floor.quote(90, 5, 1000, 5)
    floor.buy("late", 5)
    assert floor.filled("late") == 5
