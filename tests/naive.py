"""A second, slow and obvious account of what is held and owed: recomputed from orders and fills each time.

Tests compare the gateway's maintained aggregates with it; it shares no code with them.
"""

from decimal import Decimal

from gateway.core.risk.exposure import ScopeUse
from gateway.core.state import GatewayState
from gateway.domain.enums import Route, Side
from gateway.domain.executions import Fill
from gateway.domain.orders import Order
from gateway.domain.positions import Position

D = Decimal


def held_value(orders: list[Order]) -> Decimal:
    """Worst-case exposure of everything that may still fill."""
    total = D(0)
    for order in orders:
        if order.route is Route.SPLIT or not order.is_open:
            continue
        qty, unit = order.order_qty, order.held_unit
        if order.pending_replace is not None:
            qty, unit = max(qty, order.pending_replace.order_qty), max(unit, order.pending_replace.held_unit)
        # What a bust or correction took from it does not trade again.
        total += max(qty - order.cum_qty - order.broken_qty, D(0)) * unit
    return total


def position_and_cash(fills: list[tuple[Side, Fill]], multiplier: Decimal) -> tuple[Decimal, Decimal]:
    """Signed quantity, and what the account has paid (negative) or received for it, fees apart."""
    qty = cash = D(0)
    for side, fill in fills:
        sign = 1 if side is Side.BUY else -1
        qty += sign * fill.last_qty
        cash -= sign * fill.last_qty * fill.last_px * multiplier
    return qty, cash


def fills_by_position(orders: list[Order]) -> dict[tuple[Route, str], list[tuple[Side, Fill]]]:
    """All fills of all orders, by book and position key."""
    found: dict[tuple[Route, str], list[tuple[Side, Fill]]] = {}
    for order in orders:
        for fill in order.fills:
            found.setdefault((order.route, order.position_key), []).append((order.side, fill))
    return found


def open_value(order: Order) -> Decimal:
    """Worst-case exposure of one open order."""
    return held_value([order])


def assert_books_add_up(state: GatewayState, orders: list[Order]) -> None:
    """Every aggregate of every scope equals what its parts sum to."""
    for route, book in state.books.items():
        mine = [order for order in orders if order.route is route and order.is_open]
        for name, use in book.all_scopes().items():
            inside = [order for order in mine if name in scope_names(state, order)]
            held = [position for position in book.positions.values() if name in scope_names(state, position)]
            assert_scope_adds_up(use, inside, held)
        for account, use in book.accounts.items():
            rates = {symbol: one.margin_rate for symbol, one in state.config.instruments.items()}
            assert use.margin == sum(
                (abs(p.value) * rates[p.symbol] for p in book.positions.values() if p.account == account), D(0)
            ) + sum((open_value(order) * rates[order.symbol] for order in mine if order.account == account), D(0))
    for (route, key), fills in fills_by_position(orders).items():
        position = state.books[route].positions[key]
        qty, cash = position_and_cash(fills, position.multiplier)
        assert position.qty == qty
        # Realized P&L less the cost of what is still held is exactly the cash that moved.
        assert position.realized - position.cost == cash


def scope_names(state: GatewayState, owner: Order | Position) -> set[str]:
    """Every scope that something counts in."""
    instrument, limits = state.config.instruments[owner.symbol], state.config.limits
    names = {"gateway", f"account:{owner.account}", f"strategy:{owner.strategy_id}", f"venue:{owner.venue}"}
    if owner.symbol in limits.symbols:
        names.add(f"symbol:{owner.symbol}")
    if instrument.sector in limits.sectors:
        names.add(f"sector:{instrument.sector}")
    if instrument.asset_class in limits.asset_classes:
        names.add(f"asset_class:{instrument.asset_class}")
    return names


def assert_scope_adds_up(use: ScopeUse, orders: list[Order], positions: list[Position]) -> None:
    for side, held in ((Side.BUY, use.held_buy), (Side.SELL, use.held_sell)):
        assert held == held_value([order for order in orders if order.side is side])
    assert use.open_orders == len(orders)
    in_use = {p.position_key for p in positions if p.qty} | {order.position_key for order in orders}
    assert use.open_positions == len(in_use)
    assert use.gross == sum((abs(p.value) for p in positions), D(0))
    assert use.net == sum((p.value for p in positions), D(0))
    assert use.pnl == sum((p.pnl for p in positions), D(0))
    assert use.day_pnl_start == sum((p.day_start_pnl for p in positions), D(0))
    for symbol, part in use.symbols.items():
        own = [p for p in positions if p.symbol == symbol]
        assert part.qty == sum((p.qty for p in own), D(0))
        assert part.day_start_qty == sum((p.day_start_qty for p in own), D(0))
        assert part.day_traded_qty == sum((p.day_traded_qty for p in own), D(0))
        assert part.buy_qty == open_qty(orders, symbol, Side.BUY)
        assert part.sell_qty == open_qty(orders, symbol, Side.SELL)


def open_qty(orders: list[Order], symbol: str, side: Side) -> Decimal:
    return sum((order.held_qty for order in orders if order.symbol == symbol and order.side is side), D(0))
