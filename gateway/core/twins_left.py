"""Twins after a restart: the simulator has forgotten all of them.

Those of open orders are taken up with their order. Those that outlived theirs (it filled, and they did not yet) are
asked for by nobody else: without that they would stay open for ever, and the comparisons would lose just the slow ones.
"""

from typing import Any

from gateway.core.lifecycle import status_by_qty
from gateway.core.order_classes import is_settled_by_sibling
from gateway.core.state import GatewayState
from gateway.core.tickets import twin_lookups, twins_of
from gateway.domain.effects import Effect
from gateway.domain.enums import OPEN_STATUSES, ExecType, OrdStatus, Route
from gateway.domain.executions import ExecutionReport
from gateway.domain.facts import Fact, TwinUpdated
from gateway.domain.orders import Order
from gateway.domain.twin import Twin

_LIVE = Route.LIVE  # named once: see domain.orders


def twins_left(state: GatewayState, ts_ns: int) -> tuple[list[Fact], list[Effect]]:
    """What becomes of twins that have not ended: they play on where their order works or has filled, and are over where
    they were to end with it, or have filled all that the order is for now."""
    facts: list[Fact] = []
    effects: list[Effect] = []
    for order in _orders_with_open_twins(state):
        plays_on = order.is_open or _has_filled(state, order)
        for number, twin in enumerate(twins_of(order)):
            if twin is None or not _is_open(twin):
                continue
            if not plays_on or twin.cum_qty >= order.order_qty:
                text = "it was to end before the gateway restarted"
                facts.append(_said(order, number, OrdStatus.CANCELED, ExecType.CANCELED, ts_ns, text=text))
            elif twin.order_qty not in (None, order.order_qty):  # it is taken up under the terms of its order
                status = status_by_qty(twin.cum_qty, order.order_qty)
                facts.append(_said(order, number, status, ExecType.REPLACED, ts_ns, order_qty=order.order_qty))
        if plays_on and not order.is_open:
            effects += twin_lookups(state, order)
    return facts, effects


def _orders_with_open_twins(state: GatewayState) -> list[Order]:
    """In an order that is the same in any process."""
    live = (order for order in state.orders.values() if order.route is _LIVE)
    found = [order for order in live if any(map(_is_open, twins_of(order)))]
    return sorted(found, key=lambda order: (order.created_ns, order.order_id))


def _has_filled(state: GatewayState, order: Order) -> bool:
    return order.ord_status is OrdStatus.FILLED or is_settled_by_sibling(state, order, lambda one: one.cum_qty)


def _is_open(twin: Twin | None) -> bool:
    return twin is not None and twin.ord_status in OPEN_STATUSES


def _said(
    order: Order, number: int, ord_status: OrdStatus, exec_type: ExecType, ts_ns: int, **more: Any
) -> TwinUpdated:
    report = ExecutionReport(
        order_id=order.order_id,
        exec_type=exec_type,
        transact_ns=ts_ns,
        is_twin=True,
        is_second_twin=number == 1,
        **more,
    )
    return TwinUpdated(ts_ns=ts_ns, order_id=order.order_id, report=report, ord_status=ord_status)
