"""Interactive Brokers, played by a TWS."""

from collections import Counter
from decimal import Decimal
from typing import Any

from gateway.adapters.venues.ibkr.capabilities import IBKR
from gateway.adapters.venues.ibkr.ids import OrderIds
from gateway.adapters.venues.ibkr.venue import IbkrVenue
from gateway.adapters.venues.shared.budget import MessageBudget
from gateway.domain.instruments import Instrument
from gateway.domain.settings import VenueSettings
from gateway.ports.venue import Venue
from tests.venues.contract.drivers import Driver, Truth, latest
from tests.venues.faults import Faults
from tests.venues.peer import Number
from tests.venues.tws.server import TwsServer


class IbkrDriver(Driver):
    name = "ibkr"
    symbol = peer_symbol = "AAPL"
    capabilities = IBKR
    refused = ({"limit_px": Decimal("95.003")}, "minimum price variation")
    breaking_faults = (
        *((kind, op) for kind in ("drop_before", "drop_after", "cut", "garble") for op in ("place", "*")),
        ("silent", "lookup"),
        ("late", "lookup"),
    )
    credential_words = "is not among those of this login"

    def __init__(self, folder: object) -> None:
        super().__init__(folder)  # type: ignore[arg-type]
        self.tws = TwsServer()
        self.tws.faults.messages_per_s = 50

    @property
    def instrument(self) -> Instrument:
        return Instrument(symbol="AAPL", venue="ibkr", currency="USD", exchange="SMART", tick_size=Decimal("0.01"))

    def new_venue(self) -> Venue:
        settings = VenueSettings(
            name="ibkr",
            adapter="ibkr",
            host="127.0.0.1",
            port=self.tws.port,
            client_id=7,
            timeout_s=Decimal(self.timeout_s),
            options={"account": "DU123456"},
        )
        instruments = {"AAPL": self.instrument}
        return IbkrVenue(settings, instruments, OrderIds(self.folder / "ibkr.order_ids"), self.clock)

    async def open_peer(self) -> None:
        await self.tws.start()
        self.quote(99, 101)

    async def close_peer(self) -> None:
        await self.tws.stop()

    def venue_keys(self) -> dict[str, Any]:
        return {"port": self.tws.port, "timeout": 2, "options": {"account": "DU123456"}}

    def budget(self, venue: Any) -> MessageBudget:
        budget: MessageBudget = venue._budget
        return budget

    def truths(self) -> dict[str, Truth]:
        return latest(
            (
                one.terms.order_ref,
                0,
                Truth(1, one.terms.qty, one.cum_qty, not one.is_done, one.terms.limit_px),
            )
            for one in self.tws.market.orders.values()
        )

    def sent(self) -> Counter[str]:
        """TWS is told of an order by number: one number is one order, told once unless it is changed."""
        by_id = {one.order_id: one.order_ref for one in self.tws.seen}
        return Counter(by_id.get(number, f"kept out: {number}") for op, number in self.tws.door if op == "place")

    @property
    def faults(self) -> Faults:
        return self.tws.plan

    def quote(self, bid: Number, ask: Number) -> None:
        self.tws.quote("AAPL", bid, ask)

    def trade(self, px: Number, units: Number) -> None:
        self.tws.trade("AAPL", px, units)

    def is_break(self, kind: str, op: str) -> bool:
        """There is one socket; and a list that does not come in time is a connection that is not sound."""
        return kind in ("drop_before", "drop_after", "cut", "garble") or op in ("lookup", "*")

    def hang_up(self) -> None:
        self.tws.hang_up()

    def go_silent(self) -> None:
        self.tws.go_silent()

    def roll_back(self) -> None:
        self.tws.roll_ids_back(7, 1)

    def skew(self, ms: int) -> None:
        self.tws.skew_s = ms // 1000

    def refuse_credentials(self, is_on: bool) -> None:
        """TWS logs in by itself: what can be wrong is that the login has other accounts."""
        self.tws.market.accounts = ["DU999999"] if is_on else ["DU123456"]
        self.tws.hang_up()
