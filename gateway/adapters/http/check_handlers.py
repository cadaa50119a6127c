"""Asking about an order without placing it."""

from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import json_response, read_body
from gateway.adapters.http.order_handlers import check_permitted
from gateway.adapters.http.placing import read_order
from gateway.ports.checking import OrderChecks


class CheckHandlers:
    """The verdict on an order, for whoever might place it."""

    def __init__(self, checks: OrderChecks) -> None:
        self._checks = checks

    async def check(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        order = read_order(await read_body(request), caller.default_account, caller.default_strategy)
        check_permitted(order, caller)
        return json_response(await self._checks.check(order, caller.actor))
