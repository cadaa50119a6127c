"""Orders, executions and twins in the words of ws/events."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.told import Told
from gateway.adapters.http.views import fill_view, plain_or_none, reject_view
from gateway.domain import exit_facts, facts, throttle_facts
from gateway.domain.money import plain, ratio
from gateway.domain.orders import Order, Reject


def _order(event: str, order_id: str, **fields: Any) -> Told:
    return Told("order", {"event": event, **fields}, order_id)


def _terms(order: Order) -> dict[str, Any]:
    """What the order asked for and how it was routed; nothing that changes later."""
    return {
        "order_type": order.ord_type,
        "time_in_force": order.time_in_force,
        "order_qty": plain(order.order_qty),
        "limit_price": plain_or_none(order.limit_px),
        "stop_price": plain_or_none(order.stop_px),
        "route": order.route,
        "route_reason": order.route_reason,
        "mode": order.mode,
        "cycle": order.cycle,
        "parent_id": order.parent_id,
        "order_class": order.order_class,
        "config_revision": order.config_revision,
    }


def _reject(reject: Reject | None) -> Any:
    return None if reject is None else reject_view(reject)


def _denied(fact: facts.OrderDenied) -> Told:
    terms = {} if fact.order is None else _terms(fact.order)
    return _order("denied", fact.order_id, reject=_reject(fact.reject), **terms)


def _ended(fact: facts.OrderEnded) -> Told:
    return _order(fact.ord_status, fact.order_id, reject=_reject(fact.reject), text=fact.text)


def _exits_attached(fact: exit_facts.ExitsAttached) -> Told:
    """What goes with the order, and waits at the venue: each is followed under its own id from here on."""
    exits = [{"order_id": one.order_id, "side": one.side, **_terms(one)} for one in fact.exits]
    return _order("exits_attached", fact.order_id, exits=exits)


def _replace_requested(fact: facts.ReplaceHeld) -> Told:
    new = fact.pending
    return _order(
        "replace_requested",
        fact.order_id,
        order_qty=plain(new.order_qty),
        limit_price=plain_or_none(new.limit_px),
        stop_price=plain_or_none(new.stop_px),
    )


def _replaced(fact: facts.OrderReplaced) -> Told:
    return _order(
        "replaced",
        fact.order_id,
        order_qty=plain(fact.order_qty),
        limit_price=plain_or_none(fact.limit_px),
        stop_price=plain_or_none(fact.stop_px),
    )


def _fill(fact: facts.OrderExecuted) -> Told:
    fields = {
        **msgspec.structs.asdict(fill_view(fact.fill)),
        "route": fact.route,
        "ord_status": fact.ord_status,
        "cum_qty": plain(fact.cum_qty),
        "avg_px": plain(ratio(fact.cum_value, fact.cum_qty)),
        "is_late": fact.is_late,
        "is_overfill": fact.is_overfill,
    }
    return Told("fill", fields, fact.order_id)


def _revised(fact: facts.TradeRevised) -> Told:
    """A bust or correction: what the execution is now (null when it was taken back), and what the order came to."""
    fields = {
        "event": "trade_cancel" if fact.fill is None else "trade_correct",
        "exec_id": fact.report_id,
        "exec_ref_id": fact.exec_id,
        "fill": None if fact.fill is None else msgspec.structs.asdict(fill_view(fact.fill)),
        "route": fact.route,
        "ord_status": fact.ord_status,
        "cum_qty": plain(fact.cum_qty),
        "avg_px": plain(ratio(fact.cum_value, fact.cum_qty)),
        "text": fact.text,
    }
    return Told("trade_revision", fields, fact.order_id)


def _twin(fact: facts.TwinUpdated) -> Told:
    report = fact.report
    fields = {
        "number": 2 if report.is_second_twin else 1,
        "exec_type": report.exec_type,
        "exec_id": report.exec_id,
        "last_qty": plain(report.last_qty),
        "last_px": plain(report.last_px),
        "transact_time": rfc3339(report.transact_ns),
    }
    return Told("twin", fields, fact.order_id)


ORDER_TELLERS: Mapping[type, Callable[[Any], Told]] = {
    facts.OrderHeld: lambda f: _order("held", f.order.order_id, **_terms(f.order)),
    exit_facts.ExitsAttached: _exits_attached,
    facts.OrderAdmitted: lambda f: _order("admitted", f.order_id, policy_revision=f.policy_revision),
    facts.OrderDenied: _denied,
    facts.HoldReleased: lambda f: _order("reconsidered", f.order_id),
    throttle_facts.OrderDeferred: lambda f: _order("deferred", f.order_id, reject=_reject(f.reject)),
    facts.OrderInDoubt: lambda f: _order("in_doubt", f.order_id, text=f.text),
    facts.OrderAcknowledged: lambda f: _order("acknowledged", f.order_id, venue_order_id=f.venue_order_id),
    facts.OrderEnded: _ended,
    facts.OrderWithdrawn: lambda f: _order("withdrawn", f.order_id),
    facts.CancelRequested: lambda f: _order("cancel_requested", f.order_id, by=f.actor.name),
    facts.CancelRefused: lambda f: _order("cancel_refused", f.order_id, text=f.text),
    facts.ReplaceHeld: _replace_requested,
    facts.ReplaceAdmitted: lambda f: _order("replace_admitted", f.order_id),
    facts.ReplaceDenied: lambda f: _order("replace_denied", f.order_id, reject=_reject(f.reject)),
    facts.OrderReplaced: _replaced,
    facts.OrderExecuted: _fill,
    facts.TradeRevised: _revised,
    facts.RevisionDeferred: lambda f: _order(
        "revision_deferred", f.order_id, exec_id=f.report.exec_id, exec_ref_id=f.report.exec_ref_id
    ),
    facts.TwinUpdated: _twin,
}
