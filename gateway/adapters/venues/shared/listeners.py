"""Who hears of which symbol's updates."""

import logging
from collections.abc import Callable

from gateway.domain.market import MarketUpdate
from gateway.ports.market_data import MarketListener

_log = logging.getLogger(__name__)
_FAILED = "a listener failed on a market update of %s"


class Listeners:
    """Delivers each update to the listeners of its symbol and to those of all symbols.

    A listener that raises is logged and loses this update only: one broken reader must not silence prices for
    the others.
    """

    def __init__(self) -> None:
        self._by_symbol: dict[str | None, tuple[MarketListener, ...]] = {}

    def add(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        """Returns the function that removes it again; calling that twice, or after ``clear``, is harmless. Symbols that
        nobody listens to any more leave nothing behind: clients may name any."""
        self._by_symbol[symbol] = (*self._by_symbol.get(symbol, ()), listener)
        is_removed = False

        def remove() -> None:
            nonlocal is_removed
            if is_removed:
                return
            is_removed = True
            left = list(self._by_symbol.get(symbol, ()))
            if listener in left:
                left.remove(listener)
            if left:
                self._by_symbol[symbol] = tuple(left)
            else:
                self._by_symbol.pop(symbol, None)

        return remove

    def tell(self, update: MarketUpdate) -> None:
        by_symbol = self._by_symbol
        for listener in by_symbol.get(None, ()):
            try:
                listener(update)
            except Exception:
                _log.exception(_FAILED, update.symbol)
        for listener in by_symbol.get(update.symbol, ()):
            try:
                listener(update)
            except Exception:
                _log.exception(_FAILED, update.symbol)

    def clear(self) -> None:
        self._by_symbol = {}
