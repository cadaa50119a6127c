"""One execution after another: quantity, average cost, FIFO lots, realized P&L, and the life of the position.

Pure bookkeeping on a ``Holding``; it knows no book, no rates and no other position. Rounding happens in two places
only: a share of an average cost is rounded to 1e-18 (what it takes from one part stays in the rest), and so is the
price of two lots that are merged (the difference is realized at once). Both sides of every sum therefore stay equal
to the last digit: realized P&L less cost is the cash that moved, by either method.
"""

from decimal import Decimal

from gateway.domain.executions import Fill
from gateway.domain.money import PRICE_STEP, ZERO, share_of
from gateway.domain.positions import Execution, Holding, Life, Lot

#: Lots kept apart in one position. Beyond it the two oldest are merged at their average.
MAX_LOTS = 1_000


def carry(holding: Holding, execution: Execution, multiplier: Decimal, currency: str) -> Life | None:
    """Book one execution. Returns the life that it ended, if it did; crossing zero ends one and begins another."""
    fill = execution.fill
    change = fill.last_qty if execution.side.sign > 0 else -fill.last_qty
    px = fill.last_px
    held = holding.qty
    if not held or (held > 0) == (change > 0):
        _open(holding, execution, change, fill.fee, multiplier, currency)
        return None
    closed = min(abs(held), fill.last_qty)
    _close_part(holding, closed, px, multiplier)
    life = holding.life
    assert life is not None  # a position that is held lives
    rest = fill.last_qty - closed
    fee = fill.fee if not rest else share_of(fill.fee, closed, fill.last_qty)
    _count(life, fill, fee, currency)
    note_px(holding, px, multiplier)
    if holding.qty:
        return None
    holding.life = None
    if rest:
        _open(holding, execution, rest if change > 0 else -rest, fill.fee - fee, multiplier, currency)
    return life


def _open(
    holding: Holding, execution: Execution, change: Decimal, fee: Decimal, multiplier: Decimal, currency: str
) -> None:
    """Add to the position, or begin it."""
    fill = execution.fill
    qty, px = abs(change), fill.last_px
    life = holding.life
    if life is None:
        if not qty:
            return
        holding.lives += 1
        life = holding.life = Life(
            number=holding.lives,
            cycle=execution.cycle,
            opened_ns=fill.transact_ns,
            is_long=change > 0,
            realized_before=holding.realized,
        )
    holding.qty += change
    holding.cost += change * px * multiplier
    _add_lot(holding, qty, px, multiplier)
    life.entered_qty += qty
    life.entered_value += qty * px
    held = abs(holding.qty)
    if held > life.max_qty:
        life.max_qty = held
    _count(life, fill, fee, currency)
    note_px(holding, px, multiplier)


def _count(life: Life, fill: Fill, fee: Decimal, currency: str) -> None:
    life.executions += 1
    if fee:
        paid_in = fill.fee_currency or currency
        life.fees[paid_in] = life.fees.get(paid_in, ZERO) + fee


def _close_part(holding: Holding, closed: Decimal, px: Decimal, multiplier: Decimal) -> None:
    """Close ``closed`` units at ``px``, by both methods."""
    is_long = holding.qty > 0
    proceeds = closed * px * multiplier
    released = share_of(holding.cost, closed, abs(holding.qty))
    holding.realized += (proceeds if is_long else -proceeds) - released
    holding.cost -= released
    spent = _take_lots(holding.lots, closed) * multiplier
    holding.fifo_realized += proceeds - spent if is_long else spent - proceeds
    holding.qty += -closed if is_long else closed


def _take_lots(lots: list[Lot], qty: Decimal) -> Decimal:
    """Take ``qty`` from the oldest lots on; returns what it was entered at, without the multiplier."""
    spent, done = ZERO, 0
    for lot in lots:
        if lot.qty > qty:
            lot.qty -= qty
            spent += qty * lot.px
            break
        spent += lot.qty * lot.px
        qty -= lot.qty
        done += 1
        if not qty:
            break
    del lots[:done]
    return spent


def _add_lot(holding: Holding, qty: Decimal, px: Decimal, multiplier: Decimal) -> None:
    lots = holding.lots
    if lots and lots[-1].px == px:
        lots[-1].qty += qty
        return
    lots.append(Lot(qty, px))
    if len(lots) > MAX_LOTS:
        _merge_oldest(holding, multiplier)


def _merge_oldest(holding: Holding, multiplier: Decimal) -> None:
    first, second = holding.lots[0], holding.lots[1]
    qty = first.qty + second.qty
    value = first.qty * first.px + second.qty * second.px
    px = (value / qty).quantize(PRICE_STEP)
    difference = (qty * px - value) * multiplier
    holding.fifo_realized += difference if holding.qty > 0 else -difference
    holding.lots[:2] = [Lot(qty, px)]


def note_px(holding: Holding, px: Decimal, multiplier: Decimal) -> None:
    """The position was worth ``px``: was its running life ever worse, or better?"""
    life = holding.life
    if life is None:
        return
    result = holding.realized - life.realized_before + holding.qty * px * multiplier - holding.cost
    if result < life.mae:
        life.mae = result
    elif result > life.mfe:
        life.mfe = result


def copy_of(holding: Holding) -> Holding:
    """Another holding with the same content, that shares nothing with this one that can change."""
    return Holding(
        qty=holding.qty,
        cost=holding.cost,
        realized=holding.realized,
        fifo_realized=holding.fifo_realized,
        lots=[Lot(lot.qty, lot.px) for lot in holding.lots],
        lives=holding.lives,
        life=None if holding.life is None else copy_of_life(holding.life),
    )


def copy_of_life(life: Life) -> Life:
    own: Life = life.__copy__()  # type: ignore[attr-defined]  # msgspec gives every Struct one
    own.fees = dict(life.fees)
    return own
