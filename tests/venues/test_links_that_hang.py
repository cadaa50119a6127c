"""Connections that neither work nor break: they are given up, and nothing is sent where it would be kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.venues.ibkr import connection as ibkr_connection
from tests.patience import PATIENCE_S
from tests.venues import test_binance_venue as binance
from tests.venues.alpaca.server import AlpacaServer
from tests.venues.alpaca_desk import Desk as AlpacaDesk
from tests.venues.binance.server import BinanceServer
from tests.venues.test_ibkr import Desk as IbkrDesk
from tests.venues.tws.server import TwsServer
from tests.venues.tws.session import Session

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Mute:
    """Takes connections and never says a word."""

    def __init__(self) -> None:
        self.port = 0
        self.tries = 0
        self._tried_again = asyncio.Event()
        self._over = asyncio.Event()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tries += 1
        if self.tries > 1:
            self._tried_again.set()
        await self._over.wait()
        writer.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Mute"]:
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        self._over.set()
        server.close()

    async def until_tried_again(self) -> None:
        await asyncio.wait_for(self._tried_again.wait(), PATIENCE_S)


async def test_a_stream_of_binance_that_never_answers_is_given_up() -> None:
    """Without this, one front end that hangs would keep the venue down for ever."""
    async with BinanceServer() as peer, Mute().open() as mute:
        peer.quote("BTCUSDT", "99999", "100001")
        desk = binance.Desk(peer)
        desk.venue._rest.stream_url = f"ws://127.0.0.1:{mute.port}/ws-api/v3"
        await desk.venue.start(desk.heard)
        await mute.until_tried_again()
        assert desk.venue.connection.failed_attempts > 0
        await desk.venue.close()


async def test_a_stream_of_alpaca_that_never_answers_is_given_up() -> None:
    """Without this, the same would happen at Alpaca."""
    async with AlpacaServer() as peer, Mute().open() as mute:
        desk = AlpacaDesk(peer)
        desk.rest.stream_url = f"ws://127.0.0.1:{mute.port}/stream"
        await desk.venue.start(desk.heard)
        await mute.until_tried_again()
        assert desk.venue.connection.failed_attempts > 0
        await desk.venue.close()


async def test_the_account_is_read_while_tws_thinks_about_a_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, reading the account would now and then tear down a healthy connection, and everything under way
    with it be in doubt."""
    monkeypatch.setattr(ibkr_connection, "HEARTBEAT_S", 4.0)
    tell, asked = Session._tell_time, asyncio.Event()

    def tell_late(session: Session, fields: Any) -> None:
        asked.set()
        asyncio.get_running_loop().call_later(0.3, tell, session, fields)

    monkeypatch.setattr(Session, "_tell_time", tell_late)
    async with opened(tmp_path) as desk:
        await desk.venue.account.executions(0)  # longer ago than three times ``timeout_s``
        await asyncio.wait_for(asked.wait(), PATIENCE_S)
        assert await desk.venue.account.executions(0) == ()
        await asyncio.sleep(0.6)
        assert desk.heard.is_connected


async def test_servers_that_tws_lost_again_while_it_was_read_stay_lost(tmp_path: Path) -> None:
    """Without this, orders would go to a TWS that is cut off, which keeps them and sends them who knows when."""
    async with opened(tmp_path) as desk:
        desk.tws.lose_servers()
        await desk.heard.until(lambda: not desk.heard.is_connected)
        desk.tws.find_servers()
        desk.tws.lose_servers()
        await asyncio.sleep(0.5)
        assert not desk.heard.is_connected
        desk.tws.find_servers()
        await desk.heard.until(lambda: desk.heard.is_connected)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[IbkrDesk]:
    async with TwsServer() as tws:
        tws.quote("AAPL", "179.99", "180.01")
        desk = IbkrDesk(tws, folder)
        await desk.open()
        yield desk
        await desk.venue.close()
