"""Query parameters of operations that take none."""

from aiohttp import web

from gateway.adapters.http.auth import Caller
from gateway.adapters.http.boundary import Handler
from gateway.adapters.http.reading import read_query
from gateway.adapters.http.shapes import NoQuery


def without_parameters(handler: Handler) -> Handler:
    """``handler`` for requests without any: what seems to narrow a halt, or only to try an order out, must not be
    passed over."""

    async def handle(request: web.Request, caller: Caller) -> web.StreamResponse:
        read_query(request.query.items(), NoQuery)
        return await handler(request, caller)

    return handle
