"""The kill switch: a person stops trading in one scope, or lets it go on."""

from collections.abc import Sequence

from gateway.core.changes import cancel_orders, may_cancel
from gateway.core.decision import Decision
from gateway.core.state import GatewayState
from gateway.core.trading.states import Scope, TradingStop, scopes_of
from gateway.domain.effects import Effect
from gateway.domain.enums import TradingState
from gateway.domain.events import TradingSwitched
from gateway.domain.facts import Fact, TradingStateChanged
from gateway.domain.orders import Actor, Order
from gateway.domain.positions import Position
from gateway.domain.stop_facts import FlattenEnded


def switch_trading(state: GatewayState, event: TradingSwitched) -> Decision:
    """HALTED cancels every open order of its scope, also when it was halted before: pressing it twice is safe."""
    changed = TradingStateChanged(
        ts_ns=event.ts_ns,
        state=event.state,
        actor=event.actor,
        reason=event.reason,
        scope=event.scope,
        scope_id=event.scope_id,
    )
    if event.state is not TradingState.HALTED:
        ended = _ended_flattens(state, event)
        canceled, effects = called_off(state, ended, event.actor)
        return Decision((changed, *ended, *canceled), effects)
    orders = open_orders_of(state, (event.scope, event.scope_id))
    facts, effects = cancel_orders(orders, event.actor, event.ts_ns)
    return Decision((changed, *facts), effects)


def _ended_flattens(state: GatewayState, event: TradingSwitched) -> list[FlattenEnded]:
    """Letting a scope trade again ends what was closing its positions: both at once would work against each other."""
    text = f"trading was set to {event.state.value} by {event.actor.name}"
    return [
        FlattenEnded(ts_ns=event.ts_ns, flatten_id=one.order.flatten_id, is_flat=False, text=text)
        for one in state.running_flattens()
        if one.closes_all and (one.order.scope, one.order.scope_id) == (event.scope, event.scope_id)
    ]


def called_off(state: GatewayState, facts: Sequence[Fact], actor: Actor) -> tuple[tuple[Fact, ...], tuple[Effect, ...]]:
    """The end of what flattens that end by ``facts`` have sent: whoever calls one off wants to keep what is left."""
    ended = {fact.flatten_id: fact.ts_ns for fact in facts if isinstance(fact, FlattenEnded)}
    if not ended:
        return (), ()
    orders = [order for order in state.open_orders() if order.flatten_id in ended and not order.is_cancel_requested]
    return cancel_orders(orders, actor, max(ended.values()))


def person_halt(state: GatewayState, position: Position) -> TradingStop | None:
    """A halt by a person that the position falls under."""
    stops = (state.trading.stop_of(scope) for scope in scopes_of(position))
    return next((stop for stop in stops if stop is not None and stop.state is TradingState.HALTED), None)


def left_working(state: GatewayState, ts_ns: int) -> list[Order]:
    """Orders that work although trading is halted for them: the venue refused the cancel. What a flatten sent is its
    own to cancel."""
    if not any(stop.state is TradingState.HALTED for stop in state.trading.everything_stopped()):
        return []
    return [
        order
        for order in state.open_orders()
        if not order.flatten_id and may_cancel(order, ts_ns) and state.trading.is_halted(order)
    ]


def open_orders_of(state: GatewayState, scope: Scope) -> list[Order]:
    """Everything within ``scope`` that may still trade, oldest first."""
    return [order for order in state.open_orders() if scope in scopes_of(order)]
