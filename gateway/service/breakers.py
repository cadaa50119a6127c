"""Lets the circuit breakers be looked at: on the timers, and at once after fills and rejections."""

import logging
from collections.abc import Callable

from gateway.core.breakers.listing import does, list_breakers, resets
from gateway.core.decision import Decision
from gateway.domain.breakers import BreakerKind
from gateway.domain.events import BreakerResetRequested, BreakersChecked, BreakerTripRequested, Event
from gateway.domain.facts import OrderEnded, OrderExecuted
from gateway.domain.money import plain
from gateway.domain.orders import Actor
from gateway.ports.clock import Calendar, Clock
from gateway.ports.intake import ControlRefused
from gateway.ports.market_data import MarketData
from gateway.ports.read_model import BreakerView
from gateway.service.engine import Engine

_log = logging.getLogger(__name__)
#: Facts after which losses and rejections are looked at without waiting for the timer.
_URGENT = frozenset({OrderExecuted, OrderEnded})


class BreakerWatch:
    """Brings the time and the age of prices to the breakers."""

    def __init__(self, engine: Engine, market: MarketData, calendar: Calendar, clock: Clock) -> None:
        self._engine = engine
        self._market = market
        self._calendar = calendar
        self._clock = clock
        self._started_ns = clock.now_ns()
        #: Told of what followed from an event of a venue.
        self.on_processed: Callable[[Decision], None] | None = None

    def process(self, event: Event) -> Decision:
        """What the engine's own does, and then a quick look where something was filled or rejected."""
        decision = self._engine.process(event)
        if any(type(fact) in _URGENT for fact in decision.facts):
            try:
                self.check(is_full=False)
            except Exception:  # a fill is booked whatever a breaker makes of it; the timer looks again
                _log.exception("looking at the circuit breakers failed")
        if self.on_processed is not None:
            self.on_processed(decision)
        return decision

    def check(self, is_full: bool = True) -> None:
        """One look; nothing is recorded when nothing trips or resets."""
        state = self._engine.state
        if state.breakers.trips or any(config.enabled for config in state.config.circuit_breakers.values()):
            decision = self._engine.process(self._event(is_full))
            if decision.facts and self.on_processed is not None:
                self.on_processed(decision)

    def _event(self, is_full: bool = True) -> BreakersChecked:
        now_ns = self._clock.now_ns()
        return BreakersChecked(ts_ns=now_ns, quote_ages_ns=self._ages(now_ns) if is_full else {}, is_full=is_full)

    def _ages(self, now_ns: int) -> dict[str, int]:
        """Ages of prices of what is held or on order, where the market is open; of nothing while nobody asks."""
        state = self._engine.state
        config = state.config.circuit_breakers.get(BreakerKind.MARKET_DATA_GAP.value)
        if config is None or not config.enabled:
            return {}
        symbols = {order.symbol for order in state.open_orders()}
        for book in state.books.values():
            symbols.update(position.symbol for position in book.positions.values() if position.qty)
        return {symbol: self._age(symbol, now_ns) for symbol in sorted(symbols) if self._is_open(symbol, now_ns)}

    def _age(self, symbol: str, now_ns: int) -> int:
        try:
            quote = self._market.quote(symbol)
        except Exception:
            _log.exception("the market data of %s cannot be asked", symbol)
            quote = None
        return max(now_ns - (self._started_ns if quote is None else quote.received_ns), 0)

    def _is_open(self, symbol: str, now_ns: int) -> bool:
        config = self._engine.state.config
        instrument = config.instruments.get(symbol)
        if instrument is None or not config.has_real_prices(instrument.venue):
            return True
        return self._calendar.session(instrument.calendar, now_ns).is_open

    def reset(self, breaker_id: str, actor: Actor, reason: str, is_forced: bool) -> None:
        """A person resets it. Raises ControlRefused while its cause lasts, unless forced, and for what is not
        tripped."""
        event = self._event()
        asked = BreakerResetRequested(
            ts_ns=event.ts_ns,
            breaker_id=breaker_id,
            actor=actor,
            reason=reason,
            is_forced=is_forced,
            quote_ages_ns=event.quote_ages_ns,
        )
        refusal = self._engine.process(asked).refusal
        if refusal is not None:
            raise ControlRefused(refusal.code, refusal.text)
        _log.warning("circuit breaker %s reset by %s: %s", breaker_id, actor.name, reason)

    def shut_down(self, actor: Actor, reason: str) -> None:
        """The emergency shutdown by hand."""
        self._engine.process(BreakerTripRequested(ts_ns=self._clock.now_ns(), actor=actor, reason=reason))
        _log.critical("emergency shutdown by %s: %s", actor.name, reason)

    def views(self) -> tuple[BreakerView, ...]:
        """All of them as they stand."""
        found = []
        for row in list_breakers(self._engine.state, self._event()):
            trip, config, reading = row.trip, row.config, row.reading
            source = trip if trip is not None else reading
            action = trip.action if trip is not None else None if config is None else config.action
            threshold = trip.threshold if trip is not None else None if config is None else config.threshold
            found.append(
                BreakerView(
                    id=row.breaker_id if trip is None else trip.trip_id,
                    breaker=row.breaker_id,
                    state="tripped" if trip else "armed" if config is not None and config.enabled else "off",
                    book="both" if source is None or source.book is None else source.book.value,
                    scope="" if source is None else source.scope.value,
                    scope_id="" if source is None else source.scope_id,
                    value=None if reading is None else plain(reading.value),
                    threshold="" if threshold is None else plain(threshold),
                    action="" if action is None else action.value,
                    does="" if trip is None else does(trip.action, trip.size_factor),
                    cause=trip.cause if trip is not None else "" if reading is None else reading.words,
                    by="" if trip is None else trip.by,
                    resets=resets(config),
                    since_ns=None if trip is None else trip.since_ns,
                    resets_ns=None if trip is None else trip.resets_ns or None,
                )
            )
        return tuple(found)
