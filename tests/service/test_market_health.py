"""The age of the prices that matter: what an operator is alarmed by before orders are denied for it."""

import msgspec

from gateway.domain.enums import Mode
from gateway.domain.market import Quote
from gateway.service.market_health import MarketHealth
from tests.fakes.clock import ManualClock
from tests.fakes.outside import FixedMarket, OpenCalendar, OpenSession
from tests.service.desk import Desk, desk
from tests.world import PRICES, D, trading_config

_SECOND_NS = 1_000_000_000


class AgedMarket(FixedMarket):
    """Prices of a given moment, which took half a second to come here."""

    received_ns = 0

    def quote(self, symbol: str) -> Quote | None:
        found = super().quote(symbol)
        event_ns = self.received_ns - _SECOND_NS // 2
        return found and msgspec.structs.replace(found, event_ns=event_ns, received_ns=self.received_ns)


class ClosedCalendar(OpenCalendar):
    def session(self, name: str, now_ns: int) -> OpenSession:
        closed = OpenSession()
        closed.is_open = False
        return closed


def health(one: Desk, market: FixedMarket, calendar: OpenCalendar | None = None) -> MarketHealth:
    return MarketHealth(one.engine, market, calendar or OpenCalendar(), one.clock, lambda: 5 * _SECOND_NS)


async def test_only_prices_in_use_are_watched_and_each_by_its_own_age() -> None:
    """Without this, a silent feed would be noticed when an order is denied; or an alarm would ring for a symbol that
    nobody trades."""
    clock, market = ManualClock(), AgedMarket(PRICES)
    config = trading_config(Mode.SHADOW)
    async with desk(clock=clock, config=config) as one:
        market.received_ns = clock.now_ns()
        clock.advance(s=6)
        watched = health(one, market)
        assert {venue: found.age_ns for venue, found in watched.by_venue().items()} == dict.fromkeys(config.venues, 0)
        order = one.order(await one.place(limit=D(100)))
        found = watched.by_venue()[order.venue]
        assert (found.age_ns, found.latency_ns, found.stale) == (6 * _SECOND_NS, _SECOND_NS // 2, [order.symbol])
        market.received_ns = clock.now_ns()
        assert watched.by_venue()[order.venue].stale == []


async def test_a_price_that_never_came_is_as_old_as_the_gateway() -> None:
    """Without this, a symbol without any price would look fresh."""
    clock = ManualClock()
    async with desk(clock=clock) as one:
        order = one.order(await one.place(limit=D(100)))
        watched = health(one, FixedMarket({}))
        clock.advance(s=7)
        assert watched.by_venue()[order.venue].age_ns == 7 * _SECOND_NS


async def test_a_quote_without_any_price_is_no_fresh_price() -> None:
    """Without this, a symbol whose both sides were taken away (a halt, a book that ran empty) would count as fresh with
    every empty quote that comes, while what is held of it cannot be valued."""

    class EmptyMarket(AgedMarket):
        def quote(self, symbol: str) -> Quote | None:
            found = super().quote(symbol)
            return found and msgspec.structs.replace(found, bid_px=None, ask_px=None, last_px=None)

    clock, market, empty = ManualClock(), AgedMarket(PRICES), EmptyMarket(PRICES)
    async with desk(clock=clock) as one:
        order = one.order(await one.place(limit=D(100)))
        watched = health(one, market)
        market.received_ns = clock.now_ns()
        assert watched.by_venue()[order.venue].stale == []
        watched._market = empty
        clock.advance(s=7)
        empty.received_ns = clock.now_ns()
        found = watched.by_venue()[order.venue]
        assert (found.age_ns, found.stale) == (7 * _SECOND_NS, [order.symbol])


async def test_a_closed_market_is_not_stale() -> None:
    """Without this, an alarm would ring every night; synthetic prices have no night."""
    clock = ManualClock()
    for is_real in (True, False):
        config = msgspec.structs.replace(trading_config(Mode.SHADOW), is_market_data_real=is_real)
        async with desk(clock=clock, config=config) as one:
            order = one.order(await one.place(limit=D(100)))
            watched = health(one, FixedMarket({}), ClosedCalendar())
            clock.advance(s=60)
            assert bool(watched.by_venue()[order.venue].stale) is not is_real
