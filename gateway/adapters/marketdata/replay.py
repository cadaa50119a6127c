"""A recorded feed played as if it were live: at its own pace, faster, or as fast as it can be read.

``event_ns`` stays the venue's stamp of that day; ``received_ns`` is now, because that is when the gateway learns of
it and what staleness is measured from.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence

import msgspec

from gateway.adapters.marketdata.recording import Frame, Recording
from gateway.adapters.venues.shared.listeners import Listeners
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate, Quote, TradeTick
from gateway.domain.settings import MarketDataSettings
from gateway.ports.clock import Clock
from gateway.ports.connection import ConnectionState
from gateway.ports.market_data import FeedState, MarketListener

_log = logging.getLogger(__name__)
_NS_PER_S = 1_000_000_000
#: Lines played in one turn of the event loop at most.
_BATCH = 200
_SHORTEST_SLEEP_S = 0.001
#: Between the end of a recording and its next beginning.
_REST_NS = _NS_PER_S
#: Between two lines of a recording that is in order, by its stamps. What is longer, or goes back further, is a stamp
#: that is wrong or a night without a market: nobody waits for it.
_LONGEST_GAP_NS = 600 * _NS_PER_S
#: Gaps are warned of one by one up to this many in a pass.
_MOST_WARNINGS = 20


class ReplayMarket:
    """Implements ``ports.market_data.MarketFeed``. Prices are real, so ``is_synthetic`` is False.

    ``settings.speed`` 0 plays once, as fast as possible, whatever ``loop`` says: over and over it would only
    heat a core. ``done`` is set when the end was reached and nothing more will come.
    """

    def __init__(
        self, path: str, instruments: Sequence[Instrument], settings: MarketDataSettings, clock: Clock
    ) -> None:
        self._path = path
        self._instruments = tuple(instruments)
        self._speed = settings.speed
        self._is_looped = settings.loop and settings.speed > 0
        self._clock = clock
        self._listeners = Listeners()
        self._quotes: dict[str, Quote] = {}
        self._recording = Recording(path, instruments)
        self._frames: Iterator[Frame] = iter(())
        self._next: Frame | None = None
        self._first_ns = 0  # recorded stamp of the first line, less what was not waited for since
        self._gaps = 0  # of this pass, that were not waited for
        self._begun_ns = 0  # monotonic time at which it was played
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Handle | None = None
        self._since_ns = clock.now_ns()
        self._updates = 0
        self._trouble = ""
        self.done = asyncio.Event()

    @property
    def is_synthetic(self) -> bool:
        return False

    @property
    def bad_lines(self) -> int:
        """Lines of this pass that could not be read."""
        return self._recording.bad_lines

    async def start(self) -> None:
        """Begin to play. ``OSError`` when the file cannot be opened, ``ValueError`` when it holds no message."""
        self._loop = asyncio.get_running_loop()
        self.done.clear()
        self._trouble = ""
        self._rewind(0)
        if self._next is None:
            raise ValueError(f"the recording {self._path} holds no message")
        self._play()

    def quote(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        """A listener that comes late is first given the depth as it stands: changes alone would tell it nothing."""
        if self._loop is not None:
            for one in self._recording.stream.depth_symbols if symbol is None else (symbol,):
                present = self._recording.stream.present_depth(one, self._clock.now_ns())
                if present is not None:
                    listener(present)
        return self._listeners.add(symbol, listener)

    def depth(self, symbol: str) -> DepthUpdate | None:
        return self._recording.stream.present_depth(symbol, self._clock.now_ns())

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """Other instruments are read from the next pass on: what of them was passed over is gone."""
        self._instruments = tuple(instruments)

    def trouble(self, symbol: str) -> str:
        return ""

    def state(self) -> FeedState:
        text = "the recording has ended; its last prices stand" if self.done.is_set() else f"plays {self._path}"
        is_connected = self._loop is not None and not self._trouble
        return FeedState(
            name="replay",
            is_synthetic=False,
            connection=ConnectionState(
                is_connected=is_connected,
                since_ns=self._since_ns,
                text=self._trouble or text,
                last_error=self._trouble,
            ),
            symbols=tuple(one.symbol for one in self._instruments),
            updates=self._updates,
        )

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop = None
        self._next = None
        self._frames = iter(())
        self._listeners.clear()

    def _rewind(self, rest_ns: int) -> None:
        """Go to the first line, to be played ``rest_ns`` from now."""
        self._recording = Recording(self._path, self._instruments)
        self._frames = self._recording.frames()
        self._next = next(self._frames, None)
        self._gaps = 0
        self._first_ns = 0 if self._next is None else self._next.recorded_ns
        self._begun_ns = self._clock.monotonic_ns() + rest_ns

    def _following(self, frame: Frame) -> Frame | None:
        """The line after ``frame``, whose time comes soon whatever its stamp is."""
        following = next(self._frames, None)
        if following is None or abs(gap_ns := following.recorded_ns - frame.recorded_ns) <= _LONGEST_GAP_NS:
            return following
        self._first_ns += gap_ns
        self._gaps += 1
        if self._gaps <= _MOST_WARNINGS and self._speed:
            _log.warning(
                "%s line %d is stamped %d s %s the line before it: it is played without waiting",
                self._path,
                following.number,
                abs(gap_ns) // _NS_PER_S,
                "after" if gap_ns > 0 else "before",
            )
        return following

    def _due_ns(self, frame: Frame) -> int:
        """When to play a line, on the monotonic clock."""
        if not self._speed:
            return self._begun_ns
        return self._begun_ns + int((frame.recorded_ns - self._first_ns) / self._speed)

    def _play(self) -> None:
        if self._trouble:
            return
        try:
            self._play_due()
        except OSError as error:  # the disk, or the file was taken away before it began again
            self._trouble = f"the recording cannot be read any more: {error}"
            self._since_ns = self._clock.now_ns()
            _log.error("%s; its last prices stand from here on", self._trouble)
            self._next = None
            self.done.set()

    def _play_due(self) -> None:
        """Play what is due, a bounded batch at a time, and come back for the rest."""
        loop = self._loop
        now_ns = self._clock.monotonic_ns()
        for _ in range(_BATCH):
            frame = self._next
            if loop is None or frame is None or self._due_ns(frame) > now_ns:
                break
            for update in self._recording.updates(frame, self._clock.now_ns()):
                self._tell(update)
            loop = self._loop  # a listener may have closed us
            if loop is not None:
                self._next = self._following(frame)
        if loop is None:
            return
        if self._next is None:
            self._end()
        if self._next is not None:
            wait_s = (self._due_ns(self._next) - self._clock.monotonic_ns()) / _NS_PER_S
            self._timer = (
                loop.call_soon(self._play)
                if wait_s <= 0
                else loop.call_later(max(wait_s, _SHORTEST_SLEEP_S), self._play)
            )

    def _end(self) -> None:
        if not self._is_looped:
            _log.info("the recording %s has ended; its last prices stand from here on", self._path)
            self.done.set()
            return
        symbols = self._recording.stream.depth_symbols
        self._rewind(_REST_NS)
        if self._next is None:
            raise OSError("it holds no message any more")
        now_ns = self._clock.now_ns()
        for symbol in symbols:  # the book of the end is not that of the beginning
            self._tell(DepthUpdate(symbol, (), (), 0, now_ns, is_snapshot=True))

    def _tell(self, update: MarketUpdate) -> None:
        self._updates += 1
        if isinstance(update, Quote):
            self._quotes[update.symbol] = update
        elif isinstance(update, TradeTick):
            quote = self._quotes.get(update.symbol)
            if quote is not None:
                self._quotes[update.symbol] = msgspec.structs.replace(quote, last_px=update.px, last_qty=update.qty)
        self._listeners.tell(update)
