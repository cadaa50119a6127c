"""Everything besides orders, as clients see it. Views of ``ports.read_model`` that are plain already go out as
they are; these add what a client needs around them, and turn moments into RFC 3339."""

import msgspec

from gateway.adapters.http.times import rfc3339, rfc3339_or_none
from gateway.domain.sessions import Session
from gateway.domain.throttles import StrategyLock
from gateway.ports.read_model import BreakerView, ConnectionView, FlattenView, PortfolioView, PositionView, StopView


class PositionsReply(msgspec.Struct, frozen=True):
    """Positions of all books, or of those asked for."""

    positions: tuple[PositionView, ...]


class PortfolioReply(msgspec.Struct, frozen=True):
    """One entry per account and book, and the positions in them."""

    portfolio: tuple[PortfolioView, ...]
    positions: tuple[PositionView, ...]


class SessionView(msgspec.Struct, frozen=True):
    """A trading session; an empty list of strategies means all of them."""

    session_id: str
    mode: str
    strategies: tuple[str, ...]
    started_by: str
    started_at: str
    ended_at: str | None


class SessionReply(msgspec.Struct, frozen=True):
    """The session, or null when none is open; and whether orders are taken at all."""

    session: SessionView | None
    trading_state: str


class TradingReply(msgspec.Struct, frozen=True):
    """The trading state that was asked for, and is now durable, and the scope that it holds for."""

    trading_state: str
    reason: str
    scope: str
    id: str


class StopReply(msgspec.Struct, frozen=True):
    """One scope that is not active: by whom, why and since when. ``id`` is empty for the gateway."""

    scope: str
    id: str
    book: str
    trading_state: str
    by: str
    cause: str
    since: str


class FlattenReply(msgspec.Struct, frozen=True):
    """A command to close positions: ``running`` (see ``waits``), ``done``, or ``ended`` before that (see ``text``)."""

    flatten_id: str
    state: str
    scope: str
    id: str
    books: tuple[str, ...]
    by: str
    cause: str
    started: str
    ended: str | None
    orders_sent: int
    waits: tuple[str, ...]
    text: str


class TradingStatesReply(msgspec.Struct, frozen=True):
    """The state of the gateway as a whole, every scope that is not active, and what closes positions."""

    trading_state: str
    stops: tuple[StopReply, ...]
    flattens: tuple[FlattenReply, ...]


class LockReply(msgspec.Struct, frozen=True):
    """A strategy that takes no new risk on one route until a person lets it, and the executions that locked it."""

    lock_id: str
    strategy_id: str
    route: str
    symbol: str
    side: str
    executions: int
    limit: int
    window_s: int
    scope: str
    scope_id: str
    since: str


class LocksReply(msgspec.Struct, frozen=True):
    """Every locked strategy that the caller may see."""

    locks: tuple[LockReply, ...]


class ConnectionReply(msgspec.Struct, frozen=True):
    """One connection to a venue or a market data source; ``next_attempt`` when it is down and will be tried again,
    ``is_paper`` whether orders there go to an account without real money (null where no account is)."""

    name: str
    kind: str
    is_connected: bool
    is_synthetic: bool
    text: str
    since: str
    failed_attempts: int
    last_error: str
    next_attempt: str | None
    is_paper: bool | None


class ConnectionsReply(msgspec.Struct, frozen=True):
    """All connections."""

    connections: tuple[ConnectionReply, ...]


class StatisticsReply(msgspec.Struct, frozen=True):
    """Counts since the journal began, by group and name."""

    statistics: dict[str, dict[str, int]]


class BreakerReply(msgspec.Struct, frozen=True):
    """One circuit breaker where it is tripped, or where it is nearest to that: what it measures now (null: nothing),
    against what, what it does, since when, and how it resets."""

    id: str
    breaker: str
    state: str
    book: str
    scope: str
    scope_id: str
    value: str | None
    threshold: str
    action: str
    does: str
    cause: str
    by: str
    resets: str
    since: str | None
    resets_at: str | None


class BreakersReply(msgspec.Struct, frozen=True):
    """All circuit breakers."""

    circuit_breakers: tuple[BreakerReply, ...]


class LiveReply(msgspec.Struct, frozen=True):
    """The process runs and answers."""

    status: str = "live"


class ReadyReply(msgspec.Struct, frozen=True):
    """The gateway takes orders. What else a person should look at is told to callers with a key, and null without."""

    status: str
    warnings: tuple[str, ...] | None
    last_seq: int
    durable_seq: int
    config_revision: str
    policy_revision: str
    config_error: str | None


def session_view(session: Session) -> SessionView:
    return SessionView(
        session.session_id,
        session.label,
        session.strategies,
        session.actor.name,
        rfc3339(session.started_ns),
        rfc3339_or_none(session.ended_ns),
    )


def stop_reply(view: StopView) -> StopReply:
    since = rfc3339(view.since_ns)
    return StopReply(view.scope, view.id, view.book, view.trading_state, view.by, view.cause, since)


def breaker_reply(view: BreakerView) -> BreakerReply:
    fields = {name: getattr(view, name) for name in BreakerReply.__struct_fields__[:-2]}
    return BreakerReply(**fields, since=rfc3339_or_none(view.since_ns), resets_at=rfc3339_or_none(view.resets_ns))


def flatten_reply(view: FlattenView) -> FlattenReply:
    return FlattenReply(
        view.flatten_id,
        view.state,
        view.scope,
        view.id,
        view.books,
        view.by,
        view.cause,
        rfc3339(view.started_ns),
        rfc3339_or_none(view.ended_ns),
        view.orders_sent,
        view.waits,
        view.text,
    )


def lock_reply(lock: StrategyLock) -> LockReply:
    return LockReply(
        lock.lock_id,
        lock.strategy_id,
        lock.route,
        lock.symbol,
        lock.side,
        lock.executions,
        lock.limit,
        lock.window_s,
        lock.scope,
        lock.scope_id,
        rfc3339(lock.since_ns),
    )


def connection_reply(view: ConnectionView) -> ConnectionReply:
    return ConnectionReply(
        view.name,
        view.kind,
        view.is_connected,
        view.is_synthetic,
        view.text,
        rfc3339(view.since_ns),
        view.failed_attempts,
        view.last_error,
        None if view.next_attempt_ns is None else rfc3339(view.next_attempt_ns),
        view.is_paper,
    )
