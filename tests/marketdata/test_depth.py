"""The depth book and Binance's sequence rules."""

from decimal import Decimal

from gateway.adapters.venues.shared.depth import DepthBook, DepthChange, Levels
from gateway.domain.market import PriceLevel

D = Decimal


def levels(*pairs: tuple[int, int]) -> Levels:
    return tuple(PriceLevel(D(px), D(qty)) for px, qty in pairs)


def change(first: int, last: int, *bids: tuple[int, int]) -> DepthChange:
    return DepthChange(first, last, levels(*bids), ())


def bids(book: DepthBook) -> list[tuple[int, int]]:
    return [(int(level.px), int(level.qty)) for level in book.levels()[0]]


def test_changes_before_the_snapshot_are_applied_where_they_follow_it() -> None:
    """The stream starts before the snapshot arrives; what lies between must be neither lost nor applied twice."""
    book = DepthBook()
    assert not book.apply(change(1, 5, (99, 1)))  # all of it is in the snapshot
    assert not book.apply(change(6, 12, (98, 2)))  # overlaps its end
    assert not book.apply(change(13, 14, (97, 3)))
    book.set_snapshot(10, levels((99, 9), (96, 4)), ())
    assert bids(book) == [(99, 9), (98, 2), (97, 3), (96, 4)]


def test_quantity_zero_removes_and_order_is_best_first() -> None:
    """Without it, canceled levels would be liquidity for ever."""
    book = DepthBook()
    book.set_snapshot(10, levels((99, 9), (98, 8)), levels((101, 1), (100, 2)))
    assert book.apply(change(11, 11, (99, 0), (97, 1), (95, 0)))
    assert bids(book) == [(98, 8), (97, 1)]
    assert [level.px for level in book.levels()[1]] == [100, 101]


def test_a_gap_makes_the_book_unknown_until_the_next_snapshot() -> None:
    """A book with a missed change looks right and is wrong."""
    book = DepthBook()
    book.set_snapshot(10, levels((99, 9)), ())
    assert not book.apply(change(13, 14, (98, 1)))
    assert not book.is_valid
    assert book.levels() == ((), ())
    book.set_snapshot(13, levels((97, 7)), ())
    assert bids(book) == [(98, 1), (97, 7)]  # the change that showed the gap still counts


def test_an_old_change_after_the_snapshot_is_dropped() -> None:
    """Without it, a level could be set back to what it was."""
    book = DepthBook()
    book.set_snapshot(10, levels((99, 9)), ())
    assert not book.apply(change(9, 10, (99, 1)))
    assert bids(book) == [(99, 9)]


def test_a_snapshot_that_is_older_than_the_book_is_left_aside() -> None:
    """Without this, an answer of a server that lags sets the book back, and orders are filled from prices that are gone
    until the next change shows the gap."""
    book = DepthBook()
    book.set_snapshot(10, levels((99, 9)), ())
    assert book.apply(change(11, 12, (99, 0), (98, 5)))
    book.set_snapshot(11, levels((99, 9)), ())
    assert bids(book) == [(98, 5)]
    assert book.apply(change(13, 13, (97, 1)))
    assert bids(book) == [(98, 5), (97, 1)]


def test_after_a_gap_an_older_snapshot_serves_nobody_and_a_newer_one_does() -> None:
    """Without this, a book that was lost could come back as it was before."""
    book = DepthBook()
    book.set_snapshot(10, levels((99, 9)), ())
    assert not book.apply(change(13, 13, (97, 1)))
    book.set_snapshot(9, levels((99, 9)), ())
    assert not book.is_valid
    book.set_snapshot(13, levels((96, 1)), ())
    assert bids(book) == [(96, 1)]


def test_a_snapshot_that_never_comes_costs_no_memory() -> None:
    """A feed recorded without one must not be collected for ever."""
    book = DepthBook()
    for number in range(3_000):
        book.apply(change(number, number, (99, 1)))
    assert len(book._waiting) == 1_000
