"""Lets the circuit breakers be looked at: on the timers, and at once after fills and rejections."""

import logging
from collections.abc import Callable

from gateway.core.decision import Decision
from gateway.domain.enums import OrdStatus
from gateway.domain.events import BreakerResetRequested, BreakerTripRequested, Event
from gateway.domain.facts import Fact, OrderEnded, OrderExecuted
from gateway.domain.orders import Actor
from gateway.ports.clock import Calendar, Clock
from gateway.ports.intake import ControlRefused
from gateway.ports.market_data import MarketData
from gateway.ports.read_model import BreakerView
from gateway.service.breaker_views import BreakerReader
from gateway.service.engine import Engine

_log = logging.getLogger(__name__)


class BreakerWatch:
    """Brings the time and the age of prices to the breakers."""

    def __init__(self, engine: Engine, market: MarketData, calendar: Calendar, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._reader = BreakerReader(engine, market, calendar, clock)
        #: Told of what followed from an event of a venue.
        self.on_processed: Callable[[Decision], None] | None = None

    def process(self, event: Event) -> Decision:
        """What the engine's own does, and then a quick look where something was filled or rejected."""
        decision = self._engine.process(event)
        if any(map(_is_urgent, decision.facts)):
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
            decision = self._engine.process(self._reader.event(is_full))
            if decision.facts and self.on_processed is not None:
                self.on_processed(decision)

    def reset(self, breaker_id: str, actor: Actor, reason: str, is_forced: bool) -> None:
        """A person resets it. Raises ControlRefused while its cause lasts, unless forced, and for what is not
        tripped."""
        event = self._reader.event()
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
        return self._reader.views()


def _is_urgent(fact: Fact) -> bool:
    """Whether losses and rejections are looked at after it without waiting for the timer."""
    return type(fact) is OrderExecuted or (type(fact) is OrderEnded and fact.ord_status is OrdStatus.REJECTED)
