"""One budget of messages for everything that sends to one account, however many connections and names it has."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.binance import market as binance_market
from gateway.adapters.venues.binance.market import BinanceMarket
from gateway.adapters.venues.binance.weight import WEIGHT_PER_MIN
from gateway.adapters.venues.shared.budget import Budgets, MessageBudget
from gateway.app.registry import feed_factory, venue_factories
from gateway.domain.enums import SubmitStatus, TimeInForce
from gateway.domain.instruments import Instrument
from gateway.domain.settings import Settings, VenueSettings
from gateway.ports.market_data import MarketFeed
from gateway.ports.sending import IS_WANTED
from gateway.ports.venue import Venue
from tests.fakes.clock import ManualClock
from tests.fakes.outside import FixedMarket
from tests.venues.contract.registry import DRIVERS
from tests.venues.listening import Heard
from tests.venues.tickets import ticket
from tests.venues.tws.orders import Listing
from tests.venues.tws.server import TwsServer
from tests.world import trading_config

D = Decimal
AAPL = Instrument(symbol="AAPL", venue="ibkr", currency="USD")
MANY = tuple(Instrument(symbol=f"S{number}", venue="ibkr", currency="USD") for number in range(20))
KEYS = {"ALPACA_API_KEY": "PK1", "ALPACA_SECRET_KEY": "s", "BINANCE_API_KEY": "k", "BINANCE_SECRET": "s"}
KEYS |= {"ONE_API_KEY": "k", "ONE_SECRET": "s", "TWO_API_KEY": "k", "TWO_SECRET": "s"}


class Wiring:
    """What the gateway makes of its settings, with one table of budgets."""

    def __init__(self, clock: ManualClock | SystemClock, folder: Path, *venues: VenueSettings) -> None:
        self.settings = Settings(trading=trading_config(), venues={one.name: one for one in venues})
        budgets = Budgets(clock)
        known = {"AAPL": AAPL}
        self._venues = venue_factories(known, self.settings, FixedMarket({}), clock, folder, KEYS, budgets)
        self._feeds = feed_factory(folder, clock, KEYS, budgets)

    def venue(self, name: str) -> Venue:
        of_it = self.settings.venues[name]
        return self._venues[of_it.adapter](of_it)

    def feed(self, name: str) -> MarketFeed:
        return self._feeds(name, self.settings)


def at_tws(tws: TwsServer, name: str = "ibkr", host: str = "127.0.0.1", client_id: int = 7) -> VenueSettings:
    return VenueSettings(
        name=name, adapter="ibkr", host=host, port=tws.port, client_id=client_id, timeout_s=D(60), paper_only=True
    )


async def until_still(tws: TwsServer) -> int:
    """How many messages TWS has heard when no more come. Looks are counted, not time: a machine that stands still for
    a moment lets time go by in which nobody could speak, and everybody who waits gets a turn between two looks."""
    heard, still = tws.heard, 0
    while still < 20:
        await asyncio.sleep(0.025)  # longer than who waits for the budget sleeps
        still = still + 1 if tws.heard == heard else 0
        heard = tws.heard
    return heard


async def test_orders_and_prices_of_one_tws_stay_within_its_messages(tmp_path: Path) -> None:
    """Without this, a start with many symbols and a burst of orders would make TWS close the session with orders
    working: it counts all its clients together. Time stands still here, so the whole second is seen."""
    clock = ManualClock()
    async with TwsServer() as tws:
        tws.faults.messages_per_s = 0  # TWS's clock is another: messages are counted below
        tws.quote("AAPL", "179.99", "180.01")
        for number, one in enumerate(MANY):
            tws.market.listings.append(Listing(9_000 + number, one.symbol))
            tws.quote(one.symbol, "9", "11")
        made = Wiring(clock, tmp_path, at_tws(tws), at_tws(tws, "again", "localhost", 8))
        venues, feed, heard = [made.venue("ibkr"), made.venue("again")], made.feed("ibkr"), [Heard(), Heard()]
        for venue, listener in zip(venues, heard, strict=True):
            await venue.start(listener)
            await listener.until(lambda listener=listener: listener.is_connected)
        feed.follow(MANY)
        await feed.start()
        await until_still(tws)
        terms = {"venue": "ibkr", "symbol": "AAPL", "order_qty": D(1), "limit_px": D("179.50")}
        terms |= {"time_in_force": TimeInForce.DAY}
        burst = [asyncio.create_task(venue.submit(ticket(**terms))) for venue in venues for _ in range(40)]
        first_second = await until_still(tws)
        placed = sum(op == "place" for op, _ in tws.door)
        assert first_second <= 50
        assert placed > 20, "prices give way to orders"
        while not all(task.done() for task in burst) or feed.quote(MANY[-1].symbol) is None:
            clock.advance(s=1)  # prices follow when the orders are out
            before = tws.heard
            assert await until_still(tws) - before <= 50
        assert {task.result().status for task in burst} == {SubmitStatus.ACCEPTED}
        for venue in venues:
            await venue.close()
        await feed.close()


@pytest.mark.parametrize("adapter", ["alpaca", "ccxt"])
async def test_two_venues_of_one_account_share_its_budget(tmp_path: Path, adapter: str) -> None:
    """Without this, an account under two names would be sent twice what its venue takes, and be banned."""
    options = {"exchange": "kraken"} if adapter == "ccxt" else {}
    one, two = (
        VenueSettings(name=name, adapter=adapter, paper_only=adapter != "ccxt", options=options)
        for name in ("one", "two")
    )
    made, driver = Wiring(SystemClock(), tmp_path, one, two), DRIVERS[adapter](tmp_path)
    venues = [made.venue(name) for name in ("one", "two")]
    budgets = [driver.budget(venue) for venue in venues]
    assert budgets[0].take()
    assert budgets[0].remaining == budgets[1].remaining
    if adapter == "ccxt":  # whose requests wait in a line
        assert len({id(getattr(venue, "_client").pacing) for venue in venues}) == 1  # noqa: B009 - of this adapter only
    for venue in venues:
        await venue.close()


async def test_prices_of_the_testnet_use_the_weight_of_its_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, snapshots of many books would use up the weight that orders and cancels need: an address counts."""
    monkeypatch.setattr(binance_market, "_PATIENCE_S", 0.0)
    made = Wiring(SystemClock(), tmp_path, VenueSettings(name="binance", adapter="binance", paper_only=True))
    venue, feed = made.venue("binance"), made.feed("binance")
    assert isinstance(feed, BinanceMarket)
    budget = DRIVERS["binance"](tmp_path).budget(venue)
    budget.take(WEIGHT_PER_MIN // 2 - 3)
    before = budget.remaining
    assert await feed._get("depth", symbol="BTCUSDT", limit="5") is None
    assert budget.remaining == before
    await venue.close()


def test_who_leaves_room_sends_nothing_into_it() -> None:
    """Without this, prices would take the last messages of a second before an order."""
    clock = ManualClock()
    budget = Budgets(clock).at(("x",), limit=10, window_s=1.0, reserve=2)
    assert [budget.take(leave=6) for _ in range(5)] == [True] * 4 + [False]
    assert [budget.take() for _ in range(5)] == [True] * 4 + [False]
    assert [budget.take(is_cancel=True) for _ in range(3)] == [True] * 2 + [False]
    clock.advance(s=1)
    assert budget.take(leave=6)


async def test_what_is_not_wanted_any_more_stops_waiting_and_spends_nothing() -> None:
    """Without it orders that wait for a budget would leave after a demotion; what takes something back still leaves."""
    budget = MessageBudget(SystemClock(), 2, 0.5, 1)
    wanted = [True]
    IS_WANTED.set(lambda: wanted[0])
    assert await budget.acquire(1)
    waiting = asyncio.create_task(budget.acquire(60))
    await asyncio.sleep(0)
    assert not waiting.done()
    wanted[0] = False
    assert not await waiting
    assert await budget.acquire(1, is_cancel=True)
    assert budget.remaining == 0
