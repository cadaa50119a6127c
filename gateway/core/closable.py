"""How much may be closed without turning over what the venue holds, where that is known to differ from the books.

The books say what each strategy has, the venue what there is. While nobody has explained a difference, the smaller of
the two is all that a closing order may take.
"""

from collections.abc import Iterable
from decimal import Decimal

from gateway.core.closing import closing_side
from gateway.core.reconciliation.comparing import book_qty
from gateway.core.state import GatewayState
from gateway.domain.capabilities import Holdings
from gateway.domain.enums import Route
from gateway.domain.money import ZERO
from gateway.domain.orders import Order
from gateway.domain.positions import Position
from gateway.domain.reconciliation import HoldingDrift


def drift_of(state: GatewayState, route: Route, position: Position) -> HoldingDrift | None:
    """The difference in what the position's venue holds of it that nobody has accepted; None when there is none."""
    agreement = state.agreements.get(position.venue) if route is Route.LIVE else None
    known = () if agreement is None else agreement.drifts.values()
    return next((drift for drift in known if drift.qty and position.symbol in drift.symbols), None)


def closable_qty(state: GatewayState, position: Position, drift: HoldingDrift, sent: Iterable[Order]) -> Decimal:
    """What the venue still has to close on the position's side, less what closes it already; never below 0.

    What people accepted as held beside the books is none of it. ``sent`` are orders that the state does not know yet.
    """
    can = state.config.capabilities.get(position.venue)
    of_assets = can is not None and can.holdings is Holdings.BALANCES
    held = book_qty(state, position.venue, drift.symbol, drift.symbols, of_assets=of_assets) + drift.qty
    side = closing_side(position)
    under_way = sum(
        (
            order.held_qty
            for order in (*state.open_orders(), *sent)
            if order.is_closing
            and order.route is Route.LIVE
            and (order.venue, order.side) == (position.venue, side)
            and order.symbol in drift.symbols
        ),
        ZERO,
    )
    return max(-side.sign * held - under_way, ZERO)
