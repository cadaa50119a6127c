"""The simulator's parameters fitted to recorded live orders and their twins.

Every second order fits, the others judge: the errors before and after are of orders that the fit did not see. Where
there are too few, or the simulator is as near as two simulations are to each other, nothing is fitted.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from gateway.domain.enums import OrdType
from gateway.domain.instruments import Instrument
from gateway.domain.money import ZERO, ratio
from gateway.domain.settings import SimulatorSettings
from gateway.service.step_record import LiveOrder

#: The fewest orders that a parameter is fitted to, and as many that judge it.
MIN_ORDERS = 20
_MS = Decimal(1_000_000)
_BP = Decimal(10_000)
_MILLI = Decimal("0.001")


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter, from what to what. Errors are medians of orders that were not fitted to, in ``unit``; ``noise`` is
    what two simulations differ by. ``new`` is ``old`` where nothing was fitted, and ``text`` says why."""

    name: str
    unit: str
    orders: int
    old: Decimal
    new: Decimal
    error_before: Decimal | None = None
    error_after: Decimal | None = None
    noise: Decimal | None = None
    text: str


def refit(
    orders: Sequence[LiveOrder], settings: SimulatorSettings, instruments: Mapping[str, Instrument]
) -> tuple[Fitted, ...]:
    """Every parameter that the journal can speak of."""
    there, back = settings.order_latency_ms, settings.report_latency_ms
    trip = _fit_trip(orders, there + back)
    part = ratio(there, there + back) if there + back else Decimal("0.5")
    there_new = there if trip.new == trip.old else (trip.new * part).quantize(_MILLI)
    return (
        trip,
        msgspec.structs.replace(trip, name="order_latency_ms", old=there, new=there_new),
        msgspec.structs.replace(trip, name="report_latency_ms", old=back, new=trip.new - there_new),
        _fit_fee("maker_fee_bps", settings.maker_fee_bps, [_fee_bps(one, instruments, True) for one in orders]),
        _fit_fee("taker_fee_bps", settings.taker_fee_bps, [_fee_bps(one, instruments, False) for one in orders]),
        _look_at_queue(orders, settings.queue_position),
    )


def _fit_trip(orders: Sequence[LiveOrder], old: Decimal) -> Fitted:
    """There and back: how much longer the venue's first word took than the twin's."""
    known = [one for one in orders if one.live.ack_ns and one.twins[0].ack_ns]
    gaps = [(one.live.ack_ns - one.twins[0].ack_ns) / _MS for one in known]
    noises = [abs(one.twins[1].ack_ns - one.twins[0].ack_ns) / _MS for one in known if one.twins[1].ack_ns]
    noise = _median(noises) if noises else None
    return _fit("there and back", "ms", gaps, old, lambda gap: max(old + gap, ZERO), noise)


def _fit_fee(name: str, old: Decimal, fees: Sequence[Decimal | None]) -> Fitted:
    return _fit(name, "bps", [fee - old for fee in fees if fee is not None], old, lambda gap: old + gap, None)


def _fit(
    name: str,
    unit: str,
    gaps: Sequence[Decimal],
    old: Decimal,
    moved: Callable[[Decimal], Decimal],
    noise: Decimal | None,
) -> Fitted:
    """``gaps`` are how far the truth was from ``old``, order by order."""
    fitted, judging = gaps[::2], gaps[1::2]
    kept = Fitted(name=name, unit=unit, orders=len(gaps), old=old, new=old, noise=noise, text="")
    if len(judging) < MIN_ORDERS:
        more = 2 * MIN_ORDERS - len(gaps)
        return msgspec.structs.replace(kept, text=f"too little evidence: {more} more orders needed; left as it is")
    new = moved(_median(fitted)).quantize(_MILLI)
    before, after = _median([abs(gap) for gap in judging]), _median([abs(gap + old - new) for gap in judging])
    kept = msgspec.structs.replace(kept, error_before=before, error_after=after)
    if noise is not None and before <= noise:
        return msgspec.structs.replace(kept, text="within what two simulations differ by; left as it is")
    if after >= before:
        return msgspec.structs.replace(kept, text="no better on orders that it was not fitted to; left as it is")
    return msgspec.structs.replace(kept, new=new, text="fitted")


def _look_at_queue(orders: Sequence[LiveOrder], old: Decimal) -> Fitted:
    """Which way it is off: the market that a fit would need to be run through again is not in the journal."""
    resting = [one for one in orders if one.order.ord_type is OrdType.LIMIT and one.live.maker_value]
    sooner = sum(
        all(not twin.cum_qty or twin.first_fill_ns > one.live.first_fill_ns for twin in one.twins) for one in resting
    )
    later = sum(all(0 < twin.first_fill_ns < one.live.first_fill_ns for twin in one.twins) for one in resting)
    text = (
        f"never fitted, for market data is not in the journal: live was sooner than both twins in {sooner}, "
        f"later than both in {later} of {len(resting)} that rested and filled (more sooner: lower it)"
    )
    return Fitted(name="queue_position", unit="share", orders=len(resting), old=old, new=old, text=text)


def _fee_bps(one: LiveOrder, instruments: Mapping[str, Instrument], is_maker: bool) -> Decimal | None:
    """What an order paid for what it made, or took; None where it did none, or the fee was in something else."""
    live, instrument = one.live, instruments.get(one.order.symbol)
    value, fee = (live.maker_value, live.maker_fee) if is_maker else (live.taker_value, live.taker_fee)
    if not value or instrument is None or live.fee_currencies - {"", instrument.currency}:
        return None
    return ratio(fee * _BP, value * instrument.multiplier)


def _median(values: Sequence[Decimal]) -> Decimal:
    return sorted(values)[len(values) // 2]
