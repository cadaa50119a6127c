"""Orders as clients see them: every field of the contract, decimals as plain strings, moments as RFC 3339."""

from decimal import Decimal

import msgspec

from gateway.adapters.http.times import rfc3339, rfc3339_or_none
from gateway.domain.enums import WORKING_STATUSES, OrdStatus
from gateway.domain.executions import Fill
from gateway.domain.money import plain
from gateway.domain.order_class import StopLoss
from gateway.domain.orders import Breach, Order, OverrideUse, Reject
from gateway.domain.twin import Twin
from gateway.ports.intake import OrderStory


class FillView(msgspec.Struct, frozen=True, gc=False):
    """One execution."""

    exec_id: str
    last_qty: str
    last_px: str
    transact_time: str
    fee: str
    fee_currency: str
    is_maker: bool


class BreachView(msgspec.Struct, frozen=True, gc=False):
    """One limit that the order would break."""

    code: str
    scope: str
    scope_id: str
    limit: str
    value: str


class RejectView(msgspec.Struct, frozen=True):
    """Why an order was refused: denied by us, or (stage ``venue``) rejected by the venue."""

    stage: str
    code: str
    text: str
    context: dict[str, str]
    breaches: tuple[BreachView, ...]


class TwinView(msgspec.Struct, frozen=True, gc=False):
    """What the simulator made of the same order."""

    ord_status: str
    cum_qty: str
    avg_px: str | None
    fee: str


class OverrideUseView(msgspec.Struct, frozen=True, gc=False):
    """That the order passed although it breaks limits: by which override, whose, why, and which limits."""

    override_id: str
    granted_by: str
    reason: str
    lifted: tuple[BreachView, ...]


class TakeProfitView(msgspec.Struct, frozen=True, gc=False):
    """The exit that takes a profit, as it was asked for."""

    limit_price: str


class StopLossView(msgspec.Struct, frozen=True, gc=False):
    """The exit that stops a loss, as it was asked for; without a limit it goes at market."""

    stop_price: str
    limit_price: str | None


class OrderView(msgspec.Struct, frozen=True):
    """An order as it stands. ``avg_px`` is null until something filled.

    ``ord_status`` is ``pending_cancel`` or ``pending_replace`` while such a request is open on a working order.
    ``is_in_doubt``: sent, and the venue's answer is not known. ``legs`` are the orders that a split one became;
    of one with an ``order_class`` other than simple, what is sent and then its exits, whose figures are the exits' own.
    """

    order_id: str
    client_order_id: str
    ord_status: str
    route: str
    route_reason: str
    mode: str
    cycle: int
    venue: str
    account: str
    strategy_id: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    order_qty: str
    limit_price: str | None
    stop_price: str | None
    trailing_amount: str | None
    trailing_percent: str | None
    expire_time: str | None
    execution_algorithm: str | None
    cum_qty: str
    leaves_qty: str
    avg_px: str | None
    is_in_doubt: bool
    reject: RejectView | None
    fills: list[FillView]
    twin: TwinView | None
    notes: tuple[str, ...]
    overrides: tuple[OverrideUseView, ...]
    parent_id: str
    order_class: str
    take_profit: TakeProfitView | None
    stop_loss: StopLossView | None
    legs: list["OrderView"]
    config_revision: str
    policy_revision: str
    created_at: str
    updated_at: str


def order_view(order: Order, legs: tuple[Order, ...] = ()) -> OrderView:
    """The wire form of ``order``."""
    cum_qty = order.cum_qty
    created_at = rfc3339(order.created_ns)
    return OrderView(
        order.order_id,
        order.cl_ord_id,
        _shown_status(order),
        order.route,
        order.route_reason,
        order.mode,
        order.cycle,
        order.venue,
        order.account,
        order.strategy_id,
        order.symbol,
        order.side,
        order.ord_type,
        order.time_in_force,
        plain(order.order_qty),
        plain_or_none(order.limit_px),
        plain_or_none(order.stop_px),
        plain_or_none(order.trailing_amount),
        plain_or_none(order.trailing_percent),
        rfc3339_or_none(order.expire_ns),
        order.execution_algorithm,
        plain(cum_qty) if cum_qty else "0",
        plain(order.leaves_qty),
        plain(order.avg_px) if cum_qty else None,
        order.is_in_doubt,
        reject_view(order.reject) if order.reject is not None else None,
        [fill_view(fill) for fill in order.fills],
        _twin_view(order.twin) if order.twin is not None else None,
        order.notes,
        tuple(_override_use(use) for use in order.overrides),
        order.parent_id,
        order.order_class,
        None if order.take_profit is None else TakeProfitView(plain(order.take_profit.limit_px)),
        None if order.stop_loss is None else _stop_loss(order.stop_loss),
        [order_view(leg) for leg in legs],
        order.config_revision,
        order.policy_revision,
        created_at,
        created_at if order.updated_ns == order.created_ns else rfc3339(order.updated_ns),
    )


def story_view(story: OrderStory) -> OrderView:
    return order_view(story.order, story.legs)


def plain_or_none(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _shown_status(order: Order) -> OrdStatus | str:
    if order.ord_status in WORKING_STATUSES:
        if order.is_cancel_requested:
            return "pending_cancel"
        if order.pending_replace is not None:
            return "pending_replace"
    return order.ord_status


def fill_view(fill: Fill) -> FillView:
    return FillView(
        fill.exec_id,
        plain(fill.last_qty),
        plain(fill.last_px),
        rfc3339(fill.transact_ns),
        plain(fill.fee),
        fill.fee_currency,
        fill.is_maker,
    )


def reject_view(reject: Reject) -> RejectView:
    return RejectView(
        reject.stage,
        reject.code,
        reject.text,
        reject.context,
        breach_views(reject.breaches),
    )


def breach_views(breaches: tuple[Breach, ...]) -> tuple[BreachView, ...]:
    return tuple(BreachView(b.code, b.scope, b.scope_id, b.limit, b.value) for b in breaches)


def _override_use(use: OverrideUse) -> OverrideUseView:
    return OverrideUseView(use.override_id, use.granted_by, use.reason, breach_views(use.lifted))


def _stop_loss(exit_: StopLoss) -> StopLossView:
    return StopLossView(plain(exit_.stop_px), plain_or_none(exit_.limit_px))


def _twin_view(twin: Twin) -> TwinView:
    avg_px = plain(twin.avg_px) if twin.cum_qty else None
    return TwinView(twin.ord_status, plain(twin.cum_qty), avg_px, plain(twin.fee))
