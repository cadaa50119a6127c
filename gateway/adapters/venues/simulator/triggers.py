"""When a stop becomes an order. It watches the last traded price; where the source shows no trades, the price
at which the order would trade (the ask for a buy, the bid for a sell)."""

from decimal import Decimal

from gateway.adapters.venues.simulator.book import Book
from gateway.adapters.venues.simulator.order import SimOrder
from gateway.domain.enums import OrdType

_PERCENT = Decimal("0.01")


def watched_px(book: Book, is_buy: bool) -> Decimal | None:
    """The price that the stops of one side watch, or None when nothing is known."""
    if book.last_px is not None:
        return book.last_px
    return book.asks.best_px if is_buy else book.bids.best_px


def trail(order: SimOrder, px: Decimal) -> None:
    """Move a trailing stop after the price, never back: a sell's stop only rises, a buy's only falls.

    The stop lies ``trailing_amount`` behind the price, or ``trailing_percent`` of the price (5 is 5%). A
    ``stop_px`` of its own is where it starts.
    """
    ticket = order.ticket
    if ticket.trailing_amount is not None:
        distance = ticket.trailing_amount
    elif ticket.trailing_percent is not None:
        distance = px * ticket.trailing_percent * _PERCENT
    else:
        return
    stop = px + distance if order.is_buy else px - distance
    if order.stop_px is None:
        order.stop_px = stop
    else:
        order.stop_px = min(order.stop_px, stop) if order.is_buy else max(order.stop_px, stop)


def has_triggered(order: SimOrder, book: Book) -> bool:
    """Trail, then compare: a buy triggers at or above its stop, a sell at or below it."""
    px = watched_px(book, order.is_buy)
    if px is None:
        return False
    if order.ticket.ord_type is OrdType.TRAILING_STOP:
        trail(order, px)
    stop = order.stop_px
    if stop is None:
        return False
    return px >= stop if order.is_buy else px <= stop
