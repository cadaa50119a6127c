"""A second risk gate, slow and obvious: each limit of each scope measured afresh from all that happened, in fractions.

It shares no code with the gateway's measures and keeps no sums: positions come from the list of executions, marks and
days, what is on order from the open orders, each at the price that it was told it is held at.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import msgspec

from gateway.core.state import GatewayState
from gateway.domain.config import Limits, TradingConfig
from gateway.domain.enums import Route, Side
from gateway.domain.orders import Order

ZERO, ONE = Fraction(0), Fraction(1)
#: Account, strategy and symbol of a position.
Key = tuple[str, str, str]
Scope = tuple[str, str]
#: What is measured (None: unknown) by rule, kind and name of the scope.
Breaches = dict[tuple[str, str, str], Fraction | None]

_OF_ACCOUNT = {"max_margin_use", "min_buying_power", "min_account_balance", "max_drawdown"}
_OF_ORDER = {"max_order_size", "max_order_value", "max_order_adv", "price_collar", "risk_per_trade"}
_FAT_FINGER = _OF_ORDER - {"risk_per_trade"}
_SHARES = {"max_concentration", "max_leverage", "max_portfolio_exposure"}
_AMOUNT_OR_SHARE = {"max_gross_exposure", "max_net_exposure", "daily_loss_limit"}
_OF_SCOPE = {
    "max_position_size": "size",
    "max_position_value": "value",
    "max_concentration": "value",
    "max_intraday_position": "change",
    "max_adv_participation": "volume",
    "max_leverage": "gross",
    "max_portfolio_exposure": "gross",
    "max_gross_exposure": "gross",
    "max_net_exposure": "net",
    "max_open_order_value": "held",
    "max_open_orders": "orders",
    "max_open_positions": "positions",
    "daily_loss_limit": "loss",
}
RULES = (*_OF_SCOPE, *sorted(_OF_ORDER), *sorted(_OF_ACCOUNT))


class Executed(msgspec.Struct, frozen=True):
    key: Key
    qty: Decimal  # signed
    px: Decimal
    fee: Decimal
    fee_currency: str


class Marked(msgspec.Struct, frozen=True):
    symbol: str
    px: Decimal


class Began(msgspec.Struct, frozen=True):
    """A day of these venues, under the rates of then."""

    venues: tuple[str, ...]
    rates: dict[str, Decimal]


class Held(msgspec.Struct):
    qty: Fraction = ZERO
    cash: Fraction = ZERO
    mark: Fraction = ZERO
    fees: dict[str, Fraction] = {}
    day_pnl: Fraction = ZERO  # earned before the day began
    day_qty: Fraction = ZERO
    traded: Fraction = ZERO


class Asked(msgspec.Struct, frozen=True):
    """An order, a leg of one, or new terms. ``earlier`` is what a leg before it adds, ``whole`` what the client sent.

    Of new terms, ``qty`` and ``value`` (at a price of 1) are what they add to what is on order already.
    """

    key: Key
    side: Side
    qty: Fraction
    whole: Fraction
    px: Fraction
    market_px: Fraction
    is_closing: bool = False
    earlier: Fraction = ZERO
    new_orders: int = 1
    limit: Fraction | None = None
    value: Fraction | None = None
    sees_market: bool = True

    @property
    def added(self) -> Fraction:
        return (self.qty + self.earlier) * self.px if self.value is None else self.value


class NaiveGate:
    """``history`` is all it knows, besides the ``px`` that each order is held at, by its id."""

    def __init__(self) -> None:
        self.history: list[Executed | Marked | Began] = []
        self.px: dict[str, Fraction] = {}
        self.peaks: dict[str, Fraction] = {}

    def held(self, config: TradingConfig) -> dict[Key, Held]:
        found: dict[Key, Held] = {}
        for step in self.history:
            if isinstance(step, Executed):
                one = found.setdefault(step.key, Held())
                qty, px = Fraction(step.qty), Fraction(step.px)
                one.qty, one.mark, one.traded = one.qty + qty, px, one.traded + abs(qty)
                one.cash -= qty * px * _multiplier(config, step.key)
                one.fees[step.fee_currency] = one.fees.get(step.fee_currency, ZERO) + Fraction(step.fee)
            for key, one in found.items():
                if isinstance(step, Marked) and step.symbol == key[2] and one.qty:
                    one.mark = Fraction(step.px)
                elif isinstance(step, Began) and config.instruments[key[2]].venue in step.venues:
                    one.day_pnl, one.day_qty, one.traded = _pnl(config, key, one, step.rates), one.qty, ZERO
        return found

    def note_peaks(self, config: TradingConfig) -> None:
        held = self.held(config)
        for account in config.accounts:
            earned = sum((_pnl(config, key, one, config.rates) for key, one in held.items() if key[0] == account), ZERO)
            self.peaks[account] = max(self.peaks.get(account, ZERO), earned)

    def breaches(self, state: GatewayState, asked: Asked) -> Breaches:
        """Each limit that the order breaks, with what is measured of it."""
        config = state.config
        held, orders = self.held(config), [one for one in state.open_orders() if one.route is not Route.SPLIT]
        own = self._after(config, asked, ("account", asked.key[0]), held, orders)
        found: Breaches = {}
        for scope in scopes_of(config, asked.key):
            after = self._after(config, asked, scope, held, orders)
            for rule, limit in _given(_limits(config, scope)):
                if (asked.is_closing and rule not in _FAT_FINGER) or (rule == "price_collar" and not asked.sees_market):
                    continue
                is_share = rule in _SHARES or (rule in _AMOUNT_OR_SHARE and limit < 1)
                figures = own if is_share and scope[0] == "gateway" else after
                measured, base = self._measured(config, asked, rule, figures, own, is_share=is_share)
                if measured is None:
                    found[(rule, *scope)] = None
                elif _is_broken(rule, measured, limit * base):
                    shown = measured if rule.startswith("min_") else max(measured, ZERO)
                    found[(rule, *scope)] = shown / (base or 1)
        return found

    def _measured(
        self,
        config: TradingConfig,
        asked: Asked,
        rule: str,
        figures: dict[str, Fraction],
        own: dict[str, Fraction],
        *,
        is_share: bool,
    ) -> tuple[Fraction | None, Fraction]:
        """The figure, and what a limit on it is a share of (1: it is an amount); None when it cannot be had."""
        account, volume = asked.key[0], Fraction(config.instruments[asked.key[2]].average_daily_volume)
        value = asked.whole * asked.px * _unit(config, asked.key)
        cash, peak = Fraction(config.accounts[account].initial_cash), self.peaks.get(account, ZERO)
        equity = cash + own["pnl"]
        if rule in ("max_order_adv", "max_adv_participation"):
            measured = asked.whole if rule == "max_order_adv" else figures["volume"]
            unknown = ZERO if asked.is_closing else None
            return (measured, volume) if volume else (unknown, ONE)
        if rule in _OF_SCOPE:
            base = cash + own["day_pnl"] if rule == "daily_loss_limit" else equity
            return figures[_OF_SCOPE[rule]], max(base, ZERO) if is_share else ONE
        found, base = {
            "min_account_balance": (equity, ONE),
            "min_buying_power": (equity - own["margin"], ONE),
            "max_order_size": (asked.whole, ONE),
            "price_collar": (_beyond_market(asked), asked.market_px),
            "max_order_value": (value, ONE),
            "risk_per_trade": (value * Fraction(config.limits.stop_loss_percentage), equity),
            "max_margin_use": (own["margin"], equity),
            "max_drawdown": (peak - own["pnl"], cash + peak),
        }[rule]
        return found, max(base, ZERO)

    def _after(
        self, config: TradingConfig, asked: Asked, scope: Scope, held: dict[Key, Held], orders: list[Order]
    ) -> dict[str, Fraction]:
        """What the scope would hold with the order."""
        inside = {key: one for key, one in held.items() if scope in scopes_of(config, key)}
        working = [one for one in orders if scope in scopes_of(config, _key(one))]
        symbol, sign, adds = asked.key[2], asked.side.sign, asked.qty + asked.earlier
        of_symbol = [one for key, one in inside.items() if key[2] == symbol]
        same = sum((may_fill(one) for one in working if one.symbol == symbol and one.side is asked.side), adds)
        size = max(sign * sum((one.qty for one in of_symbol), ZERO) + same, ZERO)
        unit = _unit(config, asked.key)
        worth = {one.order_id: may_fill(one) * self.px[one.order_id] * _unit(config, _key(one)) for one in working}
        values = {key: one.qty * one.mark * _unit(config, key) for key, one in inside.items()}
        added = asked.added * unit
        held_value = sum(worth.values(), added)
        on_side = sum((worth[one.order_id] for one in working if one.side is asked.side), added)
        in_use = {key for key, one in inside.items() if one.qty} | {_key(one) for one in working} | {asked.key}
        pnl = sum((_pnl(config, key, one, config.rates) for key, one in inside.items()), ZERO)
        rates = {name: Fraction(one.margin_rate) for name, one in config.instruments.items()}
        return {
            "size": size,
            "value": size * max(asked.px, asked.market_px) * unit,
            "change": sign * sum((one.qty - one.day_qty for one in of_symbol), ZERO) + same,
            "volume": sum((one.traded for one in of_symbol), adds)
            + sum((may_fill(one) for one in working if one.symbol == symbol), ZERO),
            "gross": sum(map(abs, values.values()), held_value),
            "net": sign * sum(values.values(), ZERO) + on_side,
            "held": held_value,
            "orders": Fraction(len(working) + asked.new_orders),
            "positions": Fraction(len(in_use)),
            "pnl": pnl,
            "day_pnl": sum((one.day_pnl for one in inside.values()), ZERO),
            "loss": sum((one.day_pnl for one in inside.values()), ZERO) - pnl,
            "margin": sum((abs(value) * rates[key[2]] for key, value in values.items()), ZERO)
            + sum((worth[one.order_id] * rates[one.symbol] for one in working), ZERO)
            + added * rates[symbol],
        }


def scopes_of(config: TradingConfig, key: Key) -> list[Scope]:
    """Those that have limits, and those that everything counts in."""
    instrument, table = config.instruments[key[2]], config.limits
    found = [("gateway", "gateway"), ("account", key[0]), ("strategy", key[1]), ("venue", instrument.venue)]
    named = (
        ("symbol", table.symbols, key[2]),
        ("sector", table.sectors, instrument.sector),
        ("asset_class", table.asset_classes, instrument.asset_class),
    )
    found += [(kind, name) for kind, limits, name in named if name in limits]
    return found


def may_fill(order: Order) -> Fraction:
    """What is left of the larger of the terms in force and those that are asked for."""
    pending = order.pending_replace
    total = order.order_qty if pending is None else max(order.order_qty, pending.order_qty)
    return Fraction(max(total - order.cum_qty, Decimal(0)))


def _beyond_market(asked: Asked) -> Fraction:
    """A market order trades at the market's price here, where bid and ask are the same."""
    return ZERO if asked.limit is None else asked.side.sign * (asked.limit - asked.market_px)


def _key(order: Order) -> Key:
    return order.account, order.strategy_id, order.symbol


def _multiplier(config: TradingConfig, key: Key) -> Fraction:
    return Fraction(config.instruments[key[2]].multiplier)


def _unit(config: TradingConfig, key: Key) -> Fraction:
    """What a price of 1 is worth, base currency."""
    return _multiplier(config, key) * Fraction(config.rates[config.instruments[key[2]].currency])


def _pnl(config: TradingConfig, key: Key, one: Held, rates: dict[str, Decimal]) -> Fraction:
    earned = one.cash + one.qty * one.mark * _multiplier(config, key)
    fees = sum((fee * Fraction(rates[currency]) for currency, fee in one.fees.items()), ZERO)
    return earned * Fraction(rates[config.instruments[key[2]].currency]) - fees


def _limits(config: TradingConfig, scope: Scope) -> Limits:
    table = config.limits
    if scope[0] == "gateway":
        return table.gateway
    tables = {"account": table.accounts, "strategy": table.strategies, "venue": table.venues}
    tables |= {"symbol": table.symbols, "sector": table.sectors, "asset_class": table.asset_classes}
    return tables[scope[0]].get(scope[1], Limits())


def _given(limits: Limits) -> Iterator[tuple[str, Fraction]]:
    for rule in RULES:
        value = getattr(limits, rule)
        if value is not None:
            yield rule, Fraction(value)


def _is_broken(rule: str, measured: Fraction, limit: Fraction) -> bool:
    if rule == "daily_loss_limit":
        return measured >= limit
    return measured < limit if rule.startswith("min_") else measured > limit
