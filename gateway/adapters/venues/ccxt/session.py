"""What lies under ccxt: certificates that are read once, and an HTTP library that must not send an order again."""

import ssl
from collections.abc import Callable
from functools import cache
from typing import Any

import aiohttp


@cache
def trusting(cafile: str) -> ssl.SSLContext:
    """One for all exchanges: reading its certificates takes 30 ms, in which nothing else of the gateway runs."""
    return ssl.create_default_context(cafile=cafile)


def never_resending(session: aiohttp.ClientSession, is_order: Callable[[], bool]) -> None:
    """aiohttp sends a GET or PUT again when its connection breaks, and there are exchanges (Deribit) where that is an
    order: it has no setting for it but this. And it follows redirects, of which some send the body once more: not with
    a request that ``is_order``."""
    session._retry_connection = False

    async def refuse(*told: Any) -> None:
        if is_order():
            raise aiohttp.ClientConnectionError("the exchange answered with a redirect, which no order follows")

    redirects = aiohttp.TraceConfig()
    redirects.on_request_redirect.append(refuse)
    redirects.freeze()
    session.trace_configs.append(redirects)
