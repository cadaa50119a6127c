"""Alpaca, played by its peer."""

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.adapters.venues.alpaca.capabilities import ALPACA
from gateway.adapters.venues.alpaca.client import RestClient
from gateway.adapters.venues.alpaca.venue import AlpacaVenue
from gateway.adapters.venues.shared.budget import MessageBudget
from gateway.adapters.venues.shared.generations import generation_of, order_id_of
from gateway.domain.instruments import Instrument
from gateway.domain.order_class import exit_id_of
from gateway.ports.venue import Venue
from tests.venues.alpaca.orders import AlpacaOrder
from tests.venues.alpaca.server import AlpacaServer
from tests.venues.contract.drivers import PeerDriver, Truth, latest

D = Decimal
_PLACED = re.compile(r'"client_order_id":\s*"([^"]+)"')


class AlpacaDriver(PeerDriver):
    name = "alpaca"
    symbol = peer_symbol = "AAPL"
    capabilities = ALPACA
    has_fees = False
    refused = ({"order_qty": D(1_000_000)}, "insufficient buying power")
    credential_words = "ALPACA_API_KEY"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.peer = self.server = AlpacaServer()
        self.server.requests_per_minute = 100_000

    @property
    def instrument(self) -> Instrument:
        return Instrument(symbol="AAPL", venue="alpaca", currency="USD", tick_size=D("0.01"))

    def new_venue(self) -> Venue:
        settings = self.settings(options={"base_url": self.peer.url})
        return AlpacaVenue(settings, RestClient(settings, self.environ(), self.clock), ("AAPL",), self.clock)

    def venue_keys(self) -> dict[str, Any]:
        return {"timeout": 2, "options": {"base_url": self.peer.url}}

    def environ(self) -> dict[str, str]:
        return {"ALPACA_API_KEY": self.server.api_key, "ALPACA_SECRET_KEY": self.server.secret}

    def budget(self, venue: Any) -> MessageBudget:
        budget: MessageBudget = venue._rest.budget
        return budget

    def present(self) -> dict[str, Truth]:
        """A changed order goes on with what is left of its quantity. An exit is known by the order it goes with."""
        return latest(
            (_our_id(one), _generation(one), Truth(1, one.qty, one.cum_qty, one.is_open, one.limit_px))
            for one in self.server.account.orders.values()
        )

    def sent(self) -> Counter[str]:
        found = (_PLACED.search(text) for op, text in self.peer.door if op == "place")
        return Counter(one[1] for one in found if one is not None)


def _our_id(one: AlpacaOrder) -> str:
    if one.parent is None:
        return order_id_of(one.client_order_id)
    legs = sorted(one.parent.legs, key=lambda leg: leg.type != "limit")
    return exit_id_of(order_id_of(one.parent.client_order_id), legs.index(one) + 1)


def _generation(one: AlpacaOrder) -> int:
    return generation_of((one.parent or one).client_order_id)
