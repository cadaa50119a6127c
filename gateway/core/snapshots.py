"""What every account is worth, kept from time to time: a line through the past that needs no replay."""

from gateway.core.decision import Decision
from gateway.core.risk.exposure import ScopeUse
from gateway.core.state import GatewayState
from gateway.domain.enums import CostMethod, Route
from gateway.domain.events import SnapshotDue
from gateway.domain.facts import PortfolioRecorded
from gateway.domain.money import ZERO
from gateway.domain.positions import PortfolioPoint


def take_portfolio(state: GatewayState, event: SnapshotDue) -> Decision:
    """One point for every configured account and book."""
    points = tuple(_point(state, route, account) for account in sorted(state.config.accounts) for route in state.books)
    return Decision((PortfolioRecorded(ts_ns=event.ts_ns, points=points),))


def _point(state: GatewayState, route: Route, account: str) -> PortfolioPoint:
    book = state.books[route]
    use = book.accounts.get(account) or ScopeUse()
    is_fifo = state.config.cost_method is CostMethod.FIFO
    realized = fees = ZERO
    held_positions = 0
    for position in book.positions.values():
        if position.account == account:
            rate = state.rates.get(position.currency, ZERO)
            realized += (position.fifo_realized if is_fifo else position.realized) * rate
            fees += position.fees
            held_positions += bool(position.qty)
    return PortfolioPoint(
        book=route.value,
        account=account,
        equity=state.equity(route, account),
        gross=use.gross,
        net=use.net,
        held=use.held,
        pnl=use.pnl,
        realized=realized,
        fees=fees,
        day_pnl=use.day_pnl,
        drawdown=use.drawdown,
        open_positions=held_positions,
    )
