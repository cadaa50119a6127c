"""What people do besides orders: the kill switch and sessions. The kill switch needs no other part to be healthy."""

import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from gateway.core.trading.scopes import scope_problem
from gateway.core.trading.states import GATEWAY, TradingStop
from gateway.domain.enums import Route, ScopeKind, TradingState
from gateway.domain.events import SessionEnded, SessionStarted, TradingSwitched, UnlockRequested
from gateway.domain.marked_stop import MarkedStop
from gateway.domain.orders import Actor
from gateway.domain.sessions import Session
from gateway.domain.throttles import StrategyLock
from gateway.ports.clock import Clock
from gateway.ports.intake import ControlRefused, RequestInvalid
from gateway.service.breakers import BreakerWatch
from gateway.service.engine import Engine
from gateway.service.flattening import Flattener

_log = logging.getLogger(__name__)
COMMAND_FILES = KILL, FLATTEN = "KILL", "FLATTEN"


class HaltMark(Protocol):
    """Remembers outside the journal what people stopped, for a stop while the journal cannot be written.

    ``set`` returns how many, from the end, found no room.
    """

    def set(self, stops: Sequence[MarkedStop]) -> int: ...

    def stops(self) -> list[MarkedStop]: ...


class CommandFiles(Protocol):
    """Files that a person puts into the data directory to stop trading; see ``service.commands``."""

    def reason(self, name: str) -> str | None: ...

    def made_ns(self, name: str) -> int: ...


class OperatorControls:
    """Implements ``ports.intake.Controls``."""

    def __init__(
        self,
        engine: Engine,
        halt_mark: HaltMark,
        flattener: Flattener,
        breakers: BreakerWatch,
        files: CommandFiles,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._halt_mark = halt_mark
        self._flattener = flattener
        self._breakers = breakers
        self._files = files
        self._clock = clock
        #: Why everything was shut down while the journal failed: no record may tell it after a restart.
        self._shutdown = ""

    async def switch_trading(
        self,
        state: TradingState,
        actor: Actor,
        reason: str,
        scope: ScopeKind = ScopeKind.GATEWAY,
        scope_id: str = "",
    ) -> None:
        """Effective at once in memory; the journal, or where that fails a mark on disk, lets it outlast a restart."""
        problem = scope_problem(self._engine.state.config, scope, scope_id)
        if problem is not None:
            raise RequestInvalid((problem,))
        if scope is ScopeKind.GATEWAY and state is not TradingState.HALTED:
            self._check_files()
        self._switch(MarkedStop(scope=scope, scope_id=scope_id, state=state, reason=reason), actor)
        self._mark()
        await self._engine.settle(self._engine.last_seq)

    def _switch(self, stop: MarkedStop, actor: Actor) -> None:
        decided = self._engine.process(
            TradingSwitched(
                ts_ns=self._clock.now_ns(),
                state=stop.state,
                actor=actor,
                reason=stop.reason,
                scope=stop.scope,
                scope_id=stop.scope_id,
            )
        )
        if stop.scope is ScopeKind.GATEWAY:
            self._shutdown = ""
        where = f" for {stop.scope.value} {stop.scope_id}" if stop.scope_id else ""
        _log.warning("trading %s%s by %s: %s", stop.state.value, where, actor.name, stop.reason)
        self._flattener.log_ends(decided.facts)

    def _check_files(self) -> None:
        found = [name for name in COMMAND_FILES if self._files.reason(name) is not None]
        if found:
            text = f"the file {' and '.join(found)} in the data directory keeps the gateway halted: remove it first"
            raise ControlRefused("HELD_BY_FILE", text)

    async def flatten(
        self,
        actor: Actor,
        reason: str,
        *,
        scope: ScopeKind = ScopeKind.GATEWAY,
        scope_id: str = "",
        books: tuple[Route, ...] = (Route.LIVE,),
        limit_offset_bps: Decimal | None = None,
        flatten_id: str = "",
    ) -> str:
        """Effective at once, like the kill switch that is part of it."""
        problem = scope_problem(self._engine.state.config, scope, scope_id)
        if problem is not None:
            raise RequestInvalid((problem,))
        flatten_id = self._flattener.begin(
            actor,
            reason,
            scope=scope,
            scope_id=scope_id,
            books=books,
            limit_offset_bps=limit_offset_bps,
            flatten_id=flatten_id,
        )
        where = f"{scope.value} {scope_id}".strip()
        _log.warning("flatten %s of %s (%s) by %s: %s", flatten_id, where, ", ".join(books), actor.name, reason)
        self._mark()
        await self._engine.settle(self._engine.last_seq)
        return flatten_id

    def _mark(self) -> None:
        """Let the mark say what people stopped: the whole gateway, then the latest first. What finds no room is the
        oldest, which the journal has had long enough to hold."""
        standing = self._engine.state.trading.all_stops()
        stops = [_marked(one) for one in sorted(standing, key=lambda one: (one.scope_id != "", -one.since_ns))]
        whole = self._engine.state.trading.stop_of(GATEWAY)
        if self._shutdown and (whole is None or whole.state is not TradingState.HALTED):
            scoped = [one for one in stops if one.scope_id]
            stops = [MarkedStop(state=TradingState.HALTED, reason=self._shutdown), *scoped]
        try:
            left_out = self._halt_mark.set(stops)
        except OSError as error:
            _log.error("the halt mark could not be written, the journal has to carry it alone: %s", error)
            return
        if left_out:
            _log.error("the halt mark has no room for %d stops, the journal has to carry them alone", left_out)

    def halt(self, actor: Actor, reason: str) -> None:
        """Halt everything, without waiting until that is durable."""
        self._switch(MarkedStop(state=TradingState.HALTED, reason=reason), actor)
        self._mark()

    def resume_mark(self, actor: Actor) -> None:
        """At a start: what the mark says counts where the journal holds less, whatever breakers stop beside it."""
        lost = []
        for marked in self._halt_mark.stops():
            stop = self._engine.state.trading.stop_of((marked.scope, marked.scope_id))
            if stop is None or stop.state.strictness < marked.state.strictness:
                lost.append(marked)
        for marked in lost:  # also what is not configured any more: it may come back
            self._switch(marked, actor)
        if lost:
            self._mark()

    async def lift_lock(self, lock_id: str, actor: Actor, reason: str) -> StrategyLock | None:
        lock = self._engine.state.throttle.locks.get(lock_id)
        event = UnlockRequested(ts_ns=self._clock.now_ns(), lock_id=lock_id, actor=actor, reason=reason)
        if self._engine.process(event).facts:
            _log.warning("lock %s lifted by %s: %s", lock_id, actor.name, reason)
            await self._engine.durable(self._engine.last_seq)
        return lock

    async def reset_breaker(self, breaker_id: str, actor: Actor, reason: str, is_forced: bool) -> None:
        self._breakers.reset(breaker_id, actor, reason, is_forced)
        await self._engine.durable(self._engine.last_seq)

    async def shut_down(self, actor: Actor, reason: str) -> None:
        self._breakers.shut_down(actor, reason)
        await self._engine.settle(self._engine.last_seq)
        if self._engine.failure is not None:  # a restart now would not know of it
            self._shutdown = f"emergency shutdown: {reason or 'pressed by hand'}"
            self._mark()

    async def start_session(self, label: str, strategies: tuple[str, ...], actor: Actor) -> Session:
        now_ns = self._clock.now_ns()
        event = SessionStarted(
            ts_ns=now_ns, session_id=f"s{now_ns // 1_000_000:x}", label=label, strategies=strategies, actor=actor
        )
        self._engine.process(event)
        session = self._engine.state.session
        assert session is not None
        await self._engine.durable(self._engine.last_seq)
        return session

    async def end_session(self, actor: Actor) -> Session | None:
        session, now_ns = self._engine.state.session, self._clock.now_ns()
        self._engine.process(SessionEnded(ts_ns=now_ns, actor=actor))
        await self._engine.durable(self._engine.last_seq)
        return None if session is None else msgspec.structs.replace(session, ended_ns=now_ns)


def _marked(stop: TradingStop) -> MarkedStop:
    return MarkedStop(scope=stop.scope, scope_id=stop.scope_id, state=stop.state, reason=stop.reason)
