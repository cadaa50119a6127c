"""Asking about an order without placing it."""

import msgspec
from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response, read_body
from gateway.adapters.http.order_handlers import check_permitted
from gateway.adapters.http.placing import read_order
from gateway.domain.enums import ScopeKind
from gateway.ports.checking import CheckView, OrderChecks, OrderCheckView


class CheckHandlers:
    """The verdict on an order, for whoever might place it."""

    def __init__(self, checks: OrderChecks) -> None:
        self._checks = checks

    async def check(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        order = read_order(await read_body(request), caller.default_account, caller.default_strategy)
        check_permitted(order, caller)
        return json_response(narrowed(await self._checks.check(order, caller.actor), caller))


def narrowed(view: OrderCheckView, caller: Caller) -> OrderCheckView:
    """What others hold is not told to a bound key: of a shared scope it hears whether a limit is kept, and the
    figures of those that are not, as placing would tell it."""
    if not caller.is_restricted:
        return view
    legs = tuple(
        msgspec.structs.replace(leg, checks=tuple(_without_others(check, caller) for check in leg.checks))
        for leg in view.legs
    )
    return msgspec.structs.replace(view, legs=legs, caps=())


def _without_others(check: CheckView, caller: Caller) -> CheckView:
    own = {ScopeKind.ACCOUNT: caller.accounts, ScopeKind.STRATEGY: caller.strategies}.get(ScopeKind(check.scope))
    if check.is_of_order or not check.passed or (own is not None and check.scope_id in own):
        return check
    return msgspec.structs.replace(check, value="", headroom="")
