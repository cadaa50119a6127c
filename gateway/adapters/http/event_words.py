"""Facts in the words of ws/events: which are public, under which type, and what each tells.

A message is made of its durable record alone, so it is the same whenever it is read; only the order's unchanging
identity (account, strategy, symbol ...) is added to it by ``event_press``.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.adapters.http import rollout_words
from gateway.adapters.http.alert_words import ALERT_TELLERS
from gateway.adapters.http.reconciliation_words import RECONCILIATION_TELLERS
from gateway.adapters.http.state_views import session_view
from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.told import Told
from gateway.adapters.http.views import fill_view, plain_or_none, reject_view
from gateway.domain import exception_facts, exit_facts, facts, rollout_facts, stop_facts, throttle_facts
from gateway.domain.enums import ScopeKind
from gateway.domain.facts import Fact
from gateway.domain.money import plain, ratio
from gateway.domain.orders import Actor, Order, Reject


def tell(fact: Fact) -> Told | None:
    """The public words for ``fact``; None when it is nobody's business outside."""
    teller = _TELLERS.get(type(fact))
    return None if teller is None else teller(fact)


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


def _exits_attached(fact: exit_facts.ExitsAttached) -> Told:
    """What goes with the order, and waits at the venue: each is followed under its own id from here on."""
    exits = [{"order_id": one.order_id, "side": one.side, **_terms(one)} for one in fact.exits]
    return _order("exits_attached", fact.order_id, exits=exits)


def _reject(reject: Reject | None) -> Any:
    return None if reject is None else reject_view(reject)


def _by(actor: Actor) -> dict[str, str]:
    return {"by": actor.name}


def _denied(fact: facts.OrderDenied) -> Told:
    terms = {} if fact.order is None else _terms(fact.order)
    return _order("denied", fact.order_id, reject=_reject(fact.reject), **terms)


def _ended(fact: facts.OrderEnded) -> Told:
    return _order(fact.ord_status, fact.order_id, reject=_reject(fact.reject), text=fact.text)


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


def _trading_state(fact: facts.TradingStateChanged) -> Told:
    """A stop of one account or strategy is for who sees it, like in ``GET trading``."""
    fields = {"trading_state": fact.state, "scope": fact.scope, "id": fact.scope_id, "reason": fact.reason}
    owners = {ScopeKind.ACCOUNT: (fact.scope_id, ""), ScopeKind.STRATEGY: ("", fact.scope_id)}
    return Told("trading_state", {**fields, **_by(fact.actor)}, owner=owners.get(fact.scope))


def _cycle(fact: facts.CycleOpened) -> Told:
    account, strategy_id, _, symbol = fact.position_key.split("|")
    fields = {
        "account": account,
        "strategy_id": strategy_id,
        "venue": fact.venue,
        "symbol": symbol,
        "order_id": fact.order_id,
        "cycle": fact.cycle,
        "route": fact.route,
        "bucket": fact.bucket,
        "weight_bp": fact.weight_bp,
    }
    return Told("cycle", fields, owner=(account, strategy_id))


def _config(fact: facts.ConfigChanged) -> Told:
    config = fact.config
    venues = {
        name: {"mode": own.mode, "effective_mode": config.effective_mode(name), "weight_bp": config.weight_bp(name)}
        for name, own in config.venues.items()
    }
    fields = {"config_revision": config.revision, "global_mode": config.global_mode, "venues": venues}
    fields = {**fields, "event": "changed", "difference": fact.difference, "looser": fact.looser}
    return Told("config", {**fields, "reason": fact.reason, **_by(fact.actor)})


def _config_approved(fact: exception_facts.ConfigApproved) -> Told:
    approval = fact.approval
    fields = {"event": "approved", "config_revision": fact.revision, "reason": approval.reason}
    return Told("config", {**fields, "expires_at": rfc3339(approval.expires_ns), **_by(approval.actor)})


def _breaker_tripped(fact: stop_facts.BreakerTripped) -> Told:
    trip = fact.trip
    fields = {
        "event": "tripped",
        "trip_id": trip.trip_id,
        "breaker": trip.breaker_id,
        "book": trip.book or "both",
        "scope": trip.scope,
        "id": trip.scope_id,
        "action": trip.action,
        "value": plain(trip.value),
        "threshold": plain(trip.threshold),
        "cause": trip.cause,
        "by": trip.by,
    }
    return Told("breaker", fields, is_for_desk=True)


def _breaker_reset(fact: stop_facts.BreakerReset) -> Told:
    fields = {
        "event": "reset",
        "trip_id": fact.trip_id,
        "breaker": fact.breaker_id,
        "value": plain(fact.value),
        "threshold": plain(fact.threshold),
        "cause": fact.cause,
        "is_forced": fact.accepted is not None,
        **_by(fact.actor),
    }
    return Told("breaker", fields, is_for_desk=True)


def _flatten(event: str, flatten_id: str, **fields: Any) -> Told:
    """What is closed and waited for names accounts and strategies: only for those who see all of them."""
    return Told("flatten", {"event": event, "flatten_id": flatten_id, **fields}, is_for_desk=True)


def _flatten_started(fact: stop_facts.FlattenStarted) -> Told:
    wish = fact.order
    fields = {
        "scope": wish.scope,
        "id": wish.scope_id,
        "books": wish.books,
        "limit_offset_bps": plain_or_none(wish.limit_offset_bps),
        "keep_ratio": plain(wish.keep_ratio),
        "reason": wish.reason,
        **_by(wish.actor),
    }
    return _flatten("started", wish.flatten_id, **fields)


def _session_opened(fact: facts.SessionOpened) -> Told:
    return Told("session", {"event": "opened", **msgspec.structs.asdict(session_view(fact.session))})


def _venue_status(fact: facts.VenueStatusRecorded) -> Told:
    event = "connected" if fact.is_connected else "disconnected"
    return Told("venue", {"event": event, "venue": fact.venue, "text": fact.text})


def _unmatched(fact: facts.ReportUnmatched) -> Told:
    report = fact.report
    fields = {"event": "report_unmatched", "order_id": report.order_id, "exec_type": report.exec_type}
    return Told("venue", {**fields, "exec_id": report.exec_id, "text": report.text}, is_for_desk=True)


def _locked(fact: throttle_facts.StrategyLocked) -> Told:
    lock = fact.lock
    fields = {
        "event": "locked",
        "lock_id": lock.lock_id,
        "strategy_id": lock.strategy_id,
        "route": lock.route,
        "symbol": lock.symbol,
        "side": lock.side,
        "executions": lock.executions,
        "limit": lock.limit,
        "window_s": lock.window_s,
    }
    return Told("lock", fields, is_for_desk=True)


def _override_granted(fact: exception_facts.OverrideGranted) -> Told:
    one = fact.override
    terms = {
        "rules": one.terms.rules,
        "account": one.terms.account or None,
        "strategy_id": one.terms.strategy_id or None,
        "symbol": one.terms.symbol or None,
        "side": one.terms.side,
        "max_qty": plain_or_none(one.terms.max_qty),
        "max_value": plain_or_none(one.terms.max_value),
        "orders": "one" if one.terms.is_for_one else "any",
        "expires_at": rfc3339(one.expires_ns),
    }
    return _override("granted", one.override_id, **terms, reason=one.reason, **_by(one.actor))


def _override(event: str, override_id: str, **fields: Any) -> Told:
    return Told("override", {"event": event, "override_id": override_id, **fields}, is_for_desk=True)


def _override_used(fact: exception_facts.OverrideUsed) -> Told:
    return Told("override", {"event": "used", "override_id": fact.override_id}, fact.order_id)


#: Facts that are not here stay inside: marks, statistics, snapshots, the turn of the day, restored memory, clocks.
_TELLERS: dict[type, Callable[[Any], Told]] = {
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
    facts.CancelRequested: lambda f: _order("cancel_requested", f.order_id, **_by(f.actor)),
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
    facts.CycleOpened: _cycle,
    facts.TradingStateChanged: _trading_state,
    stop_facts.BreakerTripped: _breaker_tripped,
    stop_facts.BreakerReset: _breaker_reset,
    stop_facts.BreakerRearmed: lambda f: Told("breaker", {"event": "rearmed", "trip_id": f.trip_id}, is_for_desk=True),
    stop_facts.FlattenStarted: _flatten_started,
    stop_facts.FlattenWaited: lambda f: _flatten("waits", f.flatten_id, waits=f.waits),
    stop_facts.FlattenEnded: lambda f: _flatten("ended", f.flatten_id, is_flat=f.is_flat, text=f.text),
    facts.SessionOpened: _session_opened,
    facts.SessionClosed: lambda f: Told("session", {"event": "closed", "session_id": f.session_id, **_by(f.actor)}),
    facts.ConfigChanged: _config,
    exception_facts.ConfigApproved: _config_approved,
    exception_facts.OverrideGranted: _override_granted,
    exception_facts.OverrideUsed: _override_used,
    exception_facts.OverrideRevoked: lambda f: _override("revoked", f.override_id, **_by(f.actor)),
    exception_facts.OverrideExpired: lambda f: _override("expired", f.override_id, uses=f.uses),
    **ALERT_TELLERS,
    rollout_facts.RolloutStepEntered: lambda f: Told("rollout", rollout_words.step(f)),
    rollout_facts.RolloutHeld: lambda f: Told("rollout", rollout_words.held(f)),
    rollout_facts.RolloutReleased: lambda f: Told("rollout", rollout_words.released(f)),
    rollout_facts.RolloutVerdictReached: lambda f: Told("rollout", rollout_words.verdict(f)),
    rollout_facts.PromotionApproved: lambda f: Told("rollout", rollout_words.approved(f)),
    rollout_facts.PromotionApprovalEnded: lambda f: Told("rollout", rollout_words.approval_ended(f)),
    rollout_facts.RolloutOverridden: lambda f: Told("rollout", rollout_words.overridden(f)),
    rollout_facts.RolloutOverrideEnded: lambda f: Told("rollout", rollout_words.override_ended(f)),
    rollout_facts.AlertHeard: lambda f: Told("rollout", rollout_words.alert(f)),
    facts.VenueStatusRecorded: _venue_status,
    facts.ReportUnmatched: _unmatched,
    throttle_facts.StrategyLocked: _locked,
    throttle_facts.StrategyUnlocked: lambda f: Told(
        "lock", {"event": "lifted", "lock_id": f.lock_id, "reason": f.reason, **_by(f.actor)}, is_for_desk=True
    ),
    **RECONCILIATION_TELLERS,
}
PUBLIC_FACTS = frozenset(_TELLERS)
