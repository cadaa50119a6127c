"""What the ledger and the statistics of risk tell the metrics, read from the state when they are scraped."""

from gateway.adapters.telemetry import Reading
from gateway.core.risk.exposure import ScopeUse
from gateway.core.state import GatewayState


def ledger_readings(state: GatewayState) -> dict[str, Reading]:
    """Equity, P&L and drawdown of every account in both books, and its tail risk where that is known."""
    equity: dict[tuple[str, ...], float] = {}
    pnl: dict[tuple[str, ...], float] = {}
    drawdown: dict[tuple[str, ...], float] = {}
    for route, book in state.books.items():
        for account in state.config.accounts:
            use = book.accounts.get(account) or ScopeUse()
            key = (route.value, account)
            equity[key] = float(state.equity(route, account))
            pnl[(*key, "total")], pnl[(*key, "day")] = float(use.pnl), float(use.day_pnl)
            drawdown[key] = float(state.drawdown(route, account))
    return {
        "gateway_equity": equity,
        "gateway_pnl": pnl,
        "gateway_drawdown_ratio": drawdown,
        "gateway_tail_risk": _tail_risk(state),
        "gateway_risk_figures_timestamp_seconds": {
            (): 0.0 if state.figures is None else state.figures.as_of_ns / 1_000_000_000
        },
    }


def _tail_risk(state: GatewayState) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for book, accounts in ({} if state.figures is None else state.figures.tail_risk).items():
        for account, risk in accounts.items():
            for figure, name in (("var", "var"), ("es", "expected_shortfall")):
                for method in ("historical", "parametric"):
                    for percent in ("95", "99"):
                        value = getattr(risk, f"{method}_{name}_{percent}")
                        found[(book, account, figure, method, percent)] = float(value)
    return found
