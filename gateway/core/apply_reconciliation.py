"""Facts about differences with venues, orders of others, and orders in doubt.

Part of ``core.apply``, the only writer of state; called by nothing else.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.state import GatewayState
from gateway.core.trading.agreements import agreement_of
from gateway.domain.reconciliation_facts import (
    DriftAccepted,
    DriftFound,
    ExecutionsDiffer,
    ForeignOrderGone,
    ForeignOrderSeen,
    OrderSettled,
    SettlementOverruled,
)


def _drift_found(state: GatewayState, fact: DriftFound) -> None:
    agreement_of(state.agreements, fact.drift.venue).drifts[fact.drift.symbol] = fact.drift
    state.take_drifts()
    state.control_epoch += 1


def _drift_accepted(state: GatewayState, fact: DriftAccepted) -> None:
    agreement_of(state.agreements, fact.venue).accept(fact.symbol, fact.base_qty)
    state.take_drifts()
    state.control_epoch += 1


def _foreign_order_seen(state: GatewayState, fact: ForeignOrderSeen) -> None:
    agreement_of(state.agreements, fact.order.venue).note_foreign(fact.order)


def _foreign_order_gone(state: GatewayState, fact: ForeignOrderGone) -> None:
    agreement_of(state.agreements, fact.venue).forget_foreign(fact.venue_order_id)


def _executions_differ(state: GatewayState, fact: ExecutionsDiffer) -> None:
    agreement_of(state.agreements, fact.venue).differing = fact.executions


def _order_settled(state: GatewayState, fact: OrderSettled) -> None:
    state.orders[fact.order_id].settlement = fact.settlement


def _settlement_overruled(state: GatewayState, fact: SettlementOverruled) -> None:
    state.orders[fact.order_id].settlement = fact.settlement


RECONCILIATION_APPLIERS: Mapping[type, Callable[[GatewayState, Any], None]] = {
    DriftFound: _drift_found,
    DriftAccepted: _drift_accepted,
    ForeignOrderSeen: _foreign_order_seen,
    ForeignOrderGone: _foreign_order_gone,
    ExecutionsDiffer: _executions_differ,
    OrderSettled: _order_settled,
    SettlementOverruled: _settlement_overruled,
}
