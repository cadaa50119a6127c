"""Binance spot, played by its peer."""

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.adapters.venues.binance.capabilities import BINANCE
from gateway.adapters.venues.binance.client import RestClient
from gateway.adapters.venues.binance.venue import BinanceVenue
from gateway.adapters.venues.shared.budget import MessageBudget
from gateway.adapters.venues.shared.generations import generation_of, order_id_of
from gateway.domain.instruments import Instrument
from gateway.ports.venue import Venue
from tests.venues.binance.server import BinanceServer
from tests.venues.contract.drivers import PeerDriver, Truth, latest
from tests.venues.spot import Market

D = Decimal
_PLACED = re.compile(r"(?:^|&)newClientOrderId=([^&]+)")


_BALANCES = {"USDT": D(100_000), "BTC": D(1_000)}


class BinanceDriver(PeerDriver):
    name = "binance"
    symbol, peer_symbol = "BTC/USDT", "BTCUSDT"
    capabilities = BINANCE
    unit = D("0.1")
    refused = ({"order_qty": D(5_000)}, "insufficient balance")
    credential_words = "BINANCE_API_KEY"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.peer = self.server = BinanceServer(markets=(Market("BTCUSDT", "BTC", "USDT"),), balances=_BALANCES)

    @property
    def instrument(self) -> Instrument:
        return Instrument(
            symbol=self.symbol,
            venue=self.name,
            currency="USDT",
            tick_size=D("0.01"),
            lot_size=D("0.00001"),
            asset_class="crypto",
        )

    def new_venue(self) -> Venue:
        settings = self.settings(options=self._options)
        return BinanceVenue(
            settings, RestClient(settings, self.environ(), self.clock), self.clock, {self.symbol: self.instrument}
        )

    @property
    def _options(self) -> dict[str, str]:
        return {"base_url": f"{self.peer.url}/api", "stream_url": f"{self.peer.ws_url}/ws-api/v3"}

    def venue_keys(self) -> dict[str, Any]:
        return {"timeout": 2, "options": self._options}

    def environ(self) -> dict[str, str]:
        return {"BINANCE_API_KEY": self.server.api_key, "BINANCE_SECRET": self.server.secret}

    def budget(self, venue: Any) -> MessageBudget:
        budget: MessageBudget = venue._rest.budget
        return budget

    def present(self) -> dict[str, Truth]:
        return latest(
            (
                order_id_of(one.client_id),
                generation_of(one.client_id),
                Truth(1, one.qty, one.cum_qty, one.is_open, one.px),
            )
            for one in self.server.exchange.orders.values()
        )

    def sent(self) -> Counter[str]:
        return Counter(found[1] for op, text in self.peer.door if op == "place" and (found := _PLACED.search(text)))
