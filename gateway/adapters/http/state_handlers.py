"""Reading positions, portfolios and the gateway's own state; sessions and the trading switch."""

from collections.abc import Iterable
from decimal import Decimal

from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response, read_body
from gateway.adapters.http.problem import HttpProblem
from gateway.adapters.http.reading import read_query, read_struct
from gateway.adapters.http.shapes import (
    DisableTrading,
    EnableTrading,
    FlattenPositions,
    LiftLock,
    PortfolioQuery,
    PositionsQuery,
    ResetBreaker,
    ShutDown,
    StartSession,
)
from gateway.adapters.http.state_views import (
    BreakersReply,
    ConnectionsReply,
    LocksReply,
    PortfolioReply,
    PositionsReply,
    SessionReply,
    StatisticsReply,
    TradingReply,
    TradingStatesReply,
    breaker_reply,
    connection_reply,
    flatten_reply,
    lock_reply,
    session_view,
    stop_reply,
)
from gateway.domain.breakers import BreakerKind
from gateway.domain.enums import Mode, OrdType, Route, ScopeKind, TradingState
from gateway.domain.money import BPS
from gateway.domain.sessions import Session
from gateway.domain.throttles import StrategyLock
from gateway.ports.intake import Controls, FieldError, RequestInvalid
from gateway.ports.read_model import (
    BreakerView,
    ConnectionView,
    FlattenView,
    PortfolioView,
    PositionView,
    ReadModel,
    Status,
    StopView,
)

_OFFSET_BPS = Decimal(10)
_BREAKERS = frozenset(kind.value for kind in BreakerKind)


class StateHandlers:
    """What the gateway holds and how it is set."""

    def __init__(self, reads: ReadModel, status: Status) -> None:
        self._reads = reads
        self._status = status

    async def positions(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        query = read_query(request.query.items(), PositionsQuery)
        _, positions = await self._reads.portfolio()
        return json_response(PositionsReply(_matching(positions, query, caller)))

    async def portfolio(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        query = read_query(request.query.items(), PortfolioQuery)
        accounts, positions = await self._reads.portfolio()
        return json_response(portfolio_reply(accounts, positions, query, caller))

    async def statistics(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return json_response(StatisticsReply(self._reads.statistics()))

    async def connections(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return json_response(connections_reply(self._status.connections()))

    async def modes(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return json_response(self._status.modes())

    async def breakers(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return json_response(breakers_reply(self._status.breakers(), caller))


class ControlHandlers:
    """What people switch: sessions, and whether there is any trading."""

    def __init__(self, controls: Controls, reads: ReadModel, status: Status) -> None:
        self._controls = controls
        self._reads = reads
        self._status = status

    async def session_status(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return json_response(self._session_reply(self._reads.session()))

    async def start_session(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), StartSession)
        if wish.mode is not None:
            self._check_mode(wish.mode)
        self._check_session(caller, wish.strategies or ())
        session = await self._controls.start_session(wish.mode or "", wish.strategies or (), caller.actor)
        return json_response(self._session_reply(session))

    async def end_session(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        self._check_session(caller, ())
        session = await self._controls.end_session(caller.actor)
        if session is None:
            raise HttpProblem("SESSION_NOT_OPEN", "there is no session to end")
        return json_response(self._session_reply(session))

    async def enable(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), EnableTrading)
        return await self._switch(TradingState.ACTIVE, wish, caller)

    async def disable(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), DisableTrading)
        return await self._switch(wish.state or TradingState.HALTED, wish, caller)

    async def _switch(
        self, state: TradingState, wish: EnableTrading | DisableTrading, caller: Caller
    ) -> web.StreamResponse:
        reason, scope, scope_id = wish.reason or "", wish.scope or ScopeKind.GATEWAY, wish.id or ""
        if scope is ScopeKind.VENUE:
            scope_id = scope_id.lower()
        if state is TradingState.ACTIVE or (state is TradingState.REDUCING and self._is_halted(scope, scope_id)):
            _check_own(caller, scope, scope_id)
        await self._controls.switch_trading(state, caller.actor, reason, scope, scope_id)
        return json_response(TradingReply(state, reason, scope, scope_id))

    def _is_halted(self, scope: ScopeKind, scope_id: str) -> bool:
        if scope is ScopeKind.GATEWAY and self._status.modes().trading_state == TradingState.HALTED:
            return True
        stops = (one for one in self._status.stops() if (one.scope, one.id) == (scope, scope_id))
        return any(one.trading_state == TradingState.HALTED for one in stops)

    async def trading(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        status = self._status
        return json_response(trading_reply(status.modes().trading_state, status.stops(), status.flattens(), caller))

    async def reset_breaker(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), ResetBreaker)
        _check_own(caller, ScopeKind.GATEWAY, "")
        reason = wish.reason or ""
        if wish.force and not reason:
            raise RequestInvalid((FieldError("reason", "is required with force", "absent", "say why"),))
        breaker_id = request.match_info["breaker_id"]
        if breaker_id.partition(":")[0] not in _BREAKERS:
            raise HttpProblem("BREAKER_NOT_FOUND", "see GET /api/trading/circuit-breakers")
        await self._controls.reset_breaker(breaker_id, caller.actor, reason, bool(wish.force))
        return json_response(breakers_reply(self._status.breakers(), caller))

    async def shut_down(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), ShutDown)
        await self._controls.shut_down(caller.actor, wish.reason or "")
        return json_response(breakers_reply(self._status.breakers(), caller))

    async def flatten(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), FlattenPositions)
        is_limit = wish.order_type is OrdType.LIMIT or (wish.order_type is None and wish.offset_bps is not None)
        if wish.offset_bps is not None and wish.offset_bps >= BPS:  # a sale would have no price, and go at market
            error = FieldError("offset_bps", f"must be below {BPS}", str(wish.offset_bps), "10000 is the whole price")
            raise RequestInvalid((error,))
        scope, scope_id = wish.scope or ScopeKind.GATEWAY, wish.id or ""
        _check_own(caller, scope, scope_id)
        flatten_id = await self._controls.flatten(
            caller.actor,
            wish.reason or "",
            scope=scope,
            scope_id=scope_id.lower() if scope is ScopeKind.VENUE else scope_id,
            books=wish.book or (Route.LIVE,),
            limit_offset_bps=(wish.offset_bps or _OFFSET_BPS) if is_limit else None,
        )
        found = next(view for view in self._status.flattens() if view.flatten_id == flatten_id)
        return json_response(flatten_reply(found), 202)

    async def locks(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        return json_response(locks_reply(self._status.locks(), caller))

    async def lift_lock(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        wish = read_struct(await read_body(request), LiftLock)
        lock_id, shown = request.match_info["lock_id"], locks_reply(self._status.locks(), caller).locks
        lock = None
        if lock_id in {one.lock_id for one in shown}:
            lock = await self._controls.lift_lock(lock_id, caller.actor, wish.reason or "")
        if lock is None:
            raise HttpProblem("LOCK_NOT_FOUND", "no lock has this id; see GET /api/trading/locks")
        return json_response(lock_reply(lock))

    def _check_session(self, caller: Caller, strategies: tuple[str, ...]) -> None:
        """A session that names strategies keeps the others out: it is for keys that are bound to none of them."""
        running = self._reads.session()
        if strategies or (running is not None and running.strategies):
            _check_own(caller, ScopeKind.GATEWAY, "")

    def _session_reply(self, session: Session | None) -> SessionReply:
        view = None if session is None else session_view(session)
        return SessionReply(view, self._status.modes().trading_state)

    def _check_mode(self, wish: str) -> None:
        """``paper`` promises that nothing reaches a venue, ``live`` that something may: modes decide, so a
        session that expects otherwise is refused instead of changing them."""
        live = [view.venue for view in self._status.modes().venues if view.effective_mode != Mode.SHADOW]
        if wish == "paper" and live:
            text = f"paper, but not in SHADOW: {', '.join(live)}; modes are set in gateway.yaml"
            raise HttpProblem("SESSION_MODE_MISMATCH", text)
        if wish == "live" and not live:
            raise HttpProblem("SESSION_MODE_MISMATCH", "live, but every venue is in SHADOW; see gateway.yaml")


def breakers_reply(views: Iterable[BreakerView], caller: Caller) -> BreakersReply:
    seen = (view for view in views if _is_shown(caller, view.scope, view.scope_id))
    return BreakersReply(tuple(breaker_reply(view) for view in seen))


def connections_reply(views: Iterable[ConnectionView]) -> ConnectionsReply:
    return ConnectionsReply(tuple(connection_reply(view) for view in views))


def locks_reply(locks: Iterable[StrategyLock], caller: Caller) -> LocksReply:
    mine = caller.strategies
    return LocksReply(tuple(lock_reply(lock) for lock in locks if mine is None or lock.strategy_id in mine))


def trading_reply(
    trading_state: str, stops: Iterable[StopView], flattens: Iterable[FlattenView], caller: Caller
) -> TradingStatesReply:
    seen = (view for view in stops if _is_shown(caller, view.scope, view.id))
    closing = () if caller.is_restricted else flattens
    return TradingStatesReply(
        trading_state, tuple(stop_reply(view) for view in seen), tuple(flatten_reply(view) for view in closing)
    )


def portfolio_reply(
    accounts: Iterable[PortfolioView], positions: Iterable[PositionView], query: PortfolioQuery, caller: Caller
) -> PortfolioReply:
    shown = tuple(
        view
        for view in accounts
        if query.book in (None, view.book)
        and query.account in (None, view.account)
        and (caller.accounts is None or view.account in caller.accounts)
    )
    only = PositionsQuery(book=query.book, account=query.account)
    return PortfolioReply(shown, _matching(positions, only, caller))


def _check_own(caller: Caller, scope: ScopeKind, scope_id: str) -> None:
    """Anybody with the right may stop; a key that is bound to some lets go on, or closes, only what is all its own."""
    if not caller.is_restricted:
        return
    of_account = scope is ScopeKind.ACCOUNT and caller.strategies is None and caller.sees(scope_id, "")
    of_strategy = scope is ScopeKind.STRATEGY and caller.accounts is None and caller.sees("", scope_id)
    if not (of_account or of_strategy):
        text = "the key is bound to accounts or strategies: give one of them as the scope"
        raise HttpProblem("ACCOUNT_NOT_PERMITTED", text)


def _is_shown(caller: Caller, scope: str, scope_id: str) -> bool:
    """What is stopped for an account or strategy is shown to those who see it; what holds for all, to everybody."""
    if scope == ScopeKind.STRATEGY:
        return caller.strategies is None or scope_id in caller.strategies
    account, bar, _ = scope_id.partition("|")
    if scope == ScopeKind.ACCOUNT or bar:
        return caller.accounts is None or account in caller.accounts
    return True


def _matching(positions: Iterable[PositionView], query: PositionsQuery, caller: Caller) -> tuple[PositionView, ...]:
    return tuple(
        view
        for view in positions
        if query.book in (None, view.book)
        and query.account in (None, view.account)
        and query.strategy_id in (None, view.strategy_id)
        and query.symbol in (None, view.symbol)
        and query.venue in (None, view.venue)
        and caller.sees(view.account, view.strategy_id)
    )
