"""What happens by the clock: positions are valued, days begin, adapters that nothing needs are closed."""

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal

from gateway.domain.events import MarksObserved, SnapshotDue
from gateway.ports.clock import Clock
from gateway.ports.market_data import MarketData
from gateway.service.alerts import AlertDesk
from gateway.service.breakers import BreakerWatch
from gateway.service.engine import Engine
from gateway.service.figures import FigureKeeper
from gateway.service.flattening import Flattener
from gateway.service.halted_orders import HaltedOrders
from gateway.service.overrides import OverrideDesk
from gateway.service.rollouts import RolloutDesk
from gateway.service.trading_days import gateway_day, venue_days
from gateway.service.venues import VenueManager
from gateway.service.views import mid_px

_log = logging.getLogger(__name__)
MARK_INTERVAL_S = 1.0


class Timers:
    """``tick`` does one round; ``run`` repeats it. Tests call ``tick`` under a clock by hand."""

    def __init__(
        self,
        engine: Engine,
        venues: VenueManager,
        market: MarketData,
        flattener: Flattener,
        overrides: OverrideDesk,
        figures: FigureKeeper,
        breakers: BreakerWatch,
        alerts: AlertDesk,
        rollouts: RolloutDesk,
        halted: HaltedOrders,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._venues = venues
        self._market = market
        self._clock = clock
        self._parts = (
            flattener.pursue,
            halted.tick,
            overrides.tick,
            self._mark,
            figures.tick,
            breakers.check,
            alerts.tick,
            rollouts.tick,
        )

    async def run(self) -> None:
        """Round after round, each part in a moment of its own: all at once they hold up orders for milliseconds."""
        while True:
            for part in self._parts:
                await asyncio.sleep(MARK_INTERVAL_S / len(self._parts))
                _run(part)
            try:
                await self._venues.close_unneeded(self._engine.state)
            except Exception:
                _log.exception("an order adapter could not be closed")

    def tick(self) -> None:
        """One round at once."""
        for part in self._parts:
            _run(part)

    def _mark(self) -> None:
        """Journal the marks of what is held, if any moved, and the start of a day."""
        now_ns, state = self._clock.now_ns(), self._engine.state
        marks = self._moved_marks()
        day, days = gateway_day(state.config, now_ns), venue_days(state.config, now_ns)
        if marks or day > state.day or any(state.is_new_day(venue, days[venue]) for venue in days):
            self._engine.process(MarksObserved(ts_ns=now_ns, marks=marks, day=day, venue_days=days))
        every_ns = state.config.snapshot_every_s * 1_000_000_000
        if every_ns and now_ns - state.snapshot_ns >= every_ns and any(book.positions for book in state.books.values()):
            self._engine.process(SnapshotDue(ts_ns=now_ns))

    def _moved_marks(self) -> dict[str, Decimal]:
        marks: dict[str, Decimal] = {}
        for book in self._engine.state.books.values():
            for position in book.positions.values():
                if not position.qty or position.symbol in marks:
                    continue
                quote = self._market.quote(position.symbol)
                px = None if quote is None else mid_px(quote)
                if px is not None and px != position.mark_px:
                    marks[position.symbol] = px
        return marks


def _run(part: Callable[[], object]) -> None:
    """One that fails (a market that raises, say) keeps no other from its turn."""
    try:
        part()
    except Exception:
        _log.exception("a timer failed")
