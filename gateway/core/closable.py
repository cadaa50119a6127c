"""How much of a position its venue has to close, where that is known to be other than the books say.

The books say what each strategy has, the venue what there is. While nobody has explained a difference, and where fees
were paid in the very asset that was bought, the smaller of the two is all that a closing order may take.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from gateway.core.flatten_orders import closing_side, whole_lots
from gateway.core.reconciliation.comparing import asset_keys, book_qty
from gateway.core.state import GatewayState
from gateway.core.trading.agreements import VenueAgreement
from gateway.domain.capabilities import Holdings
from gateway.domain.enums import Route
from gateway.domain.money import ZERO
from gateway.domain.orders import Order
from gateway.domain.positions import Position
from gateway.domain.reconciliation import HoldingDrift

#: What is bought and sold at each venue, by asset: found out once for all positions that are looked at in one event.
Assets = dict[str, dict[str, tuple[str, ...]]]


class Closable(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue has of ``name`` (a symbol, or an asset) on the side of a position: ``qty``, never below 0, of
    which ``closing_qty`` is being closed already. ``drift`` is a difference from the books that nobody has accepted.
    ``lent_qty`` of an asset is what other positions have sold short: it is there again when they are closed.
    """

    name: str
    qty: Decimal
    closing_qty: Decimal
    drift: HoldingDrift | None
    lent_qty: Decimal = ZERO

    @property
    def free_qty(self) -> Decimal:
        return max(self.qty - self.closing_qty, ZERO)


def closable_of(
    state: GatewayState, route: Route, position: Position, assets: Assets, sent: Iterable[Order] = ()
) -> Closable | None:
    """None where the books are all that is known, or matter: coins that were sold short are bought back whatever is
    held of them. ``sent`` are orders that the state does not know yet.

    With a difference that nobody has accepted, what people accepted before as held beside the books is none of it.
    """
    if route is not Route.LIVE:
        return None
    agreement = state.agreements.get(position.venue) or VenueAgreement()
    can = state.config.capabilities.get(position.venue)
    of_assets = can is not None and can.holdings is Holdings.BALANCES
    drift = next((one for one in agreement.drifts.values() if one.qty and position.symbol in one.symbols), None)
    if drift is not None:
        name, symbols, beside = drift.symbol, drift.symbols, drift.qty
    else:
        name = position.symbol.partition("/")[0]
        if of_assets and position.venue not in assets:
            assets[position.venue] = asset_keys(state, position.venue)
        symbols = assets[position.venue].get(name, ()) if of_assets else ()
        beside = agreement.base(name)
        if position.symbol not in symbols or position.qty < 0:
            return None
    side = closing_side(position)
    held = book_qty(state, position.venue, name, symbols, of_assets=of_assets) + beside
    closing = [
        order.held_qty
        for order in (*state.open_orders(), *sent)
        if order.is_closing
        and order.route is Route.LIVE
        and (order.venue, order.side) == (position.venue, side)
        and order.symbol in symbols
    ]
    return Closable(
        name=name,
        qty=max(-side.sign * held, ZERO),
        closing_qty=sum(closing, ZERO),
        drift=drift,
        lent_qty=_sold_short(state, position.venue, symbols) if drift is None else ZERO,
    )


def _sold_short(state: GatewayState, venue: str, symbols: tuple[str, ...]) -> Decimal:
    positions = state.books[Route.LIVE].positions.values()
    short = (one.qty for one in positions if one.qty < 0 and one.venue == venue and one.symbol in symbols)
    return -sum(short, ZERO)


def is_paid_away(state: GatewayState, route: Route, position: Position, assets: Assets) -> bool:
    """Whether not one lot of it is there: it went as fees in the asset itself."""
    found = closable_of(state, route, position, assets)
    if found is None or found.drift is not None:
        return False
    return not whole_lots(state, position, found.qty + found.lent_qty)
