"""Does an order fit its instrument, and what is one unit of it worth, at worst and at the market?"""

from decimal import Decimal

from gateway.core.measuring import Priced
from gateway.core.order_classes import exit_breaches
from gateway.core.pricing import first_trigger, reference_px, unit_value, worst_px
from gateway.core.routing import closable_qty
from gateway.core.state import GatewayState
from gateway.core.validation import instrument_breaches, notional_breach
from gateway.core.venue_limits import venue_breaches
from gateway.core.words import refuse, reject_of
from gateway.domain.enums import OrderClass, OrdType, RejectStage, Route
from gateway.domain.events import OrderReceived
from gateway.domain.instruments import Instrument
from gateway.domain.orders import NewOrderSingle, Reject, position_key_of
from gateway.domain.reasons import RejectCode

# Named once: see domain.orders.
_SIMPLE, _TRAILING_STOP = OrderClass.SIMPLE, OrdType.TRAILING_STOP


def price_order(
    state: GatewayState, event: OrderReceived, instrument: Instrument | None, venue: str
) -> Priced | Reject:
    """The instrument's rules and the value of one unit, or why there is none."""
    request, config = event.request, state.config
    limit_px = request.sent_limit_px
    if instrument is None:
        text = f"symbol {request.symbol} is not in instruments.yaml"
        return refuse(RejectStage.INSTRUMENT, RejectCode.INSTRUMENT_UNKNOWN, text, symbol=request.symbol)
    if venue != instrument.venue:
        text = f"{request.symbol} trades at {instrument.venue}, not at {venue}; leave venue out, or correct it"
        return refuse(RejectStage.INSTRUMENT, RejectCode.VENUE_MISMATCH, text, limit=instrument.venue, value=venue)
    if request.account not in config.accounts:
        text = f"account {request.account} is not configured; add it under accounts in gateway.yaml"
        return refuse(RejectStage.INSTRUMENT, RejectCode.ACCOUNT_UNKNOWN, text, account=request.account)
    breaches = instrument_breaches(instrument, config, request.ord_type, request.order_qty, (limit_px, request.stop_px))
    if request.order_class is not _SIMPLE:
        breaches.extend(exit_breaches(instrument, config, request))
    breaches += venue_breaches(state, request, venue)
    if breaches:
        return reject_of(RejectStage.INSTRUMENT, tuple(breaches))
    reference = reference_px(event.view, instrument)
    if reference is None and limit_px is None:
        reference = _mark_of_closed(state, request, venue)
    stop_px = request.stop_px
    if stop_px is None and request.ord_type is _TRAILING_STOP:
        stop_px = first_trigger(request.side, reference, request.trailing_amount, request.trailing_percent)
    px = worst_px(
        request.side,
        request.ord_type,
        limit_px,
        stop_px,
        reference,
        config.reprice_reserve_bps,
    )
    if px is None:
        text = f"no market price is known for {request.symbol}, so the order cannot be valued; send a limit order"
        return refuse(RejectStage.INSTRUMENT, RejectCode.REFERENCE_PRICE_MISSING, text, symbol=request.symbol)
    if px * instrument.multiplier * request.order_qty < instrument.min_notional:
        return reject_of(RejectStage.INSTRUMENT, (notional_breach(instrument, px, request.order_qty),))
    worst = unit_value(px, instrument, config)
    marked = worst if reference is None else unit_value(reference, instrument, config)
    return Priced(instrument, worst, marked, reference, event.view)


def _mark_of_closed(state: GatewayState, request: NewOrderSingle, venue: str) -> Decimal | None:
    """The price that a position was last valued at, for an order that only closes it: without market data too, a
    position can be closed at the market (invariant 3)."""
    key = position_key_of(request.account, request.strategy_id, venue, request.symbol)
    cycles = state.cycles.get(key)
    if cycles is None:
        return None
    routes = [
        (route, qty)
        for route in (Route.LIVE, Route.SHADOW)
        if (qty := closable_qty(state, key, route, cycles.of(route), request.side))
    ]
    if sum(qty for _, qty in routes) < request.order_qty:
        return None
    return state.books[routes[0][0]].positions[key].mark_px or None
