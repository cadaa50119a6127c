"""What is used of each limit, and what stands around the limits: states, caps, exceptions."""

from typing import Annotated

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response
from gateway.adapters.http.kinds import Choice, Name, Text, Whole
from gateway.adapters.http.override_handlers import OverrideView, visible_overrides
from gateway.adapters.http.paging import read_cursor, write_cursor
from gateway.adapters.http.reading import read_query
from gateway.adapters.http.shapes import BOOKS
from gateway.adapters.http.state_views import BreakerReply, breaker_reply
from gateway.domain.enums import ScopeKind
from gateway.ports.checking import StopView
from gateway.ports.intake import FieldError, Overrides, RequestInvalid
from gateway.ports.read_model import Status
from gateway.ports.risk_view import LimitsQuery, LimitUseView, RiskReads, VenueCapsView


class RiskQuery(msgspec.Struct, frozen=True):
    """Which limits to show."""

    book: Annotated[str | None, Choice("Only this book.", BOOKS)] = None
    scope: Annotated[
        str | None, Choice("Only scopes of this kind.", {kind.value: kind.value for kind in ScopeKind})
    ] = None
    id: Annotated[str | None, Name("Only this account, strategy, venue ...")] = None
    limit: Annotated[int, Whole("How many limits at most; all of one scope come together.", 1, 2_000)] = 500
    cursor: Annotated[str | None, Text("Where the page begins: the `next_cursor` of the one before.", 200)] = None


class RiskReply(msgspec.Struct, frozen=True):
    """Limits and their use, whether anything uses them or not; and the circuit breakers that are tripped.
    ``next_cursor`` null: there are no more limits. A page is measured when it is asked for."""

    currency: str
    config_revision: str
    trading_state: str
    stops: tuple[StopView, ...]
    figures_age_ms: int | None
    limits: tuple[LimitUseView, ...]
    caps: tuple[VenueCapsView, ...]
    breakers: tuple[BreakerReply, ...]
    overrides: tuple[OverrideView, ...]
    next_cursor: str | None


class RiskHandlers:
    """Limits for readers. A key that is bound to accounts or strategies sees those of its own scopes only."""

    def __init__(self, risk: RiskReads, status: Status, overrides: Overrides) -> None:
        self._risk = risk
        self._status = status
        self._overrides = overrides

    async def show(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        query = read_query(request.query.items(), RiskQuery)
        if query.scope == ScopeKind.VENUE and query.id is not None:
            query = msgspec.structs.replace(query, id=query.id.lower())
        first, revision = 0, None
        if query.cursor is not None:
            first, (revision,) = read_cursor(query.cursor, 1)
        wanted = LimitsQuery(query.book, query.scope, query.id, first, query.limit)
        view, is_whole = await self._risk.risk(wanted), not caller.is_restricted
        if revision not in (None, view.config_revision):
            rule = "is of limits that are not in force any more"
            raise RequestInvalid((FieldError("cursor", rule, str(query.cursor), "start over without it"),))
        return json_response(
            RiskReply(
                view.currency,
                view.config_revision,
                view.trading_state,
                tuple(stop for stop in view.stops if concerns(stop.scope, stop.scope_id, caller, is_shared=True)),
                view.figures_age_ms,
                tuple(
                    one
                    for one in view.limits
                    if query.book in (None, one.book)
                    and query.scope in (None, one.scope)
                    and query.id in (None, one.scope_id)
                    and concerns(one.scope, one.scope_id, caller, is_shared=is_whole)
                ),
                view.caps if is_whole else (),
                tuple(breaker_reply(one) for one in self._status.breakers() if one.state == "tripped" and is_whole),
                visible_overrides(self._overrides, caller),
                None if view.next_first is None else write_cursor(view.next_first, view.config_revision),
            )
        )


def concerns(scope: str, scope_id: str, caller: Caller, *, is_shared: bool) -> bool:
    """Whether a scope is one of the caller's own; ``is_shared`` says what holds for those that belong to nobody."""
    if not caller.is_restricted:
        return True
    if scope == ScopeKind.ACCOUNT:
        return caller.accounts is not None and scope_id in caller.accounts
    if scope == ScopeKind.STRATEGY:
        return caller.strategies is not None and scope_id in caller.strategies
    return is_shared
