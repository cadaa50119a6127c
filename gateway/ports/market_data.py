"""A source of prices: synthetic, a recorded feed, or a venue's own stream."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, MarketUpdate, Quote
from gateway.ports.connection import ConnectionState

MarketListener = Callable[[MarketUpdate], None]


class MarketData(Protocol):
    """Prices as their readers see them. Updates reach listeners in the order received, on the event loop, each in
    bounded time."""

    @property
    def is_synthetic(self) -> bool:
        """Whether any of the prices are invented; each quote says it of itself."""
        ...

    async def start(self) -> None:
        """Begin. Waits for no connection: prices come when there is one."""
        ...

    def quote(self, symbol: str) -> Quote | None:
        """The latest quote, or None when the symbol has none."""
        ...

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        """Call ``listener`` on every update of ``symbol`` (None: of all); returns the function that stops it."""
        ...

    async def close(self) -> None: ...


class FeedState(msgspec.Struct, frozen=True):
    """How one source is doing. Counters are of this process; ``latency_ns`` is how long the last stamped update took
    from the venue to us by both clocks, None when none was stamped. ``troubles`` says of each symbol without prices
    why it has none."""

    name: str
    is_synthetic: bool
    connection: ConnectionState
    symbols: tuple[str, ...] = ()
    updates: int = 0
    reconnects: int = 0
    latency_ns: int | None = None
    troubles: dict[str, str] = {}


class MarketFeed(MarketData, Protocol):
    """One source as the gateway handles it, several side by side."""

    def follow(self, instruments: Sequence[Instrument]) -> None:
        """From now on bring prices of these and of no others; what stays is not disturbed."""
        ...

    def depth(self, symbol: str) -> DepthUpdate | None:
        """The whole book as it stands, best prices first, or None when it is not known."""
        ...

    def trouble(self, symbol: str) -> str:
        """Why there are no prices of a symbol; empty when nothing is known to be wrong."""
        ...

    def state(self) -> FeedState: ...


class MarketSources(MarketData, Protocol):
    """All sources behind one ``MarketData``: what the pages and endpoints on prices show of them."""

    @property
    def stale_after_ns(self) -> int:
        """The age from which a quote is called stale."""
        ...

    def depth(self, symbol: str) -> DepthUpdate | None:
        """The whole book as it stands, best prices first, or None when it is not known."""
        ...

    def source_of(self, symbol: str) -> str:
        """The name of the source that brings prices of a symbol; empty when none does."""
        ...

    def trouble(self, symbol: str) -> str:
        """Why a symbol has no prices, as far as its source knows."""
        ...

    def states(self) -> tuple[FeedState, ...]: ...
