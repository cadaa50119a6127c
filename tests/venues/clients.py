"""The venues' own client libraries, unpatched, pointed at a peer. Imported when asked for: they are slow to load.

What is set here is what anybody can set: URLs, keys, timeouts.
"""

import asyncio
import itertools
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.patience import PATIENCE_S
from tests.venues.peer import Peer


@asynccontextmanager
async def binance_client(venue: Any, *, secret: str | None = None, timeout_s: float = 5.0) -> AsyncIterator[Any]:
    """A connected ``binance.AsyncClient``; ``client.streams`` is its ``BinanceSocketManager``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from binance import AsyncClient, BinanceSocketManager

    class Client(AsyncClient):
        API_URL = f"{venue.url}/api"
        WS_API_URL = f"{venue.ws_url}/ws-api/v3"
        REQUEST_TIMEOUT = timeout_s

    class Streams(BinanceSocketManager):
        STREAM_URL = f"{venue.ws_url}/"

    client = await Client.create(venue.api_key, secret or venue.secret)
    client.streams = Streams(client)
    try:
        yield client
    finally:
        await hang_up_while(venue, client.close_connection())


@asynccontextmanager
async def user_stream(client: Any) -> AsyncIterator[Any]:
    """python-binance's user data stream, open."""
    async with client.streams.user_socket() as socket:
        yield socket


@asynccontextmanager
async def market_stream(venue: Peer, client: Any, names: list[str]) -> AsyncIterator[Any]:
    """Market streams of python-binance, open."""
    socket = client.streams.multiplex_socket(names)
    await socket.connect()
    try:
        yield socket
    finally:
        await hang_up_while(venue, socket.close())


async def hang_up_while(venue: Peer, closing: Any) -> None:
    """Python-binance closes only when a message comes, or after ten seconds, or, once it reconnects, never: the peer
    hangs up instead, and after a while nobody waits."""
    task = asyncio.ensure_future(closing)
    for _ in range(20):
        if task.done():
            break
        await asyncio.wait({task}, timeout=0.02)
        venue.hang_up()
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task


@asynccontextmanager
async def running(stream: Any, venue: Peer) -> AsyncIterator[Any]:
    """A stream of alpaca-py, running. It looks for the wish to stop every five seconds: nobody waits for that."""
    task = asyncio.create_task(stream._run_forever())
    try:
        yield stream
    finally:
        await stream.stop_ws()
        venue.hang_up()
        task.cancel()
        await asyncio.wait({task})


def alpaca_client(venue: Any) -> Any:
    """``TradingClient``; it blocks, so call it with ``asyncio.to_thread``. Its waits between resends are left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from alpaca.trading.client import TradingClient

    client = TradingClient(venue.api_key, venue.secret, url_override=venue.url)
    client._retry_wait = 0
    return client


def alpaca_trade_updates(venue: Any, secret: str | None = None) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from alpaca.trading.stream import TradingStream

    return TradingStream(venue.api_key, secret or venue.secret, url_override=f"{venue.ws_url}/stream")


@asynccontextmanager
async def ccxt_client(venue: Any, *, secret: str | None = None, timeout_ms: int = 5_000) -> AsyncIterator[Any]:
    """ccxt.pro's ``coinbaseexchange`` with its markets loaded and its own rate limit off."""
    import ccxt.pro as ccxt

    exchange = ccxt.coinbaseexchange(
        {
            "apiKey": venue.api_key,
            "secret": secret or venue.secret,
            "password": venue.passphrase,
            "timeout": timeout_ms,
            "enableRateLimit": False,
            "urls": {"api": {"public": venue.url, "private": venue.url, "ws": f"{venue.ws_url}/ws"}},
        }
    )
    try:
        await exchange.load_markets()
        yield exchange
    finally:
        await exchange.close()


async def until(is_so: Callable[[], object]) -> None:
    """Wait for something that the loop brings about."""
    async with asyncio.timeout(PATIENCE_S):
        for _ in itertools.count():
            if is_so():
                return
            await asyncio.sleep(0)
