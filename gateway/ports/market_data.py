"""A source of prices: synthetic, a recorded feed, or a venue's own stream."""

from collections.abc import Callable
from typing import Protocol

from gateway.domain.market import MarketUpdate, Quote

MarketListener = Callable[[MarketUpdate], None]


class MarketData(Protocol):
    """Updates reach listeners in the order received, on the event loop, each in bounded time."""

    @property
    def is_synthetic(self) -> bool: ...

    async def start(self) -> None: ...

    def quote(self, symbol: str) -> Quote | None:
        """The latest quote, or None when the symbol has none."""
        ...

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        """Call ``listener`` on every update of ``symbol`` (None: of all); returns the function that stops it."""
        ...

    async def close(self) -> None: ...
