"""How fresh the prices are that matter: those of what is held or on order, where the market is open.

For metrics and alerts, read on their timers; an order's own check looks at its own price.
"""

from collections.abc import Callable

import msgspec

from gateway.ports.clock import Calendar, Clock
from gateway.ports.market_data import MarketData
from gateway.service.engine import Engine
from gateway.service.views import mid_px


class VenuePrices(msgspec.Struct):
    """Of the symbols in use at one venue: age of the oldest latest price, the longest way of one from the venue's
    stamp to us, and which are older than they may be."""

    age_ns: int = 0
    latency_ns: int = 0
    stale: list[str] = []


class MarketHealth:
    """``stale_after_ns`` gives what the configuration allows now."""

    def __init__(
        self, engine: Engine, market: MarketData, calendar: Calendar, clock: Clock, stale_after_ns: Callable[[], int]
    ) -> None:
        self._engine = engine
        self._market = market
        self._calendar = calendar
        self._clock = clock
        self._stale_after_ns = stale_after_ns
        self._started_ns = clock.now_ns()
        #: When a symbol in use was last seen with a price. A quote without any is none, however new it is.
        self._priced_ns: dict[str, int] = {}

    def by_venue(self) -> dict[str, VenuePrices]:
        """Every configured venue, those too where nothing is in use."""
        now_ns, limit_ns = self._clock.now_ns(), self._stale_after_ns()
        found = {venue: VenuePrices() for venue in self._engine.state.config.venues}
        in_use = sorted(self._in_use())
        self._priced_ns = {one: self._priced_ns[one] for _, one in in_use if one in self._priced_ns}
        for venue, symbol in in_use:
            if not self._is_open(symbol, now_ns):
                continue
            prices = found.setdefault(venue, VenuePrices())
            quote = self._market.quote(symbol)
            if quote is not None and mid_px(quote) is not None:
                self._priced_ns[symbol] = quote.received_ns
            age_ns = max(now_ns - self._priced_ns.get(symbol, self._started_ns), 0)
            prices.age_ns = max(prices.age_ns, age_ns)
            if quote is not None and quote.event_ns:
                prices.latency_ns = max(prices.latency_ns, quote.received_ns - quote.event_ns)
            if age_ns > limit_ns:
                prices.stale.append(symbol)
        return found

    def _in_use(self) -> set[tuple[str, str]]:
        state = self._engine.state
        used = {(order.venue, order.symbol) for order in state.orders.values() if order.is_open}
        for book in state.books.values():
            used.update((position.venue, position.symbol) for position in book.positions.values() if position.qty)
        return used

    def _is_open(self, symbol: str, now_ns: int) -> bool:
        config = self._engine.state.config
        instrument = config.instruments.get(symbol)
        if instrument is None or not config.has_real_prices(instrument.venue):
            return True
        return self._calendar.session(instrument.calendar, now_ns).is_open
