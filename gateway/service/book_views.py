"""Positions and accounts as people see them, valued at the prices of now."""

from collections.abc import Mapping
from decimal import Decimal

from gateway.core.risk.exposure import ScopeUse
from gateway.core.risk.figures import TailRisk, figures_age_ns
from gateway.core.state import GatewayState
from gateway.domain.enums import CostMethod, Route
from gateway.domain.market import Quote
from gateway.domain.money import ZERO, plain, ratio
from gateway.domain.positions import Position
from gateway.ports.market_data import MarketData
from gateway.ports.read_model import PortfolioView, PositionView, TailRiskView
from gateway.service.views import mid_px

_NS_PER_S = 1_000_000_000


def marked(position: Position, market: MarketData) -> tuple[Decimal | None, Quote | None]:
    """The price a position is worth now: mid of a two-sided quote, else last, else its last mark."""
    quote = market.quote(position.symbol)
    px = None if quote is None else mid_px(quote)
    if px is None:
        px = position.mark_px or None
    return px, quote


def position_views(state: GatewayState, market: MarketData, now_ns: int) -> tuple[PositionView, ...]:
    """Every position that is not flat, or ever traded, in both books, by key: a restart moves none of them."""
    return tuple(
        position_view(state, market, route, position, now_ns)
        for route, book in state.books.items()
        for _, position in sorted(book.positions.items())
    )


def position_view(
    state: GatewayState, market: MarketData, route: Route, position: Position, now_ns: int
) -> PositionView:
    """One position, valued at the price of now."""
    px, quote = marked(position, market)
    value = position.qty * (px or ZERO) * position.multiplier
    earned = (value + position.realized - position.cost) * state.rates.get(position.currency, ZERO) - position.fees
    average = plain(position.realized), plain(value - position.cost)
    fifo = plain(position.fifo_realized), plain(value - position.fifo_cost)
    is_fifo = state.config.cost_method is CostMethod.FIFO
    realized, unrealized = fifo if is_fifo else average
    cost = position.fifo_cost if is_fifo else position.cost
    life = position.life
    return PositionView(
        book=route.value,
        account=position.account,
        strategy_id=position.strategy_id,
        venue=position.venue,
        symbol=position.symbol,
        quantity=plain(position.qty),
        avg_px=plain(ratio(cost, position.qty * position.multiplier)),
        mark_px=None if px is None else plain(px),
        mark_age_ms=None if quote is None else max(now_ns - quote.received_ns, 0) // 1_000_000,
        is_synthetic=quote is not None and quote.is_synthetic,
        is_delayed=quote is not None and quote.is_delayed,
        currency=position.currency,
        market_value=plain(value),
        unrealized_pnl=unrealized,
        realized_pnl=realized,
        fees=plain(position.fees),
        cycle=position.cycle,
        cost_method=state.config.cost_method.value,
        realized_pnl_average=average[0],
        unrealized_pnl_average=average[1],
        realized_pnl_fifo=fifo[0],
        unrealized_pnl_fifo=fifo[1],
        fees_by_currency=_plain_fees(position.fees_paid),
        fees_without_rate=_without_rate(state, position.fees_paid),
        daily_pnl=plain(earned - position.day_start_pnl),
        life=position.lives,
        holding_s=None if life is None else max(now_ns - life.opened_ns, 0) // _NS_PER_S,
        mae=None if life is None else plain(life.mae),
        mfe=None if life is None else plain(life.mfe),
        executions=0 if life is None else life.executions,
    )


def portfolio_views(state: GatewayState, market: MarketData, now_ns: int) -> tuple[PortfolioView, ...]:
    """Every configured account in both books, valued at the prices of now."""
    return tuple(
        portfolio_view(state, market, route, account, now_ns)
        for account in sorted(state.config.accounts)
        for route in state.books
    )


def portfolio_view(state: GatewayState, market: MarketData, route: Route, account: str, now_ns: int) -> PortfolioView:
    """One account in one book, valued at the prices of now."""
    book, is_fifo = state.books[route], state.config.cost_method is CostMethod.FIFO
    use = book.accounts.get(account) or ScopeUse()
    initial = state.config.accounts[account].initial_cash
    positions = [position for position in book.positions.values() if position.account == account]
    gross = net = unrealized = realized = fees = ZERO
    paid: dict[str, Decimal] = {}
    for position in positions:
        rate = state.rates.get(position.currency, ZERO)
        px, _ = marked(position, market)
        value = position.qty * (px or ZERO) * position.multiplier * rate
        gross += abs(value)
        net += value
        unrealized += value - (position.fifo_cost if is_fifo else position.cost) * rate
        realized += (position.fifo_realized if is_fifo else position.realized) * rate
        fees += position.fees
        for currency, fee in position.fees_paid.items():
            paid[currency] = paid.get(currency, ZERO) + fee
    pnl = realized + unrealized - fees
    equity = initial + pnl
    open_orders = [order for order in state.open_orders() if order.account == account and order.route is route]
    return PortfolioView(
        book=route.value,
        account=account,
        currency=state.config.base_currency,
        initial_cash=plain(initial),
        cash=plain(equity - net),
        equity=plain(equity),
        gross_exposure=plain(gross),
        net_exposure=plain(net),
        held_exposure=plain(use.held),
        leverage=plain(ratio(gross, equity)),
        realized_pnl=plain(realized),
        unrealized_pnl=plain(unrealized),
        fees=plain(fees),
        daily_pnl=plain(pnl - use.day_pnl_start),
        open_orders=len(open_orders),
        positions=sum(1 for position in positions if position.qty),
        cost_method=state.config.cost_method.value,
        peak_equity=plain(initial + use.peak_pnl),
        drawdown=plain(use.drawdown),
        drawdown_ratio=plain(state.drawdown(route, account)),
        max_drawdown=plain(use.highs.max_drawdown),
        day_high_equity=plain(initial + use.highs.day_high_pnl),
        fees_by_currency=_plain_fees(paid),
        fees_without_rate=_without_rate(state, paid),
        tail_risk=_tail_risk_view(state, route, account, now_ns),
    )


def _plain_fees(paid: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: plain(fee) for currency, fee in sorted(paid.items()) if fee}


def _without_rate(state: GatewayState, paid: Mapping[str, Decimal]) -> tuple[str, ...]:
    return tuple(sorted(currency for currency, fee in paid.items() if fee and currency not in state.rates))


def _tail_risk_view(state: GatewayState, route: Route, account: str, now_ns: int) -> TailRiskView | None:
    figures = state.figures
    found: TailRisk | None = None if figures is None else figures.tail_risk.get(route.value, {}).get(account)
    if figures is None or found is None:
        return None
    return TailRiskView(
        age_s=figures_age_ns(figures, now_ns) // _NS_PER_S,
        sample_count=found.sample_count,
        historical_var_95=plain(found.historical_var_95),
        historical_var_99=plain(found.historical_var_99),
        historical_expected_shortfall_95=plain(found.historical_expected_shortfall_95),
        historical_expected_shortfall_99=plain(found.historical_expected_shortfall_99),
        parametric_var_95=plain(found.parametric_var_95),
        parametric_var_99=plain(found.parametric_var_99),
        parametric_expected_shortfall_95=plain(found.parametric_expected_shortfall_95),
        parametric_expected_shortfall_99=plain(found.parametric_expected_shortfall_99),
    )
