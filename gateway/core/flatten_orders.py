"""The orders that a flatten sends: how much of a position, on which side, at which price."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from gateway.core.pricing import unit_value, worst_px
from gateway.core.state import GatewayState
from gateway.domain.enums import OrdType, Route, Side, TimeInForce
from gateway.domain.flatten import FlattenOrder, Touch
from gateway.domain.instruments import Instrument
from gateway.domain.money import BPS, ONE, ZERO
from gateway.domain.orders import Order
from gateway.domain.positions import Position
from gateway.domain.reasons import RouteReason

_IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_AUCTIONS = frozenset({TimeInForce.AT_THE_OPENING, TimeInForce.AT_THE_CLOSE})


def closing_side(position: Position) -> Side:
    return Side.SELL if position.qty > 0 else Side.BUY


def kept_qty(state: GatewayState, position: Position, keep_ratio: Decimal) -> Decimal:
    """How much of a position stays: a whole number of lots, rounded down so that at least the wanted share goes."""
    if not keep_ratio:
        return ZERO
    return whole_lots(state, position, abs(position.qty) * keep_ratio)


def whole_lots(state: GatewayState, position: Position, qty: Decimal) -> Decimal:
    """``qty``, rounded down to lots of the position's instrument."""
    instrument = state.config.instruments.get(position.symbol)
    return _multiple(qty, ONE if instrument is None else instrument.lot_size, ROUND_FLOOR)


def is_below_minimum(state: GatewayState, position: Position, qty: Decimal) -> bool:
    """Whether the rules of the position's instrument allow no order of so little."""
    instrument = state.config.instruments.get(position.symbol)
    if instrument is None:
        return False
    px = position.mark_px or instrument.reference_px
    is_worth_little = px is not None and px * qty * instrument.multiplier < instrument.min_notional
    return is_worth_little or qty < max(instrument.lot_size, instrument.min_qty)


def executes_at_once(order: Order, touch: Touch | None) -> bool:
    """Whether an order trades as soon as the market takes it, rather than rest until prices come to it."""
    if order.is_cancel_requested or order.time_in_force in _AUCTIONS:
        return False
    if order.ord_type is OrdType.MARKET or order.time_in_force in _IMMEDIATE:
        return True
    if order.ord_type is not OrdType.LIMIT or order.limit_px is None or touch is None:
        return False
    px = touch.ask_px if order.side is Side.BUY else touch.bid_px
    return px is not None and (order.limit_px - px) * order.side.sign >= 0


def closing_order(
    state: GatewayState,
    wish: FlattenOrder,
    route: Route,
    position: Position,
    qty: Decimal,
    order_id: str,
    touch: Touch | None,
    ts_ns: int,
) -> Order:
    """An order that closes ``qty`` of ``position``, or as much of it as one order may be. The caller knows that the
    instrument exists."""
    instrument = state.config.instruments[position.symbol]
    side = closing_side(position)
    limit_px = _limit_px(side, wish.limit_offset_bps, touch, instrument)
    ord_type = OrdType.MARKET if limit_px is None else OrdType.LIMIT
    reference = _reference_px(touch, position, instrument)
    px = worst_px(side, ord_type, limit_px, None, reference, state.config.reprice_reserve_bps)
    held_unit = ZERO if px is None else unit_value(px, instrument, state.config)
    return Order(
        order_id=order_id,
        cl_ord_id="",
        fingerprint="",
        account=position.account,
        strategy_id=position.strategy_id,
        venue=position.venue,
        symbol=position.symbol,
        position_key=position.position_key,
        side=side,
        ord_type=ord_type,
        time_in_force=TimeInForce.DAY if limit_px is None else TimeInForce.IOC,
        order_qty=_one_order(state, position, instrument, qty, held_unit),
        limit_px=limit_px,
        actor=wish.actor,
        created_ns=ts_ns,
        updated_ns=ts_ns,
        config_revision=state.config.revision,
        control_epoch=state.control_epoch,
        route=route,
        route_reason=RouteReason.FLATTENS,
        mode=state.mode_of(position.venue, ts_ns),
        cycle=position.cycle,
        is_closing=True,
        arrival_px=reference,
        held_unit=held_unit,
        flatten_id=wish.flatten_id,
    )


def _limit_px(side: Side, offset_bps: Decimal | None, touch: Touch | None, instrument: Instrument) -> Decimal | None:
    """That many basis points through the touch, on the grid and never nearer than asked; None to go at market."""
    if offset_bps is None or touch is None:
        return None
    px = touch.ask_px if side is Side.BUY else touch.bid_px
    if px is None or px <= 0:
        return None
    if side is Side.BUY:
        return _multiple(px * (ONE + offset_bps / BPS), instrument.tick_size, ROUND_CEILING)
    limit = _multiple(px * (ONE - offset_bps / BPS), instrument.tick_size, ROUND_FLOOR)
    return limit if limit > 0 else None


def _reference_px(touch: Touch | None, position: Position, instrument: Instrument) -> Decimal | None:
    """What one unit is about worth: the touch it trades against, else the last mark, else the configured price."""
    known = None
    if touch is not None:
        known = touch.bid_px if position.qty > 0 else touch.ask_px
    return known or position.mark_px or instrument.reference_px


def _one_order(
    state: GatewayState, position: Position, instrument: Instrument, qty: Decimal, held_unit: Decimal
) -> Decimal:
    """``qty``, or the most that the instrument and the limits on one order let one order be; never below one lot."""
    caps = [] if instrument.max_qty is None else [instrument.max_qty]
    for scope in state.risk_plan.path(position.account, position.strategy_id, instrument).scopes:
        limits = scope.limits
        if limits.max_order_size is not None:
            caps.append(limits.max_order_size)
        if limits.max_order_value is not None and held_unit > 0:
            caps.append(limits.max_order_value / held_unit)
        if limits.max_order_adv is not None and instrument.average_daily_volume > 0:
            caps.append(limits.max_order_adv * instrument.average_daily_volume)
    most = min(caps, default=qty)
    if qty <= most:
        return qty
    return max(_multiple(most, instrument.lot_size, ROUND_FLOOR), min(instrument.lot_size, qty))


def _multiple(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    return (value / step).to_integral_value(rounding) * step
