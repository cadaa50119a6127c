"""ccxt, played by Coinbase Exchange."""

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.adapters.venues.ccxt.capabilities import ccxt_capabilities
from gateway.adapters.venues.ccxt.client import Client
from gateway.adapters.venues.ccxt.ids import order_id_of
from gateway.adapters.venues.ccxt.known import IdForm
from gateway.adapters.venues.ccxt.options import read_options
from gateway.adapters.venues.ccxt.venue import CcxtVenue
from gateway.adapters.venues.shared.budget import MessageBudget
from gateway.domain.instruments import Instrument
from gateway.domain.settings import VenueSettings
from gateway.ports.venue import Venue
from tests.venues.contract.drivers import PeerDriver, Truth, latest
from tests.venues.exchange.server import CoinbaseServer
from tests.venues.spot import SpotEvent, SpotOrder

D = Decimal
_PLACED = re.compile(r'"client_oid":\s*"([^"]+)"')


class CcxtDriver(PeerDriver):
    name = "ccxt"
    symbol, peer_symbol = "BTC/USD", "BTC-USD"
    unit = D("0.1")
    refused = ({"order_qty": D(50_000)}, "insufficient funds")
    credential_words = "CCXT_API_KEY"
    soak_pace_s = 1.0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.peer = self.server = CoinbaseServer()
        #: The exchange forgets orders that end without a fill; who compares with it must not.
        self._orders: dict[int, SpotOrder] = {}
        self.server.exchange.listeners.append(self._remember)

    def _remember(self, event: SpotEvent) -> None:
        self._orders[id(event.order)] = event.order

    @property
    def at(self) -> VenueSettings:
        return self.settings(
            options={
                "exchange": "coinbaseexchange",
                "base_url": self.peer.url,
                "stream_url": f"{self.peer.ws_url}/ws",
                "absent_after_s": "1",
            }
        )

    @property
    def capabilities(self) -> Any:  # type: ignore[override]
        return ccxt_capabilities(self.at)

    @property
    def instrument(self) -> Instrument:
        return Instrument(
            symbol=self.symbol,
            venue=self.name,
            currency="USD",
            tick_size=D("0.01"),
            lot_size=D("0.00001"),
            asset_class="crypto",
        )

    def new_venue(self) -> Venue:
        client = Client(self.at, read_options(self.at), self.clock, self.environ())
        client.exchange.timeout_on_exit = 0  # a quarter of a second, for encrypted sockets
        client.pacing.gap_ns = 0  # not each tenth of a second
        client.budget.set_limit(100_000_000)
        return CcxtVenue(self.at, client, self.clock, (self.symbol,), poll_s=0.1)

    def venue_keys(self) -> dict[str, Any]:
        return {"timeout": 2, "options": dict(self.at.options)}

    def environ(self) -> dict[str, str]:
        return {
            "CCXT_API_KEY": self.server.api_key,
            "CCXT_SECRET": self.server.secret,
            "CCXT_PASSWORD": self.server.passphrase,
        }

    def budget(self, venue: Any) -> MessageBudget:
        budget: MessageBudget = venue._client.budget
        return budget

    def present(self) -> dict[str, Truth]:
        return latest(
            (
                order_id_of(one.client_id, IdForm.UUID),
                0,
                Truth(1, one.qty, one.cum_qty, one.is_open, one.px),
            )
            for one in self._orders.values()
        )

    def sent(self) -> Counter[str]:
        found = (_PLACED.search(text) for op, text in self.peer.door if op == "place")
        return Counter(order_id_of(one[1], IdForm.UUID) for one in found if one is not None)
