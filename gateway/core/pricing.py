"""At which price an order is valued: the worst at which it may fill, as far as can be known beforehand."""

from collections.abc import Mapping
from decimal import Decimal

from gateway.domain.config import TradingConfig
from gateway.domain.enums import OrdType, Side
from gateway.domain.instruments import Instrument
from gateway.domain.market import MarketView
from gateway.domain.money import BPS, ONE, ZERO
from gateway.domain.orders import Order

#: An execution told of later than this was made in another market than that of now.
_PROMPT_NS = 60_000_000_000
_HUNDRED = Decimal(100)


def reference_px(view: MarketView, instrument: Instrument) -> Decimal | None:
    """The market's price, else the instrument's configured one, else None."""
    return view.reference_px if view.reference_px is not None else instrument.reference_px


def worst_px(
    side: Side,
    ord_type: OrdType,
    limit_px: Decimal | None,
    stop_px: Decimal | None,
    reference: Decimal | None,
    reserve_bps: Decimal,
) -> Decimal | None:
    """The price that exposure is held at: a buy at its limit, anything else at the dearer of what is known.

    A sell limit may fill above its limit, at the market; an order without a limit may fill worse than the
    reference by the configured reserve. None when neither a limit nor a reference is known.
    """
    if limit_px is not None and side is Side.BUY:
        return limit_px
    known = [px for px in (limit_px, stop_px, reference) if px is not None]
    if not known:
        return None
    dearest = max(known)
    if limit_px is None and reserve_bps:
        dearest *= ONE + reserve_bps / BPS
    return dearest


def first_trigger(
    side: Side, reference: Decimal | None, trailing_amount: Decimal | None, trailing_percent: Decimal | None
) -> Decimal | None:
    """Where a trailing stop without a trigger of its own begins; from there it only moves away from the market's other
    side."""
    if reference is None:
        return None
    distance = trailing_amount
    if distance is None and trailing_percent is not None:
        distance = reference * trailing_percent / _HUNDRED
    return None if distance is None else reference + distance * side.sign


def worst_px_under(
    order: Order, limit_px: Decimal | None, stop_px: Decimal | None, reference: Decimal | None, reserve_bps: Decimal
) -> Decimal | None:
    """The price that an open order is held at under other terms."""
    if stop_px is None and order.ord_type is OrdType.TRAILING_STOP:
        stop_px = first_trigger(order.side, reference, order.trailing_amount, order.trailing_percent)
    return worst_px(order.side, order.ord_type, limit_px, stop_px, reference, reserve_bps)


def unit_value(px: Decimal, instrument: Instrument, config: TradingConfig) -> Decimal:
    """Value of one unit at ``px`` in the base currency (price x multiplier x rate)."""
    return px * instrument.multiplier * config.rates.get(instrument.currency, ZERO)


def held_unit_under(order: Order, limit_px: Decimal | None, stop_px: Decimal | None, config: TradingConfig) -> Decimal:
    """The worst-case value of one unit under terms that the venue tells and nobody here asked for last."""
    px = worst_px_under(order, limit_px, stop_px, order.arrival_px, config.reprice_reserve_bps)
    instrument = config.instruments.get(order.symbol)
    if px is None or instrument is None or order.entry_id:  # an exit only reduces
        return order.held_unit
    return unit_value(px, instrument, config)


def vwap_of(vwaps: Mapping[str, Decimal], order: Order, transact_ns: int, now_ns: int) -> Decimal | None:
    """The market's average price around an execution: not that of now for one that is told of long after it."""
    vwap = vwaps.get(order.order_id, vwaps.get(order.symbol))  # older records tell it by symbol
    return vwap if now_ns - transact_ns < _PROMPT_NS else None
