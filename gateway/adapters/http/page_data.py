"""What the page shows: one answer of its read model, as of one record. ws/events goes on from that record."""

from typing import Annotated

import msgspec
from aiohttp import web

from gateway.adapters.http.alert_handlers import AlertsQuery, AlertsReply, alerts_reply
from gateway.adapters.http.approval_handlers import WaitingView, waiting_view
from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response
from gateway.adapters.http.history_handlers import PortfolioPointView, point_view
from gateway.adapters.http.kinds import Whole
from gateway.adapters.http.paging import narrowed
from gateway.adapters.http.problem import HttpProblem
from gateway.adapters.http.reading import read_query
from gateway.adapters.http.risk_handlers import concerns
from gateway.adapters.http.rollout_views import RolloutsReply, rollout_view
from gateway.adapters.http.shapes import PortfolioQuery as BookQuery
from gateway.adapters.http.state_handlers import (
    breakers_reply,
    connections_reply,
    locks_reply,
    portfolio_reply,
    trading_reply,
)
from gateway.adapters.http.state_views import (
    BreakersReply,
    ConnectionsReply,
    LocksReply,
    PortfolioReply,
    StatisticsReply,
    TradingStatesReply,
)
from gateway.adapters.http.views import OrderView, story_view
from gateway.ports.journal import OrderQuery, PortfolioQuery
from gateway.ports.page import PageBehind, PageReads
from gateway.ports.read_model import ModesView
from gateway.ports.risk_view import LimitUseView


class PageDataQuery(msgspec.Struct, frozen=True):
    """What to send beside the figures."""

    orders: Annotated[int, Whole("How many of the latest orders.", 0, 500)] = 0
    history: Annotated[int, Whole("How many of the latest portfolio snapshots.", 0, 1_000)] = 0


class CallerView(msgspec.Struct, frozen=True):
    """Who asks: ``rights`` are what the role may do; a key that ``is_bound`` sees and does it for some accounts or
    strategies only."""

    name: str
    role: str
    rights: tuple[str, ...]
    is_bound: bool


class LimitsInUse(msgspec.Struct, frozen=True):
    """The fullest limits; ``used`` are in use, of which ``broken`` are exceeded."""

    limits: tuple[LimitUseView, ...]
    used: int
    broken: int


class PageReply(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the page, as of record ``seq``; ``last_seq`` is the newest that is durable. Each part is what the
    path of its name answers. Orders are not older than ``seq``; they and the history are null when not asked for."""

    seq: int
    last_seq: int
    caller: CallerView
    modes: ModesView
    trading: TradingStatesReply
    portfolio: PortfolioReply
    breakers: BreakersReply
    risk: LimitsInUse
    rollouts: RolloutsReply
    alerts: AlertsReply
    statistics: StatisticsReply
    locks: LocksReply
    connections: ConnectionsReply
    waiting: WaitingView | None
    orders: list[OrderView] | None
    history: list[PortfolioPointView] | None


class PageDataHandlers:
    """The read model over HTTP, narrowed to what the caller may see."""

    def __init__(self, model: PageReads) -> None:
        self._model = model

    async def show(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        query = read_query(request.query.items(), PageDataQuery)
        try:
            return json_response(await self._reply(query, caller))
        except PageBehind as behind:
            raise HttpProblem("PAGE_BEHIND", str(behind), {"Retry-After": "1"}) from None

    async def _reply(self, query: PageDataQuery, caller: Caller) -> PageReply:
        orders = await self._orders(query.orders, caller) if query.orders else None
        history = await self._history(query.history, caller) if query.history else None
        view = await self._model.view()
        limits = tuple(
            one for one in view.limits if concerns(one.scope, one.scope_id, caller, is_shared=not caller.is_restricted)
        )
        is_bound = caller.is_restricted
        return PageReply(
            seq=view.seq if orders is None else min(view.seq, orders[0]),
            last_seq=view.last_seq,
            caller=CallerView(caller.actor.name, caller.actor.role.value, tuple(sorted(caller.rights)), is_bound),
            modes=view.modes,
            trading=trading_reply(view.modes.trading_state, view.stops, view.flattens, caller),
            portfolio=portfolio_reply(view.accounts, view.positions, BookQuery(), caller),
            breakers=breakers_reply(view.breakers, caller),
            risk=LimitsInUse(
                limits,
                len(limits) if is_bound else view.limits_used,
                sum(one.is_broken for one in limits) if is_bound else view.limits_broken,
            ),
            rollouts=RolloutsReply(tuple(rollout_view(one) for one in view.rollouts)),
            alerts=alerts_reply(view.active_alerts, view.resolved_alerts, view.channels, AlertsQuery(), caller),
            statistics=StatisticsReply(view.statistics),
            locks=locks_reply(view.locks, caller),
            connections=connections_reply(view.connections),
            waiting=None if view.waiting is None else waiting_view(view.waiting),
            orders=None if orders is None else orders[1],
            history=history,
        )

    async def _orders(self, limit: int, caller: Caller) -> tuple[int, list[OrderView]]:
        accounts, strategies = narrowed(None, caller.accounts), narrowed(None, caller.strategies)
        seq, stories = await self._model.orders(OrderQuery(accounts=accounts, strategies=strategies, limit=limit))
        return seq, [story_view(story) for story in stories]

    async def _history(self, limit: int, caller: Caller) -> list[PortfolioPointView]:
        found = await self._model.history(PortfolioQuery(accounts=narrowed(None, caller.accounts), limit=limit))
        return [point_view(*one) for one in found]
