"""The state as people and clients see it: plain words and decimal strings, computed when read."""

from decimal import Decimal

from gateway.core.order_classes import status_of_class
from gateway.core.state import GatewayState, VenueUse
from gateway.domain.alerts import Alert
from gateway.domain.enums import OrderClass, OrdStatus, Route
from gateway.domain.market import Quote
from gateway.domain.money import ZERO, plain, ratio
from gateway.domain.orders import Order
from gateway.domain.throttles import StrategyLock
from gateway.ports.intake import OrderStory
from gateway.ports.journal import OrderQuery
from gateway.ports.read_model import FlattenView, ModesView, StopView, VenueModeView


def frozen(order: Order) -> Order:
    """A copy that stays as it is while the order moves on."""
    return order.copy()


def story_of(order: Order, legs: list[Order]) -> OrderStory:
    """An order as it stands now; a parent's figures are the sums of its legs."""
    if not order.leg_ids:
        return OrderStory(frozen(order))
    return OrderStory(_rolled_up(order, legs), tuple(frozen(leg) for leg in legs))


def _rolled_up(parent: Order, legs: list[Order]) -> Order:
    whole = frozen(parent)
    if parent.order_class is not OrderClass.SIMPLE and legs:
        return _with_class(whole, legs)
    whole.order_qty = sum((leg.order_qty for leg in legs), ZERO)
    whole.cum_qty = sum((leg.cum_qty for leg in legs), ZERO)
    whole.cum_value = sum((leg.cum_value for leg in legs), ZERO)
    whole.fees = sum((leg.fees for leg in legs), ZERO)
    whole.fills = sorted((fill for leg in legs for fill in leg.fills), key=lambda fill: fill.transact_ns)
    whole.is_in_doubt = any(leg.is_in_doubt for leg in legs)
    whole.is_cancel_requested = any(leg.is_cancel_requested for leg in legs)
    if legs:
        whole.updated_ns = max(leg.updated_ns for leg in legs)
        whole.policy_revision = whole.policy_revision or legs[0].policy_revision
    if whole.is_open:
        if whole.cum_qty:
            whole.ord_status = OrdStatus.PARTIALLY_FILLED
        elif any(leg.ord_status is OrdStatus.NEW for leg in legs):
            whole.ord_status = OrdStatus.NEW
    denied = next((leg for leg in legs if leg.reject is not None), None)
    if whole.reject is None and denied is not None:
        whole.reject = denied.reject
    return whole


def _with_class(whole: Order, legs: list[Order]) -> Order:
    """An order with a class: the figures of what was sent. Of an OCO, whose exits both close, the sums of both."""
    sent = legs[0]
    counted = legs if sent.order_class is OrderClass.OCO else [sent]
    whole.route, whole.route_reason, whole.cycle, whole.is_closing = (
        sent.route,
        sent.route_reason,
        sent.cycle,
        sent.is_closing,
    )
    whole.ord_status = status_of_class(legs)
    whole.cum_qty = sum((leg.cum_qty for leg in counted), ZERO)
    whole.cum_value = sum((leg.cum_value for leg in counted), ZERO)
    whole.fees = sum((leg.fees for leg in counted), ZERO)
    whole.fills = sorted((fill for leg in counted for fill in leg.fills), key=lambda fill: fill.transact_ns)
    whole.is_in_doubt = any(leg.is_in_doubt for leg in legs)
    whole.is_cancel_requested = any(leg.is_cancel_requested for leg in legs)
    whole.updated_ns = max(leg.updated_ns for leg in legs)
    whole.policy_revision = sent.policy_revision
    whole.reject = whole.reject or sent.reject
    return whole


def mid_px(quote: Quote) -> Decimal | None:
    if quote.bid_px is not None and quote.ask_px is not None:
        return (quote.bid_px + quote.ask_px) / 2
    return quote.last_px if quote.last_px is not None else quote.bid_px or quote.ask_px


def modes_view(state: GatewayState) -> ModesView:
    """The mode of every venue that is configured, and what of the cycles opened under its share really went live."""
    config = state.config
    venues = []
    for name, own in sorted(config.venues.items()):
        use = state.venues.get(name) or VenueUse()
        live, shadow = use.cycles_at(state.weight_bp(name))
        venues.append(
            VenueModeView(
                venue=name,
                configured_mode=own.mode.value,
                effective_mode=state.mode_of(name).value,  # a demotion goes before the configuration
                canary_weight_bp=state.weight_bp(name),
                cycles_live=live,
                cycles_shadow=shadow,
                measured_share=plain(ratio(Decimal(live), Decimal(live + shadow))),
            )
        )
    return ModesView(
        global_mode=config.global_mode.value,
        config_revision=config.revision,
        trading_state=state.trading.gateway_state.value,
        trading_state_reason=state.trading.gateway_reason,
        venues=tuple(venues),
    )


def stop_views(state: GatewayState) -> tuple[StopView, ...]:
    """Every scope that is not ACTIVE, the widest first."""
    return tuple(
        StopView(
            scope=stop.scope.value,
            id=stop.scope_id,
            book="both" if stop.book is None else stop.book.value,
            trading_state=stop.state.value,
            by=stop.actor.name,
            cause=stop.reason,
            since_ns=stop.since_ns,
        )
        for stop in state.trading.everything_stopped()
    )


def flatten_views(state: GatewayState) -> tuple[FlattenView, ...]:
    """Commands to close positions, the newest first."""
    newest = sorted(state.flattens.values(), key=lambda one: one.started_ns, reverse=True)
    return tuple(
        FlattenView(
            flatten_id=one.order.flatten_id,
            state="running" if one.is_running else "done" if one.is_flat else "ended",
            scope=one.order.scope.value,
            id=one.order.scope_id,
            books=tuple(book.value for book in one.order.books),
            by=one.order.actor.name,
            cause=one.order.reason,
            started_ns=one.started_ns,
            ended_ns=one.ended_ns or None,
            orders_sent=one.orders_sent,
            waits=one.waits,
            text=one.text,
        )
        for one in newest
    )


def locks_of(state: GatewayState) -> tuple[StrategyLock, ...]:
    """Strategies that wait for a person, the oldest lock first."""
    return tuple(sorted(state.throttle.locks.values(), key=lambda lock: (lock.since_ns, lock.lock_id)))


def active_alerts(state: GatewayState) -> tuple[Alert, ...]:
    """What lasts: the most severe first, and of those the oldest."""
    found = state.alerts.active.values()
    return tuple(sorted(found, key=lambda one: (-one.condition.severity.rank, one.raised_ns, one.alert_id)))


def resolved_alerts(state: GatewayState) -> tuple[Alert, ...]:
    """The latest that are over, the newest first."""
    return tuple(reversed(state.alerts.resolved))


def statistics_of(state: GatewayState) -> dict[str, dict[str, int]]:
    """Counts since the journal began, by group and name; ``now`` of what is open."""
    open_orders = state.open_orders()
    counts = {group: dict(names) for group, names in state.statistics.items()}
    counts["now"] = {
        "open_orders": len(open_orders),
        "in_doubt": sum(1 for order in open_orders if order.is_in_doubt),
        "live_open_orders": sum(1 for order in open_orders if order.route is Route.LIVE),
    }
    return counts


def matches(order: Order, query: OrderQuery) -> bool:
    """Whether the order is one of those that are asked for."""
    return (
        (query.accounts is None or order.account in query.accounts)
        and (query.strategies is None or order.strategy_id in query.strategies)
        and (query.symbol is None or order.symbol == query.symbol)
        and (query.venue is None or order.venue == query.venue)
        and (query.route is None or order.route == query.route)
        and (query.statuses is None or order.ord_status in query.statuses)
        and (query.before is None or (order.created_ns, order.order_id) < query.before)
    )
