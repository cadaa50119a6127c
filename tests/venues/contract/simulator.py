"""The simulator: its own venue, with no wire between us and it."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.venues.simulator.capabilities import SIMULATOR
from gateway.adapters.venues.simulator.venue import SimulatorVenue
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import ExecType, SubmitStatus
from gateway.domain.market import MarketUpdate, Quote, TradeTick
from gateway.domain.settings import SimulatorSettings
from gateway.ports.market_data import MarketListener
from tests.venues.contract.drivers import Driver, Truth
from tests.venues.listening import Heard
from tests.venues.peer import Number

D = Decimal
_MANY = D(1_000_000)


class HandMarket:
    """Implements ``ports.market_data.MarketData``: the driver moves it."""

    is_synthetic = True

    def __init__(self) -> None:
        self._quotes: dict[str, Quote] = {}
        self._listeners: list[MarketListener] = []

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def quote(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, update: MarketUpdate) -> None:
        if isinstance(update, Quote):
            self._quotes[update.symbol] = update
        for listener in list(self._listeners):
            listener(update)


class SimulatorDriver(Driver):
    name = "simulator"
    symbol = peer_symbol = "ACME"
    capabilities = SIMULATOR
    refused = ({"symbol": "NOPE"}, "unknown symbol")
    refuses_algorithms = False  # it stands in for venues that have them, and fills such an order like any other

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.market = HandMarket()
        self._venue: SimulatorVenue | None = None
        self._given: dict[str, OrderTicket] = {}

    def new_venue(self) -> SimulatorVenue:
        none = SimulatorSettings(order_latency_ms=D(0), report_latency_ms=D(0), queue_position=D(0))
        self._venue = SimulatorVenue({"ACME": self.instrument}, none, self.market, self.clock)
        return self._venue

    async def open_peer(self) -> None:
        self.quote(99, 101)

    async def close_peer(self) -> None:
        pass

    def ticket(self, **more: Any) -> OrderTicket:
        made = super().ticket(**more)
        self._given[made.order_id] = made
        return made

    def truths(self) -> dict[str, Truth]:
        """What it works; what it has finished, it has told."""
        assert self._venue is not None
        found: dict[str, Truth] = {}
        for order_id in self._given:
            order = self._venue._model._exchange.find(order_id)
            if order is not None:
                found[order_id] = Truth(1, order.order_qty, order.cum_qty, True, order.limit_px)
        return found

    def sent(self) -> Counter[str]:
        return Counter(self.truths())

    def quote(self, bid: Number, ask: Number) -> None:
        now_ns = self.clock.now_ns()
        self.market.tell(Quote("ACME", D(bid), _MANY, D(ask), _MANY, None, None, now_ns, now_ns, True))

    def trade(self, px: Number, units: Number) -> None:
        """The market comes to the price, and somebody trades there: at a price not shown, nothing fills."""
        is_below = D(px) < 101
        self.quote(*((px, 101) if is_below else (99, px)))
        now_ns = self.clock.now_ns()
        self.market.tell(TradeTick("ACME", D(px), D(units), now_ns, now_ns, is_buyer_maker=is_below))

    async def prove(self, chapter: str) -> None:
        """Every request is answered before it returns, and taken: there is nothing between us and it that could be
        lost, counted, refused for its key or its time, or fall silent."""
        venue = self.new_venue()
        await venue.start(Heard())
        order = self.ticket()
        for request in (venue.submit(order), venue.cancel(order), venue.replace(order, D(11), D(94), None)):
            with pytest.raises(StopIteration) as answered:
                request.send(None)
            assert answered.value.value.status is SubmitStatus.ACCEPTED, chapter
        await venue.close()
        if chapter in ("C6", "C10"):
            await self._prove_that_nothing_is_kept()

    async def _prove_that_nothing_is_kept(self) -> None:
        """What it works is gone with it: nothing fills meanwhile, and an id is as new as any."""
        order, heard = self.ticket(), Heard()
        for _ in range(2):
            venue = self.new_venue()
            await venue.start(heard)
            assert not self.truths()
            assert (await venue.submit(order)).status is SubmitStatus.ACCEPTED
            await heard.until_kind(order.order_id, ExecType.NEW)
            await venue.close()
            self.trade(94, 1_000)
        again = self.new_venue()
        await again.start(heard)
        assert (await again.lookup(order)).is_known
        await again.close()
        assert heard.kinds(order.order_id) == [ExecType.NEW]
