"""What counts for a gate, and for how long."""

from decimal import Decimal

import msgspec

from gateway.core.evidence.histogram import Histogram
from gateway.core.evidence.memory import StepEvidence, VenueRollout
from gateway.core.evidence.ranks import look_at
from gateway.core.rollout.comparisons import comparisons, noise_tenths
from gateway.core.rollout.gates import assess
from gateway.domain.enums import ExecType, Mode, Side, SubmitStatus
from gateway.domain.events import AdmissionsAbandoned, SubmitCompleted
from gateway.domain.reconciliation_events import AccountCompared
from gateway.domain.rollout import Gates, Rollout, ShadowTerms, Verdict
from gateway.domain.rollout_events import RolloutCommand
from gateway.service.rollout_states import RolloutStates
from tests.fakes.clock import ManualClock
from tests.rollouts.site import TERMS, Site

D = Decimal


def test_an_order_that_was_lost_sight_of_and_then_not_sent_is_in_doubt_no_more() -> None:
    """Without it the gate of orders in doubt would say error for good, and the venue could never be raised again: the
    order waited for its turn while the venue was asked for its open orders, and a demotion then held it back."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    order = site.live_order()
    site.send(AccountCompared(ts_ns=site.tick(), venue="alpha", drifts=(), foreign=(), lost_ids=(order.order_id,)))
    assert site.rollout.in_doubt == 1
    site.command(RolloutCommand.PAUSE)
    site.send(SubmitCompleted(ts_ns=site.tick(), order_id=order.order_id, status=SubmitStatus.WITHHELD))
    assert site.rollout.in_doubt == 0
    assert site.rollout.orders == 0


def test_an_order_that_is_taken_back_while_it_is_in_doubt_is_in_doubt_no_more() -> None:
    """Without it the gate of orders in doubt would say error for good: the venue was asked for its open orders between
    the admission and the failure of the journal, and did not have this one."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    order = site.live_order()
    site.send(AccountCompared(ts_ns=site.tick(), venue="alpha", drifts=(), foreign=(), lost_ids=(order.order_id,)))
    site.send(AdmissionsAbandoned(ts_ns=site.tick(), order_ids=(order.order_id,), replace_order_ids=(), text="full"))
    assert order.order_id not in site.state.orders
    assert site.rollout.in_doubt == 0


def test_closing_what_is_left_live_is_no_day_in_shadow() -> None:
    """Without it a venue that was taken back to SHADOW would earn its days there with live orders that close, and not
    with one that was simulated."""
    site = Site(terms=msgspec.structs.replace(TERMS, shadow=ShadowTerms(days=1)))
    site.fill(site.place(strategy="first"))
    site.next_day()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    order = site.live_order()
    site.fill(order)
    assert site.raise_to(Mode.SHADOW, 0) == ""
    site.next_day()
    assert site.rollout.evidence.days == 0
    way_out = site.place(Side.SELL, 1, strategy=order.strategy_id)
    assert way_out.is_closing
    site.fill(way_out)
    site.next_day()
    assert site.rollout.evidence.days == 0
    assert "days" in site.raise_to(Mode.CANARY, 5_000)


def test_an_order_that_is_taken_back_on_the_next_day_makes_that_no_day() -> None:
    """Without it an order of before midnight that the journal never took would be minus one order of the day after:
    a day on which nothing was traded would count as one of evidence."""
    site = Site()
    order = site.place()
    site.next_day()
    site.send(AdmissionsAbandoned(ts_ns=site.tick(), order_ids=(order.order_id,), replace_order_ids=(), text="full"))
    site.next_day()
    assert site.rollout.evidence.days == 1


def looked_at(values: list[int], noise: int, gates: Gates) -> VenueRollout:
    """A step whose samples against the twins were looked at while the simulator's noise was ``noise``."""
    evidence = StepEvidence(position=0, twin_slippage=Histogram(), noise=Histogram())
    for value in values:
        evidence.twin_slippage.add(value)
        evidence.noise.add(noise)
    (one,) = (one for one in comparisons(evidence, gates) if one.gate == "twin_slippage")
    evidence.looks["twin_slippage"] = look_at(one.samples, None, one.bound, one.beyond)
    return VenueRollout(evidence=evidence)


def verdict_of(rollout: VenueRollout, gates: Gates) -> Verdict:
    results = assess(rollout, Rollout(gates=gates), is_away=False)
    return next(one.verdict for one in results if one.gate == "twin_slippage")


def test_what_is_proven_within_the_bound_stays_so_when_the_simulator_gets_noisier() -> None:
    """Without it a pass would be lost between two looks, by a tenth of a basis point in the median of the noise, which
    has no part in it: how far the simulator is off matters to a failure alone."""
    gates = Gates(min_pairs=10)
    good, bad = (looked_at([value] * 40, 1, gates) for value in (10, 90))
    assert (verdict_of(good, gates), verdict_of(bad, gates)) == (Verdict.PASS, Verdict.FAIL)
    for rollout in (good, bad):
        for _ in range(100):
            rollout.evidence.noise.add(60)
        assert noise_tenths(rollout.evidence) == 60
    assert (verdict_of(good, gates), verdict_of(bad, gates)) == (Verdict.PASS, Verdict.NOT_ENOUGH)


def test_the_noise_that_people_are_told_is_the_one_that_gates_go_by() -> None:
    """Without it two simulations that differ by three basis points, now this way and now that, would be told to be
    alike, and people would take every difference to the venue for one of the venue's."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    noise = site.rollout.evidence.noise
    for tenths in (30, -30, 25, -40, 0):
        noise.add(tenths)
    rollouts = RolloutStates(site, ManualClock(site.now_ns), str, bool).states()
    told = {one.venue: one.noise_bps for one in rollouts}
    assert told == {"alpha": "3", "beta": None}
    assert noise_tenths(site.rollout.evidence) == 30


def test_what_a_clock_that_went_back_measures_is_no_speed() -> None:
    """Without it an order that was answered while the clock was set back would prove how fast the venue is: an hour
    before it was asked."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    order = site.live_order()
    sent_ns = site.now_ns
    site.now_ns -= 3_600_000_000_000
    site.report(order, ExecType.NEW)
    site.fill(order)
    site.now_ns = sent_ns
    for second in (False, True):
        site.fill(order, 1, is_twin=True, is_second_twin=second, exec_id=f"t{second}")
    evidence = site.rollout.evidence
    assert (evidence.total.orders, evidence.total.pairs) == (1, 1)
    assert (evidence.ack_ms.n, evidence.ack_delay_ms.n, evidence.total.first_fills) == (0, 0, 0)


def test_a_canary_of_nothing_is_shadow_for_an_override() -> None:
    """Without it SHADOW would go LIVE in one step by way of a share of 0%."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 0) == ""
    refusal = site.override(Mode.LIVE, 10_000).refusal
    assert refusal is not None
    assert "from SHADOW to LIVE in one step" in refusal.text
