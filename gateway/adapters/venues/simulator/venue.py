"""The simulator as a venue: a clock, one timer and the market's updates around the pure ``MatchingModel``.

SHADOW orders are routed here as orders of any venue are routed to theirs; so are the twins of live orders.
"""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal

from gateway.adapters.venues.simulator.account import SimulatorAccount
from gateway.adapters.venues.simulator.model import MatchingModel
from gateway.adapters.venues.simulator.sessions import SessionBoundary, next_midnight_ns
from gateway.domain.effects import OrderTicket
from gateway.domain.enums import SubmitStatus
from gateway.domain.instruments import Instrument
from gateway.domain.market import MarketUpdate
from gateway.domain.settings import SimulatorSettings
from gateway.ports.clock import Clock
from gateway.ports.market_data import MarketData
from gateway.ports.venue import Answer, Lookup, VenueListener

_ACCEPTED = Answer(SubmitStatus.ACCEPTED)
_NS_PER_MS = 1_000_000


class SimulatorVenue:
    """Implements ``ports.venue.Venue``. No request suspends or fails; what becomes of it is told in reports.

    Reports are delivered from the event loop's own turn, never from inside a request, and all that are due go
    in one call. ``instruments`` is by symbol and may be changed by its owner while the venue runs.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        settings: SimulatorSettings,
        market: MarketData,
        clock: Clock,
        *,
        name: str = "simulator",
        session_end_ns: SessionBoundary = next_midnight_ns,
        session_start_ns: SessionBoundary = next_midnight_ns,
    ) -> None:
        self._instruments = instruments
        self._market = market
        self._clock = clock
        self._name = name
        self._model = MatchingModel(instruments, settings, session_end_ns, session_start_ns)
        self._listener: VenueListener | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Handle | None = None
        self._timer_at_ns = 0  # when it goes off, monotonic
        self._stop_listening: Callable[[], None] | None = None
        self._epoch_ns = clock.now_ns() - clock.monotonic_ns()

    @property
    def account(self) -> SimulatorAccount:
        return SimulatorAccount(self._model)

    @property
    def open_orders(self) -> int:
        return self._model.open_orders

    async def start(self, listener: VenueListener) -> None:
        """Begin to follow the market, from the quotes it has already; orders may come from now on."""
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        now_ns = self._now_ns()
        for symbol in self._instruments:
            quote = self._market.quote(symbol)
            if quote is not None:
                self._model.on_market(quote, now_ns)
        self._stop_listening = self._market.listen(None, self._on_market)
        listener.on_status(self._name, True, "simulating fills from market data")

    async def submit(self, ticket: OrderTicket) -> Answer:
        self._arm_for(self._model.submit(ticket, self._now_ns()))
        return _ACCEPTED

    async def cancel(self, ticket: OrderTicket) -> Answer:
        self._arm_for(self._model.cancel(ticket, self._now_ns()))
        return _ACCEPTED

    async def replace(
        self, ticket: OrderTicket, order_qty: Decimal, limit_px: Decimal | None, stop_px: Decimal | None
    ) -> Answer:
        self._arm_for(self._model.replace(ticket, order_qty, limit_px, stop_px, self._now_ns()))
        return _ACCEPTED

    async def lookup(self, ticket: OrderTicket) -> Lookup:
        """Every order asked for is known: what a restart lost is taken up again (see ``MatchingModel.look_up``)."""
        reports = self._model.look_up(ticket, self._now_ns())
        self._arm()
        return Lookup(True, reports)

    async def close(self) -> None:
        """Stop. Open orders are forgotten here and taken up again by ``lookup`` after the next start."""
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop = None

    def _now_ns(self) -> int:
        """Epoch time that runs with the monotonic clock, so that a clock set back cannot hold up what is under
        way; a clock set forward is followed at once."""
        # The wall clock is read first: a pause between the two must not look like a step forward.
        wall_ns = self._clock.now_ns()
        monotonic_ns = self._clock.monotonic_ns()
        if wall_ns - monotonic_ns > self._epoch_ns:
            self._epoch_ns = wall_ns - monotonic_ns
        return self._epoch_ns + monotonic_ns

    def _on_market(self, update: MarketUpdate) -> None:
        if self._model.on_market(update, self._now_ns()):
            self._arm()

    def _arm(self) -> None:
        """Have the one timer go off when the model next has something to do."""
        due_ns = self._model.next_due_ns
        if due_ns is not None:
            self._arm_for(due_ns)

    def _arm_for(self, due_ns: int) -> None:
        """Have the timer go off at ``due_ns``, unless it does so earlier anyway.

        Delays are rounded up to whole milliseconds: under load everything due within one goes in one wake-up.
        """
        if self._loop is None:
            return
        at_ns = due_ns - self._epoch_ns
        if self._timer is not None:
            if self._timer_at_ns <= at_ns:
                return
            self._timer.cancel()
        self._timer_at_ns = at_ns
        delay_ns = due_ns - self._now_ns()
        if delay_ns <= 0:
            self._timer = self._loop.call_soon(self._wake)
        else:
            self._timer = self._loop.call_later(-(-delay_ns // _NS_PER_MS) / 1_000, self._wake)

    def _wake(self) -> None:
        self._timer = None
        reports = self._model.advance(self._now_ns())
        self._arm()
        if reports and self._listener is not None:
            self._listener.on_reports(reports)
