"""What lies under ccxt must not send anything twice either."""

import asyncio
from decimal import Decimal

import ccxt
import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.ccxt.client import Client, Trip
from gateway.adapters.venues.ccxt.options import credential_names, read_options
from gateway.adapters.venues.ccxt.pacing import Purpose
from gateway.domain.settings import VenueSettings


async def test_an_order_that_is_a_get_leaves_once_when_the_connection_breaks() -> None:
    """Without this, an order at Deribit could fill twice: it is a GET there, and HTTP libraries send those again."""
    heard: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    options = {"exchange": "deribit", "base_url": address}
    settings = VenueSettings(name="desk", adapter="ccxt", paper_only=False, timeout_s=Decimal(1), options=options)
    needed = credential_names("desk", Client.unconnected(read_options(settings)).requiredCredentials)
    client = Client(settings, read_options(settings), SystemClock(), dict.fromkeys(needed.values(), "c2VjcmV0"))
    client.exchange.timeout_on_exit = 0
    with pytest.raises(ccxt.NetworkError):
        await client.call(
            "privateGetBuy", {"instrument_name": "BTC-PERPETUAL", "amount": "10"}, trip=Trip(purpose=Purpose.ORDER)
        )
    assert [one.split(b"?")[0] for one in heard] == [b"GET /api/v2/private/buy"]
    await client.close()
    server.close()
