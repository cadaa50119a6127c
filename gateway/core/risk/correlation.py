"""Which symbols move with which, from the figures last observed: worked out once per symbol, not per order."""

from decimal import Decimal

from gateway.domain.figures import RiskFigures

#: Another symbol, whether the two move the same way, and how closely.
Neighbour = tuple[str, bool, Decimal]


class Neighbours:
    """For a symbol, those that are correlated with it beyond ``threshold``, either way, the closest first.

    Derived from figures that never change, so what was worked out for a symbol stays true. Only as many symbols
    are kept as a limit could ever ask about, so a look at them does not grow with the universe.
    """

    def __init__(self, figures: RiskFigures | None, threshold: Decimal | None) -> None:
        self._figures = figures
        self._threshold = threshold
        self._found: dict[str, tuple[Neighbour, ...] | None] = {}

    def of(self, symbol: str) -> tuple[Neighbour, ...] | None:
        """None when nothing is known of the symbol's correlations."""
        if symbol not in self._found:
            self._found[symbol] = self._search(symbol)
        return self._found[symbol]

    def _search(self, symbol: str) -> tuple[Neighbour, ...] | None:
        if self._figures is None or self._threshold is None or symbol not in self._figures.volatility:
            return None
        pairs = list(self._figures.correlations.get(symbol, {}).items())
        for other, row in self._figures.correlations.items():
            if other < symbol and (rho := row.get(symbol)) is not None:
                pairs.append((other, rho))
        close = [(other, rho > 0, abs(rho)) for other, rho in pairs if abs(rho) > self._threshold]
        close.sort(key=lambda neighbour: (-neighbour[2], neighbour[0]))
        return tuple(close)


NO_NEIGHBOURS = Neighbours(None, None)
