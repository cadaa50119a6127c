"""An order as the limits see it: what binds it, what it adds to which book, the market and figures of the moment."""

from collections.abc import Set
from decimal import Decimal

import msgspec

from gateway.core.pricing import reference_px, unit_value
from gateway.core.risk.exposure import Book
from gateway.core.risk.gate import NOTHING_LIFTED, RiskRefused, assess
from gateway.core.risk.order_risk import NO_SCOPE_USE, OrderRisk
from gateway.core.risk.plan import OrderPath
from gateway.core.state import GatewayState
from gateway.core.words import reject_of
from gateway.domain.enums import RejectStage, Route
from gateway.domain.instruments import Instrument
from gateway.domain.market import MarketView
from gateway.domain.money import ZERO
from gateway.domain.orders import Order, PendingReplace, Reject
from gateway.domain.positions import Position

_S = 1_000_000_000


class Priced(msgspec.Struct, frozen=True, gc=False):
    """An instrument with the values of one unit of this order: at worst, and at the market's price."""

    instrument: Instrument
    unit_value: Decimal
    mark_unit_value: Decimal
    reference_px: Decimal | None
    view: MarketView


class Earlier(msgspec.Struct, frozen=True, gc=False):
    """What legs of the same split order add to the same book before a leg: they are not held yet when it is checked."""

    qty: Decimal = ZERO
    orders: int = 0


NONE_EARLIER = Earlier()


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What is asked for, by a new order or by new terms of an open one; the fields are those of ``OrderRisk``."""

    limit_px: Decimal | None
    stop_px: Decimal | None
    ts_ns: int
    is_closing: bool
    qty: Decimal
    added_value: Decimal
    order_qty: Decimal
    new_orders: int
    opens_position: bool


class Measured(msgspec.Struct, frozen=True, gc=False):
    """One order with the limits that bind it and the book that they are measured in."""

    path: OrderPath
    book: Book
    risk: OrderRisk


def refused_by_limits(measured: Measured, lifted: Set[str] = NOTHING_LIFTED) -> Reject | None:
    """Every limit that the order breaks, but for the rules that are ``lifted``."""
    verdict = assess(measured.path, measured.book, measured.risk, lifted)
    return reject_of(RejectStage.RISK, verdict.breaches) if isinstance(verdict, RiskRefused) else None


def measured_order(
    state: GatewayState, order: Order, priced: Priced, whole_qty: Decimal, earlier: Earlier = NONE_EARLIER
) -> Measured:
    """A new order, or one leg of it; ``whole_qty`` is what the client sent."""
    book = state.books[order.route]
    qty = order.order_qty + earlier.qty
    line = book.lines.get(order.position_key)
    opens_position = line is None or not (line.is_held or line.open_orders)
    asked = Asked(  # by place: names cost time, and this is done for every order
        order.limit_px,
        order.stop_px,
        order.created_ns,
        order.is_closing,
        qty,
        qty * priced.unit_value,
        whole_qty,
        1 + earlier.orders,
        opens_position,
    )
    return _measured(state, order, priced, book, asked)


def measured_replace(
    state: GatewayState, order: Order, pending: PendingReplace, view: MarketView, ts_ns: int, is_closing: bool
) -> Measured:
    """New terms of an open order: only what they add to what is held already counts as more.

    At worst it fills whole by the old terms and then by what the new ones add, or whole by the new ones. While they
    are asked for, the larger quantity is held at the dearer price, which is more than that: the difference is taken
    off again.
    """
    is_held = order.pending_replace is not None
    added_qty = max(pending.order_qty - order.order_qty, ZERO)
    left = pending.order_qty - order.cum_qty - order.broken_qty
    by_old = order.leaves_qty
    worst = max(by_old * order.held_unit + max(left - by_old, ZERO) * pending.held_unit, left * pending.held_unit)
    instrument = state.config.instruments[order.symbol]
    book = state.books[Route.LIVE if order.route is Route.LIVE else Route.SHADOW]
    marked_px = _market_px(view, book.positions.get(order.position_key), instrument)
    marked = pending.held_unit if marked_px is None else unit_value(marked_px, instrument, state.config)
    asked = Asked(
        limit_px=pending.limit_px,
        stop_px=pending.stop_px,
        ts_ns=ts_ns,
        is_closing=is_closing,
        qty=ZERO if is_held else added_qty,
        added_value=worst - order.held_value,
        order_qty=pending.order_qty,
        new_orders=0,
        opens_position=False,
    )
    return _measured(state, order, Priced(instrument, pending.held_unit, marked, None, view), book, asked)


def _market_px(view: MarketView, position: Position | None, instrument: Instrument) -> Decimal | None:
    """What one unit is worth now, as far as is known: to the market, at the last mark, or as configured."""
    if view.reference_px is None and position is not None and position.mark_px:
        return position.mark_px
    return reference_px(view, instrument)


def _measured(state: GatewayState, order: Order, priced: Priced, book: Book, asked: Asked) -> Measured:
    view, instrument, config = priced.view, priced.instrument, state.config
    table = config.limits
    plan = state.risk_plan if asked.is_closing else state.plan_for(order)
    path = plan.path(order.account, order.strategy_id, instrument)
    account = book.accounts.get(order.account, NO_SCOPE_USE)
    own = config.accounts.get(order.account)
    cash = ZERO if own is None else own.initial_cash
    equity = cash + account.pnl
    day_start = cash + account.day_pnl_start
    worst, marked = priced.unit_value, priced.mark_unit_value
    volatility, neighbours = None, None
    if path.needs_figures:
        figures = state.figures
        if figures is not None and asked.ts_ns - figures.as_of_ns <= table.figures_max_age_s * _S:
            volatility, neighbours = figures.volatility.get(order.symbol), state.neighbours.of(order.symbol)
    is_fresh = view.reference_px is not None and view.age_ns <= table.collar_max_age_s * _S
    risk = OrderRisk(
        instrument=instrument,
        side=order.side,
        route=order.route,
        ord_type=order.ord_type,
        time_in_force=order.time_in_force,
        limit_px=asked.limit_px,
        stop_px=asked.stop_px,
        view=view,
        ts_ns=asked.ts_ns,
        is_closing=asked.is_closing,
        qty=asked.qty,
        added_value=asked.added_value,
        order_qty=asked.order_qty,
        new_orders=asked.new_orders,
        opens_position=asked.opens_position,
        unit_value=worst,
        dearest_unit_value=marked if marked > worst else worst,
        equity=equity,
        equity_base=equity if equity > ZERO else ZERO,
        day_start_base=ZERO if day_start < ZERO else day_start,
        account=account,
        reference_px=view.reference_px if is_fresh else None,
        window_px=view.window_px if is_fresh else None,
        stop_loss_percentage=table.stop_loss_percentage,
        volatility=volatility,
        neighbours=neighbours,
    )
    return Measured(path, book, risk)
