"""One function per limit: does this order, on top of what is held, stay within it?

Each takes what is known of the order (``OrderRisk``), the limit, and the scope that it is measured over, and
returns the value when it breaks the limit, None when it does not. Being exactly at a limit is within it.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from gateway.core.risk.exposure import ScopeUse, SymbolUse
from gateway.domain.enums import Route, Side
from gateway.domain.money import ZERO, ratio
from gateway.domain.reasons import RejectCode

NO_SYMBOL_USE = SymbolUse()
NO_SCOPE_USE = ScopeUse()


class OrderRisk(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the checks need of one order.

    ``qty`` and ``added_value`` are what it adds to what is already held (for a replace: the difference),
    ``order_qty`` is the whole of it. ``unit_value`` is the worst-case value of one unit and ``mark_unit_value``
    its value at the reference price, both in the base currency. ``equity`` is that of the account in the
    order's book.
    """

    symbol: str
    side: Side
    route: Route
    qty: Decimal
    added_value: Decimal
    order_qty: Decimal
    unit_value: Decimal
    mark_unit_value: Decimal
    equity: Decimal
    day_start_equity: Decimal


Check = Callable[[OrderRisk, Decimal, ScopeUse], Decimal | None]


class RiskRule(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table of limits.

    ``guards_new_risk`` False marks a fat-finger rule: it binds an order that only closes a position too.
    ``text`` says what was compared, for the person whose order was denied.
    """

    code: RejectCode
    key: str
    guards_new_risk: bool
    check: Check
    text: str


def projected_qty(risk: OrderRisk, scope: ScopeUse) -> Decimal:
    """The position in the symbol if every open order on this side and this order fill: never less than 0.

    An order towards flat projects 0 until it crosses.
    """
    use = scope.symbols.get(risk.symbol, NO_SYMBOL_USE)
    if risk.side is Side.BUY:
        return max(use.qty + use.buy_qty + risk.qty, ZERO)
    return max(-use.qty + use.sell_qty + risk.qty, ZERO)


def check_order_size(risk: OrderRisk, limit: Decimal, _: ScopeUse) -> Decimal | None:
    return risk.order_qty if risk.order_qty > limit else None


def check_order_value(risk: OrderRisk, limit: Decimal, _: ScopeUse) -> Decimal | None:
    value = risk.order_qty * risk.unit_value
    return value if value > limit else None


def check_position_size(risk: OrderRisk, limit: Decimal, scope: ScopeUse) -> Decimal | None:
    qty = projected_qty(risk, scope)
    return qty if qty > limit else None


def check_position_value(risk: OrderRisk, limit: Decimal, scope: ScopeUse) -> Decimal | None:
    value = projected_qty(risk, scope) * max(risk.unit_value, risk.mark_unit_value)
    return value if value > limit else None


def check_concentration(risk: OrderRisk, limit: Decimal, scope: ScopeUse) -> Decimal | None:
    """Projected value of the symbol against the account's equity; without equity any position is too much."""
    value = projected_qty(risk, scope) * max(risk.unit_value, risk.mark_unit_value)
    if risk.equity <= 0:
        return value if value > 0 else None
    return ratio(value, risk.equity) if value > limit * risk.equity else None


def check_leverage(risk: OrderRisk, limit: Decimal, scope: ScopeUse) -> Decimal | None:
    """Gross exposure, open orders and this order included, against the account's equity."""
    gross = scope.gross + scope.held + risk.added_value
    if risk.equity <= 0:
        return gross if gross > 0 else None
    return ratio(gross, risk.equity) if gross > limit * risk.equity else None


def check_daily_loss(risk: OrderRisk, limit: Decimal, scope: ScopeUse) -> Decimal | None:
    """Loss since the start of the day, realized and unrealized; a limit under 1 is a share of that equity."""
    loss = -scope.day_pnl
    allowed = limit * risk.day_start_equity if limit < 1 else limit
    return loss if loss >= allowed else None


#: Every limit that has a figure. The order here is the order in which breaches are listed.
RISK_RULES: tuple[RiskRule, ...] = (
    RiskRule(
        code=RejectCode.MAX_ORDER_SIZE,
        key="max_order_size",
        guards_new_risk=False,
        check=check_order_size,
        text="order quantity",
    ),
    RiskRule(
        code=RejectCode.MAX_ORDER_VALUE,
        key="max_order_value",
        guards_new_risk=False,
        check=check_order_value,
        text="order value",
    ),
    RiskRule(
        code=RejectCode.MAX_POSITION_SIZE,
        key="max_position_size",
        guards_new_risk=True,
        check=check_position_size,
        text="position if all open orders fill",
    ),
    RiskRule(
        code=RejectCode.MAX_POSITION_VALUE,
        key="max_position_value",
        guards_new_risk=True,
        check=check_position_value,
        text="position value if all open orders fill",
    ),
    RiskRule(
        code=RejectCode.MAX_CONCENTRATION,
        key="max_concentration",
        guards_new_risk=True,
        check=check_concentration,
        text="share of the account's equity in this symbol",
    ),
    RiskRule(
        code=RejectCode.MAX_LEVERAGE,
        key="max_leverage",
        guards_new_risk=True,
        check=check_leverage,
        text="gross exposure over the account's equity",
    ),
    RiskRule(
        code=RejectCode.DAILY_LOSS_LIMIT,
        key="daily_loss_limit",
        guards_new_risk=True,
        check=check_daily_loss,
        text="loss of the day",
    ),
)
