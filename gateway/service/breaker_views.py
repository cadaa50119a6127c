"""The circuit breakers as people see them: what each measures now, against what, and what it does."""

import logging

from gateway.core.breakers.listing import does, list_breakers, resets
from gateway.domain.breakers import BreakerKind
from gateway.domain.events import BreakersChecked
from gateway.domain.money import plain
from gateway.ports.clock import Calendar, Clock
from gateway.ports.market_data import MarketData
from gateway.ports.read_model import BreakerView
from gateway.service.state_holder import StateHolder

_log = logging.getLogger(__name__)


class BreakerReader:
    """Reads only: a state, and the ages of prices that breakers are measured on."""

    def __init__(self, holder: StateHolder, market: MarketData, calendar: Calendar, clock: Clock) -> None:
        self._holder = holder
        self._market = market
        self._calendar = calendar
        self._clock = clock
        self._started_ns = clock.now_ns()

    def event(self, is_full: bool = True) -> BreakersChecked:
        """What the breakers are to be looked at with, as of now."""
        now_ns = self._clock.now_ns()
        return BreakersChecked(ts_ns=now_ns, quote_ages_ns=self._ages(now_ns) if is_full else {}, is_full=is_full)

    def _ages(self, now_ns: int) -> dict[str, int]:
        """Ages of prices of what is held or on order, where the market is open; of nothing while nobody asks."""
        state = self._holder.state
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
        return max(now_ns - (self._without_ns(symbol) if quote is None else quote.received_ns), 0)

    def _without_ns(self, symbol: str) -> int:
        """Since when a symbol without any price has none: a start is no price, and ends no gap of before."""
        kind = BreakerKind.MARKET_DATA_GAP.value
        trips = self._holder.state.breakers.trips.values()
        known = (trip.since_ns for trip in trips if trip.breaker_id == kind and trip.scope_id == symbol)
        return min(self._started_ns, next(known, self._started_ns))

    def _is_open(self, symbol: str, now_ns: int) -> bool:
        config = self._holder.state.config
        instrument = config.instruments.get(symbol)
        if instrument is None or not config.has_real_prices(instrument.venue):
            return True
        return self._calendar.session(instrument.calendar, now_ns).is_open

    def views(self) -> tuple[BreakerView, ...]:
        """All of them as they stand."""
        found = []
        for row in list_breakers(self._holder.state, self.event()):
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
