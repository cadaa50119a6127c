"""The known liquidity of one symbol: quotes rule the touch, depth what lies behind it."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.venues.simulator.book import Book
from gateway.domain.market import DepthUpdate, PriceLevel, Quote
from tests.simulator.stories import D, levels


def quote(bid: object, ask: object, bid_qty: int = 5, ask_qty: int = 5) -> Quote:
    def number(px: object) -> Decimal | None:
        return None if px is None else D(str(px))

    return Quote("ACME", number(bid), D(bid_qty), number(ask), D(ask_qty), None, None, 0, 0)


def depth(bids: tuple[PriceLevel, ...], asks: tuple[PriceLevel, ...], is_snapshot: bool = False) -> DepthUpdate:
    return DepthUpdate("ACME", bids, asks, 0, 0, is_snapshot)


def offers(book: Book, wanted: int = 10_000) -> list[tuple[Decimal, Decimal]]:
    """What a very large buy order would take."""
    return book.asks.take(D(wanted), None, 0)


def test_without_depth_only_the_touch_is_known() -> None:
    """A price that was best a moment ago is no liquidity behind the best one now: nobody said so."""
    book = Book()
    for ask in (100, 101, 99):
        book.apply(quote(98, ask))
    assert offers(book) == [(D(99), D(5))]


def test_a_quote_outranks_depth_that_is_better_than_it() -> None:
    """Depth comes up to 100 ms late: what it still shows inside the touch has been traded already."""
    book = Book()
    book.apply(depth(levels((98, 1)), levels((100, 1), (101, 2), (102, 3)), is_snapshot=True))
    book.apply(quote(98, 101, ask_qty=9))
    book.apply(depth((), levels((100, 7), (101, 7), (102, 7))))
    assert offers(book) == [(D(101), D(9)), (D(102), D(7))]


def test_depth_changes_before_a_snapshot_are_ignored() -> None:
    """A few changed levels are not a book: gaps between them would look like empty prices."""
    book = Book()
    book.apply(quote(98, 100))
    book.apply(depth((), levels((101, 7))))
    assert offers(book) == [(D(100), D(5))]
    assert book.bids.visible(D(97)) is None


def test_an_empty_snapshot_means_that_depth_is_unknown() -> None:
    """That is how a source tells of a gap; the touch goes on."""
    book = Book()
    book.apply(depth(levels((98, 1), (97, 1)), levels((100, 1), (101, 2)), is_snapshot=True))
    book.apply(quote(98, 100))
    book.apply(depth((), (), is_snapshot=True))
    assert offers(book) == [(D(100), D(5))]
    assert book.bids.visible(D(97)) is None


def test_depth_alone_makes_a_book_too() -> None:
    """A source without quotes has its touch in its depth."""
    book = Book()
    book.apply(depth(levels((98, 1)), levels((100, 1), (101, 2)), is_snapshot=True))
    book.apply(depth((), levels((99, 4), (100, 0))))
    assert offers(book) == [(D(99), D(4)), (D(101), D(2))]
    assert book.has_data


_px = st.integers(1, 12).map(Decimal)
_level = st.builds(PriceLevel, _px, st.integers(0, 3).map(Decimal))
_side = st.lists(_level, max_size=5, unique_by=lambda level: level.px).map(tuple)
_updates = st.lists(
    st.one_of(
        st.builds(
            lambda bid, spread, bid_qty, ask_qty: quote(bid, bid + spread, bid_qty, ask_qty),
            st.integers(1, 8),
            st.integers(1, 4),
            st.integers(1, 3),
            st.integers(0, 3),
        ),
        st.builds(quote, st.one_of(st.none(), st.integers(1, 4)), st.one_of(st.none(), st.integers(5, 9))),
        st.builds(depth, _side, _side, st.booleans()),
    ),
    max_size=12,
)


@given(_updates)
def test_deferring_is_only_a_way_to_be_lazy(updates: list[Quote | DepthUpdate]) -> None:
    """A symbol without orders is not kept up to date; its first order must find the book as if it had been."""
    diligent, lazy = Book(), Book()
    for update in updates:
        diligent.apply(update)
        lazy.defer(update)
    lazy.settle()
    for px in range(14):
        for mine, other in ((diligent.bids, lazy.bids), (diligent.asks, lazy.asks)):
            key = mine.key(D(px))
            assert mine.visible(key) == other.visible(key)
    assert (diligent.last_px, diligent.has_data) == (lazy.last_px, lazy.has_data)
    assert offers(diligent) == offers(lazy)
    assert diligent.bids.take(D(99), None, 0) == lazy.bids.take(D(99), None, 0)
