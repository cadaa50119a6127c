"""One position in one book: what fills made of it."""

from decimal import Decimal

import msgspec

from gateway.domain.money import ZERO, ratio


class Position(msgspec.Struct, kw_only=True):
    """Signed quantity and its average cost. Written by ``core`` only.

    ``cost`` is the signed cost of what is held (quantity x price x multiplier), ``realized`` what closing it
    earned, both in ``currency``; ``fees`` are in the base currency, ``other_fees`` in currencies without a rate.
    ``mark_px`` is the price it was last valued at. ``value`` and ``pnl`` are derived, in the base currency.
    ``day_start_qty`` and ``day_start_pnl`` are what they were when the day began, ``day_traded_qty`` what was bought
    and sold since.
    """

    position_key: str
    account: str
    strategy_id: str
    venue: str
    symbol: str
    currency: str
    multiplier: Decimal
    qty: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO
    fees: Decimal = ZERO
    other_fees: dict[str, Decimal] = {}
    mark_px: Decimal = ZERO
    cycle: int = 0
    opened_ns: int = 0
    value: Decimal = ZERO
    pnl: Decimal = ZERO
    day_start_qty: Decimal = ZERO
    day_start_pnl: Decimal = ZERO
    day_traded_qty: Decimal = ZERO

    @property
    def avg_px(self) -> Decimal:
        """Average entry price; 0 when flat."""
        return ratio(self.cost, self.qty * self.multiplier)

    @property
    def market_value(self) -> Decimal:
        """Signed value at the mark, in ``currency``."""
        return self.qty * self.mark_px * self.multiplier
