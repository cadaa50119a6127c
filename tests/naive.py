"""A second, slow and obvious account of what is held and owed: recomputed from orders and fills each time.

Tests compare the gateway's maintained aggregates with it; it shares no code with them.
"""

from decimal import Decimal

from gateway.core.state import GatewayState
from gateway.domain.enums import Route, Side
from gateway.domain.orders import Fill, Order

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
        total += max(qty - order.cum_qty, D(0)) * unit
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


def assert_books_add_up(state: GatewayState, orders: list[Order]) -> None:
    """Every aggregate equals what its parts sum to."""
    for route, book in state.books.items():
        mine = [order for order in orders if order.route is route]
        assert book.gateway.held == held_value(mine)
        for account, use in book.accounts.items():
            assert use.held == held_value([order for order in mine if order.account == account])
        for strategy, use in book.strategies.items():
            assert use.held == held_value([order for order in mine if order.strategy_id == strategy])
        assert book.gateway.gross == sum((abs(p.value) for p in book.positions.values()), D(0))
        assert book.gateway.pnl == sum((p.pnl for p in book.positions.values()), D(0))
    for (route, key), fills in fills_by_position(orders).items():
        position = state.books[route].positions[key]
        qty, cash = position_and_cash(fills, position.multiplier)
        assert position.qty == qty
        # Realized P&L less the cost of what is still held is exactly the cash that moved.
        assert position.realized - position.cost == cash
