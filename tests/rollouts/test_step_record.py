"""What the journal tells of a step: live against twin, incidents, refusals and edits, of one venue and of this step."""

from decimal import Decimal

from gateway.domain.enums import ExecType, Mode, Route
from gateway.domain.review import StepRecord
from gateway.domain.rollout_events import RolloutCommand
from gateway.service.step_record import StepFold
from tests.rollouts.site import Site
from tests.world import DENY

D = Decimal


def record_of(site: Site, venue: str = "alpha", since_seq: int = 0) -> StepRecord:
    fold = StepFold(venue, 0)
    for record in site.records[since_seq:]:
        fold.note(record)
    return fold.result()


def test_live_orders_are_set_beside_their_twins() -> None:
    """Without it the review would plot nothing, or orders against twins of other orders."""
    site = Site()
    site.raise_to(Mode.CANARY, 5_000)
    site.trade(8, rejected=2, px=D("180.18"))
    found = record_of(site)
    assert (found.live_orders, found.pairs) == (8, 6)
    assert found.samples.against_twin == ((100, 6),)  # ten bps above where the twins filled
    assert found.samples.slippage_live != found.samples.slippage_twin
    assert sum(count for _, count in found.samples.fill_ms_live) == 6
    ((code, orders),) = [(one.code, one.orders) for one in found.rejected]
    assert (code, orders) == ("VENUE_REJECTED", 2)


def test_what_a_clock_that_went_back_measures_is_no_speed() -> None:
    """Without it the review would plot orders that filled an hour before they were sent."""
    site = Site()
    site.raise_to(Mode.CANARY, 5_000)
    order = site.live_order()
    site.now_ns -= 3_600_000_000_000
    site.report(order, ExecType.NEW)
    site.fill(order)
    for second in (False, True):
        site.fill(order, 1, is_twin=True, is_second_twin=second, exec_id=f"t{second}")
    found = record_of(site)
    assert (found.pairs, found.samples.against_twin) == (1, ((0, 1),))
    assert found.samples.fill_ms_live == found.samples.fill_ms_twin == ()
    assert found.samples.ack_ms_live == found.samples.ack_ms_twin == ()


def test_the_share_is_measured_in_the_step_with_its_bounds() -> None:
    """Without it ten positions at 1% would look as sure as ten thousand."""
    site = Site()
    assert record_of(site).measured.share is None
    site.raise_to(Mode.CANARY, 5_000)
    site.trade(20)
    measured = record_of(site).measured
    assert measured.live == 20
    assert measured.expected == D("0.5")
    assert measured.lower is not None
    assert measured.upper is not None
    assert measured.share is not None
    assert measured.lower < measured.share < measured.upper


def test_holds_outages_and_edits_are_told_and_those_of_other_venues_are_not() -> None:
    """Without it a person would approve a venue that was held twice in the step."""
    site = Site()
    site.raise_to(Mode.CANARY, 5_000)
    began = len(site.records)
    site.command(RolloutCommand.PAUSE)
    site.command(RolloutCommand.RESUME)
    site.connect(False)
    site.connect(True)
    site.alert(venue="alpha")
    found = record_of(site, since_seq=began)
    for kind in ("paused", "resumed", "outage", "venue back", "alert firing"):
        assert found.incident_counts.get(kind), (kind, found.incident_counts)
    other = record_of(site, "beta", since_seq=began)
    assert "paused" not in other.incident_counts
    assert "outage" not in other.incident_counts
    site.load(site.config(Mode.CANARY, 4_000))
    assert [one.revision for one in record_of(site, since_seq=began).edits] == [site.state.config.revision]


def test_what_we_denied_is_counted_by_reason_for_its_venue_alone() -> None:
    """Without it a rule that denies half of the orders would not be seen at the decision."""
    site = Site()
    site.raise_to(Mode.CANARY, 5_000)
    site.policy = lambda _: DENY
    for is_held in (False, True):
        site.asks_outside = is_held
        site.place(strategy=f"d{is_held}")
    (reason,) = record_of(site).denied
    assert (reason.stage, reason.orders) == ("policy", 2)
    assert record_of(site).live_orders == 0
    assert record_of(site, "beta").denied == ()


def test_an_order_of_before_the_step_is_no_part_of_it() -> None:
    """Without it the evidence of a step would be mended by that of the one before."""
    site = Site()
    site.raise_to(Mode.CANARY, 5_000)
    order = site.live_order()
    assert order.route is Route.LIVE
    began = len(site.records)
    site.fill(order)
    assert record_of(site, since_seq=began).live_orders == 0
