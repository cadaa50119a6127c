"""What a request becomes: one order, the legs that it is cut into along position lives, or what is sent of an order
with a class and the exits that go with it. Nothing is decided of them yet."""

import msgspec

from gateway.core.measuring import Earlier, Measured, Priced, measured_order, refused_by_limits
from gateway.core.order_classes import class_refusal, exits_of
from gateway.core.pricing import unit_value, worst_px
from gateway.core.routing import Leg, RouteRequest, choose_legs
from gateway.core.state import GatewayState
from gateway.core.valuing import price_order
from gateway.domain.enums import OrderClass, Route, Side
from gateway.domain.events import OrderReceived
from gateway.domain.market import MarketView
from gateway.domain.money import ZERO
from gateway.domain.order_class import leg_id_of
from gateway.domain.orders import NewOrderSingle, Order, Reject, position_key_of

# Named once: see domain.orders.
_SHADOW, _SIMPLE = Route.SHADOW, OrderClass.SIMPLE


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """An order, or one leg of a split one, before anything is decided of it; with the exits that go with it."""

    order: Order
    leg: Leg
    measured: Measured
    exits: tuple[Measured, ...] = ()


def candidates(state: GatewayState, event: OrderReceived) -> tuple[Candidate, ...] | Reject:
    """What a request would become, one for each leg; or what its instrument has against it."""
    request = event.request
    instrument = state.config.instruments.get(request.symbol)
    venue = venue_of(state, request)
    priced = price_order(state, event, instrument, venue)
    if isinstance(priced, Reject):
        return priced
    legs = choose_legs(
        state,
        RouteRequest(
            position_key=position_key_of(request.account, request.strategy_id, venue, request.symbol),
            account=request.account,
            strategy_id=request.strategy_id,
            venue=venue,
            symbol=request.symbol,
            side=request.side,
            qty=request.order_qty,
            unit_value=priced.unit_value,
            ts_ns=event.ts_ns,
        ),
    )
    if request.order_class is not _SIMPLE:
        return _class_candidates(state, event, venue, priced, legs)
    if len(legs) == 1:
        order = order_of(state, event, venue, priced, legs[0], event.order_id)
        return (Candidate(order, legs[0], measured_order(state, order, priced, request.order_qty)),)
    found: list[Candidate] = []
    for number, leg in enumerate(legs, start=1):
        order = order_of(state, event, venue, priced, leg, f"{event.order_id}-{number}")
        order.parent_id = event.order_id
        order.cl_ord_id = ""
        earlier = _same_route(legs, leg.route, number - 1)
        found.append(Candidate(order, leg, measured_order(state, order, priced, request.order_qty, earlier)))
    return tuple(found)


def _class_candidates(
    state: GatewayState, event: OrderReceived, venue: str, priced: Priced, legs: tuple[Leg, ...]
) -> tuple[Candidate, ...] | Reject:
    """What is sent of an order with a class, measured with its exits. The whole of it goes one way."""
    request = event.request
    reject = class_refusal(request.order_class, tuple(leg.is_closing for leg in legs))
    if reject is not None:
        return reject
    order = order_of(state, event, venue, priced, legs[0], leg_id_of(event.order_id, 1))
    order.parent_id, order.cl_ord_id = event.order_id, ""
    order.order_class, order.take_profit, order.stop_loss = request.order_class, request.take_profit, request.stop_loss
    exits = exits_of(order)
    measured = measured_order(state, order, priced, request.order_qty, Earlier(ZERO, len(exits)))
    waking = msgspec.structs.replace(priced, view=_view_of_exits(order, priced.view))
    return (Candidate(order, legs[0], measured, tuple(_measured_exit(state, one, waking) for one in exits)),)


def _view_of_exits(sent: Order, view: MarketView) -> MarketView:
    """The market that the exits of an entry with a limit wake in: it has come to that limit by then."""
    if not sent.is_entry or sent.limit_px is None or view.reference_px is None:
        return view
    nearer = min if sent.side is Side.BUY else max
    return msgspec.structs.replace(view, reference_px=nearer(view.reference_px, sent.limit_px))


def _measured_exit(state: GatewayState, order: Order, priced: Priced) -> Measured:
    """An exit as the limits see it: a closing order at its own worst price."""
    px = worst_px(order.side, order.ord_type, order.limit_px, order.stop_px, None, state.config.reprice_reserve_bps)
    assert px is not None, "an exit has a price"
    unit = unit_value(px, priced.instrument, state.config)
    own = msgspec.structs.replace(priced, unit_value=unit, mark_unit_value=unit)
    return measured_order(state, order, own, order.order_qty)


def refusal_of_exits(exits: tuple[Measured, ...]) -> Reject | None:
    """What the limits have against the first of the exits that they do not let pass."""
    for measured in exits:
        reject = refused_by_limits(measured)
        if reject is not None:
            which = "take_profit" if measured.risk.stop_px is None else "stop_loss"
            return msgspec.structs.replace(reject, text=f"{which}: {reject.text}")
    return None


def venue_of(state: GatewayState, request: NewOrderSingle) -> str:
    instrument = state.config.instruments.get(request.symbol)
    return request.venue or (instrument.venue if instrument is not None else "")


def _same_route(legs: tuple[Leg, ...], route: Route, count: int) -> Earlier:
    """What the first ``count`` legs add to the book of ``route``."""
    same = [leg.qty for leg in legs[:count] if leg.route is route]
    return Earlier(sum(same, ZERO), len(same))


def order_of(
    state: GatewayState,
    event: OrderReceived,
    venue: str,
    priced: Priced | None,
    leg: Leg,
    order_id: str,
) -> Order:
    request = event.request
    notes: tuple[str, ...] = ()
    if request.execution_algorithm is not None and leg.route is _SHADOW:
        notes = (
            f"the simulator does not model {request.execution_algorithm}: "
            f"filled as a plain {request.ord_type.value} order",
        )
    return Order(
        order_id=order_id,
        cl_ord_id=request.cl_ord_id,
        fingerprint=event.fingerprint,
        account=request.account,
        strategy_id=request.strategy_id,
        venue=venue,
        symbol=request.symbol,
        position_key=position_key_of(request.account, request.strategy_id, venue, request.symbol),
        side=request.side,
        ord_type=request.ord_type,
        time_in_force=request.time_in_force,
        order_qty=leg.qty,
        limit_px=request.sent_limit_px,
        stop_px=request.stop_px,
        trailing_amount=request.trailing_amount,
        trailing_percent=request.trailing_percent,
        expire_ns=request.expire_ns,
        execution_algorithm=request.execution_algorithm,
        actor=event.actor,
        created_ns=event.ts_ns,
        updated_ns=event.ts_ns,
        config_revision=state.config.revision,
        control_epoch=state.control_epoch,
        route=leg.route,
        route_reason=leg.reason,
        mode=state.mode_of(venue, event.ts_ns),
        cycle=leg.cycle,
        bucket=leg.bucket,
        is_closing=leg.is_closing,
        arrival_px=None if priced is None else priced.reference_px,
        held_unit=ZERO if priced is None else priced.unit_value,
        notes=notes,
    )
