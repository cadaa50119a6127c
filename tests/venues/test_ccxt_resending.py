"""What lies under ccxt must not send anything twice either, nor hold the gateway up when it connects."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import ccxt
import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.ccxt.client import Client
from gateway.adapters.venues.ccxt.options import credential_names, read_options
from gateway.adapters.venues.ccxt.pacing import Purpose
from gateway.adapters.venues.ccxt.trips import Trip
from gateway.domain.settings import VenueSettings


@asynccontextmanager
async def deribit() -> AsyncIterator[tuple[Client, list[bytes]]]:
    """A client of Deribit at a server that hangs up on every request, and the paths that it heard."""
    heard: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append((await reader.readuntil(b"\r\n\r\n")).split()[1].split(b"?")[0])
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    options = {"exchange": "deribit", "base_url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}
    settings = VenueSettings(name="desk", adapter="ccxt", paper_only=False, timeout_s=Decimal(1), options=options)
    needed = credential_names("desk", Client.unconnected(read_options(settings)).requiredCredentials)
    client = Client(settings, read_options(settings), SystemClock(), dict.fromkeys(needed.values(), "c2VjcmV0"))
    client.exchange.timeout_on_exit = 0
    yield client, heard
    await client.close()
    server.close()


async def test_an_order_that_is_a_get_leaves_once_when_the_connection_breaks() -> None:
    """Without this, an order at Deribit could fill twice: it is a GET there, and HTTP libraries send those again."""
    async with deribit() as (client, heard):
        terms = {"instrument_name": "BTC-PERPETUAL", "amount": "10"}
        with pytest.raises(ccxt.NetworkError):
            await client.call("privateGetBuy", terms, trip=Trip(purpose=Purpose.ORDER))
        assert heard == [b"/api/v2/private/buy"]


async def test_what_only_reads_is_asked_once_more() -> None:
    """Without this, a connection that a server closed for being idle would count as an exchange that is lost."""
    async with deribit() as (client, heard):
        with pytest.raises(ccxt.NetworkError):
            await client.call("fetch_time")
        assert heard == [b"/api/v2/public/get_time"] * 2


async def test_connections_share_the_certificates_that_they_trust() -> None:
    """Without this, each client that connects would hold the whole gateway up for 30 ms, to read the same file again;
    or what is shared would trust anybody."""
    async with deribit() as (client, _), deribit() as (other, _):
        for one in (client, other):
            one.exchange.open()
        shared = client.exchange.ssl_context
        assert other.exchange.ssl_context is shared
        assert (shared.verify_mode, shared.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert shared.get_ca_certs()


async def test_an_exchange_that_does_not_say_the_time_is_one_that_answers_badly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without this, such an answer would be logged as a mistake of ours, with a traceback, at each attempt."""
    async with deribit() as (client, _):

        async def fetch_time() -> None:
            return None

        monkeypatch.setattr(client.exchange, "fetch_time", fetch_time)
        with pytest.raises(ccxt.BadResponse, match="does not say what time it is"):
            await client.set_clock()
