"""What comes up while a venue is held for something else, or not on its way yet, counts all the same."""

from decimal import Decimal

import msgspec
import pytest

from gateway.core.trading.agreements import VenueAgreement
from gateway.domain.enums import ExecType, Mode, Route
from gateway.domain.reconciliation import HoldingDrift
from gateway.domain.reconciliation_events import AccountCompared
from gateway.domain.rollout import DemotionTerms, HoldCause, Promotions, Verdict
from gateway.domain.rollout_events import RolloutCommand
from gateway.domain.rollout_facts import RolloutHeld
from tests.rollouts.site import TERMS, Site

D = Decimal
QUICK = msgspec.structs.replace(TERMS, demotion=DemotionTerms(cool_down_s=1))


def difference(site: Site) -> HoldingDrift:
    return HoldingDrift(
        venue="alpha", symbol="AAPL", venue_qty=D(3), expected_qty=D(0), symbols=("AAPL",), since_ns=site.now_ns
    )


def drift(site: Site) -> None:
    site.state.agreements["alpha"] = VenueAgreement(drifts={"AAPL": difference(site)})


def resume(site: Site) -> str:
    refusal = site.command(RolloutCommand.RESUME).refusal
    return "" if refusal is None else refusal.text


def test_a_gate_that_fails_under_an_alert_latches_too() -> None:
    """Without it a venue whose orders are all rejected goes on where it stood once the alert is over, with what it has
    proven, and orders go live until the next look."""
    site = Site(terms=QUICK)
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    orders = [site.live_order() for _ in range(20)]
    site.alert()
    site.look()
    assert site.hold is not None
    assert site.hold.cause is HoldCause.ALERT
    for order in orders:
        site.report(order, ExecType.REJECTED)
    site.look()
    assert (site.rollout.verdict, site.hold.cause) == (Verdict.FAIL, HoldCause.GATE)
    assert not site.look().facts, "once"
    site.alert(is_firing=False)
    site.look(wait_s=5)
    assert "it failed under the configuration in force" in resume(site)


def test_what_came_up_while_a_venue_was_demoted_must_be_over_too() -> None:
    """Without it a venue whose holdings are not those of the books goes on as soon as the alert is over, and orders go
    live until the next look."""
    site = Site(terms=QUICK)
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    site.alert()
    site.look()
    drift(site)
    site.alert(is_firing=False)
    site.look(wait_s=5)
    assert "alpha holds 3 AAPL, the books explain 0" in resume(site)
    site.state.agreements["alpha"].accept("AAPL", D(3))
    assert resume(site) == ""


def test_a_drift_demotes_as_it_is_found() -> None:
    """Without it orders go live until the next look, at a venue whose holdings are not those of the books."""
    site = Site(terms=QUICK)
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    order = site.live_order()
    site.send(AccountCompared(ts_ns=site.tick(), venue="alpha", drifts=(difference(site),), foreign=()))
    assert site.hold is not None
    assert (site.hold.cause, site.hold.text) == (HoldCause.DRIFT, "alpha holds 3 AAPL, the books explain 0")
    assert order.is_cancel_requested
    assert {site.place(symbol="TSLA", strategy=f"t{number}").route for number in range(20)} == {Route.SHADOW}
    assert not any(isinstance(fact, RolloutHeld) for fact in site.look().facts), "once"


@pytest.mark.parametrize("is_manual", [False, True])
def test_nothing_is_raised_into_its_demotion(is_manual: bool) -> None:
    """Without it a venue in SHADOW whose holdings are not those of the books could be raised, and orders go live until
    the next look takes it back. Of a venue that is set by hand a drift is people's own concern."""
    terms = msgspec.structs.replace(QUICK, promotions={"alpha": Promotions.MANUAL} if is_manual else {})
    site = Site(terms=terms)
    drift(site)
    raised, refusal = site.raise_to(Mode.CANARY, 5_000), site.override(Mode.CANARY, 1_000).refusal
    if is_manual:
        assert (raised, refusal) == ("", None)
        return
    assert "alpha holds 3 AAPL, the books explain 0" in raised
    assert refusal is not None
    assert "that would demote alpha at once" in refusal.text
    site.state.agreements["alpha"].accept("AAPL", D(3))
    assert site.raise_to(Mode.CANARY, 5_000) == ""
