"""Facts in the words of ws/events: which are public, under which type, and what each tells.

A message is made of its durable record alone, so it is the same whenever it is read; only the order's unchanging
identity (account, strategy, symbol ...) is added to it by ``event_press``.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.adapters.http.alert_words import ALERT_TELLERS
from gateway.adapters.http.order_words import ORDER_TELLERS
from gateway.adapters.http.reconciliation_words import RECONCILIATION_TELLERS
from gateway.adapters.http.rollout_words import ROLLOUT_TELLERS
from gateway.adapters.http.state_views import session_view
from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.told import Told
from gateway.adapters.http.views import plain_or_none
from gateway.domain import exception_facts, facts, stop_facts, throttle_facts
from gateway.domain.enums import ScopeKind
from gateway.domain.facts import Fact
from gateway.domain.money import plain
from gateway.domain.orders import Actor


def tell(fact: Fact) -> Told | None:
    """The public words for ``fact``; None when it is nobody's business outside."""
    teller = _TELLERS.get(type(fact))
    return None if teller is None else teller(fact)


def _by(actor: Actor) -> dict[str, str]:
    return {"by": actor.name}


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
    **ORDER_TELLERS,
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
    **ROLLOUT_TELLERS,
    facts.VenueStatusRecorded: _venue_status,
    facts.ReportUnmatched: _unmatched,
    throttle_facts.StrategyLocked: _locked,
    throttle_facts.StrategyUnlocked: lambda f: Told(
        "lock", {"event": "lifted", "lock_id": f.lock_id, "reason": f.reason, **_by(f.actor)}, is_for_desk=True
    ),
    **RECONCILIATION_TELLERS,
}
PUBLIC_FACTS = frozenset(_TELLERS)
