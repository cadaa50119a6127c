"""Any doubt takes a venue back at once; going on takes a person, time, and that the cause is over."""

from decimal import Decimal

import msgspec
import pytest

from gateway.core.trading.agreements import VenueAgreement
from gateway.domain.enums import ExecType, Mode, Route, Side, SubmitStatus
from gateway.domain.events import BreakerTripRequested, SubmitCompleted
from gateway.domain.facts import ConfigChanged
from gateway.domain.reconciliation import HoldingDrift
from gateway.domain.rollout import (
    CanaryCaps,
    DemotionTerms,
    HoldCause,
    HoldKind,
    OpenOrders,
    Promotions,
    RolloutStep,
    Verdict,
)
from gateway.domain.rollout_events import RolloutCommand, VenueDoubted
from gateway.domain.rollout_facts import RolloutHeld, RolloutStepEntered, RolloutVerdictReached
from tests.rollouts.site import DAY_NS, RITA, TERMS, Site

D = Decimal
replace = msgspec.structs.replace
HOUR_S = 3_600


def canary(**terms: object) -> Site:
    site = Site(terms=replace(TERMS, **terms))
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    return site


def test_a_venue_that_is_proven_bad_is_demoted_and_stays_so() -> None:
    """Invariant 10: a failed verdict latches, until a new configuration and a person."""
    site = canary()
    site.trade(20, rejected=20)
    facts = site.look().facts
    held = [fact for fact in facts if isinstance(fact, RolloutHeld)]
    assert [(one.hold.kind, one.hold.cause) for one in held] == [(HoldKind.DEMOTED, HoldCause.GATE)]
    assert site.state.mode_of("alpha") is Mode.SHADOW
    assert site.place(strategy="later").route is Route.SHADOW
    assert "the rollout is demoted (gate: error_rate" in site.raise_to(Mode.CANARY, 9_000)
    site.next_day()
    site.look(wait_s=HOUR_S)
    refusal = site.command(RolloutCommand.RESUME).refusal
    assert refusal is not None
    assert "failed under the configuration in force" in refusal.text
    site.raise_to(Mode.CANARY, 4_000)
    assert site.state.mode_of("alpha") is Mode.SHADOW  # an edit alone lets nothing go on
    decision = site.command(RolloutCommand.RESUME)
    assert decision.refusal is None
    assert any(isinstance(fact, RolloutStepEntered) and fact.is_restart for fact in decision.facts)
    assert (site.rollout.orders, site.rollout.errors, site.rollout.canary_days) == (0, 0, 0)
    assert site.state.mode_of("alpha") is Mode.CANARY


def test_after_a_failure_it_begins_at_the_first_step() -> None:
    """Without it a failed venue would go on where it was when it failed."""
    site = Site()
    site.earn_first_step()
    assert site.raise_to(Mode.CANARY, 9_000) == ""
    site.command(RolloutCommand.ABORT)
    site.look(wait_s=HOUR_S)
    site.edit(site.config(Mode.CANARY, 8_000))
    refusal = site.command(RolloutCommand.RESUME).refusal
    assert refusal is not None
    assert "lower canary_pct to 50% or less" in refusal.text


def test_a_cool_down_must_pass() -> None:
    """Without it a venue could flap between live and not."""
    site = canary()
    site.alert()
    site.alert(is_firing=False)
    refusal = site.command(RolloutCommand.RESUME).refusal
    assert refusal is not None
    assert "cool-down" in refusal.text
    site.look(wait_s=HOUR_S)
    assert site.command(RolloutCommand.RESUME).refusal is None
    assert site.rollout.evidence.position == 0  # an alert does not take back what was proven


def test_a_firing_alert_demotes_once_and_a_resolved_one_promotes_nothing() -> None:
    """Without it a resolved alert would put a venue back, or a repeated one hold it again after a person let it go."""
    site = canary()
    assert site.alert().facts
    assert site.hold is not None
    assert site.hold.cause is HoldCause.ALERT
    assert site.alert().facts == ()  # Alertmanager repeats itself
    site.look(wait_s=HOUR_S)
    refusal = site.command(RolloutCommand.RESUME).refusal
    assert refusal is not None
    assert "alert f1 is firing" in refusal.text
    site.alert(is_firing=False)
    assert site.hold is not None
    site.look()
    assert site.hold is not None
    assert site.command(RolloutCommand.RESUME).refusal is None
    site.alert(starts_ns=2)  # it fires again
    assert site.hold is not None


@pytest.mark.parametrize("venue", ["", "no such venue"])
def test_an_alert_that_names_no_known_venue_is_about_all(venue: str) -> None:
    """Without it a slip in a label would disarm the alert."""
    site = canary()
    site.alert(venue=venue)
    assert site.hold is not None


def test_an_outage_pauses_and_goes_on_by_itself_but_spoils_the_day() -> None:
    """Without it a night of maintenance would roll a good venue back, or count as a day of trading."""
    site = canary()
    site.connect(True)
    site.trade(5)
    decision = site.connect(False)
    assert any(isinstance(fact, RolloutHeld) for fact in decision.facts)  # at once, not with the timer
    assert site.hold is not None
    assert site.hold.kind is HoldKind.OUTAGE
    assert site.place(strategy="x").route is Route.SHADOW
    site.look(wait_s=HOUR_S)
    assert site.rollout.verdict is Verdict.ERROR
    site.connect(True)
    site.look(wait_s=59)
    assert site.hold is not None
    site.look(wait_s=2)
    assert site.hold is None
    assert site.rollout.evidence.position == 0
    site.next_day()
    assert site.rollout.evidence.days == 0
    site.trade(1)
    site.next_day()
    assert site.rollout.evidence.days == 1


def test_a_venue_that_is_lost_too_often_waits_for_a_person() -> None:
    """Without it a venue that comes and goes would trade in between."""
    site = canary(demotion=DemotionTerms(max_outages=1))
    for number in range(2):
        site.connect(True)
        site.connect(False)
        site.connect(True)
        site.look(wait_s=100)
        assert (site.hold is None) is (number == 0)
    assert site.command(RolloutCommand.RESUME).refusal is None


def test_an_order_in_doubt_is_an_error_not_a_failure() -> None:
    """Without it a pass could be reached while the fate of orders is unknown."""
    site = canary()
    order = site.live_order()
    site.send(SubmitCompleted(ts_ns=site.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    site.look()
    assert site.rollout.verdict is Verdict.ERROR
    assert site.hold is None


def test_a_tripped_breaker_demotes() -> None:
    """Without it the canary would go on when the breaker resets itself."""
    site = canary()
    site.send(BreakerTripRequested(ts_ns=site.tick(), actor=RITA, reason="drill"))
    site.look()
    assert site.hold is not None
    assert site.hold.cause is HoldCause.BREAKER


def test_drift_demotes() -> None:
    """Without it executions that the drop copy does not know would go on being made."""
    site = canary()
    site.send(VenueDoubted(ts_ns=site.tick(), venue="alpha", cause=HoldCause.DRIFT, text="execution x"))
    assert site.hold is not None
    assert site.hold.cause is HoldCause.DRIFT


def test_a_holding_that_the_books_do_not_explain_demotes_until_it_is_settled() -> None:
    """Without it a venue whose positions are not ours would be given more."""
    site = canary()
    drift = HoldingDrift(
        venue="alpha", symbol="AAPL", venue_qty=D(3), expected_qty=D(0), symbols=("AAPL",), since_ns=site.now_ns
    )
    site.state.agreements["alpha"] = VenueAgreement(drifts={"AAPL": drift})
    site.look()
    assert site.hold is not None
    assert site.hold.cause is HoldCause.DRIFT
    site.look(wait_s=HOUR_S)
    refusal = site.command(RolloutCommand.RESUME).refusal
    assert refusal is not None
    assert "alpha holds 3 AAPL, the books explain 0; accept or settle it first" in refusal.text
    site.state.agreements["alpha"].accept("AAPL", D(3))
    assert site.command(RolloutCommand.RESUME).refusal is None


@pytest.mark.parametrize("open_orders", list(OpenOrders))
def test_opening_orders_are_canceled_and_closing_ones_never(open_orders: OpenOrders) -> None:
    """Invariant 3: a demotion takes no position's way out."""
    site = canary(demotion=DemotionTerms(open_orders=open_orders))
    held = site.live_order(qty=10)
    site.fill(held)
    closing = site.place(Side.SELL, 10, strategy=held.strategy_id, limit=D(200))
    opening = site.live_order(to_fill=False)
    site.command(RolloutCommand.ABORT)
    assert (closing.route, closing.is_cancel_requested) == (Route.LIVE, False)
    assert opening.is_cancel_requested is (open_orders is OpenOrders.CANCEL)
    site.cancel(closing)
    site.report(closing, ExecType.CANCELED)
    again = site.place(Side.SELL, 15, strategy=held.strategy_id)
    legs = {(leg.route, leg.order_qty) for leg in site.state.legs_of(again)}
    assert legs == {(Route.LIVE, D(10)), (Route.SHADOW, D(5))}


def test_an_abort_outranks_a_pause_and_a_pause_no_abort() -> None:
    """argo-rollouts #4461: an abort that is ignored because something else was asked before."""
    site = canary()
    assert site.command(RolloutCommand.PAUSE).refusal is None
    assert site.command(RolloutCommand.ABORT).refusal is None
    refusal = site.command(RolloutCommand.PAUSE).refusal
    assert refusal is not None
    assert site.hold is not None
    assert site.hold.cause is HoldCause.ABORT


def test_an_abort_outranks_a_demotion_that_would_go_on_where_it_stood() -> None:
    """Without it a person who found worse than the alert said could not say so."""
    site = canary()
    site.alert()
    assert site.command(RolloutCommand.ABORT).refusal is None
    assert site.hold is not None
    assert site.hold.cause is HoldCause.ABORT
    site.alert("another")
    assert site.hold.cause is HoldCause.ABORT


def test_a_pause_is_lifted_at_any_time() -> None:
    """Without it looking into something for a minute would cost an hour."""
    site = canary()
    site.command(RolloutCommand.PAUSE)
    assert site.state.mode_of("alpha") is Mode.SHADOW
    assert site.command(RolloutCommand.RESUME).refusal is None
    assert site.state.mode_of("alpha") is Mode.CANARY


def test_an_override_is_loud_and_reverts_by_itself() -> None:
    """Without it somebody would leave a venue at a share that nobody proved."""
    site = canary()
    granted = site.override(Mode.CANARY, 9_500, within_s=60)
    assert granted.facts
    assert site.state.weight_bp("alpha") == 9_500
    site.look(wait_s=61)
    assert (site.state.weight_bp("alpha"), site.rollout.override) == (5_000, None)


@pytest.mark.parametrize(("mode", "is_over"), [(Mode.CANARY, True), (Mode.SHADOW, False)])
def test_an_override_does_not_last_longer_by_a_clock_that_is_set_back(mode: Mode, is_over: bool) -> None:
    """Without it an override of an hour that was granted under a clock a month fast would hold for a month, outside the
    plan and its gates. One that lowers the venue stays: its end would let more go live."""
    site = Site(Mode.CANARY, 1_000)
    site.override(mode, 10_000, within_s=3_600)
    site.now_ns -= 30 * DAY_NS
    site.look()
    assert (site.rollout.override is None) is is_over


def test_a_demotion_ends_an_override() -> None:
    """Without it an override would be a way around an abort."""
    site = canary()
    site.override(Mode.LIVE, 10_000)
    site.alert()
    assert site.state.mode_of("alpha") is Mode.SHADOW
    assert site.override(Mode.LIVE, 10_000).refusal is not None


def test_verdicts_are_told_when_they_change_only() -> None:
    """flagger #497: an alert for every look."""
    site = canary()
    first = site.look().facts
    assert [type(fact) for fact in first] == [RolloutVerdictReached]
    assert site.look().facts == ()


def test_venues_set_by_hand_are_demoted_by_people_and_alerts_only() -> None:
    """Without it a desk on a paper account would be held by gates that it never asked for."""
    site = Site(Mode.CANARY, 5_000, replace(TERMS, promotions={"alpha": Promotions.MANUAL}))
    site.connect(True)
    site.trade(20, rejected=20)
    site.look()
    site.connect(False)
    assert site.hold is None
    site.alert()
    assert site.hold is not None


def test_a_venue_set_by_hand_goes_on_by_hand_after_an_abort() -> None:
    """Without it a plan that the venue does not follow would say at which share it may go on."""
    site = Site(Mode.CANARY, 9_000, replace(TERMS, promotions={"alpha": Promotions.MANUAL}))
    site.command(RolloutCommand.ABORT)
    site.look(wait_s=HOUR_S)
    assert site.command(RolloutCommand.RESUME).refusal is None
    assert site.state.weight_bp("alpha") == 9_000


def test_an_override_is_no_way_around_the_gates() -> None:
    """Without it a venue in SHADOW that is overridden could err without end."""
    site = Site()
    site.override(Mode.CANARY, 9_000)
    site.trade(20, rejected=20)
    site.look()
    assert site.hold is not None
    assert site.hold.cause is HoldCause.GATE


def test_a_large_order_is_not_one_percent() -> None:
    """Without it the share by value could be anything while the share by number is kept."""
    step = RolloutStep(weight_bp=5_000, notional_bp=1_000, days=1)
    site = Site(terms=replace(TERMS, plan=(step,)))
    for _ in range(20):
        site.fill(site.place(qty=10, strategy=f"a{site.day}{_}"))
    site.raise_to(Mode.CANARY, 5_000)
    routes = [site.place(qty=10, strategy=f"b{n}") for n in range(60)]
    reasons = {order.route_reason.value for order in routes}
    assert "CANARY_CAP_SHARE" in reasons
    live = sum(order.order_qty for order in routes if order.route is Route.LIVE)
    assert 0 < live <= D(80)  # a tenth of all that was opened


def test_caps_of_the_step_count_beside_those_of_the_venue() -> None:
    """Without it a step could not begin smaller than the venue may go in the end."""
    step = RolloutStep(weight_bp=5_000, days=1, caps=CanaryCaps(max_live_orders=2))
    site = Site(terms=replace(TERMS, plan=(step,), caps={"alpha": CanaryCaps(max_live_orders=9)}))
    site.raise_to(Mode.CANARY, 5_000)
    routes = [site.place(strategy=f"b{n}").route for n in range(40)]
    assert routes.count(Route.LIVE) == 2


def test_an_edit_that_raises_nothing_needs_nothing() -> None:
    """Without it every reload in CANARY would ask for the gates again."""
    site = canary()
    decision = site.edit(site.config(Mode.CANARY, 5_000, retained_closed_orders=7), None, is_alerting=False)
    assert [type(fact) for fact in decision.facts] == [ConfigChanged]
