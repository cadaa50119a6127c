"""Statistics of risk from prices to the state: sampled on the timers' clock, computed apart, delivered as an event."""

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from gateway.domain.config import FigureSampling
from gateway.domain.market import Quote
from gateway.ports.market_data import MarketListener
from gateway.service.book_views import portfolio_views
from gateway.service.figures import FigureKeeper
from gateway.service.tasks import TaskGroup
from tests.fakes.clock import ManualClock
from tests.world import D, World, trading_config

SAMPLING = FigureSampling(sample_every_s=60, window=50, min_samples=10, compute_every_s=100_000, max_symbols=3)


class MovingMarket:
    """Implements ``ports.market_data.MarketData``: the prices that a test sets, as old as it sets them."""

    is_synthetic = True

    def __init__(self) -> None:
        self.quotes: dict[str, Quote] = {}

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def quote(self, symbol: str) -> Quote | None:
        return self.quotes.get(symbol)

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        return lambda: None

    def move(self, symbol: str, px: Decimal, now_ns: int) -> None:
        self.quotes[symbol] = Quote(symbol, px, D(1), px, D(1), px, D(1), now_ns, now_ns, True)


class Room:
    """A core that holds ten AAPL, a market, a clock by hand, and the keeper of figures between them."""

    def __init__(self) -> None:
        self.world = World(trading_config(figures=SAMPLING))
        self.world.fill(self.world.place(qty=10), px=D(100))
        self.clock, self.market, self.tasks = ManualClock(self.world.now_ns), MovingMarket(), TaskGroup()
        engine: Any = SimpleNamespace(state=self.world.state, process=self.world.send)
        self.keeper = FigureKeeper(engine, self.market, self.clock, self.tasks)

    def minute(self, aapl: str, tsla: str) -> None:
        self.clock.advance(s=60)
        for symbol, px in (("AAPL", aapl), ("TSLA", tsla)):
            if px:
                self.market.move(symbol, D(px), self.clock.now_ns())
        self.keeper.tick()

    async def compute(self) -> Any:
        await self.keeper.compute(self.clock.now_ns())
        await self.tasks.close()
        return self.world.state.figures


async def test_prices_become_figures_that_rules_and_readers_see() -> None:
    """Without this, limits on volatility and correlation would have nothing to read."""
    room = Room()
    for n in range(20):
        room.minute(str(100 + n % 3), str(200 + 2 * (n % 3)))
    figures = await room.compute()
    assert figures.as_of_ns == room.clock.now_ns()
    assert figures.sample_counts["AAPL"] == 19
    assert figures.correlation("TSLA", "AAPL") == 1
    risk = figures.tail_risk["shadow"]["default"]
    # Of 19 returns the worst is 102 -> 100; the position is worth 1,000 at its fill; 1,440 minutes make a day.
    assert risk.historical_var_95 == (D(2000) / D(102) * D(1440).sqrt()).quantize(D("0.01"))
    assert figures.gateway_tail_risk["shadow"] == risk
    views = portfolio_views(room.world.state, room.market, room.clock.now_ns() + 5_000_000_000)
    shown = {(view.book, view.account): view.tail_risk for view in views}
    assert shown[("live", "default")] is None
    found = shown[("shadow", "default")]
    assert found is not None
    assert (found.age_s, found.sample_count) == (5, 19)


async def test_a_market_that_stands_still_gives_no_samples() -> None:
    """Without this, a night of stale quotes would look like the calmest market there is."""
    room = Room()
    for n in range(18):
        room.minute("100" if n < 3 else "", str(200 + n % 2))
    figures = await room.compute()
    assert "AAPL" not in figures.volatility
    assert "TSLA" in figures.volatility
    assert figures.tail_risk == {}  # what is held is not known


async def test_only_so_many_symbols_are_sampled_and_those_held_come_first() -> None:
    """Without this, five thousand instruments would be five thousand windows, or the position would be left out."""
    room = Room()
    room.minute("100", "200")
    assert list(room.keeper._prices) == ["AAPL", "TSLA", "ES"]
    await room.tasks.close()
