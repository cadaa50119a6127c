"""What the market data of venues have in common: latest quotes, listeners, a connection that comes back, and what is
wrong with a symbol that has no prices.

A venue's own class (``venues/<venue>/market.py``) derives from ``VenueMarket`` and writes three methods:

- ``_stay`` connects, calls ``_opened`` when prices may come, and returns or raises when that connection is over;
- ``_change`` subscribes and unsubscribes on a connection that stands; ``_stay`` calls it first, with all symbols;
- ``depth`` where the venue has any.

Everything that is heard goes through ``_tell``; a symbol that cannot be had, through ``_refuse``.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import msgspec

from gateway.adapters.venues.shared.background import Background
from gateway.adapters.venues.shared.link import Link
from gateway.adapters.venues.shared.listeners import Listeners
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate, Quote, TradeTick
from gateway.ports.clock import Clock
from gateway.ports.market_data import FeedState, MarketListener

_log = logging.getLogger(__name__)


class VenueMarket(ABC):
    """Implements ``ports.market_data.MarketFeed``, but for what only the venue knows. Can never trade.

    A quote outlives its connection: it ages, and the limits on age decide. Depth does not, because of a book only
    changes are told: listeners hear that it is empty.
    """

    is_synthetic = False
    #: What the client library raises for a broken network, beside errors of the operating system and timeouts.
    _expected: tuple[type[Exception], ...] = ()

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._instruments: dict[str, Instrument] = {}
        self._quotes: dict[str, Quote] = {}
        self._with_depth: set[str] = set()
        self._troubles: dict[str, str] = {}
        self._listeners = Listeners()
        self._background = Background(f"market data of {name}")
        self._link = Link(f"market data of {name}", clock)
        self._is_open = False  # subscriptions can be changed
        self._updates = self._openings = 0
        self._latency_ns: int | None = None
        self._changing = asyncio.Lock()
        self._edited = asyncio.Event()
        self._served: dict[str, Instrument] = {}  # what the connection was told to bring

    # --- for those who read prices --------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to connect; waits for nothing."""
        self._background.spawn(self._link.keep(self._connect, self._expected, self._explain), "connection")

    def quote(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def depth(self, symbol: str) -> DepthUpdate | None:
        return None

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        """A listener that comes late is first given the depth as it stands: changes alone would tell it nothing."""
        for one in tuple(self._with_depth) if symbol is None else (symbol,):
            present = self.depth(one)
            if present is not None:
                listener(present)
        return self._listeners.add(symbol, listener)

    def follow(self, instruments: Sequence[Instrument]) -> None:
        wanted = {one.symbol: one for one in instruments}
        self._instruments = wanted
        for symbol in {*self._quotes, *self._with_depth} - wanted.keys():
            self._forget(symbol)
        self._troubles = {symbol: text for symbol, text in self._troubles.items() if symbol in wanted}
        self._edited.set()

    def trouble(self, symbol: str) -> str:
        return self._troubles.get(symbol, "") or self._link.trouble

    def state(self) -> FeedState:
        return FeedState(
            name=self._name,
            is_synthetic=self.is_synthetic,
            connection=self._link.state,
            symbols=tuple(self._instruments),
            updates=self._updates,
            reconnects=max(self._openings - 1, 0),
            latency_ns=self._latency_ns,
            troubles=dict(self._troubles),
        )

    async def close(self) -> None:
        await self._background.close()
        self._listeners.clear()

    # --- for the venue --------------------------------------------------------------------------------

    @abstractmethod
    async def _stay(self) -> None:
        """One connection, from its making to its end. What it raises is the reason that people are told."""

    @abstractmethod
    async def _change(self, added: Sequence[Instrument], removed: Sequence[Instrument]) -> None:
        """Subscribe and unsubscribe. What fails for one symbol goes to ``_refuse``; raising ends the connection."""

    def _explain(self, error: Exception) -> str:
        """What a person is told of what ended the connection."""
        return str(error) or repr(error)

    async def _opened(self, text: str = "") -> None:
        """The connection stands: say so, and subscribe to everything."""
        self._openings += 1
        self._served = {}
        self._is_open = True
        self._link.up(text)
        await self._catch_up()

    def _subscribe_again(self, text: str = "") -> None:
        """The connection stands, and the other side has forgotten what it was to bring."""
        self._openings += 1
        self._served = {}
        self._link.up(text)
        self._edited.set()

    def _tell(self, update: MarketUpdate) -> None:
        """An update of a symbol that is wanted: kept, counted and passed on."""
        symbol = update.symbol
        if symbol not in self._instruments:
            return  # late: it was unsubscribed
        self._updates += 1
        if type(update) is Quote:
            self._quotes[symbol] = update
            if self._troubles:
                self._troubles.pop(symbol, None)
        elif type(update) is TradeTick:
            quote = self._quotes.get(symbol)
            if quote is not None:
                self._quotes[symbol] = msgspec.structs.replace(quote, last_px=update.px, last_qty=update.qty)
        else:
            self._with_depth.add(symbol)
        if update.event_ns:
            self._latency_ns = update.received_ns - update.event_ns
        self._listeners.tell(update)

    def _refuse(self, symbol: str, why: str) -> None:
        """There are no (more) prices of this symbol: the standing quote is withdrawn, not left to look alive."""
        if symbol not in self._instruments:
            return
        if self._troubles.get(symbol) != why:
            _log.warning("market data of %s: %s: %s", self._name, symbol, why)
        self._troubles[symbol] = why
        self._forget(symbol)

    def _cut_off(self, why: str) -> None:
        """No prices come, whether or not the connection itself stands. ``_link.up`` or ``_opened`` ends it."""
        self._link.down(why)
        for symbol in tuple(self._with_depth):
            self._forget_depth(symbol)

    # --- inside ---------------------------------------------------------------------------------------

    def _forget(self, symbol: str) -> None:
        now_ns = self._clock.now_ns()
        if self._quotes.pop(symbol, None) is not None:
            self._listeners.tell(Quote(symbol, None, None, None, None, None, None, 0, now_ns))
        self._forget_depth(symbol)

    def _forget_depth(self, symbol: str) -> None:
        if symbol in self._with_depth:
            self._with_depth.discard(symbol)
            self._listeners.tell(DepthUpdate(symbol, (), (), 0, self._clock.now_ns(), is_snapshot=True))

    async def _catch_up(self) -> None:
        """Bring the connection's subscriptions in line with what is wanted, one change after the other."""
        async with self._changing:
            while self._is_open and self._served != self._instruments:
                wanted, served = self._instruments, self._served
                self._served = wanted  # before the change: it may be void before it is done
                added = [one for symbol, one in wanted.items() if served.get(symbol) != one]
                removed = [one for symbol, one in served.items() if wanted.get(symbol) != one]
                await self._change(added, removed)

    async def _connect(self) -> None:
        """One connection, with the edits that come while it stands; what was known of depth ends with it."""
        try:
            async with asyncio.TaskGroup() as group:
                edits = group.create_task(self._take_edits())
                await self._stay()
                edits.cancel()
        except ExceptionGroup as failed:
            raise _first_of(failed) from None
        finally:
            self._is_open = False
            for symbol in tuple(self._with_depth):
                self._forget_depth(symbol)

    async def _take_edits(self) -> None:
        while True:
            await self._edited.wait()
            self._edited.clear()
            await self._catch_up()


def _first_of(failed: ExceptionGroup[Exception]) -> Exception:
    """The first failure, however deep the groups are that it came in."""
    first = failed.exceptions[0]
    return _first_of(first) if isinstance(first, ExceptionGroup) else first
