"""The adapter of Binance spot against the exchange's own wire: what it sends, what it makes of what it hears."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.binance import venue as venue_module
from gateway.adapters.venues.binance.client import RestClient
from gateway.adapters.venues.binance.venue import BinanceVenue
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType, SubmitStatus, TimeInForce
from gateway.domain.settings import VenueSettings
from tests.venues.binance.server import BinanceServer
from tests.venues.listening import Heard
from tests.venues.tickets import ticket as any_ticket

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
D = Decimal
ACCEPTED, REJECTED, UNKNOWN = SubmitStatus.ACCEPTED, SubmitStatus.REJECTED, SubmitStatus.UNKNOWN


class Desk:
    """A venue on an exchange, with what it said."""

    def __init__(self, peer: BinanceServer, secret: str | None = None) -> None:
        self.peer = peer
        self.secret = secret
        self.heard = Heard()
        self.venue = self._new()

    def _new(self) -> BinanceVenue:
        clock = SystemClock()
        settings = VenueSettings(
            name="binance",
            adapter="binance",
            timeout_s=D(1),
            options={"base_url": f"{self.peer.url}/api", "stream_url": f"{self.peer.ws_url}/ws-api/v3"},
        )
        environ = {"BINANCE_API_KEY": self.peer.api_key, "BINANCE_SECRET": self.secret or self.peer.secret}
        return BinanceVenue(settings, RestClient(settings, environ, clock), clock)

    async def open(self) -> None:
        await self.venue.start(self.heard)
        await self.heard.until(lambda: self.heard.is_connected)

    async def restart(self) -> None:
        await self.venue.close()
        self.heard = Heard()
        self.venue = self._new()
        await self.open()


@pytest.fixture
async def peer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BinanceServer]:
    monkeypatch.setattr(venue_module, "_IN_FLIGHT_S", 0.3)
    async with BinanceServer() as server:
        server.quote("BTCUSDT", "99999", "100001")
        yield server


@pytest.fixture
async def desk(peer: BinanceServer) -> AsyncIterator[Desk]:
    made = Desk(peer)
    await made.open()
    yield made
    await made.venue.close()


def ticket(**more: object) -> OrderTicket:
    good = {"venue": "binance", "symbol": "BTC/USDT", "time_in_force": TimeInForce.GTC}
    return any_ticket(**(good | {"order_qty": D("0.01"), "limit_px": D(99000)} | more))


def market(**more: object) -> OrderTicket:
    return ticket(ord_type=OrdType.MARKET, limit_px=None, time_in_force=TimeInForce.DAY, **more)


def count_sent(peer: BinanceServer) -> int:
    """Orders that reached the exchange's door, those included that a fault kept out."""
    kept_out = sum(1 for kind, op in peer.faults.log if op == "place" and kind in ("drop_before", "error"))
    return kept_out + sum(1 for op, _ in peer.requests if op == "place")


async def test_filters_are_kept_before_sending(desk: Desk) -> None:
    """Without this, every mistake would cost a request and come back as a number."""
    for change, words in (
        ({"order_qty": D("0.000001")}, "LOT_SIZE"),
        ({"limit_px": D("99000.005")}, "PRICE_FILTER"),
        ({"order_qty": D("0.00002")}, "NOTIONAL"),
        ({"time_in_force": TimeInForce.AT_THE_OPENING}, "opg"),
        ({"ord_type": OrdType.MARKET_ON_CLOSE}, "moc"),
        ({"execution_algorithm": "vwap"}, "execution_algorithm"),
    ):
        answer = await desk.venue.submit(ticket(**change))
        assert (answer.status, words in answer.text) == (REJECTED, True), answer
    assert count_sent(desk.peer) == 0
