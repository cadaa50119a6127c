"""What the rules are told of one order, and of what a scope would hold with it."""

from decimal import Decimal

import msgspec

from gateway.core.risk.correlation import Neighbour
from gateway.core.risk.exposure import ScopeUse, SymbolUse
from gateway.domain.enums import OrdType, Route, Side, TimeInForce
from gateway.domain.instruments import Instrument
from gateway.domain.market import MarketView
from gateway.domain.money import ZERO

NO_SYMBOL_USE = SymbolUse()
NO_SCOPE_USE = ScopeUse()


class OrderRisk(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the rules need of one order.

    ``qty`` and ``added_value`` are what it adds to what is already held (for a replace: the difference),
    ``order_qty`` is the whole of it. ``new_orders`` counts the orders that it adds (0 for a replace),
    ``opens_position`` says that nothing is held or on order under its position key yet. ``unit_value`` is the
    worst-case value of one unit and ``dearest_unit_value`` the larger of that and its value at the reference price,
    both in the base currency. ``equity`` is that of the account in the order's book, ``account`` what it holds there;
    shares are taken of ``equity_base`` and ``day_start_base``, equity now and when the day began, but never below 0.
    ``reference_px`` is the market's price and ``window_px`` its average if they are fresh, None otherwise;
    ``volatility`` is that of one day's return, None when it is not known or too old, and ``neighbours`` are the
    symbols it moves with, None likewise.
    """

    instrument: Instrument
    side: Side
    route: Route
    ord_type: OrdType
    time_in_force: TimeInForce
    limit_px: Decimal | None
    stop_px: Decimal | None
    view: MarketView
    ts_ns: int
    is_closing: bool
    qty: Decimal
    added_value: Decimal
    order_qty: Decimal
    new_orders: int
    opens_position: bool
    unit_value: Decimal
    dearest_unit_value: Decimal
    equity: Decimal
    equity_base: Decimal
    day_start_base: Decimal
    account: ScopeUse
    reference_px: Decimal | None = None
    window_px: Decimal | None = None
    stop_loss_percentage: Decimal = Decimal(1)
    volatility: Decimal | None = None
    neighbours: tuple[Neighbour, ...] | None = None

    @property
    def symbol(self) -> str:
        return self.instrument.symbol


class ScopeAfter(msgspec.Struct, frozen=True, gc=False):
    """A scope if every open order on the order's side and the order itself fill.

    ``qty`` and ``value`` are those of the order's symbol in the direction of the order, never below 0: an order
    towards flat projects 0 until it crosses. ``held`` is what all open orders with this one may add.
    """

    use: ScopeUse
    symbol: SymbolUse
    qty: Decimal
    value: Decimal
    held: Decimal


def scope_after(risk: OrderRisk, use: ScopeUse) -> ScopeAfter:
    """Positions count at the dearer of the order's worst price and the market's."""
    symbol = use.symbols.get(risk.instrument.symbol, NO_SYMBOL_USE)
    if risk.side is Side.BUY:
        qty = symbol.qty + symbol.buy_qty + risk.qty
    else:
        qty = symbol.sell_qty + risk.qty - symbol.qty
    held = use.held_buy + use.held_sell + risk.added_value
    if qty <= ZERO:
        return ScopeAfter(use, symbol, ZERO, ZERO, held)
    return ScopeAfter(use, symbol, qty, qty * risk.dearest_unit_value, held)


NO_SCOPE_AFTER = ScopeAfter(NO_SCOPE_USE, NO_SYMBOL_USE, ZERO, ZERO, ZERO)
