"""What an order sees of the market and of the clock: nothing is kept or recorded that no limit asks for."""

from collections import deque
from collections.abc import Callable
from decimal import Decimal

from gateway.domain.config import LimitTable, TradingConfig
from gateway.domain.market import MarketPhase, MarketUpdate, MarketView, Quote
from gateway.domain.money import ZERO, ratio
from gateway.ports.clock import Calendar
from gateway.ports.market_data import MarketData
from gateway.service.views import mid_px

_OPEN = MarketPhase.OPEN  # named once: see domain.orders

_S = 1_000_000_000
_MINUTE_NS = 60 * _S
_DAY_NS = 86_400 * _S
_SINCE_MONDAY = 3  # the epoch was a Thursday


class MarketViews:
    """Makes the view that is recorded with a decision."""

    def __init__(self, market: MarketData, calendar: Calendar) -> None:
        self._market = market
        self._calendar = calendar
        self._window: PriceWindow | None = None
        self._stop: Callable[[], None] | None = None
        self._has_sizes = False

    def follow(self, limits: LimitTable) -> None:
        """Keep the statistics that ``limits`` ask for, and no others. A window that is there already goes on."""
        self._has_sizes = any(
            one.min_displayed_qty is not None or one.min_depth_multiple is not None for one in limits.all_limits()
        )
        is_asked = any(one.price_collar_window is not None for one in limits.all_limits())
        if is_asked and self._window is not None and self._window.seconds == limits.collar_window_s:
            return
        if self._stop is not None:
            self._stop()
        self._window = self._stop = None
        if is_asked:
            self._window = PriceWindow(limits.collar_window_s)
            self._stop = self._market.listen(None, self._window.note)

    def view(self, config: TradingConfig, symbol: str, now_ns: int) -> MarketView:
        """What is known of ``symbol`` now. Where prices are not the market's, it never closes."""
        quote = self._market.quote(symbol)
        instrument = config.instruments.get(symbol)
        window_px = None if self._window is None else self._window.average(symbol, now_ns, quote)
        is_open, phase = True, _OPEN
        minute, weekday = now_ns // _MINUTE_NS % 1440, (now_ns // _DAY_NS + _SINCE_MONDAY) % 7 + 1
        if instrument is not None and config.has_real_prices(instrument.venue):
            session = self._calendar.session(instrument.calendar, now_ns)
            is_open, phase = session.is_open, session.phase
            minute, weekday = session.local_minute, session.weekday
        if quote is None:
            return MarketView(is_open=is_open, phase=phase, local_minute=minute, weekday=weekday, window_px=window_px)
        return MarketView(
            reference_px=mid_px(quote),
            bid_px=quote.bid_px,
            ask_px=quote.ask_px,
            bid_qty=quote.bid_qty if self._has_sizes else None,
            ask_qty=quote.ask_qty if self._has_sizes else None,
            age_ns=max(now_ns - quote.received_ns, 0),
            is_synthetic=quote.is_synthetic,
            is_delayed=quote.is_delayed,
            is_open=is_open,
            phase=phase,
            local_minute=minute,
            weekday=weekday,
            window_px=window_px,
        )


class PriceWindow:
    """The average price of each symbol over the last ``seconds``, each price weighted by how long it stood.

    Kept second by second (the last price of a second counts for it), so a burst of quotes weighs no more than one.
    """

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self._tracks: dict[str, _Track] = {}

    def note(self, update: MarketUpdate) -> None:
        """A listener of market data: quotes move the window, or end it; trades and depth do not."""
        if not isinstance(update, Quote):
            return
        if update.is_withdrawn:  # what comes next may be the prices of another source
            self._tracks.pop(update.symbol, None)
        elif (px := mid_px(update)) is not None:
            track = self._tracks.get(update.symbol)
            if track is None:
                track = self._tracks[update.symbol] = _Track()
            track.note(update.received_ns // _S, px, self.seconds)

    def average(self, symbol: str, now_ns: int, standing: Quote | None = None) -> Decimal | None:
        """None when no price was seen. ``standing`` is what the window begins with if it heard of none yet."""
        track = self._tracks.get(symbol)
        if track is None and standing is not None:
            self.note(standing)
            track = self._tracks.get(symbol)
        return None if track is None else track.average(now_ns // _S, self.seconds)


class _Track:
    """Prices and the second since which each stood. ``_sum`` is price times seconds of all but the last."""

    def __init__(self) -> None:
        self._prices: deque[tuple[int, Decimal]] = deque()
        self._sum = ZERO

    def note(self, second: int, px: Decimal, window: int) -> None:
        if self._prices:
            since, former = self._prices[-1]
            if second <= since:
                self._prices[-1] = (since, px)
                return
            self._sum += former * (second - since)
        self._prices.append((second, px))
        self._forget(second - window + 1)

    def average(self, second: int, window: int) -> Decimal:
        """Over the seconds up to and including ``second``, or as many as there were prices."""
        first = second - window + 1
        self._forget(first)
        since, px = self._prices[0]
        start = max(since, first)
        last_since, last_px = self._prices[-1]
        end = max(second, last_since) + 1
        total = self._sum + last_px * (end - last_since) - px * (start - since)
        return ratio(total, Decimal(end - start))

    def _forget(self, first: int) -> None:
        """Drop prices that were replaced before the window began."""
        while len(self._prices) > 1 and self._prices[1][0] <= first:
            since, px = self._prices.popleft()
            self._sum -= px * (self._prices[0][0] - since)
