"""A market that no one made: random prices for any number of instruments, so that the gateway runs and can be
tried with no venue at all. Everything it says is marked ``is_synthetic``. It never closes."""

import asyncio
from collections.abc import Callable, Sequence

from gateway.adapters.marketdata.walk import SyntheticWalk
from gateway.adapters.venues.shared.listeners import Listeners
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, Quote
from gateway.domain.settings import MarketDataSettings
from gateway.ports.clock import Clock
from gateway.ports.connection import ConnectionState
from gateway.ports.market_data import FeedState, MarketListener

_NS_PER_S = 1_000_000_000
#: Steps that are due are taken together, this often at most: many symbols cost few wake-ups, and no order waits long
#: behind the steps of one.
_WAKE_NS = 5_000_000
#: After a pause (a suspended machine) at most this much is made up for; the rest never happened.
_MOST_CATCH_UP_NS = _NS_PER_S


class SyntheticMarket:
    """Implements ``ports.market_data.MarketFeed``.

    Steps go round the symbols, ``ticks_per_s`` of them a second in total, and more when that is needed to
    refresh every symbol twice within ``stale_after_ms``. A symbol's n-th step depends on seed and symbol only.
    """

    def __init__(self, instruments: Sequence[Instrument], settings: MarketDataSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._walks = {one.symbol: SyntheticWalk(one, settings.seed) for one in instruments}
        self._order = tuple(self._walks.values())
        self._listeners = Listeners()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._begun_ns = 0  # monotonic
        self._steps = 0
        self._since_ns = clock.now_ns()
        self._updates = 0

    @property
    def is_synthetic(self) -> bool:
        return True

    @property
    def steps_per_s(self) -> int:
        """The rate in force: that of the settings, or what freshness needs."""
        refresh_ms = max(self._settings.stale_after_ms // 2, 1)
        return max(self._settings.ticks_per_s, -(-len(self._order) * 1_000 // refresh_ms))

    async def start(self) -> None:
        """Every symbol has a quote when this returns."""
        self._loop = asyncio.get_running_loop()
        now_ns = self._clock.now_ns()
        for walk in self._order:
            for update in walk.first(now_ns):
                self._listeners.tell(update)
        self._begun_ns = self._clock.monotonic_ns()
        self._steps = 0
        self._schedule()

    def quote(self, symbol: str) -> Quote | None:
        walk = self._walks.get(symbol)
        return None if walk is None or self._loop is None else walk.quote

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        return self._listeners.add(symbol, listener)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop = None
        self._listeners.clear()

    def depth(self, symbol: str) -> DepthUpdate | None:
        walk = self._walks.get(symbol)
        return None if walk is None or self._loop is None else walk.depth()

    def trouble(self, symbol: str) -> str:
        return ""

    def state(self) -> FeedState:
        return FeedState(
            name="synthetic",
            is_synthetic=True,
            connection=ConnectionState(
                is_connected=self._loop is not None, since_ns=self._since_ns, text="synthetic prices, made by no market"
            ),
            symbols=tuple(self._walks),
            updates=self._updates,
        )

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Follow an edit of the configuration: what stays goes on where it was, what is new begins at once. On another
        grid of prices or quantities a walk begins anew: off its grid, nobody could trade at what it shows."""
        known = {
            one.symbol: walk
            for one in instruments
            if (walk := self._walks.get(one.symbol)) is not None and walk.is_on_grid_of(one)
        }
        self._walks = {
            one.symbol: known.get(one.symbol) or SyntheticWalk(one, self._settings.seed) for one in instruments
        }
        self._order = tuple(self._walks.values())
        if self._loop is None:
            return
        now_ns = self._clock.now_ns()
        for symbol, walk in self._walks.items():
            if symbol not in known:
                for update in walk.first(now_ns):
                    self._listeners.tell(update)
        self._restart_pace()

    def _schedule(self) -> None:
        if self._loop is None or not self._order:
            return
        step_ns = _NS_PER_S // self.steps_per_s
        self._timer = self._loop.call_later(max(step_ns, _WAKE_NS) / _NS_PER_S, self._wake)

    def _restart_pace(self) -> None:
        """Count steps from now on."""
        self._begun_ns = self._clock.monotonic_ns()
        self._steps = 0
        if self._timer is not None:
            self._timer.cancel()
        self._schedule()

    def _wake(self) -> None:
        elapsed_ns = self._clock.monotonic_ns() - self._begun_ns
        due = elapsed_ns * self.steps_per_s // _NS_PER_S
        most = max(1, self.steps_per_s * _MOST_CATCH_UP_NS // _NS_PER_S)
        if due - self._steps > most:
            self._steps = due - most
        now_ns = self._clock.now_ns()
        while self._steps < due and self._loop is not None:
            walk = self._order[self._steps % len(self._order)]
            self._steps += 1
            updates = walk.step(now_ns)
            self._updates += len(updates)
            for update in updates:
                self._listeners.tell(update)
        self._schedule()
