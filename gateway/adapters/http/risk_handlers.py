"""What is used of each limit, and what stands around the limits: states, caps, exceptions."""

from typing import Annotated

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response
from gateway.adapters.http.kinds import Choice, Name
from gateway.adapters.http.override_handlers import OverrideView, visible_overrides
from gateway.adapters.http.reading import read_query
from gateway.adapters.http.shapes import BOOKS
from gateway.adapters.http.state_views import BreakerReply, breaker_reply
from gateway.domain.enums import ScopeKind
from gateway.ports.checking import StopView
from gateway.ports.intake import Overrides
from gateway.ports.read_model import Status
from gateway.ports.risk_view import LimitUseView, RiskReads, VenueCapsView


class RiskQuery(msgspec.Struct, frozen=True):
    """Which limits to show."""

    book: Annotated[str | None, Choice("Only this book.", BOOKS)] = None
    scope: Annotated[
        str | None, Choice("Only scopes of this kind.", {kind.value: kind.value for kind in ScopeKind})
    ] = None
    id: Annotated[str | None, Name("Only this account, strategy, venue ...")] = None


class RiskReply(msgspec.Struct, frozen=True):
    """Limits and their use, whether anything uses them or not; and the circuit breakers that are tripped."""

    currency: str
    config_revision: str
    trading_state: str
    stops: tuple[StopView, ...]
    figures_age_ms: int | None
    limits: tuple[LimitUseView, ...]
    caps: tuple[VenueCapsView, ...]
    breakers: tuple[BreakerReply, ...]
    overrides: tuple[OverrideView, ...]


class RiskHandlers:
    """Limits for readers. A key that is bound to accounts or strategies sees those of its own scopes only."""

    def __init__(self, risk: RiskReads, status: Status, overrides: Overrides) -> None:
        self._risk = risk
        self._status = status
        self._overrides = overrides

    async def show(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        query = read_query(request.query.items(), RiskQuery)
        view, is_whole = self._risk.risk(), not caller.is_restricted
        return json_response(
            RiskReply(
                view.currency,
                view.config_revision,
                view.trading_state,
                tuple(stop for stop in view.stops if _concerns(stop.scope, stop.scope_id, caller, is_shared=True)),
                view.figures_age_ms,
                tuple(
                    one
                    for one in view.limits
                    if query.book in (None, one.book)
                    and query.scope in (None, one.scope)
                    and query.id in (None, one.scope_id)
                    and _concerns(one.scope, one.scope_id, caller, is_shared=is_whole)
                ),
                view.caps if is_whole else (),
                tuple(breaker_reply(one) for one in self._status.breakers() if one.state == "tripped" and is_whole),
                visible_overrides(self._overrides, caller),
            )
        )


def _concerns(scope: str, scope_id: str, caller: Caller, *, is_shared: bool) -> bool:
    """Whether a scope is one of the caller's own; ``is_shared`` says what holds for those that belong to nobody."""
    if not caller.is_restricted:
        return True
    if scope == ScopeKind.ACCOUNT:
        return caller.accounts is not None and scope_id in caller.accounts
    if scope == ScopeKind.STRATEGY:
        return caller.strategies is not None and scope_id in caller.strategies
    return is_shared
