"""Does a new order keep to the message rate? Asked before anything else, so that what comes too early costs little."""

from gateway.core.decision import Decision
from gateway.core.routing import closable_qty
from gateway.core.state import GatewayState
from gateway.core.throttle.rules import message_wait, put_off
from gateway.domain.enums import Route
from gateway.domain.events import OrderReceived
from gateway.domain.money import ZERO
from gateway.domain.orders import NewOrderSingle, position_key_of


def refused_as_too_early(state: GatewayState, event: OrderReceived, venue: str) -> Decision | None:
    """The message rate. What came too early leaves no order; only a clock that stepped back is put on record."""
    throttle, request = state.throttle, event.request
    wait = message_wait(throttle, request, venue, event.ts_ns, may_use_reserve=False)
    if wait is not None and _closes_only(state, request, venue):
        wait = message_wait(throttle, request, venue, event.ts_ns, may_use_reserve=True)
    return None if wait is None else put_off(throttle, wait, event.ts_ns)


def _closes_only(state: GatewayState, request: NewOrderSingle, venue: str) -> bool:
    key = position_key_of(request.account, request.strategy_id, venue, request.symbol)
    cycles = state.cycles.get(key)
    if cycles is None:
        return False
    routes = (Route.LIVE, Route.SHADOW)
    closable = (closable_qty(state, key, route, cycles.of(route), request.side) for route in routes)
    return request.order_qty <= sum(closable, ZERO)
