"""Our adapter at a desk on Alpaca's peer, for the tests that play with both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.alpaca.client import RestClient
from gateway.adapters.venues.alpaca.venue import AlpacaVenue
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import OrdType, TimeInForce
from gateway.domain.settings import VenueSettings
from gateway.ports.venue import Lookup
from tests.patience import PATIENCE_S
from tests.venues.alpaca.server import AlpacaServer
from tests.venues.listening import Heard
from tests.venues.tickets import ticket as any_ticket

D = Decimal
#: Stands for the minute after which an order cannot be under way any more.
IN_FLIGHT_S = 0.3


class Desk:
    """A venue on Alpaca, with what it said."""

    def __init__(self, peer: AlpacaServer, secret: str | None = None) -> None:
        self.peer = peer
        self.secret = secret
        self.heard = Heard()
        self.venue = self._new()

    def _new(self) -> AlpacaVenue:
        clock = SystemClock()
        settings = VenueSettings(name="alpaca", adapter="alpaca", timeout_s=D(1), options={"base_url": self.peer.url})
        environ = {"ALPACA_API_KEY": self.peer.api_key, "ALPACA_SECRET_KEY": self.secret or self.peer.secret}
        self.rest = RestClient(settings, environ, clock)
        return AlpacaVenue(settings, self.rest, ("AAPL", "BTC/USD"), clock)

    async def open(self) -> None:
        await self.venue.start(self.heard)
        await self.heard.until(lambda: self.heard.is_connected)

    async def stop(self) -> None:
        """As a gateway stops: nothing of what was known is left."""
        await self.venue.close()
        self.heard = Heard()
        self.venue = self._new()

    async def settled(self, order: OrderTicket) -> Lookup:
        """Ask until there is an answer, as the gateway does."""
        async with asyncio.timeout(PATIENCE_S):
            while (found := await self.venue.lookup(order)).is_known is None:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.02)
        self.heard.on_reports(found.reports)
        return found

    def sent(self, operation: str = "place") -> int:
        """Requests that reached Alpaca's door, those included that a fault kept out."""
        kept_out = sum(1 for kind, op in self.peer.faults.log if op == operation and kind in ("drop_before", "error"))
        return kept_out + sum(1 for op, _ in self.peer.requests if op == operation)

    def held(self) -> Decimal:
        """What Alpaca says that the account holds of AAPL."""
        return self.peer.account.positions.get("AAPL", (D(0), D(0)))[0]


@asynccontextmanager
async def open_desk() -> AsyncIterator[Desk]:
    async with AlpacaServer() as peer:
        peer.quote("AAPL", "179.99", "180.01")
        peer.quote("BTC/USD", "99999", "100001")
        desk = Desk(peer)
        await desk.open()
        yield desk
        await desk.venue.close()


def ticket(**more: object) -> OrderTicket:
    good = {"venue": "alpaca", "symbol": "AAPL", "time_in_force": TimeInForce.DAY}
    return any_ticket(**(good | {"order_qty": D(10), "limit_px": D("179.5")} | more))


def market(**more: object) -> OrderTicket:
    return ticket(**({"ord_type": OrdType.MARKET, "limit_px": None} | more))
