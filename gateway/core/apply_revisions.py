"""Facts about busts and corrections: the order and its position become as if the execution had been so from the start.

Part of ``core.apply``, the only writer of state; called by nothing else.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.counting import count
from gateway.core.holding import arm_exits, hold_exposure
from gateway.core.ledger.revision import revise_fill
from gateway.core.parents import settle_again
from gateway.core.revisions import Revisions
from gateway.core.rollout import outcomes
from gateway.core.state import GatewayState
from gateway.core.trading.agreements import note_executed
from gateway.domain.facts import RevisionDeferred, TradeRevised


def _trade_revised(state: GatewayState, fact: TradeRevised) -> None:
    order = state.orders[fact.order_id]
    index, old = next((n, fill) for n, fill in enumerate(order.fills) if fill.exec_id == fact.exec_id)
    outcomes.take_back(state, order)
    hold_exposure(state, order, -1)
    order.ord_status = fact.ord_status
    order.cum_qty, order.cum_value, order.broken_qty = fact.cum_qty, fact.cum_value, fact.broken_qty
    order.fees -= old.fee
    if fact.fill is None:
        del order.fills[index]
        order.busted = (*order.busted, old)
    else:
        order.fills[index] = fact.fill
        order.fees += fact.fill.fee
    if fact.report_id:
        order.revisions = {**order.revisions, fact.report_id: fact.exec_id}
    if order.early_revisions:
        order.early_revisions = Revisions(order, ()).still_waiting()
    order.updated_ns = fact.ts_ns
    outcomes.say_again(state, order)
    hold_exposure(state, order, 1)
    arm_exits(state, order)
    book = state.books[order.route]
    position = book.positions[order.position_key]
    revise_fill(book, state.ledger, position, order, old, fact.fill, fact.ts_ns, state.rates)
    settle_again(state, order)
    note_executed(state.agreements, order, fact.ts_ns)
    count(state, "fills", "busted" if fact.fill is None else "corrected")


def _revision_deferred(state: GatewayState, fact: RevisionDeferred) -> None:
    order = state.orders[fact.order_id]
    order.early_revisions = (*order.early_revisions, fact.report)


REVISION_APPLIERS: Mapping[type, Callable[[GatewayState, Any], None]] = {
    TradeRevised: _trade_revised,
    RevisionDeferred: _revision_deferred,
}
