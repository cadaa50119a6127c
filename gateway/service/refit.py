"""The simulator's parameters fitted to recorded live orders and their twins.

Every second order fits, the others judge: the errors before and after are of orders that the fit did not see. Where
there are too few, or the simulator is as near as two simulations are to each other, nothing is fitted.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from gateway.domain.enums import OrdType
from gateway.domain.instruments import Instrument
from gateway.domain.money import ONE, ZERO, ratio
from gateway.domain.settings import SimulatorSettings
from gateway.service.live_order import LiveOrder

#: The fewest orders that a parameter is fitted to, and as many that judge it.
MIN_ORDERS = 20
_MS = Decimal(1_000_000)
_BP = Decimal(10_000)
_MILLI, _HUNDREDTH = Decimal("0.001"), Decimal("0.01")
#: The share of a triangle's half width within which half of it lies: 1 - sqrt(1/2).
_INNER_HALF = Decimal("0.292893")


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter, from what to what. Errors are medians of orders that were not fitted to, in ``error_unit`` (or
    ``unit``); ``noise`` is what two simulations differ by. ``new`` is ``old`` where nothing was fitted, and ``text``
    says why."""

    name: str
    unit: str
    orders: int
    old: Decimal
    new: Decimal
    error_before: Decimal | None = None
    error_after: Decimal | None = None
    noise: Decimal | None = None
    error_unit: str = ""
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
        _fit_jitter(orders, trip.new, settings.latency_jitter),
        _fit_fee("maker_fee_bps", settings.maker_fee_bps, [_fee_bps(one, instruments, True) for one in orders]),
        _fit_fee("taker_fee_bps", settings.taker_fee_bps, [_fee_bps(one, instruments, False) for one in orders]),
        _fit_queue(orders, settings.queue_position),
        _look_at_prices(orders),
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
        return msgspec.structs.replace(kept, text=f"{_too_few(len(gaps))}; left as it is")
    new = moved(_median(fitted)).quantize(_MILLI)
    before, after = _median([abs(gap) for gap in judging]), _median([abs(gap + old - new) for gap in judging])
    kept = msgspec.structs.replace(kept, error_before=before, error_after=after)
    if noise is not None and before <= noise:
        return msgspec.structs.replace(kept, text="within what two simulations differ by; left as it is")
    if after >= before:
        return msgspec.structs.replace(kept, text="no better on orders that it was not fitted to; left as it is")
    return msgspec.structs.replace(kept, new=new, text="fitted")


def _fit_queue(orders: Sequence[LiveOrder], old: Decimal) -> Fitted:
    """By how long orders rested that filled both live and simulated: what is ahead is served at one pace for both, so
    the waits are to each other as the places in the queue. The market of then is not in the journal."""
    waits = [wait for one in orders if one.order.ord_type is OrdType.LIMIT and (wait := _waits(one)) is not None]
    fitted, judging = waits[::2], waits[1::2]
    kept = Fitted(name="queue_position", unit="share", orders=len(waits), old=old, new=old, text="")
    if not old or len(judging) < MIN_ORDERS:
        why = "at the front there is nothing to scale" if not old else _too_few(len(waits))
        return msgspec.structs.replace(kept, text=f"{why}; left as it is")
    new = min(old * _median([ratio(live, twin) for live, twin in fitted]), ONE).quantize(_HUNDREDTH)
    before = _median([abs(live - twin) for live, twin in judging])
    after = _median([abs(live - twin * new / old) for live, twin in judging])
    kept = msgspec.structs.replace(kept, error_before=before, error_after=after, error_unit="ms")
    if after >= before:
        return msgspec.structs.replace(kept, text="no better on orders that it was not fitted to; left as it is")
    return msgspec.structs.replace(kept, new=new, text="fitted to how long orders rested before their first fill")


def _waits(one: LiveOrder) -> tuple[Decimal, Decimal] | None:
    """How long a resting order waited live, and in its twins on average, in milliseconds; None where either did not."""
    live, twins = one.live, [twin for twin in one.twins if twin.first_fill_ns > twin.ack_ns > 0]
    has_rested = live.first_fill_ns > live.ack_ns > 0 and any(fill.is_maker for fill in live.fills.values())
    if not one.is_comparable or not twins or not has_rested:
        return None
    simulated = sum(((twin.first_fill_ns - twin.ack_ns) / _MS for twin in twins), ZERO) / len(twins)
    return (live.first_fill_ns - live.ack_ns) / _MS, simulated


def _fit_jitter(orders: Sequence[LiveOrder], trip: Decimal, old: Decimal) -> Fitted:
    """How far single trips are from the usual one. Two even spreads, there and back, add up to a triangle, in which
    half of all trips are within 1 - sqrt(1/2) of its width."""
    trips = [(one.live.ack_ns - one.sent_ns) / _MS for one in orders if one.live.ack_ns > one.sent_ns > 0]
    fitted, judging = trips[::2], trips[1::2]
    kept = Fitted(name="latency_jitter", unit="share", orders=len(trips), old=old, new=old, text="")
    if len(judging) < MIN_ORDERS or not trip:
        return msgspec.structs.replace(kept, text=f"{_too_few(len(trips))}; left as it is")
    new = min(_spread(fitted) / _INNER_HALF / trip, ONE).quantize(_HUNDREDTH)
    truth = _spread(judging)
    before, after = (abs(truth - share * trip * _INNER_HALF).quantize(_MILLI) for share in (old, new))
    kept = msgspec.structs.replace(kept, error_before=before, error_after=after, error_unit="ms")
    if after >= before:
        return msgspec.structs.replace(kept, text="no better on orders that it was not fitted to; left as it is")
    return msgspec.structs.replace(kept, new=new, text="fitted to how far trips are from their median")


def _spread(values: Sequence[Decimal]) -> Decimal:
    """The median distance from the median."""
    middle = _median(values)
    return _median([abs(value - middle) for value in values])


def _look_at_prices(orders: Sequence[LiveOrder]) -> Fitted:
    """What is left between live prices and simulated ones: no parameter of the simulator moves it."""
    gaps, noises = [], []
    for one in orders:
        twins = [twin.avg_px for twin in one.twins if twin.cum_qty]
        if one.live.cum_qty and twins and one.is_comparable:
            mean = sum(twins, ZERO) / len(twins)
            gaps.append(ratio((one.live.avg_px - mean) * one.order.side.sign * _BP, mean))
            if len(twins) == 2:
                noises.append(abs(ratio((twins[1] - twins[0]) * _BP, mean)))
    median = _median(gaps).quantize(_MILLI) if gaps else ZERO
    off = _median([abs(gap) for gap in gaps]).quantize(_MILLI) if gaps else None
    return Fitted(
        name="slippage against the twins",
        unit="bps",
        orders=len(gaps),
        old=median,
        new=median,
        error_before=off,
        error_after=off,
        noise=_median(noises).quantize(_MILLI) if noises else None,
        text="told, not fitted: the simulator takes prices from the book and has no parameter for impact",
    )


def _too_few(orders: int) -> str:
    return f"too little evidence: {2 * MIN_ORDERS - orders} more orders needed"


def _fee_bps(one: LiveOrder, instruments: Mapping[str, Instrument], is_maker: bool) -> Decimal | None:
    """What an order paid for what it made, or took; None where it did none, or the fee was in something else."""
    live, instrument = one.live, instruments.get(one.order.symbol)
    value, fee, currencies = live.paid(is_maker=is_maker)
    if not value or instrument is None or currencies - {"", instrument.currency}:
        return None
    return ratio(fee * _BP, value * instrument.multiplier)


def _median(values: Sequence[Decimal]) -> Decimal:
    return sorted(values)[len(values) // 2]
