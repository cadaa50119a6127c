"""Busts and corrections: an execution is taken out or altered, and everything is as if it had been so from the start.

While the execution is remembered, its position is computed again from the ``base`` before the oldest execution that
is. One that is older is booked back at its own price: P&L as a whole, cash and quantity are the same to the last
digit, but what it earned counts as realized now, and lives that ended before it stay as they were. One that was booked
under former terms of its instrument gives back under those what it has earned to the present mark, and what it leaves
in the position goes on from there under the terms of now.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gateway.core.ledger.booking import book_execution, pay_fee
from gateway.core.ledger.closed_positions import closed_position, restate_closed
from gateway.core.ledger.holding import carry, copy_of, note_px
from gateway.core.ledger.memory import Ledger
from gateway.core.ledger.terms import terms_of
from gateway.core.risk.exposure import Book, Highs, move_day_start, move_position, revalue
from gateway.domain.enums import Route, Side
from gateway.domain.executions import Fill
from gateway.domain.money import PRICE_STEP, ZERO
from gateway.domain.orders import Order
from gateway.domain.positions import ClosedPosition, Execution, Position


def revise_fill(
    book: Book,
    ledger: Ledger,
    position: Position,
    order: Order,
    old: Fill,
    new: Fill | None,
    ts_ns: int,
    rates: Mapping[str, Decimal],
) -> None:
    """Put ``new`` in the place of ``old``, an execution of ``order`` (None: it never was)."""
    before = {id(scope): scope.pnl for scope, _ in book.line(position).scopes}
    index = _index_of(position, order.order_id, old.exec_id)
    booked_ns = old.transact_ns if index is None else position.executions[index].booked_ns
    terms = terms_of(position, old) if index is None else (position.currency, position.multiplier)
    if terms != (position.currency, position.multiplier) and position.mark_px and rates.get(terms[0]):
        _undo_former(book, ledger, position, order, old, new, terms, ts_ns, rates)
    elif index is None:
        _book_back(book, ledger, position, order, old, new, booked_ns, rates)
    else:
        _restate(book, ledger, position, order, index, new, rates)
    if booked_ns < position.day_start_ns:
        _restate_day_start(book, position, order.side, old, new, terms, rates)
    is_repriced = new is not None and new.last_qty == old.last_qty
    for scope, _ in book.line(position).scopes:
        _restate_highs(scope.highs, scope.pnl - before[id(scope)], booked_ns, is_repriced=is_repriced)
        scope.note_highs(ts_ns)


def _restate_highs(highs: Highs, change: Decimal, booked_ns: int, *, is_repriced: bool) -> None:
    """What was reached after the execution held what it had earned by then. Another price is the same difference at any
    time; another quantity is worth what the market made of it since, which is no reason to have stood higher before."""
    moved = change if is_repriced else min(change, ZERO)
    if highs.peak_ns >= booked_ns:
        highs.peak_pnl = max(highs.peak_pnl + moved, ZERO)
    if highs.day_high_ns >= booked_ns:
        highs.day_high_pnl += moved


def _index_of(position: Position, order_id: str, exec_id: str) -> int | None:
    for index, execution in enumerate(position.executions):
        if execution.fill.exec_id == exec_id and execution.order_id == order_id:
            return index
    return None


def _book_back(
    book: Book,
    ledger: Ledger,
    position: Position,
    order: Order,
    old: Fill,
    new: Fill | None,
    booked_ns: int,
    rates: Mapping[str, Decimal],
) -> None:
    """The execution is older than what is remembered: book its opposite, and then the corrected one. Both are of the
    day of the execution, also when it is corrected once more."""
    mark_px = position.mark_px
    opposite = Side.SELL if order.side is Side.BUY else Side.BUY
    back = Fill(f"{old.exec_id}~", old.last_qty, old.last_px, old.transact_ns, -old.fee, old.fee_currency)
    origin = (order.order_id, order.cycle)
    book_execution(book, ledger, position, order.route, opposite, back, origin, booked_ns, rates)
    if new is not None:
        book_execution(book, ledger, position, order.route, order.side, new, origin, booked_ns, rates)
    booked_qty = old.last_qty + (ZERO if new is None else new.last_qty)
    move_position(book, position, ZERO, -booked_qty)  # nobody traded
    revalue(book, position, rates.get(position.currency, ZERO), mark_px)


def _undo_former(
    book: Book,
    ledger: Ledger,
    position: Position,
    order: Order,
    old: Fill,
    new: Fill | None,
    terms: tuple[str, Decimal],
    ts_ns: int,
    rates: Mapping[str, Decimal],
) -> None:
    """The execution was booked when a unit was worth something else. What it earned until now it earned at that; the
    units that come or go do so at the present mark, and have earned nothing yet."""
    currency, mark_px = terms[0], position.mark_px
    earned = _earned(order.side, old, new, mark_px, terms)
    if currency != position.currency:
        earned = (earned * rates[currency] / rates[position.currency]).quantize(PRICE_STEP)
    _realize(position, earned)
    change = (ZERO if new is None else new.last_qty) - old.last_qty
    if change:
        opposite = Side.SELL if order.side is Side.BUY else Side.BUY
        part = Fill(f"{old.exec_id}~", abs(change), mark_px, old.transact_ns)
        side, origin = order.side if change > 0 else opposite, (order.order_id, order.cycle)
        book_execution(book, ledger, position, order.route, side, part, origin, ts_ns, rates)
        move_position(book, position, ZERO, -abs(change))  # nobody traded
    for fill, sign in ((old, -1), (new, 1)):
        if fill is not None and fill.fee:
            own = msgspec.structs.replace(fill, fee_currency=fill.fee_currency or currency)
            pay_fee(position, own, sign * fill.fee, rates)
    revalue(book, position, rates.get(position.currency, ZERO), mark_px)


def _earned(side: Side, old: Fill, new: Fill | None, px: Decimal, terms: tuple[str, Decimal]) -> Decimal:
    """What ``new`` would have earned more than ``old`` by the time of that price, in the currency of the terms."""
    without = old.last_qty * (px - old.last_px)
    instead = ZERO if new is None else new.last_qty * (px - new.last_px)
    return (instead - without) * side.sign * terms[1]


def _realize(position: Position, earned: Decimal) -> None:
    """Earned before all that is remembered, and by no life of now."""
    for holding in (position, position.base):
        if holding is None:
            continue
        holding.realized += earned
        holding.fifo_realized += earned
        if holding.life is not None:
            holding.life.realized_before += earned


def _restate(
    book: Book,
    ledger: Ledger,
    position: Position,
    order: Order,
    index: int,
    new: Fill | None,
    rates: Mapping[str, Decimal],
) -> None:
    """Compute the position again from its base, with the execution altered or left out."""
    execution = position.executions[index]
    old, was_held = execution.fill, position.qty
    if new is None:
        del position.executions[index]
        ledger.forget(execution)
        _hand_on_marks(position, index, execution)
    else:
        execution.fill = new
    _recompute(ledger, order.route, position, rates)
    if not position.executions:
        position.base = None
    is_of_today = execution.booked_ns >= position.day_start_ns
    traded = (ZERO if new is None else new.last_qty) - old.last_qty if is_of_today else ZERO
    move_position(book, position, position.qty - was_held, traded)
    pay_fee(position, old, -old.fee, rates)
    if new is not None:
        pay_fee(position, new, new.fee, rates)
    revalue(book, position, rates.get(position.currency, ZERO), None)


def _hand_on_marks(position: Position, index: int, gone: Execution) -> None:
    """The marks seen after an execution that never was were seen after the one before it."""
    for px in (gone.low_px, gone.high_px):
        if px is None:
            continue
        if not index:
            assert position.base is not None
            note_px(position.base, px, position.multiplier)
            continue
        earlier = position.executions[index - 1]
        earlier.low_px = px if earlier.low_px is None else min(earlier.low_px, px)
        earlier.high_px = px if earlier.high_px is None else max(earlier.high_px, px)


def _recompute(ledger: Ledger, route: Route, position: Position, rates: Mapping[str, Decimal]) -> None:
    assert position.base is not None
    holding = copy_of(position.base)
    first = holding.lives + (holding.life is None)
    ended_before = {
        number for number in range(first, position.lives + 1) if position.life is None or number != position.life.number
    }
    ended: list[ClosedPosition] = []
    for execution in position.executions:
        life = carry(holding, execution, position.multiplier, position.currency)
        if life is not None:
            realized = holding.realized - life.realized_before
            closed_ns = execution.fill.transact_ns
            ended.append(closed_position(route, position, life, closed_ns, realized, rates))
        for px in (execution.low_px, execution.high_px):
            if px is not None:
                note_px(holding, px, position.multiplier)
    position.qty, position.cost, position.realized = holding.qty, holding.cost, holding.realized
    position.fifo_realized, position.lots = holding.fifo_realized, holding.lots
    position.lives, position.life = holding.lives, holding.life
    numbers = {one.number for one in ended}
    gone = [f"{route.value}|{position.position_key}|{number}" for number in sorted(ended_before - numbers)]
    restate_closed(ledger, route, position.strategy_id, gone, ended)


def _restate_day_start(
    book: Book,
    position: Position,
    side: Side,
    old: Fill,
    new: Fill | None,
    terms: tuple[str, Decimal],
    rates: Mapping[str, Decimal],
) -> None:
    """The execution was booked before the present day began: so was what it earned until then, and what it moved."""
    earned = _earned(side, old, new, position.day_start_px, terms) * rates.get(terms[0], ZERO)
    qty = ZERO
    for fill, sign in ((old, -1), (new, 1)):
        if fill is None:
            continue
        earned -= fill.fee * sign * rates.get(fill.fee_currency or terms[0], ZERO)
        qty += fill.last_qty * side.sign * sign
    move_day_start(book, position, qty, earned)
