"""Lives of positions that ended, and how many of a strategy were losses in a row."""

from collections.abc import Collection, Mapping
from decimal import Decimal

import msgspec

from gateway.core.ledger.memory import Ledger
from gateway.domain.enums import Route
from gateway.domain.money import ZERO, ratio
from gateway.domain.positions import ClosedPosition, Life, Position


def close_position(
    ledger: Ledger, route: Route, position: Position, life: Life, closed_ns: int, rates: Mapping[str, Decimal]
) -> None:
    """A life ended with the position's latest execution: keep what it came to."""
    closed = closed_position(route, position, life, closed_ns, position.realized - life.realized_before, rates)
    streaks = ledger.losses.setdefault(route.value, {})
    closed = msgspec.structs.replace(closed, losses_before=streaks.get(position.strategy_id, 0))
    streaks[position.strategy_id] = closed.losses_in_a_row
    ledger.closed[closed.closed_id] = ledger.changed[closed.closed_id] = closed


def closed_position(
    route: Route, position: Position, life: Life, closed_ns: int, realized: Decimal, rates: Mapping[str, Decimal]
) -> ClosedPosition:
    """What a life came to. Fees in a currency without a rate are listed, and are not in the result."""
    fees = sum((fee * rates.get(currency, ZERO) for currency, fee in life.fees.items()), ZERO)
    points = realized / position.multiplier
    exit_value = life.entered_value + (points if life.is_long else -points)
    return ClosedPosition(
        book=route.value,
        position_key=position.position_key,
        number=life.number,
        account=position.account,
        strategy_id=position.strategy_id,
        venue=position.venue,
        symbol=position.symbol,
        currency=position.currency,
        cycle=life.cycle,
        is_long=life.is_long,
        max_qty=life.max_qty,
        entry_px=ratio(life.entered_value, life.entered_qty),
        exit_px=ratio(exit_value, life.entered_qty),
        opened_ns=life.opened_ns,
        closed_ns=closed_ns,
        executions=life.executions,
        realized=realized,
        fees=life.fees,
        result=realized * rates.get(position.currency, ZERO) - fees,
        mae=life.mae,
        mfe=life.mfe,
    )


def restate_closed(
    ledger: Ledger, route: Route, strategy_id: str, gone: Collection[str], new: Collection[ClosedPosition]
) -> None:
    """History was corrected: take out lives that never ended, put in those that did, and count losses again.

    Losses in a row are counted on from the oldest closed position in memory that is still there.
    """
    before = [one for one in ledger.closed.values() if _is_of(one, route, strategy_id)]
    streak = before[0].losses_before if before else ledger.losses_in_a_row(route, strategy_id)
    for closed_id in gone:
        ledger.closed.pop(closed_id, None)
        ledger.changed.pop(closed_id, None)
        ledger.voided.append(closed_id)
    ledger.closed.update((one.closed_id, one) for one in new)
    ledger.closed = {
        one.closed_id: one for one in sorted(ledger.closed.values(), key=lambda one: (one.closed_ns, one.closed_id))
    }
    new_ids = {one.closed_id for one in new}
    for one in list(ledger.closed.values()):
        if not _is_of(one, route, strategy_id):
            continue
        if one.losses_before != streak:
            one = ledger.closed[one.closed_id] = msgspec.structs.replace(one, losses_before=streak)
            ledger.changed[one.closed_id] = one
        elif one.closed_id in new_ids:
            ledger.changed[one.closed_id] = one
        streak = one.losses_in_a_row
    ledger.losses.setdefault(route.value, {})[strategy_id] = streak


def _is_of(closed: ClosedPosition, route: Route, strategy_id: str) -> bool:
    return closed.book == route.value and closed.strategy_id == strategy_id
