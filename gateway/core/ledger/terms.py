"""Currency and multiplier of a position: those that it began with while it is held, those of its instrument after."""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

from gateway.core.ledger.booking import position_of
from gateway.core.ledger.memory import Ledger
from gateway.core.risk.exposure import Book
from gateway.domain.config import TradingConfig
from gateway.domain.executions import Fill
from gateway.domain.instruments import Instrument
from gateway.domain.money import PRICE_STEP
from gateway.domain.orders import Order
from gateway.domain.positions import FormerTerms, Position


def traded_position(
    book: Book, ledger: Ledger, order: Order, config: TradingConfig, rates: Mapping[str, Decimal], ts_ns: int
) -> Position:
    """The position that an execution of ``order`` goes into."""
    instrument = config.instruments.get(order.symbol)
    if instrument is None:  # a late fill of what was removed since: nothing is known of it but what the position kept
        return position_of(
            book, order, Instrument(symbol=order.symbol, venue=order.venue, currency=config.base_currency)
        )
    position = position_of(book, order, instrument)
    _take_terms(ledger, position, instrument, rates, ts_ns)
    return position


def terms_of(position: Position, fill: Fill) -> tuple[str, Decimal]:
    """Currency and multiplier that an execution of the position was booked under."""
    for former in position.former or ():
        if fill.transact_ns < former.until_ns:
            return former.currency, former.multiplier
    return position.currency, position.multiplier


def _take_terms(
    ledger: Ledger, position: Position, instrument: Instrument, rates: Mapping[str, Decimal], ts_ns: int
) -> None:
    """Let a position that is flat go on under the terms of its instrument, where these were edited meanwhile.

    What it has earned stays what it is worth now. Its executions are let go of: they belong to the former terms, and
    nothing is computed from them again.
    """
    if position.qty or (instrument.currency, instrument.multiplier) == (position.currency, position.multiplier):
        return
    before, after = rates.get(position.currency), rates.get(instrument.currency)
    if not before or not after:
        return
    if position.currency != instrument.currency:
        position.realized = (position.realized * before / after).quantize(PRICE_STEP)
        position.fifo_realized = (position.fifo_realized * before / after).quantize(PRICE_STEP)
    former = FormerTerms(position.currency, position.multiplier, ts_ns)
    position.former = (*(position.former or ()), former) if position.lives else position.former
    position.currency, position.multiplier = instrument.currency, instrument.multiplier
    position.executions, position.base = [], None
    ledger.window = deque(entry for entry in ledger.window if entry[1] is not position)
