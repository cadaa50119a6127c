"""The table of limits: for each row of the controls, how it is measured and compared."""

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from gateway.core.risk import measures as m
from gateway.core.risk import order_risk as after
from gateway.core.risk.order_risk import OrderRisk, ScopeAfter
from gateway.domain.config import Limits
from gateway.domain.control import Control
from gateway.domain.enums import ScopeKind
from gateway.domain.limit_controls import LIMIT_CONTROLS
from gateway.domain.reasons import RejectCode

#: A count is an int, and so is its limit then: the two compare ten times faster than decimals with ints do.
Measure = Callable[[OrderRisk, ScopeAfter], Decimal | int]
Base = Callable[[OrderRisk], Decimal]
#: Whether a value breaks a limit: being exactly at it is within it, unless it says otherwise.
Breaks = Callable[[Any, Any], bool]

MORE: Breaks = operator.gt
LESS: Breaks = operator.lt
REACHED: Breaks = operator.ge

_MARKET, _FIGURES = RejectCode.MARKET_DATA_UNAVAILABLE, RejectCode.RISK_FIGURES_UNAVAILABLE
_VOLUME = RejectCode.AVERAGE_VOLUME_UNKNOWN


class RiskRule(msgspec.Struct, frozen=True):
    """A limit with a figure.

    ``base`` is what the limit is a share of; with ``is_amount_from_one`` only a limit under 1 is, and a larger one
    is an amount. ``place`` is where ``scope_after`` has the figure; None: the order measures the same in every scope,
    so that the strictest limit decides. ``unknown`` is the code when a figure that it needs cannot be had.
    """

    control: Control
    measure: Measure
    base: Base | None = None
    breaks: Breaks = MORE
    place: int | None = None
    is_amount_from_one: bool = False
    unknown: RejectCode | None = None

    @property
    def is_per_scope(self) -> bool:
        return self.place is not None

    @property
    def key(self) -> str:
        return self.control.key

    @property
    def code(self) -> RejectCode:
        return self.control.code

    @property
    def guards_new_risk(self) -> bool:
        return self.control.guards_new_risk

    def base_for(self, limit: Decimal) -> Base | None:
        """What this very limit is a share of; None when it is an amount."""
        return None if self.is_amount_from_one and limit >= 1 else self.base

    def is_of_account(self, limit: Decimal) -> bool:
        """Whether the figure of a scope is held against the equity of one account."""
        return self.is_per_scope and self.base_for(limit) in _EQUITY


#: What accounts have, and no other scope.
_EQUITY = (m.equity_base, m.day_start_base)

_Row = tuple[Measure, Base | None, Breaks, RejectCode | None]

#: The order by itself, its price, the market and the account: the same whatever the scope.
_OF_THE_ORDER: dict[str, _Row] = {
    "max_order_size": (m.order_size, None, MORE, None),
    "max_order_value": (m.order_value, None, MORE, None),
    "max_order_adv": (m.order_volume, m.volume_base, MORE, _VOLUME),
    "price_collar": (m.price_gap, m.collar_base, MORE, _MARKET),
    "price_collar_window": (m.window_gap, m.window_base, MORE, _MARKET),
    "require_market_data": (m.missing_market_data, None, MORE, None),
    "max_market_data_age_ms": (m.market_data_age, m.millisecond, MORE, _MARKET),
    "deny_crossed_market": (m.crossing, None, MORE, None),
    "max_spread_bps": (m.spread, m.spread_base, MORE, _MARKET),
    "min_displayed_qty": (m.displayed_qty, None, LESS, _MARKET),
    "min_depth_multiple": (m.displayed_qty, m.order_size_base, LESS, _MARKET),
    "min_average_volume": (m.average_volume, None, LESS, _VOLUME),
    "risk_per_trade": (m.value_at_risk_to_stop, m.equity_base, MORE, None),
    "max_margin_use": (m.margin_use, m.equity_base, MORE, None),
    "min_buying_power": (m.buying_power, None, LESS, None),
    "min_account_balance": (m.account_balance, None, LESS, None),
    "max_drawdown": (m.drawdown, m.peak_base, MORE, None),
}

#: What the scope would hold with it: where ``scope_after`` has it.
_OF_THE_SCOPE: dict[str, tuple[int, Base | None, Breaks, RejectCode | None]] = {
    "max_position_size": (after.SIZE, None, MORE, None),
    "max_position_value": (after.VALUE, None, MORE, None),
    "max_concentration": (after.VALUE, m.equity_base, MORE, None),
    "max_intraday_position": (after.CHANGE, None, MORE, None),
    "max_adv_participation": (after.VOLUME, m.volume_base, MORE, _VOLUME),
    "volatility_target": (after.SWING, m.equity_base, MORE, _FIGURES),
    "max_correlation": (after.CORRELATION, None, MORE, _FIGURES),
    "max_leverage": (after.GROSS, m.equity_base, MORE, None),
    "max_portfolio_exposure": (after.GROSS, m.equity_base, MORE, None),
    "max_gross_exposure": (after.GROSS, m.equity_base, MORE, None),
    "max_net_exposure": (after.NET, m.equity_base, MORE, None),
    "max_open_order_value": (after.HELD, None, MORE, None),
    "max_open_orders": (after.ORDERS, None, MORE, None),
    "max_open_positions": (after.POSITIONS, None, MORE, None),
    "daily_loss_limit": (after.LOSS, m.day_start_base, REACHED, None),
}

#: Limits that are an amount, or below 1 a share.
_AMOUNT_OR_SHARE = frozenset({"max_gross_exposure", "max_net_exposure", "daily_loss_limit"})

#: Rules that measure each symbol of a scope by itself, by id.
PER_SYMBOL = frozenset(
    {
        "max_position_size",
        "max_position_value",
        "max_concentration",
        "max_intraday_position",
        "max_adv_participation",
        "volatility_target",
        "max_correlation",
    }
)

#: Rules that look at the market, by id: those without a figure too.
OF_THE_MARKET = frozenset(
    {
        "price_collar",
        "price_collar_window",
        "require_market_data",
        "max_market_data_age_ms",
        "deny_crossed_market",
        "max_spread_bps",
        "min_displayed_qty",
        "min_depth_multiple",
        "market_hours",
    }
)


def _rule(control: Control) -> RiskRule:
    is_amount_from_one = control.rule_id in _AMOUNT_OR_SHARE
    if control.rule_id in _OF_THE_SCOPE:
        place, base, breaks, unknown = _OF_THE_SCOPE[control.rule_id]
        return RiskRule(control, _at(place), base, breaks, place, is_amount_from_one, unknown)
    measure, base, breaks, unknown = _OF_THE_ORDER[control.rule_id]
    return RiskRule(control, measure, base, breaks, None, is_amount_from_one, unknown)


def _at(place: int) -> Measure:
    def measure(_: OrderRisk, after: ScopeAfter) -> Decimal | int:
        found: Decimal | int = after[place]
        return found

    return measure


#: Every limit that has a figure, in the order in which breaches are listed.
RISK_RULES: tuple[RiskRule, ...] = tuple(
    _rule(control) for control in LIMIT_CONTROLS if control.rule_id in _OF_THE_ORDER or control.rule_id in _OF_THE_SCOPE
)

Binding = tuple[RiskRule, Decimal]


class ScopeLimits(msgspec.Struct, frozen=True):
    """The limits of one scope; ``bindings`` are those with a figure."""

    kind: ScopeKind
    scope_id: str
    limits: Limits
    bindings: tuple[Binding, ...] = ()
