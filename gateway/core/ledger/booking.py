"""One fill into the books: the position, its lots and life, its fees, its value, and every sum that it counts in."""

from collections.abc import Mapping
from decimal import Decimal

from gateway.core.ledger.closed_positions import close_position
from gateway.core.ledger.holding import carry
from gateway.core.ledger.memory import Ledger
from gateway.core.risk.exposure import Book, move_position, revalue
from gateway.domain.enums import Route, Side
from gateway.domain.executions import Fill
from gateway.domain.instruments import Instrument
from gateway.domain.money import ZERO
from gateway.domain.orders import Order
from gateway.domain.positions import Execution, Position


def position_of(book: Book, order: Order, instrument: Instrument) -> Position:
    """The position that the order trades in, begun when new. It keeps the currency and multiplier it began with."""
    position = book.positions.get(order.position_key)
    if position is None:
        position = book.positions[order.position_key] = Position(
            position_key=order.position_key,
            account=order.account,
            strategy_id=order.strategy_id,
            venue=order.venue,
            symbol=order.symbol,
            currency=instrument.currency,
            multiplier=instrument.multiplier,
        )
    return position


def book_fill(
    book: Book, ledger: Ledger, position: Position, order: Order, fill: Fill, ts_ns: int, rates: Mapping[str, Decimal]
) -> None:
    """Book one execution of ``order`` as it happened."""
    book_execution(book, ledger, position, order.route, order.side, fill, (order.order_id, order.cycle), ts_ns, rates)
    for scope, _ in book.line(position).scopes:
        scope.note_highs(ts_ns)


def book_execution(
    book: Book,
    ledger: Ledger,
    position: Position,
    route: Route,
    side: Side,
    fill: Fill,
    origin: tuple[str, int],
    ts_ns: int,
    rates: Mapping[str, Decimal],
) -> None:
    """Carry an execution into the position, at its price. ``origin`` is its order and that order's cycle."""
    order_id, cycle = origin
    ledger.booked += 1
    execution = Execution(ledger.booked, order_id, side, fill, cycle, ts_ns)
    ledger.remember(position, execution)
    ended = carry(position, execution, position.multiplier, position.currency)
    position.cycle = cycle
    move_position(book, position, fill.last_qty if side is Side.BUY else -fill.last_qty, fill.last_qty)
    if fill.fee:
        pay_fee(position, fill, fill.fee, rates)
    if ended is not None:
        close_position(ledger, route, position, ended, fill.transact_ns, rates)
    revalue(book, position, rates.get(position.currency, ZERO), fill.last_px)


def pay_fee(position: Position, fill: Fill, fee: Decimal, rates: Mapping[str, Decimal]) -> None:
    """Count a fee (or give it back, when negative) in the currency of the fill; one without a rate waits for it."""
    currency = fill.fee_currency or position.currency
    position.fees_paid[currency] = position.fees_paid.get(currency, ZERO) + fee
    rate = rates.get(currency)
    if rate is not None:
        position.fees += fee * rate
