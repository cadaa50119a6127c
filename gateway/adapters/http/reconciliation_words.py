"""Facts of reconciliation and of orders in doubt in the words of ws/events."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.adapters.http.told import Told
from gateway.domain import reconciliation_facts as facts
from gateway.domain.money import plain


def _drift(fact: facts.DriftFound) -> Told:
    drift = fact.drift
    fields = {
        "event": "drift",
        "venue": drift.venue,
        "symbol": drift.symbol,
        "venue_qty": plain(drift.venue_qty),
        "expected_qty": plain(drift.expected_qty),
        "difference": plain(drift.qty),
        "symbols": drift.symbols,
    }
    return Told("reconciliation", fields, is_for_desk=True)


def _accepted(fact: facts.DriftAccepted) -> Told:
    fields = {
        "event": "accepted",
        "venue": fact.venue,
        "symbol": fact.symbol,
        "difference": plain(fact.qty),
        "base_qty": plain(fact.base_qty),
        "reason": fact.reason,
        "by": fact.actor.name,
    }
    return Told("reconciliation", fields, is_for_desk=True)


def _foreign(fact: facts.ForeignOrderSeen) -> Told:
    order = fact.order
    fields = {
        "event": "unknown_order",
        "venue": order.venue,
        "venue_order_id": order.venue_order_id,
        "client_order_id": order.order_id,
        "symbol": order.symbol,
        "side": order.side,
        "order_qty": plain(order.order_qty),
        "cum_qty": plain(order.cum_qty),
        "is_open": order.is_open,
        "text": order.text,
    }
    return Told("reconciliation", fields, is_for_desk=True)


def _gone(fact: facts.ForeignOrderGone) -> Told:
    fields = {"event": "unknown_order_gone", "venue": fact.venue, "venue_order_id": fact.venue_order_id}
    return Told("reconciliation", fields, is_for_desk=True)


def _differ(fact: facts.ExecutionsDiffer) -> Told:
    rows = [
        {
            "order_id": one.order_id,
            "exec_id": one.exec_id,
            "symbol": one.symbol,
            "booked_qty": plain(one.booked_qty),
            "booked_px": plain(one.booked_px),
            "venue_qty": plain(one.venue_qty),
            "venue_px": plain(one.venue_px),
        }
        for one in fact.executions
    ]
    fields = {"event": "executions_differ", "venue": fact.venue, "executions": rows}
    return Told("reconciliation", fields, is_for_desk=True)


def _settlement(event: str, fact: facts.OrderSettled | facts.SettlementOverruled, **more: Any) -> Told:
    one = fact.settlement
    fields = {"event": event, "settled_as": one.settled_as, "by": one.by, "reason": one.reason, **more}
    return Told("order", fields, fact.order_id)


RECONCILIATION_TELLERS: Mapping[type[msgspec.Struct], Callable[[Any], Told]] = {
    facts.DriftFound: _drift,
    facts.DriftAccepted: _accepted,
    facts.ForeignOrderSeen: _foreign,
    facts.ForeignOrderGone: _gone,
    facts.ExecutionsDiffer: _differ,
    facts.OrderSettled: lambda f: _settlement("settled", f),
    facts.SettlementOverruled: lambda f: _settlement("settlement_overruled", f, text=f.text),
}
