"""Alerts: raised when a condition begins, told once while it lasts, over when it ends; and bounded."""

import msgspec

from gateway.core.alert_book import MAX_RESOLVED
from gateway.core.alerts import MAX_ACTIVE
from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.decide import decide
from gateway.core.evidence.memory import VenueRollout
from gateway.domain.alerts import AlertCondition, AlertKind, Severity
from gateway.domain.breakers import BREAKER_DEFAULTS, BreakerKind
from gateway.domain.enums import ExecType, Mode, ScopeKind, SubmitStatus, TradingState
from gateway.domain.events import (
    AcknowledgmentReceived,
    AlertsChecked,
    BreakerTripRequested,
    SubmitCompleted,
    TradingSwitched,
)
from gateway.domain.rollout import Hold, HoldCause, HoldKind
from tests.world import ADMIN, RITA, World, trading_config


def condition(subject: str = "venue:alpha", severity: Severity = Severity.CRITICAL) -> AlertCondition:
    return AlertCondition(kind=AlertKind.VENUE_LOST, subject=subject, severity=severity, text="away")


def look(world: World, *conditions: AlertCondition) -> list[str]:
    """What one look records, in short."""
    facts = world.send(AlertsChecked(ts_ns=world.tick(), conditions=conditions)).facts
    return [type(fact).__name__ for fact in facts]


def active(world: World) -> set[str]:
    return set(world.state.alerts.active)


def test_what_lasts_is_told_once_and_is_over_when_it_ends() -> None:
    """Without this, somebody would get a message every second, or none that it is over."""
    world = World()
    assert look(world, condition(), condition()) == ["AlertRaised"]
    assert look(world, condition()) == []
    assert look(world) == ["AlertResolved"]
    assert look(world) == []
    assert look(world, condition()) == ["AlertRaised"]
    (over,) = world.state.alerts.resolved
    (again,) = world.state.alerts.active.values()
    assert over.resolved_ns > over.raised_ns
    assert over.alert_id != again.alert_id


def test_looking_when_nothing_changes_records_nothing() -> None:
    """Without this, the journal would grow by a record a second for ever."""
    world = World()
    count = len(world.records)
    for _ in range(3):
        assert look(world) == []
    assert len(world.records) == count


def test_what_the_state_knows_is_found_without_being_told() -> None:
    """Without this, a breaker or the kill switch would stop trading and nobody would hear of it."""
    breakers = {BreakerKind.EMERGENCY_SHUTDOWN.value: BREAKER_DEFAULTS[BreakerKind.EMERGENCY_SHUTDOWN]}
    world = World(trading_config(Mode.LIVE, circuit_breakers=breakers))
    world.send(BreakerTripRequested(ts_ns=world.tick(), actor=ADMIN, reason="test"))
    for scope, scope_id in ((ScopeKind.GATEWAY, ""), (ScopeKind.SYMBOL, "AAPL")):
        world.send(
            TradingSwitched(
                ts_ns=world.tick(), state=TradingState.HALTED, actor=RITA, reason="t", scope=scope, scope_id=scope_id
            )
        )
    look(world)
    found = {one.condition.subject: one.condition.severity for one in world.state.alerts.active.values()}
    (trip,) = world.state.breakers.trips
    text = next(one.condition.text for one in world.state.alerts.active.values() if one.condition.subject == trip)
    assert text == f"circuit breaker emergency_shutdown tripped by {ADMIN.name}: test"  # nothing was measured
    assert found == {trip: Severity.CRITICAL, "gateway:halted": Severity.CRITICAL, "symbol AAPL:halted": "warning"}
    world.send(TradingSwitched(ts_ns=world.tick(), state=TradingState.ACTIVE, actor=RITA, reason="ok"))
    assert look(world) == ["AlertResolved"]


def test_orders_in_doubt_ring_after_half_a_minute_once_per_venue() -> None:
    """Without this, money could be at a venue for hours with nobody asking; or every slow answer would ring."""
    world = World(trading_config(Mode.LIVE))
    for strategy in ("s1", "s2"):
        order = world.place(strategy=strategy)
        world.send(SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    assert look(world) == []
    world.tick(world.state.config.reconciliation.in_doubt_alert_s * 1_000_000_000)
    assert look(world) == ["AlertRaised"]
    assert active(world) == {"orders_in_doubt:alpha"}
    (alert,) = world.state.alerts.active.values()
    assert "2 order(s)" in alert.condition.text


def test_acknowledging_keeps_who_when_and_why_and_ends_with_the_alert() -> None:
    """Without this, two people would work on one trouble and nobody on the other."""
    world = World()
    look(world, condition())
    (alert,) = world.state.alerts.active.values()
    for actor, reason in ((RITA, "calling"), (ADMIN, "taking over")):
        at_ns = world.tick()
        world.send(AcknowledgmentReceived(ts_ns=at_ns, alert_id=alert.alert_id, actor=actor, reason=reason))
        (alert,) = world.state.alerts.active.values()
        assert alert.acknowledged is not None
        assert (alert.acknowledged.actor, alert.acknowledged.reason, alert.acknowledged.at_ns) == (actor, reason, at_ns)
    look(world)
    gone = AcknowledgmentReceived(ts_ns=world.tick(), alert_id=alert.alert_id, actor=RITA, reason="late")
    assert world.send(gone).facts == ()
    look(world, condition())
    (again,) = world.state.alerts.active.values()
    assert again.acknowledged is None


def test_memory_is_bounded_and_the_worst_come_first() -> None:
    """Without this, a storm of alerts would fill memory and checkpoint, and hide the one that matters."""
    world = World()
    storm = [condition(f"venue:{n}", Severity.WARNING) for n in range(MAX_ACTIVE + 5)]
    look(world, *storm, condition("venue:worst"))
    assert len(world.state.alerts.active) == MAX_ACTIVE
    assert "venue_lost:venue:worst" in active(world)
    look(world)
    assert len(world.state.alerts.resolved) == MAX_RESOLVED


def test_alerts_outlive_a_restart_and_are_decided_alike_after_it() -> None:
    """Without this, a restart would ring everything anew, and forget who has taken on what."""
    world = World()
    look(world, condition("venue:b"), condition("venue:a"))
    alert = world.state.alerts.active["venue_lost:venue:a"]
    world.send(AcknowledgmentReceived(ts_ns=world.tick(), alert_id=alert.alert_id, actor=RITA, reason="r"))
    look(world, condition("venue:a"))
    restored = decode_snapshot(encode_snapshot(world.state))
    assert state_hash(restored) == state_hash(world.state)
    assert msgspec.to_builtins(restored.alerts) == msgspec.to_builtins(world.state.alerts)
    event = AlertsChecked(ts_ns=world.tick(), conditions=(condition("venue:c"), condition("venue:b")))
    assert decide(restored, event) == decide(world.state, event)


def test_a_venue_that_is_held_back_is_told_by_how_grave_it_is() -> None:
    """Without this, real orders would silently become simulated ones, and somebody would believe in his hedge."""
    world = World(trading_config(Mode.CANARY))
    for kind, severity in ((HoldKind.PAUSED, "info"), (HoldKind.OUTAGE, "warning"), (HoldKind.DEMOTED, "critical")):
        hold = Hold(kind=kind, cause=HoldCause.ALERT, text="fills stay out", actor=RITA, since_ns=1, revision="r")
        world.state.rollouts["alpha"] = VenueRollout(hold=hold)
        look(world)
        (alert,) = world.state.alerts.active.values()
        assert (alert.condition.subject, alert.condition.severity) == (f"alpha:{kind.value}", severity)
        assert "fills stay out" in alert.condition.text


def test_the_oldest_of_the_orders_that_a_venue_corrected_is_named() -> None:
    """Without this, which order an alert names would hang on how a map was filled, and `gateway replay` would find a
    difference after a restart."""
    world = World(trading_config(Mode.LIVE))
    orders = [world.open_live(strategy=f"s{n}") for n in range(12)]
    for order in reversed(orders[1:]):
        world.report(order, ExecType.TRADE_CANCEL, exec_id=f"b{order.order_id}", exec_ref_id="not known here")
    world.state = decode_snapshot(encode_snapshot(world.state))
    world.tick(60_000_000_000)
    assert look(world) == ["AlertRaised"]
    (raised,) = world.state.alerts.active.values()
    assert f"execution of order {orders[1].order_id} that" in raised.condition.text
