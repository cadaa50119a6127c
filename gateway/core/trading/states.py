"""Trading states per scope: what is stopped, where, by whom. An order looks up its own scopes and nothing more."""

import msgspec

from gateway.domain.enums import STOP_SCOPES, Route, ScopeKind, TradingState
from gateway.domain.orders import Actor, Order
from gateway.domain.positions import Position

#: A scope: its kind and its name (empty for the gateway).
Scope = tuple[ScopeKind, str]
GATEWAY: Scope = (ScopeKind.GATEWAY, "")


class TradingStop(msgspec.Struct, frozen=True, kw_only=True):
    """One scope that is not ACTIVE, since when, by whom and why."""

    scope: ScopeKind
    scope_id: str
    state: TradingState
    actor: Actor
    reason: str
    since_ns: int


class TradingStates:
    """Every scope that is not ACTIVE. Written by ``core.apply`` only.

    A stop of a person holds for both books.
    """

    __slots__ = ("_in_force", "_stops")

    def __init__(self) -> None:
        self._stops: dict[Scope, TradingStop] = {}
        self._in_force: dict[Route, dict[Scope, TradingStop]] = {Route.LIVE: {}, Route.SHADOW: {}}

    def put(self, stop: TradingStop) -> None:
        """Put a scope into the state that ``stop`` says; ACTIVE ends what a person stopped there, and nothing else."""
        scope = (stop.scope, stop.scope_id)
        if stop.state is TradingState.ACTIVE:
            self._stops.pop(scope, None)
        else:
            self._stops[scope] = stop
        for in_force in self._in_force.values():
            in_force.clear()
            in_force.update(self._stops)

    def strictest(self, order: Order) -> TradingStop | None:
        """The strictest stop over the order's scopes in the book of its route; None when all of them are ACTIVE."""
        in_force = self._in_force.get(order.route)
        if not in_force:
            return None
        found: TradingStop | None = None
        for scope in scopes_of(order):
            stop = in_force.get(scope)
            if stop is not None and (found is None or stop.state.strictness > found.state.strictness):
                found = stop
        return found

    def is_halted(self, order: Order) -> bool:
        stop = self.strictest(order)
        return stop is not None and stop.state is TradingState.HALTED

    def stop_of(self, scope: Scope) -> TradingStop | None:
        """What a person stopped in this very scope."""
        return self._stops.get(scope)

    def all_stops(self) -> list[TradingStop]:
        """Everything that is stopped, the gateway first, then by kind and name."""
        return sorted(self._stops.values(), key=lambda stop: (STOP_SCOPES.index(stop.scope), stop.scope_id))

    @property
    def gateway_state(self) -> TradingState:
        """The state of the gateway as a whole: what holds for every order."""
        stop = self._stops.get(GATEWAY)
        return TradingState.ACTIVE if stop is None else stop.state

    @property
    def gateway_reason(self) -> str:
        stop = self._stops.get(GATEWAY)
        return "" if stop is None else stop.reason


def scopes_of(order: Order | Position) -> tuple[Scope, ...]:
    """The scopes that an order or position falls under, the widest first."""
    return (
        GATEWAY,
        (ScopeKind.VENUE, order.venue),
        (ScopeKind.ACCOUNT, order.account),
        (ScopeKind.STRATEGY, order.strategy_id),
        (ScopeKind.SYMBOL, order.symbol),
    )
