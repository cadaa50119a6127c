"""From an order received to an order admitted or denied.

``receive`` checks the instrument, the trading state, the route and the limits, and holds the exposure. Where the
policy answers within the same step, ``settle`` adds what its verdicts come to; else ``conclude`` hears it later and
admits, denies, or has it decided again because the rules moved meanwhile.
"""

from decimal import Decimal

from gateway.core.decision import NOTHING, Decision
from gateway.core.measuring import Earlier, Priced
from gateway.core.policy import denial_of, policy_document
from gateway.core.pricing import reference_px, unit_value, worst_px
from gateway.core.refusal import refusal_of
from gateway.core.routing import Leg, RouteRequest, choose_legs, closable_qty
from gateway.core.state import GatewayState
from gateway.core.tickets import submit_effects
from gateway.core.validation import instrument_breaches
from gateway.core.words import refuse, reject_of
from gateway.domain.effects import Effect, EvaluatePolicy, ReconsiderOrder
from gateway.domain.enums import OrdStatus, RejectStage, Route, ScopeKind
from gateway.domain.events import OrderReceived, PolicyEvaluated, PolicyVerdict
from gateway.domain.facts import (
    CycleOpened,
    Fact,
    HoldReleased,
    OrderAdmitted,
    OrderDenied,
    OrderHeld,
)
from gateway.domain.instruments import Instrument
from gateway.domain.money import ZERO, plain
from gateway.domain.orders import Breach, NewOrderSingle, Order, Reject, position_key_of
from gateway.domain.reasons import RejectCode, RouteReason

_SPLIT, _SHADOW = Route.SPLIT, Route.SHADOW  # named once: see domain.orders


def receive(state: GatewayState, event: OrderReceived) -> Decision:
    """Check a well-formed order against everything that is ours, hold its exposure, and hear the policy if it spoke."""
    return settle(_receive(state, event), event)


def settle(decision: Decision, event: OrderReceived) -> Decision:
    """``decision`` on the order itself, with what the event's verdicts make of the orders that it holds.

    Nothing can move between the two: the verdicts were given on the very decision, before anything else was decided.
    """
    verdicts = event.verdicts
    if not verdicts:
        return decision
    # Every order that is held is asked about, and nothing else: a parent that was split has its legs asked about.
    held = [fact.order for fact in decision.facts if type(fact) is OrderHeld and fact.order.route is not _SPLIT]
    facts, effects = decision.facts, decision.effects[len(verdicts) :]
    for order, verdict in zip(held, verdicts, strict=False):
        fact, sent = _hear(order, verdict, event.ts_ns)
        facts, effects = (*facts, fact), (*effects, *sent)
    return Decision(facts, effects)


def _receive(state: GatewayState, event: OrderReceived) -> Decision:
    request = event.request
    instrument = state.config.instruments.get(request.symbol)
    venue = request.venue or (instrument.venue if instrument is not None else "")
    priced = _price(state, event, instrument, venue)
    if isinstance(priced, Reject):
        return _deny(state, event, venue, priced)
    key = position_key_of(request.account, request.strategy_id, venue, request.symbol)
    legs = choose_legs(
        state,
        RouteRequest(
            position_key=key,
            account=request.account,
            strategy_id=request.strategy_id,
            venue=venue,
            symbol=request.symbol,
            side=request.side,
            qty=request.order_qty,
            unit_value=priced.unit_value,
        ),
    )
    if len(legs) == 1:
        return _receive_whole(state, event, venue, priced, legs[0])
    return _receive_split(state, event, venue, priced, legs)


def _price(state: GatewayState, event: OrderReceived, instrument: Instrument | None, venue: str) -> Priced | Reject:
    """The instrument's rules and the value of one unit, or why there is none."""
    request, config = event.request, state.config
    if instrument is None:
        text = f"symbol {request.symbol} is not in instruments.yaml"
        return refuse(RejectStage.INSTRUMENT, RejectCode.INSTRUMENT_UNKNOWN, text, symbol=request.symbol)
    if venue != instrument.venue:
        text = f"{request.symbol} trades at {instrument.venue}, not at {venue}; leave venue out, or correct it"
        return refuse(RejectStage.INSTRUMENT, RejectCode.VENUE_MISMATCH, text, limit=instrument.venue, value=venue)
    if request.account not in config.accounts:
        text = f"account {request.account} is not configured; add it under accounts in gateway.yaml"
        return refuse(RejectStage.INSTRUMENT, RejectCode.ACCOUNT_UNKNOWN, text, account=request.account)
    breaches = instrument_breaches(
        instrument, config, request.ord_type, request.order_qty, (request.limit_px, request.stop_px)
    )
    if breaches:
        return reject_of(RejectStage.INSTRUMENT, tuple(breaches))
    reference = reference_px(event.view, instrument)
    if reference is None and request.limit_px is None:
        reference = _mark_of_closed(state, request, venue)
    px = worst_px(
        request.side,
        request.ord_type,
        request.limit_px,
        request.stop_px,
        reference,
        config.reprice_reserve_bps,
    )
    if px is None:
        text = f"no market price is known for {request.symbol}, so the order cannot be valued; send a limit order"
        return refuse(RejectStage.INSTRUMENT, RejectCode.REFERENCE_PRICE_MISSING, text, symbol=request.symbol)
    per_unit = px * instrument.multiplier
    if per_unit * request.order_qty < instrument.min_notional:
        low = plain(instrument.min_notional)
        value = plain(per_unit * request.order_qty)
        breach = Breach(RejectCode.NOTIONAL_BELOW_MINIMUM, ScopeKind.SYMBOL, instrument.symbol, low, value)
        return reject_of(RejectStage.INSTRUMENT, (breach,))
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


def _receive_whole(state: GatewayState, event: OrderReceived, venue: str, priced: Priced, leg: Leg) -> Decision:
    order = _order_of(state, event, venue, priced, leg, event.order_id)
    reject = refusal_of(state, order, priced, event.request.order_qty)
    if reject is not None:
        order.ord_status, order.reject = OrdStatus.DENIED, reject
        denied = OrderDenied(ts_ns=event.ts_ns, order_id=order.order_id, reject=reject, order=order)
        return Decision((denied,))
    facts, effect = _hold(state, event, order, leg)
    return Decision(facts, (effect,))


def _receive_split(
    state: GatewayState, event: OrderReceived, venue: str, priced: Priced, legs: tuple[Leg, ...]
) -> Decision:
    """Hold each leg on its own; the closing part stands even when the rest is denied."""
    orders: list[tuple[Order, Leg]] = []
    for number, leg in enumerate(legs, start=1):
        order = _order_of(state, event, venue, priced, leg, f"{event.order_id}-{number}")
        order.parent_id = event.order_id
        order.cl_ord_id = ""
        orders.append((order, leg))
    rejects = [
        refusal_of(state, order, priced, event.request.order_qty, _same_route(legs, order.route, n))
        for n, (order, _) in enumerate(orders)
    ]
    parent = _order_of(state, event, venue, priced, legs[0], event.order_id)
    parent.route, parent.route_reason = Route.SPLIT, RouteReason.SPLIT_CLOSE_AND_REST
    parent.is_closing, parent.cycle, parent.held_unit, parent.bucket = False, 0, ZERO, None
    parent.order_qty = event.request.order_qty
    if all(reject is not None for reject in rejects):
        parent.ord_status, parent.reject = OrdStatus.DENIED, rejects[0]
        assert rejects[0] is not None
        denied = OrderDenied(ts_ns=event.ts_ns, order_id=parent.order_id, reject=rejects[0], order=parent)
        return Decision((denied,))
    parent.leg_ids = tuple(order.order_id for order, _ in orders)
    facts: list[Fact] = [OrderHeld(ts_ns=event.ts_ns, order=parent)]
    effects: list[Effect] = []
    for (order, leg), reject in zip(orders, rejects, strict=True):
        if reject is not None:
            order.ord_status, order.reject = OrdStatus.DENIED, reject
            facts.append(OrderDenied(ts_ns=event.ts_ns, order_id=order.order_id, reject=reject, order=order))
            continue
        held, effect = _hold(state, event, order, leg)
        facts.extend(held)
        effects.append(effect)
    return Decision(tuple(facts), tuple(effects))


def _same_route(legs: tuple[Leg, ...], route: Route, count: int) -> Earlier:
    """What the first ``count`` legs add to the book of ``route``."""
    same = [leg.qty for leg in legs[:count] if leg.route is route]
    return Earlier(sum(same, ZERO), len(same))


def _hold(state: GatewayState, event: OrderReceived, order: Order, leg: Leg) -> tuple[tuple[Fact, ...], EvaluatePolicy]:
    document = policy_document(state, order, event.view, event.ts_ns)
    held = OrderHeld(ts_ns=event.ts_ns, order=order)
    effect = EvaluatePolicy(order_id=order.order_id, document=document)
    if not leg.opens_cycle:
        return (held,), effect
    opened = CycleOpened(
        ts_ns=event.ts_ns,
        position_key=order.position_key,
        venue=order.venue,
        cycle=leg.cycle,
        route=leg.route,
        bucket=leg.bucket,
        weight_bp=leg.weight_bp,
        order_id=order.order_id,
    )
    return (opened, held), effect


def _deny(state: GatewayState, event: OrderReceived, venue: str, reject: Reject) -> Decision:
    leg = Leg(route=Route.SHADOW, reason=RouteReason.MODE_SHADOW, qty=event.request.order_qty, cycle=0)
    order = _order_of(state, event, venue, None, leg, event.order_id)
    order.ord_status, order.reject = OrdStatus.DENIED, reject
    return Decision((OrderDenied(ts_ns=event.ts_ns, order_id=order.order_id, reject=reject, order=order),))


def _order_of(
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
        limit_px=request.limit_px,
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
        mode=state.mode_of(venue),
        cycle=leg.cycle,
        bucket=leg.bucket,
        is_closing=leg.is_closing,
        arrival_px=None if priced is None else priced.reference_px,
        held_unit=ZERO if priced is None else priced.unit_value,
        notes=notes,
    )


def conclude(state: GatewayState, event: PolicyEvaluated) -> Decision:
    """The policy has spoken on a held order."""
    order = state.orders.get(event.order_id)
    if order is None or order.is_admitted or not order.is_open:
        return NOTHING  # canceled or withdrawn while the policy was thinking
    if order.control_epoch != state.control_epoch and not _stands_whatever_changed(state, order):
        return _decide_again(state, event, order)
    fact, effects = _hear(order, event.verdict, event.ts_ns)
    return Decision((fact,), effects)


def _hear(order: Order, verdict: PolicyVerdict, ts_ns: int) -> tuple[Fact, tuple[Effect, ...]]:
    """What the policy's verdict makes of a held order."""
    reject = denial_of(verdict)
    if reject is not None:
        return OrderDenied(ts_ns=ts_ns, order_id=order.order_id, reject=reject), ()
    admitted = OrderAdmitted(ts_ns=ts_ns, order_id=order.order_id, policy_revision=verdict.revision)
    return admitted, submit_effects(order)


def _stands_whatever_changed(state: GatewayState, order: Order) -> bool:
    """The closing leg of a split order: no change of mode or limits may keep a position from being closed."""
    return bool(order.parent_id) and order.is_closing and not state.trading.is_halted(order)


def _decide_again(state: GatewayState, event: PolicyEvaluated, order: Order) -> Decision:
    """Mode, limits or trading state moved while the policy was thinking: what was approved is void.

    A leg of a split order is denied instead: its parent was answered for as a whole, and the client can send
    the rest again under the rules of now.
    """
    if order.parent_id:
        text = "mode, limits or trading state changed while the order was checked; send it again"
        reject = refuse(RejectStage.ROUTER, RejectCode.CONTROLS_CHANGED, text)
        return Decision((OrderDenied(ts_ns=event.ts_ns, order_id=order.order_id, reject=reject),))
    request = NewOrderSingle(
        symbol=order.symbol,
        side=order.side,
        order_qty=order.order_qty,
        ord_type=order.ord_type,
        limit_px=order.limit_px,
        stop_px=order.stop_px,
        trailing_amount=order.trailing_amount,
        trailing_percent=order.trailing_percent,
        time_in_force=order.time_in_force,
        expire_ns=order.expire_ns,
        account=order.account,
        strategy_id=order.strategy_id,
        venue=order.venue,
        cl_ord_id=order.cl_ord_id,
        execution_algorithm=order.execution_algorithm,
    )
    again = ReconsiderOrder(order_id=order.order_id, request=request, fingerprint=order.fingerprint, actor=order.actor)
    return Decision((HoldReleased(ts_ns=event.ts_ns, order_id=order.order_id),), (again,))
