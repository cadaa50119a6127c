"""What can be traded, and on which grid of prices and quantities."""

from decimal import Decimal

import msgspec

from gateway.domain.enums import OrdType
from gateway.domain.money import ONE, ZERO


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One tradable symbol on one venue.

    ``tick_size`` and ``lot_size`` are the price and quantity grids; ``min_notional`` is in ``currency``;
    ``multiplier`` turns price times quantity into money (50 for the ES future). ``calendar`` names the trading
    hours (an exchange_calendars code, or ``24/7``). ``margin_rate`` is the share of a position's value that it ties
    up (1: fully paid). ``average_daily_volume`` is in units, 0 when it is not known; ``sector`` is a free name.
    """

    symbol: str
    venue: str
    currency: str
    asset_class: str = "equity"
    exchange: str = ""
    tick_size: Decimal = Decimal("0.01")
    lot_size: Decimal = ONE
    min_qty: Decimal = ZERO
    max_qty: Decimal | None = None
    min_notional: Decimal = ZERO
    multiplier: Decimal = ONE
    calendar: str = "24/7"
    enabled: bool = True
    expiry: str = ""
    reference_px: Decimal | None = None
    sector: str = ""
    margin_rate: Decimal = ONE
    average_daily_volume: Decimal = ZERO
    order_types: tuple[OrdType, ...] = tuple(OrdType)
