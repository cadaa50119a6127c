"""What the rules are told of one order, and of what a scope would hold with it."""

from decimal import Decimal
from typing import Any

import msgspec

from gateway.core.risk.correlation import Neighbour
from gateway.core.risk.exposure import ScopeUse, SymbolUse
from gateway.domain.enums import OrdType, Route, Side, TimeInForce
from gateway.domain.instruments import Instrument
from gateway.domain.market import MarketView
from gateway.domain.money import ZERO

_BUY = Side.BUY
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


#: What a scope measures with an order, in the order of these places. All at once: an order has seven scopes, and a
#: function for each figure of each of them would be a hundred calls.
ScopeAfter = tuple[Any, ...]
SIZE, VALUE, CHANGE, VOLUME, SWING, CORRELATION, GROSS, NET, HELD, ORDERS, POSITIONS, LOSS = range(12)

#: What is not known is beyond every limit: above where too much is refused, below where too little is.
UNKNOWN_HIGH = Decimal("Infinity")
UNKNOWN_LOW = Decimal("-Infinity")


def scope_after(risk: OrderRisk, use: ScopeUse) -> ScopeAfter:
    """A scope if every open order on the order's side and the order itself fill.

    - SIZE and VALUE of the position in the order's symbol, in the direction of the order and never below 0: an order
      towards flat projects 0 until it crosses. Positions count at the dearer of the order's worst price and the
      market's.
    - CHANGE: by how much the day would have moved that position in the direction of the order.
    - VOLUME: units of the symbol traded today and on order.
    - SWING: what the position would gain or lose on an ordinary day, its value times the volatility of a day.
    - CORRELATION: the closest with another position that the order would lean the same way as.
    - GROSS: absolute position values, and what open orders may add (HELD). NET: long less short in the direction of
      the order, with the open orders on its side.
    - ORDERS and POSITIONS that there would be (counts), and the LOSS since the day began, realized and unrealized.
    """
    symbol = use.symbols.get(risk.instrument.symbol, NO_SYMBOL_USE)
    qty, held_buy, held_sell = symbol.qty, use.held_buy, use.held_sell
    if risk.side is _BUY:
        adding = symbol.buy_qty + risk.qty
        size, change = qty + adding, qty - symbol.day_start_qty + adding
        net = use.net + held_buy + risk.added_value
    else:
        adding = symbol.sell_qty + risk.qty
        size, change = adding - qty, symbol.day_start_qty - qty + adding
        net = held_sell + risk.added_value - use.net
    if size > ZERO:
        value = size * risk.dearest_unit_value
    else:
        size = value = ZERO
    held = held_buy + held_sell + risk.added_value
    return (
        size,
        value,
        change,
        symbol.day_traded_qty + symbol.buy_qty + symbol.sell_qty + risk.qty
        if risk.instrument.average_daily_volume
        else UNKNOWN_HIGH,
        UNKNOWN_HIGH if risk.volatility is None else value * risk.volatility,
        UNKNOWN_HIGH if risk.neighbours is None else _closest(risk, use) if risk.neighbours else ZERO,
        use.gross + held,
        net,
        held,
        use.open_orders + risk.new_orders,
        use.open_positions + risk.opens_position,
        use.day_pnl_start - use.pnl,
    )


def _closest(risk: OrderRisk, use: ScopeUse) -> Decimal:
    """Long with long counts at a positive correlation, long with short at a negative one; open orders count as filled.

    Pairs that are within every limit, or have too few samples, are not looked at and measure 0.
    """
    symbols, is_buy = use.symbols, risk.side is _BUY
    for other, moves_along, closeness in risk.neighbours or ():
        held = symbols.get(other)
        if held is None:
            continue
        if is_buy is moves_along:  # as an order that would lean the same way as a long position
            if held.qty + held.buy_qty > ZERO:
                return closeness
        elif held.sell_qty > held.qty:
            return closeness
    return ZERO


#: For what measures the order alone.
NO_SCOPE_AFTER: ScopeAfter = ()
