"""Where an order goes, and as which part of which cycle (invariants 3 and 4).

An order is cut into legs along position lives. What closes a position follows that position's route, whatever
the mode is now; what opens or adds follows the running cycle, or begins a new one whose route is drawn once.
"""

from collections.abc import Set
from decimal import Decimal

import msgspec

from gateway.core.identity import draw_bucket
from gateway.core.risk.exposure import CycleUse
from gateway.core.state import Cycles, GatewayState
from gateway.domain.enums import CanaryUnit, Mode, Route, Side
from gateway.domain.money import ZERO
from gateway.domain.reasons import RouteReason
from gateway.domain.rollout import CanaryCaps, Promotions

_NO_CYCLES = Cycles()
_NO_ROUTES: frozenset[Route] = frozenset()
# Named once: see domain.orders.
_LIVE, _SHADOW = Route.LIVE, Route.SHADOW
_BUY = Side.BUY
_BPS = 10_000


class RouteRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What routing needs of an order. ``unit_value`` is its worst-case value per unit, base currency."""

    position_key: str
    account: str
    strategy_id: str
    venue: str
    symbol: str
    side: Side
    qty: Decimal
    unit_value: Decimal
    ts_ns: int


class Leg(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One part of an order on one route. ``opens_cycle`` True: ``cycle`` begins with it; ``bucket`` is what was
    drawn under ``weight_bp`` (None when the mode left nothing to draw)."""

    route: Route
    reason: RouteReason
    qty: Decimal
    cycle: int
    is_closing: bool = False
    opens_cycle: bool = False
    bucket: int | None = None
    weight_bp: int = 0


def choose_legs(state: GatewayState, request: RouteRequest) -> tuple[Leg, ...]:
    """Cut an order into one to three legs: closing live, closing shadow, opening."""
    key = request.position_key
    cycles = state.cycles.get(key, _NO_CYCLES)
    legs: list[Leg] = []
    rest = request.qty
    for route, use in ((_LIVE, cycles.live), (_SHADOW, cycles.shadow)):
        part = closable_qty(state, key, route, use, request.side)
        if part > 0:
            part = min(rest, part)
            legs.append(
                Leg(
                    route=route,
                    reason=RouteReason.CLOSES_POSITION,
                    qty=part,
                    cycle=use.cycle,
                    is_closing=True,
                )
            )
            rest -= part
            if not rest:
                return tuple(legs)
    closing = {leg.route for leg in legs} if legs else _NO_ROUTES
    legs.append(_opening_leg(state, request, key, cycles, rest, closing))
    return tuple(legs)


def closable_qty(state: GatewayState, key: str, route: Route, use: CycleUse, side: Side) -> Decimal:
    """How much of the position an order on ``side`` may still close: less what open closing orders may take."""
    position = state.books[route].positions.get(key)
    if position is None or not position.qty or (position.qty > 0) == (side is _BUY):
        return ZERO
    return max(abs(position.qty) - use.closing_qty, ZERO)


def is_cycle_open(state: GatewayState, key: str, route: Route, use: CycleUse) -> bool:
    """A cycle lives while its position is not flat or an order of it may still fill."""
    if use.open_orders:
        return True
    position = state.books[route].positions.get(key)
    return position is not None and bool(position.qty)


def _opening_leg(
    state: GatewayState,
    request: RouteRequest,
    key: str,
    cycles: Cycles,
    qty: Decimal,
    closing: Set[Route],
) -> Leg:
    mode = state.mode_of(request.venue, request.ts_ns)
    runs_live = _LIVE not in closing and is_cycle_open(state, key, _LIVE, cycles.live)
    runs_shadow = _SHADOW not in closing and is_cycle_open(state, key, _SHADOW, cycles.shadow)
    refusal: RouteReason | None = None
    if runs_live:
        refusal = RouteReason.DEMOTED_CYCLE if mode is Mode.SHADOW else _broken_cap(state, request, mode, qty)
        if refusal is None:
            return Leg(route=Route.LIVE, reason=RouteReason.FOLLOWS_CYCLE, qty=qty, cycle=cycles.live.cycle)
    if runs_shadow:
        reason = refusal or RouteReason.FOLLOWS_CYCLE
        return Leg(route=_SHADOW, reason=reason, qty=qty, cycle=cycles.shadow.cycle)
    number = cycles.last + 1
    if refusal is not None:
        return _new_cycle(Route.SHADOW, refusal, qty, number, None, 0)
    return _draw(state, request, mode, qty, number)


def _draw(state: GatewayState, request: RouteRequest, mode: Mode, qty: Decimal, number: int) -> Leg:
    """Begin a cycle: the mode decides, or in CANARY the keyed hash against the weight."""
    if mode is Mode.SHADOW:
        return _new_cycle(Route.SHADOW, RouteReason.MODE_SHADOW, qty, number, None, 0)
    if mode is Mode.LIVE:
        return _new_cycle(Route.LIVE, RouteReason.MODE_LIVE, qty, number, None, 10_000)
    weight_bp = state.weight_bp(request.venue, request.ts_ns)
    bucket = draw_bucket(state.config.rollout.salt, *_draw_parts(state, request, number))
    if bucket >= weight_bp:
        return _new_cycle(Route.SHADOW, RouteReason.CANARY_DRAWN_SHADOW, qty, number, bucket, weight_bp)
    cap = _broken_cap(state, request, mode, qty)
    if cap is not None:
        return _new_cycle(Route.SHADOW, cap, qty, number, bucket, weight_bp)
    return _new_cycle(Route.LIVE, RouteReason.CANARY_DRAWN_LIVE, qty, number, bucket, weight_bp)


def _draw_parts(state: GatewayState, request: RouteRequest, number: int) -> tuple[str, ...]:
    unit = state.config.rollout.canary_unit
    if unit is CanaryUnit.ACCOUNT:
        return (request.account, request.venue)
    if unit is CanaryUnit.STRATEGY:
        return (request.account, request.strategy_id, request.venue)
    return (request.account, request.strategy_id, request.venue, request.symbol, str(number))


def _new_cycle(route: Route, reason: RouteReason, qty: Decimal, number: int, bucket: int | None, weight_bp: int) -> Leg:
    return Leg(
        route=route,
        reason=reason,
        qty=qty,
        cycle=number,
        opens_cycle=True,
        bucket=bucket,
        weight_bp=weight_bp,
    )


def cap_uses(state: GatewayState, venue: str) -> tuple[tuple[str, Decimal | None, Decimal], ...]:
    """The caps of a canary at a venue (key, limit, use without the order); none unless the venue is in CANARY."""
    caps = state.caps_of(venue)
    if caps is None or state.mode_of(venue) is not Mode.CANARY:
        return ()
    counted, use = state.venues.get(venue), state.books[Route.LIVE].venues.get(venue)
    orders = caps.max_live_orders
    return (
        (
            "max_live_orders",
            None if orders is None else Decimal(orders),
            Decimal(0 if counted is None else counted.live_orders_today),
        ),
        ("max_live_notional", caps.max_live_notional, ZERO if use is None else use.gross + use.held),
        ("max_live_loss", caps.max_live_loss, ZERO if use is None else max(-use.day_pnl, ZERO)),
    )


def _broken_cap(state: GatewayState, request: RouteRequest, mode: Mode, qty: Decimal) -> RouteReason | None:
    """The canary cap that sending ``qty`` live would break, if any; LIVE has none."""
    if mode is not Mode.CANARY:
        return None
    value = request.unit_value * qty
    if _exceeds_share(state, request.venue, value):
        return RouteReason.CANARY_CAP_SHARE
    caps = state.caps_of(request.venue, request.ts_ns)
    if caps is None:
        return None
    venue = state.venues.get(request.venue)
    if caps.max_live_orders is not None and venue is not None:
        if venue.live_orders_today + venue.live_orders_waiting >= caps.max_live_orders:
            return RouteReason.CANARY_CAP_ORDERS
    elif caps.max_live_orders == 0:
        return RouteReason.CANARY_CAP_ORDERS
    return _broken_money_cap(state, request.venue, caps, value)


def cap_broken_by(state: GatewayState, venue: str, added_value: Decimal, ts_ns: int) -> RouteReason | None:
    """The same of more of an order that is live already. Below 0: more is held while new terms are asked for than they
    may come to, which the share does not count."""
    if state.mode_of(venue, ts_ns) is not Mode.CANARY:
        return None
    if _exceeds_share(state, venue, max(added_value, ZERO)):
        return RouteReason.CANARY_CAP_SHARE
    caps = state.caps_of(venue, ts_ns)
    return None if caps is None else _broken_money_cap(state, venue, caps, added_value)


def _broken_money_cap(state: GatewayState, venue: str, caps: CanaryCaps, value: Decimal) -> RouteReason | None:
    use = state.books[Route.LIVE].venues.get(venue)
    at_risk = value + (use.gross + use.held if use is not None else ZERO)
    if caps.max_live_notional is not None and at_risk > caps.max_live_notional:
        return RouteReason.CANARY_CAP_NOTIONAL
    if caps.max_live_loss is not None and use is not None and -use.day_pnl >= caps.max_live_loss:
        return RouteReason.CANARY_CAP_LOSS
    return None


def _exceeds_share(state: GatewayState, venue: str, value: Decimal) -> bool:
    """Whether the live share of the value opened would be more than the step permits: one large order is not 1%.

    What went live in this step is measured against everything that was opened in the rollout, in both books; what
    waits to be admitted, or for an answer to its new terms, counts as live.
    """
    rollout = state.rollouts.get(venue)
    terms = state.config.rollout
    step = None if rollout is None else terms.step_at(rollout.evidence.position)
    if rollout is None or step is None or step.notional_bp is None:
        return False
    if terms.promotions_of(venue) is Promotions.MANUAL:
        return False
    use = state.venues.get(venue)
    more = value if use is None else value + use.live_value_waiting
    return (rollout.evidence.live_opened + more) * _BPS > step.notional_bp * (rollout.opened + more)
