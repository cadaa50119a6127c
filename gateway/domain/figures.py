"""Statistics about markets and accounts, computed outside the order path and brought to it as plain data.

They are estimates, not money: rounded, and absent where there were too few samples to say anything.
"""

from decimal import Decimal

import msgspec


class TailRisk(msgspec.Struct, frozen=True, kw_only=True):
    """What one account (or all of them) may lose in a day with what it holds, base currency; a loss is positive.

    ``var_95`` is the loss that is exceeded on one day in twenty, ``expected_shortfall_95`` the mean loss on those
    days. ``historical`` figures read them off the returns that were sampled, ``parametric`` ones off a normal
    distribution with their variance. ``sample_count`` is how many returns they rest on.
    """

    sample_count: int
    historical_var_95: Decimal
    historical_var_99: Decimal
    historical_expected_shortfall_95: Decimal
    historical_expected_shortfall_99: Decimal
    parametric_var_95: Decimal
    parametric_var_99: Decimal
    parametric_expected_shortfall_95: Decimal
    parametric_expected_shortfall_99: Decimal


class RiskFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What was computed at ``as_of_ns``. A name that is absent had too few samples: unknown, never zero.

    ``volatility`` is the standard deviation of one day's return, as a ratio. ``correlations`` holds each pair of
    symbols once, under the one that sorts first: read it by ``correlation``. ``sample_counts`` says how many returns
    each symbol's figures rest on. ``tail_risk`` is by book (``live``, ``shadow``) and account, ``gateway_tail_risk``
    by book over all accounts.
    """

    as_of_ns: int
    volatility: dict[str, Decimal] = {}
    correlations: dict[str, dict[str, Decimal]] = {}
    sample_counts: dict[str, int] = {}
    tail_risk: dict[str, dict[str, TailRisk]] = {}
    gateway_tail_risk: dict[str, TailRisk] = {}

    def correlation(self, symbol: str, other: str) -> Decimal | None:
        """Correlation of the two symbols' returns, -1 to 1; None when it is not known."""
        first, second = (symbol, other) if symbol < other else (other, symbol)
        row = self.correlations.get(first)
        return None if row is None else row.get(second)
