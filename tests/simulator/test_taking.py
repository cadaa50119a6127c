"""Orders that take liquidity: what is visible, level by level, once."""

from gateway.domain.enums import TimeInForce
from tests.simulator.stories import D, Floor, levels


def test_a_market_order_walks_the_book_as_far_as_its_depth_is_known() -> None:
    """Without it, large orders would fill at the best price, which no market grants."""
    floor = Floor()
    floor.quote("99.99", 5, "100.00", 10)
    floor.depth(levels(("99.99", 5)), levels(("100.00", 10), ("100.02", 20), ("100.05", 30)), is_snapshot=True)
    floor.buy("b", 40)
    assert floor.kinds("b") == ["new", "trade", "trade", "trade"]
    assert floor.fills("b") == [(10, D("100.00")), (20, D("100.02")), (10, D("100.05"))]


def test_what_is_beyond_the_known_depth_waits_for_new_liquidity() -> None:
    """Without it, the simulator would invent sellers nobody has seen."""
    floor = Floor()
    floor.quote("99.99", 5, "100.00", 10)
    floor.buy("b", 25)
    assert floor.fills("b") == [(10, D("100.00"))]
    floor.quote("99.99", 5, "100.00", 10)  # the same ten as before
    assert floor.filled("b") == 10
    floor.quote("99.99", 5, "100.03", 12)
    assert floor.fills("b")[1:] == [(12, D("100.03"))]
    floor.quote("99.99", 5, "100.03", 15)  # three more came
    assert floor.filled("b") == 25
    assert floor.model.open_orders == 0


def test_two_orders_do_not_take_the_same_liquidity() -> None:
    """Without it, a hundred strategies could all buy the same ten shares."""
    floor = Floor()
    floor.quote("99.99", 5, "100.00", 10)
    floor.buy("first", 8)
    floor.buy("second", 8)
    assert (floor.filled("first"), floor.filled("second")) == (8, 2)


def test_a_level_that_shrinks_shrinks_for_both_of_us() -> None:
    """Quantity that the market itself took away must not hide that ours is still to be had, nor show it twice."""
    floor = Floor()
    floor.quote("99.99", 5, "100.00", 10)
    floor.buy("first", 4)  # 6 of 10 left
    floor.quote("99.99", 5, "100.00", 7)
    floor.buy("second", 10)
    assert floor.filled("second") == 6


def test_a_level_that_went_and_came_back_is_new() -> None:
    """Without it, a price once used would stay empty for ever."""
    floor = Floor()
    floor.quote("99.99", 5, "100.00", 10)
    floor.buy("first", 10)
    floor.quote("99.99", 5, "100.01", 10)
    floor.quote("99.99", 5, "100.00", 10)
    floor.buy("second", 10)
    assert floor.fills("second") == [(10, D("100.00"))]


def test_twins_and_shadow_orders_do_not_disturb_each_other() -> None:
    """A twin measures a live order; pretended shadow trades must not make that order look worse than it was."""
    floor = Floor()
    floor.quote("99.99", 5, "100.00", 10)
    floor.buy("shadow", 10)
    floor.buy("live", 10, is_twin=True)
    assert floor.filled("live") == 10
    assert all(report.is_twin for report in floor.of("live"))
    assert not any(report.is_twin for report in floor.of("shadow"))


def test_a_marketable_limit_takes_up_to_its_limit_and_rests_with_the_rest() -> None:
    """Without it, a limit would either be overpaid or be ignored on arrival."""
    floor = Floor()
    floor.quote("99.99", 5, "100.00", 10)
    floor.depth((), levels(("100.00", 10), ("100.01", 5), ("100.02", 50)), is_snapshot=True)
    floor.buy("b", 20, "100.01")
    assert floor.fills("b") == [(10, D("100.00")), (5, D("100.01"))]
    assert floor.model.open_orders == 1
    floor.quote("100.01", 3, "100.02", 50)
    floor.trade("100.00", 50, hits="bid")  # through its price
    assert floor.fills("b")[2:] == [(5, D("100.01"))]


def test_ioc_takes_what_is_there_and_cancels_the_rest() -> None:
    """Without it, an immediate order would linger as a resting one."""
    floor = Floor()
    floor.quote("99.99", 5, "100.00", 10)
    floor.sell("s", 8, "99.99", time_in_force=TimeInForce.IOC)
    assert floor.fills("s") == [(5, D("99.99"))]
    assert floor.kinds("s")[-1] == "canceled"
    assert "immediate or cancel" in floor.text("s")


def test_fok_fills_all_or_nothing() -> None:
    """Without it, a fill-or-kill order could leave half a position."""
    floor = Floor()
    floor.quote("99.99", 5, "100.00", 10)
    floor.depth((), levels(("100.00", 10), ("100.01", 5)), is_snapshot=True)
    floor.buy("too much", 16, "100.01", time_in_force=TimeInForce.FOK)
    assert floor.kinds("too much") == ["new", "canceled"]
    floor.buy("too dear", 11, "100.00", time_in_force=TimeInForce.FOK)
    assert floor.kinds("too dear") == ["new", "canceled"]
    floor.buy("just right", 15, "100.01", time_in_force=TimeInForce.FOK)
    assert floor.filled("just right") == 15


def test_an_unknown_symbol_is_rejected_in_words() -> None:
    """Without it, an order for a symbol that has no prices would wait for ever and say nothing."""
    floor = Floor()
    floor.buy("b", 1, symbol="NOPE")
    assert floor.kinds("b") == ["rejected"]
    assert floor.text("b") == "unknown symbol NOPE"


def test_no_market_data_is_a_rejection() -> None:
    """Without it, the first fill would be at a price that nobody had seen when the order was sent."""
    floor = Floor()
    floor.buy("b", 1)
    assert floor.text("b") == "no market data for ACME"
    assert floor.model.open_orders == 0


def test_a_quote_without_sizes_shows_no_liquidity() -> None:
    """Without it, a source that sends prices only would fill orders of any size."""
    floor = Floor()
    floor.quote("99.99", None, "100.00", None)
    floor.buy("b", 5)
    assert floor.kinds("b") == ["new"]


def test_a_one_sided_market_fills_when_the_other_side_appears() -> None:
    """Without it, a missing side would crash the matcher or fill at nothing."""
    floor = Floor()
    floor.quote("99.99", 5, None, None)
    floor.buy("b", 5)
    assert floor.kinds("b") == ["new"]
    floor.quote("99.99", 5, "100.10", 5)
    assert floor.fills("b") == [(5, D("100.10"))]


def test_a_limit_order_without_a_limit_is_rejected() -> None:
    """Without it, a ticket that lost its limit would trade at any price."""
    floor = Floor()
    floor.quote("99.99", 5, "100.00", 10)
    floor.buy("b", 5, "100.00", limit_px=None)
    assert floor.kinds("b") == ["rejected"]
    assert "limit price" in floor.text("b")
