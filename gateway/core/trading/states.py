"""Trading states per scope: what is stopped, where, by whom. An order looks up its own scopes and nothing more."""

from collections.abc import Iterable, Mapping

import msgspec

from gateway.domain.breakers import BreakerAction, Trip
from gateway.domain.enums import STOP_SCOPES, Role, Route, ScopeKind, TradingState
from gateway.domain.orders import Actor, Order
from gateway.domain.positions import Position

#: A scope: its kind and its name (empty for the gateway).
Scope = tuple[ScopeKind, str]
GATEWAY: Scope = (ScopeKind.GATEWAY, "")
BOOKS = (Route.LIVE, Route.SHADOW)


class TradingStop(msgspec.Struct, frozen=True, kw_only=True):
    """One scope that is not ACTIVE, since when, by whom and why."""

    scope: ScopeKind
    scope_id: str
    state: TradingState
    actor: Actor
    reason: str
    since_ns: int
    #: The book that it holds for; None: both.
    book: Route | None = None
    #: The trip of a breaker that it comes from; empty: a person's.
    trip_id: str = ""
    #: The venue whose holdings differ from the books, where that is the cause.
    drift_venue: str = ""


class TradingStates:
    """Every scope that is not ACTIVE, by a person, a breaker or a difference with a venue. Written by ``core.apply``.

    A stop of a person holds for both books, one of a breaker for the book that it was measured in.
    """

    __slots__ = ("_drifted", "_factors", "_in_force", "_stops", "_tripped")

    def __init__(self) -> None:
        self._stops: dict[Scope, TradingStop] = {}
        self._tripped: list[TradingStop] = []
        self._drifted: list[TradingStop] = []
        self._in_force: dict[Route, dict[Scope, TradingStop]] = {book: {} for book in BOOKS}
        self._factors: dict[Route, dict[Scope, Trip]] = {book: {} for book in BOOKS}

    def put(self, stop: TradingStop) -> None:
        """Put a scope into the state that ``stop`` says; ACTIVE ends what a person stopped there, and nothing else."""
        scope = (stop.scope, stop.scope_id)
        if stop.state is TradingState.ACTIVE:
            self._stops.pop(scope, None)
        else:
            self._stops[scope] = stop
        self._compile()

    def take_trips(self, trips: Iterable[Trip]) -> None:
        """Let the breakers that are tripped now, and no others, stop what they stop."""
        for factors in self._factors.values():
            factors.clear()
        self._tripped = []
        for trip in trips:
            if trip.action is BreakerAction.REDUCE_SIZE:
                self._slow_down(trip)
            else:
                self._tripped.append(_stop_of(trip))
        self._compile()

    def take_drifts(self, stops: list[TradingStop]) -> None:
        """Let these differences with venues, and no others, stop what they stop."""
        self._drifted = stops
        self._compile()

    def _slow_down(self, trip: Trip) -> None:
        scope = (trip.scope, trip.scope_id)
        for book in BOOKS if trip.book is None else (trip.book,):
            known = self._factors[book].get(scope)
            if known is None or trip.size_factor < known.size_factor:
                self._factors[book][scope] = trip

    def _compile(self) -> None:
        for book, in_force in self._in_force.items():
            in_force.clear()
            in_force.update(self._stops)
            for stop in (*self._tripped, *self._drifted):
                if stop.book in (None, book):
                    scope = (stop.scope, stop.scope_id)
                    known = in_force.get(scope)
                    if known is None or stop.state.strictness > known.state.strictness:
                        in_force[scope] = stop

    def factors(self, book: Route) -> Mapping[Scope, Trip]:
        """The breakers that make sizes smaller in a book, by their scope."""
        return self._factors[book]

    def slowest(self, order: Order) -> Trip | None:
        """The breaker that makes the order's sizes smallest; None when none does."""
        factors = self._factors.get(order.route)
        if not factors:
            return None
        found = [trip for scope in scopes_of(order) if (trip := factors.get(scope)) is not None]
        return min(found, key=lambda trip: trip.size_factor, default=None)

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
        """Everything that people stopped, the gateway first, then by kind and name."""
        return sorted(self._stops.values(), key=_by_scope)

    def everything_stopped(self) -> list[TradingStop]:
        """The same with what breakers and differences with venues stopped."""
        return sorted((*self._stops.values(), *self._tripped, *self._drifted), key=_by_scope)

    @property
    def gateway_state(self) -> TradingState:
        """The state of the gateway as a whole: what holds for every order of either book."""
        return min((self._whole(book) for book in BOOKS), key=lambda state: state.strictness)

    def _whole(self, book: Route) -> TradingState:
        stop = self._in_force[book].get(GATEWAY)
        return TradingState.ACTIVE if stop is None else stop.state

    @property
    def gateway_reason(self) -> str:
        stops = [stop for book in BOOKS if (stop := self._in_force[book].get(GATEWAY)) is not None]
        return stops[0].reason if len(stops) == len(BOOKS) else ""


def _by_scope(stop: TradingStop) -> tuple[int, str, str]:
    return STOP_SCOPES.index(stop.scope), stop.scope_id, stop.trip_id


def _stop_of(trip: Trip) -> TradingStop:
    is_halt = trip.action is BreakerAction.HALT
    return TradingStop(
        scope=trip.scope,
        scope_id=trip.scope_id,
        state=TradingState.HALTED if is_halt else TradingState.REDUCING,
        actor=Actor(trip.by, Role.ADMIN),
        reason=f"circuit breaker {trip.trip_id}: {trip.cause}",
        since_ns=trip.since_ns,
        book=trip.book,
        trip_id=trip.trip_id,
    )


def scopes_of(order: Order | Position) -> tuple[Scope, ...]:
    """The scopes that an order or position falls under, the widest first. The last is a symbol within one account,
    which no person names but the breaker of concentration."""
    return (
        GATEWAY,
        (ScopeKind.VENUE, order.venue),
        (ScopeKind.ACCOUNT, order.account),
        (ScopeKind.STRATEGY, order.strategy_id),
        (ScopeKind.SYMBOL, order.symbol),
        (ScopeKind.SYMBOL, f"{order.account}|{order.symbol}"),
    )
