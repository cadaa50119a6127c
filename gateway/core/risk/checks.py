"""One function per limit: does this order, on top of what is held, stay within it?

Each takes what is known of the order (``OrderRisk``), the limit, and the scope that it is measured over, and
returns the value when it breaks the limit, None when it does not. Being exactly at a limit is within it.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from gateway.core.risk.exposure import ScopeUse, SymbolUse
from gateway.domain.controls import LIMIT_CONTROLS, Control
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


class RiskRule(msgspec.Struct, frozen=True):
    """A limit with a figure: its row in the table of controls, and the function that compares."""

    control: Control
    check: Check

    @property
    def key(self) -> str:
        return self.control.key

    @property
    def code(self) -> RejectCode:
        return self.control.code

    @property
    def guards_new_risk(self) -> bool:
        return self.control.guards_new_risk


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


_CHECKS: dict[str, Check] = {
    "max_order_size": check_order_size,
    "max_order_value": check_order_value,
    "max_position_size": check_position_size,
    "max_position_value": check_position_value,
    "max_concentration": check_concentration,
    "max_leverage": check_leverage,
    "daily_loss_limit": check_daily_loss,
}

#: Every limit that has a figure, in the order in which breaches are listed.
RISK_RULES: tuple[RiskRule, ...] = tuple(
    RiskRule(control, _CHECKS[control.rule_id]) for control in LIMIT_CONTROLS if control.rule_id in _CHECKS
)
