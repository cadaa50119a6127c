"""One function per limit that measures the order itself (what its scopes measure: ``scope_after``). The gate compares.

A figure that cannot be had measures ``UNKNOWN_HIGH`` where too much is refused and ``UNKNOWN_LOW`` where too little
is: beyond every limit, so that what is not known is refused, never let through. A limit that has nothing to say of an
order (a collar of an order without a price) measures 0, and below 0 is as good as 0; so does one that binds closing
orders and knows nothing, since a position can be closed without market data.
"""

from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter

from gateway.core.risk.order_risk import UNKNOWN_HIGH, UNKNOWN_LOW, OrderRisk, ScopeAfter
from gateway.domain.enums import Side
from gateway.domain.money import BPS, ONE, ZERO

_NS_PER_MS = Decimal(1_000_000)
_TWICE_BPS = 2 * BPS

# --- the order by itself ----------------------------------------------------------------------------


def order_size(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    return risk.order_qty


def order_value(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    return risk.order_qty * risk.unit_value


def order_volume(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    """Units, to be compared with a share of the average daily volume."""
    if not risk.instrument.average_daily_volume:
        return ZERO if risk.is_closing else UNKNOWN_HIGH
    return risk.order_qty


def value_at_risk_to_stop(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    """What is lost if the position is stopped out at ``stop_loss_percentage`` below (or above) its entry."""
    return risk.order_qty * risk.unit_value * risk.stop_loss_percentage


# --- its price --------------------------------------------------------------------------------------


def price_gap(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    """How far beyond the market the order may trade, in price units.

    A limit is compared with the market's price; that of a stop-limit order with its own trigger, which is where the
    market will be. A market order is compared by the far side of the book, where that is known, and not when it
    closes a position; so is a stop that the market is beyond already, for it wakes at once. (RTS 6 Art. 15(1)(a):
    order by order.)
    """
    return _gap(risk, risk.reference_px)


def window_gap(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    """As ``price_gap``, from the average price of the last seconds: a price that runs away does not take the
    collar along. (RTS 6 Art. 15(1)(a): over a specified period of time.)"""
    return _gap(risk, risk.window_px)


def _gap(risk: OrderRisk, reference: Decimal | None) -> Decimal:
    px = risk.limit_px
    if px is None:
        if risk.is_closing or (risk.stop_px is not None and not _wakes_at_once(risk, risk.stop_px)):
            return ZERO
        px = risk.view.ask_px if risk.side is Side.BUY else risk.view.bid_px
    elif risk.stop_px is not None:
        reference = risk.stop_px
    if reference is None:
        return ZERO if risk.is_closing else UNKNOWN_HIGH
    if px is None:
        return ZERO
    return px - reference if risk.side is Side.BUY else reference - px


def _wakes_at_once(risk: OrderRisk, stop_px: Decimal) -> bool:
    """Whether the market, or the side of it that the order trades with, is at the trigger or beyond. What nobody
    knows may be."""
    reference = risk.reference_px
    if reference is None:
        return True
    if risk.side is Side.BUY:
        far_px = risk.view.ask_px
        return stop_px <= (reference if far_px is None else max(reference, far_px))
    far_px = risk.view.bid_px
    return stop_px >= (reference if far_px is None else min(reference, far_px))


def collar_base(risk: OrderRisk) -> Decimal:
    """What a collar is a share of: the market's price, or the trigger of a stop-limit order."""
    return (None if risk.limit_px is None else risk.stop_px) or risk.reference_px or ZERO


def window_base(risk: OrderRisk) -> Decimal:
    return (None if risk.limit_px is None else risk.stop_px) or risk.window_px or ZERO


# --- the market -------------------------------------------------------------------------------------


def missing_market_data(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    """0 when the market has a price, 1 when it has none."""
    return ONE if risk.view.reference_px is None else ZERO


def market_data_age(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    """Nanoseconds, to be compared with milliseconds."""
    return UNKNOWN_HIGH if risk.view.reference_px is None else Decimal(risk.view.age_ns)


def millisecond(_: OrderRisk) -> Decimal:
    return _NS_PER_MS


def crossing(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    """By how much the bid is above the ask."""
    bid, ask = risk.view.bid_px, risk.view.ask_px
    return bid - ask if bid is not None and ask is not None else ZERO


def spread(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    """Ask less bid in basis points, but for the mid: to be compared with a multiple of ``spread_base``."""
    bid, ask = risk.view.bid_px, risk.view.ask_px
    return UNKNOWN_HIGH if bid is None or ask is None else (ask - bid) * _TWICE_BPS


def spread_base(risk: OrderRisk) -> Decimal:
    """Twice the mid, which spares a division."""
    bid, ask = risk.view.bid_px, risk.view.ask_px
    return ZERO if bid is None or ask is None else bid + ask


def displayed_qty(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    """Units shown on the side that the order would trade with."""
    qty = risk.view.ask_qty if risk.side is Side.BUY else risk.view.bid_qty
    return UNKNOWN_LOW if qty is None else qty


def average_volume(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    return risk.instrument.average_daily_volume or UNKNOWN_LOW


# --- the account ------------------------------------------------------------------------------------


def margin_use(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    """What positions, open orders and this order tie up."""
    return risk.account.margin + risk.added_value * risk.instrument.margin_rate


def buying_power(risk: OrderRisk, after: ScopeAfter) -> Decimal:
    """What is left of the account's equity beyond all margin, this order included."""
    return risk.equity - margin_use(risk, after)


def account_balance(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    return risk.equity


def drawdown(risk: OrderRisk, _: ScopeAfter) -> Decimal:
    """How far the account is below its highest P&L."""
    return risk.account.highs.peak_pnl - risk.account.pnl


# --- what a limit is a share of ---------------------------------------------------------------------

equity_base: Callable[[OrderRisk], Decimal] = attrgetter("equity_base")
day_start_base: Callable[[OrderRisk], Decimal] = attrgetter("day_start_base")
volume_base: Callable[[OrderRisk], Decimal] = attrgetter("instrument.average_daily_volume")
order_size_base: Callable[[OrderRisk], Decimal] = attrgetter("order_qty")


def peak_base(risk: OrderRisk) -> Decimal:
    """Equity at the account's highest P&L."""
    peak = risk.equity - risk.account.pnl + risk.account.highs.peak_pnl
    return peak if peak > ZERO else ZERO
