"""The book that the peers fill with. Without it, a wrong fill of a peer would look like a fault of an adapter."""

from decimal import Decimal as D

from tests.venues.matching import MatchingBook, Working


def book() -> MatchingBook:
    made = MatchingBook()
    made.quote("X", D(99), D(101), D(10))
    return made


def test_a_market_order_takes_what_is_shown_and_waits_for_more() -> None:
    """Without this, partial fills could not be provoked by thin quotes."""
    one = book()
    [match] = one.place(Working("a", "X", "buy", D(15)))
    assert (match.qty, match.px, match.is_maker) == (D(10), D(101), False)
    assert one.working["a"].leaves_qty == D(5)
    assert one.quote("X", D(99), D(102))[0].px == D(102)
    assert not one.working


def test_resting_orders_fill_by_price_then_age() -> None:
    """Without this, fills would come in an order that no venue gives."""
    one = book()
    for key, px in (("old", 98), ("best", 100), ("new", 98)):
        assert one.place(Working(key, "X", "buy", D(4), limit_px=D(px))) == []
    keys = [(match.key, match.qty, match.px) for match in one.trade("X", D(98), D(9))]
    assert keys == [("best", D(4), D(100)), ("old", D(4), D(98)), ("new", D(1), D(98))]


def test_a_stop_sleeps_until_its_price() -> None:
    """Without this, a stop would fill like the order it becomes."""
    one = book()
    assert one.place(Working("s", "X", "sell", D(2), stop_px=D(95))) == []
    assert one.trade("X", D(96), D(5)) == []
    assert [match.key for match in one.trade("X", D(95), D(5))] == ["s"]


def test_immediate_orders_never_rest() -> None:
    """Without this, IOC and FOK would be worked like day orders."""
    one = book()
    assert one.place(Working("f", "X", "buy", D(15), is_immediate=True, is_all_or_none=True)) == []
    assert [match.qty for match in one.place(Working("i", "X", "buy", D(15), is_immediate=True))] == [D(10)]
    assert not one.working
    assert not one.cancel("i")
