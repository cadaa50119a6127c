"""Bracket, OCO and OTO: the exits that are sent with an order, and what holds among them.

An order with a class becomes a parent with legs, as a split one does. The first leg is what is sent; the exits go with
it in the same request and wait at the venue. They only reduce, so they hold no value; of a pair only one can close the
position, so one counts for both. An exit of an entry wakes when that has filled whole, and ends when it ends before.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from gateway.core.state import GatewayState
from gateway.core.validation import instrument_breaches
from gateway.core.words import refuse
from gateway.domain.config import TradingConfig
from gateway.domain.enums import OrderClass, OrdStatus, OrdType, RejectStage, Side
from gateway.domain.facts import OrderEnded
from gateway.domain.instruments import Instrument
from gateway.domain.money import ZERO
from gateway.domain.order_class import StopLoss, TakeProfit, exit_id_of
from gateway.domain.orders import Breach, NewOrderSingle, Order, Reject
from gateway.domain.reasons import RejectCode

# Named once: see domain.orders.
_OCO, _BRACKET = OrderClass.OCO, OrderClass.BRACKET
#: What an exit is checked for by itself: the rest is said of the order that it goes with.
_OF_AN_EXIT = frozenset({RejectCode.ORDER_TYPE_UNSUPPORTED, RejectCode.PRICE_OFF_TICK})


class ExitTerms(msgspec.Struct, frozen=True):
    """What kind of order an exit is, and at which prices. ``field`` is where the client gave them."""

    field: str
    ord_type: OrdType
    limit_px: Decimal | None
    stop_px: Decimal | None


def exit_terms(
    order_class: OrderClass, take_profit: TakeProfit | None, stop_loss: StopLoss | None
) -> tuple[ExitTerms, ...]:
    """The exits that go with an order, the profit before the loss. That of an OCO is what is sent itself."""
    found: list[ExitTerms] = []
    if take_profit is not None and order_class is not _OCO:
        found.append(ExitTerms("take_profit", OrdType.LIMIT, take_profit.limit_px, None))
    if stop_loss is not None:
        kind = OrdType.STOP if stop_loss.limit_px is None else OrdType.STOP_LIMIT
        found.append(ExitTerms("stop_loss", kind, stop_loss.limit_px, stop_loss.stop_px))
    return tuple(found)


def exit_side(order_class: OrderClass, side: Side) -> Side:
    """The side of the exits of an order on ``side``."""
    if order_class is _OCO:
        return side
    return Side.SELL if side is Side.BUY else Side.BUY


def exit_breaches(instrument: Instrument, config: TradingConfig, request: NewOrderSingle) -> Iterator[Breach]:
    """What the instrument has against the exits."""
    for terms in exit_terms(request.order_class, request.take_profit, request.stop_loss):
        prices = (terms.limit_px, terms.stop_px)
        for breach in instrument_breaches(instrument, config, terms.ord_type, request.order_qty, prices):
            if breach.code in _OF_AN_EXIT:
                yield msgspec.structs.replace(breach, value=f"{breach.value} ({terms.field})")


def class_refusal(order_class: OrderClass, closes: tuple[bool, ...]) -> Reject | None:
    """Why a class does not fit the position; ``closes`` says of each part of the order whether it closes something."""
    if order_class is _OCO:
        if closes == (True,):
            return None
        text = "an oco order is the two exits of one position: its quantity must be held, and not be on order elsewhere"
    else:
        if closes == (False,):
            return None
        text = f"the entry of a {order_class} order must open or add: its exits close what it fills, and nothing else"
    return refuse(RejectStage.ROUTER, RejectCode.ORDER_CLASS_UNFIT, text, order_class=order_class.value)


def exits_of(order: Order, policy_revision: str = "") -> tuple[Order, ...]:
    """The exits that go with ``order``, as they are when they are sent; none unless it is sent with some."""
    if not order.is_sent_with_exits:
        return ()
    terms = exit_terms(order.order_class, order.take_profit, order.stop_loss)
    return tuple(_exit(order, number, one, policy_revision) for number, one in enumerate(terms, 1))


def _exit(entry: Order, number: int, terms: ExitTerms, policy_revision: str) -> Order:
    is_oco = entry.order_class is _OCO
    return Order(
        order_id=exit_id_of(entry.order_id, number),
        cl_ord_id="",
        fingerprint=entry.fingerprint,
        account=entry.account,
        strategy_id=entry.strategy_id,
        venue=entry.venue,
        symbol=entry.symbol,
        position_key=entry.position_key,
        side=exit_side(entry.order_class, entry.side),
        ord_type=terms.ord_type,
        time_in_force=entry.time_in_force,
        order_qty=entry.order_qty,
        limit_px=terms.limit_px,
        stop_px=terms.stop_px,
        actor=entry.actor,
        created_ns=entry.created_ns,
        updated_ns=entry.created_ns,
        config_revision=entry.config_revision,
        policy_revision=policy_revision,
        control_epoch=entry.control_epoch,
        is_admitted=True,
        route=entry.route,
        route_reason=entry.route_reason,
        mode=entry.mode,
        cycle=entry.cycle,
        is_closing=True,
        parent_id=entry.parent_id,
        order_class=entry.order_class,
        entry_id=entry.order_id,
        armed_qty=None if is_oco else ZERO,
        is_covered=is_oco or number == 2,
    )


def sibling_id_of(order: Order) -> str:
    """The other exit of the pair, of which only one can fill; empty where there is none."""
    if order.order_class is _OCO and order.parent_id:
        return order.entry_id or exit_id_of(order.order_id, 1)
    if order.order_class is not _BRACKET or not order.entry_id:
        return ""
    first = exit_id_of(order.entry_id, 1)
    return exit_id_of(order.entry_id, 2) if order.order_id == first else first


def open_exits(state: GatewayState, order: Order) -> list[Order]:
    """The exits that go with ``order`` and have not ended."""
    if not order.is_sent_with_exits:
        return []
    parent = state.orders.get(order.parent_id)
    legs = [] if parent is None else state.legs_of(parent)
    return [leg for leg in legs if leg.entry_id == order.order_id and leg.is_open]


def exits_ended(state: GatewayState, order: Order, ts_ns: int, *, is_refused: bool) -> tuple[OrderEnded, ...]:
    """What the end of ``order`` without filling whole means for its exits. Those of an entry never wake; those of an
    OCO, which work beside it, are only known to be over when the venue never took them (``is_refused``)."""
    if not order.is_entry and not is_refused:
        return ()
    text = f"goes with order {order.order_id}, which ended before it filled whole"
    return tuple(
        OrderEnded(ts_ns=ts_ns, order_id=leg.order_id, ord_status=OrdStatus.CANCELED, text=text)
        for leg in open_exits(state, order)
    )


def status_of_class(legs: list[Order]) -> OrdStatus:
    """How an order with a class stands: as what was sent does; an OCO is filled when its two exits together are."""
    sent = legs[0]
    if sent.order_class is not _OCO:
        return sent.ord_status
    cum_qty = sum((leg.cum_qty for leg in legs), ZERO)
    if cum_qty >= sent.order_qty:
        return OrdStatus.FILLED
    working = [leg for leg in legs if leg.is_open]
    if working and cum_qty:
        return OrdStatus.PARTIALLY_FILLED
    return working[0].ord_status if working else sent.ord_status


def is_settled_by_sibling(state: GatewayState, order: Order, cum_qty_of: Callable[[Order], Decimal]) -> bool:
    """Whether an exit ends because the two of its pair have closed the position, and not because somebody asked."""
    sibling = state.orders.get(sibling_id_of(order))
    if sibling is None or order.is_cancel_requested:
        return False
    return cum_qty_of(order) + cum_qty_of(sibling) >= order.order_qty
