"""Prices for streams that another process serves: every quote of the symbols that somebody there listens to."""

import asyncio
from collections.abc import Callable, Iterable

from gateway.adapters.http.channel import MarketState, Quotes, ToStreams, Unwatch, Watch, Watched, parts, parts_by_size
from gateway.domain.market import DepthUpdate, MarketUpdate, Quote
from gateway.ports.market_data import FeedState, MarketListener, MarketSources

#: Quotes are passed on at once after a pause, else together.
_TOGETHER_S = 0.01
#: How long a symbol that was asked for is kept before somebody listens to it, or after the last one left.
_KEPT_S = 10.0


class MarketRelay:
    """The gateway's side."""

    def __init__(self, market: MarketSources, say: Callable[[ToStreams], object]) -> None:
        self._market = market
        self._say = say
        self._stops: dict[str, Callable[[], None]] = {}
        self._waiting: list[Quote] = []
        self._said_s = 0.0
        self._told: dict[str, str] = {}
        self._stale_after_ns = 0

    def watch(self, symbols: Iterable[str]) -> None:
        """Tell what is known of symbols, and from now on their quotes."""
        new = tuple(symbol for symbol in symbols if symbol not in self._stops)
        self._pass_on()
        for symbol in new:
            self._stops[symbol] = self._market.listen(symbol, self._on_update)
        self._say_quotes([quote for symbol in new if (quote := self._market.quote(symbol)) is not None])
        self.say_state()
        self._say(Watched(new))

    def unwatch(self, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            stop = self._stops.pop(symbol, None)
            self._told.pop(symbol, None)  # asked for again, its trouble is told again
            if stop is not None:
                stop()

    def say_state(self) -> None:
        """Tell how the prices stand, where that has changed."""
        troubles = {symbol: self._market.trouble(symbol) for symbol in self._stops}
        other = [(symbol, trouble) for symbol, trouble in troubles.items() if trouble != self._told.get(symbol, "")]
        stale_after_ns = self._market.stale_after_ns
        if other or stale_after_ns != self._stale_after_ns:
            for some in parts_by_size(other):
                self._say(MarketState(stale_after_ns, dict(some)))
        self._told, self._stale_after_ns = troubles, stale_after_ns

    def close(self) -> None:
        self.unwatch(tuple(self._stops))

    def _on_update(self, update: MarketUpdate) -> None:
        if not isinstance(update, Quote):
            return
        if not self._waiting:
            loop = asyncio.get_running_loop()
            loop.call_at(max(self._said_s + _TOGETHER_S, loop.time()), self._pass_on)
        self._waiting.append(update)

    def _pass_on(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._said_s = asyncio.get_running_loop().time()
        self._say_quotes(waiting)

    def _say_quotes(self, quotes: list[Quote]) -> None:
        if quotes:
            for some in parts(quotes):
                self._say(Quotes(some))


class RelayedMarket:
    """The other side. Implements ``ports.market_data.MarketSources`` as far as streams need it: what was asked for with
    ``know``."""

    is_synthetic = False

    def __init__(self, say: Callable[[Watch | Unwatch], object]) -> None:
        self._say = say
        self._listeners: dict[str, list[MarketListener]] = {}
        self._quotes: dict[str, Quote] = {}
        self._troubles: dict[str, str] = {}
        self._stale_after_ns = 0
        self._wanted_s: dict[str, float] = {}
        self._known: set[str] = set()
        self._answers: dict[str, asyncio.Future[None]] = {}

    async def know(self, symbols: Iterable[str]) -> None:
        """Return when it is known how the prices of these symbols stand; they may be listened to for some seconds."""
        loop = asyncio.get_running_loop()
        named = tuple(symbols)
        for symbol in named:
            self._wanted_s[symbol] = loop.time() + _KEPT_S
        new = tuple(one for one in named if one not in self._known and one not in self._answers)
        self._answers.update({symbol: loop.create_future() for symbol in new})
        for some in parts(new) if new else ():
            self._say(Watch(some))
        for answer in [self._answers[symbol] for symbol in named if symbol in self._answers]:
            await asyncio.shield(answer)

    def hear(self, message: Quotes | MarketState | Watched) -> None:
        match message:
            case Quotes():
                for quote in message.quotes:
                    self._quotes[quote.symbol] = quote
                    for listener in [*self._listeners.get(quote.symbol, ())]:
                        listener(quote)
            case MarketState():
                self._stale_after_ns = message.stale_after_ns
                self._troubles.update(message.troubles)
            case Watched():
                for symbol in message.symbols:
                    self._known.add(symbol)
                    self._answers.pop(symbol).set_result(None)

    def forget(self) -> None:
        """Ask for no more of what nobody listens to. To be called now and then."""
        now_s = asyncio.get_running_loop().time()
        idle = {one for one in self._known if not self._listeners.get(one) and self._wanted_s[one] < now_s}
        for symbol in idle:
            self._known.discard(symbol)
            del self._wanted_s[symbol]
            self._quotes.pop(symbol, None)
            self._troubles.pop(symbol, None)
            self._listeners.pop(symbol, None)
        for some in parts(sorted(idle)) if idle else ():
            self._say(Unwatch(some))

    @property
    def stale_after_ns(self) -> int:
        return self._stale_after_ns

    def trouble(self, symbol: str) -> str:
        return self._troubles.get(symbol, "")

    def quote(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        assert symbol is not None, "streams listen to named symbols only"
        listeners = self._listeners.setdefault(symbol, [])
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    def depth(self, symbol: str) -> DepthUpdate | None:
        return None

    def source_of(self, symbol: str) -> str:
        return ""

    def states(self) -> tuple[FeedState, ...]:
        return ()

    async def start(self) -> None: ...

    async def close(self) -> None: ...
