"""An alert demotes for as long as it fires, not only in the moment in which it is heard."""

import msgspec
import pytest

from gateway.domain.enums import Mode, Route
from gateway.domain.rollout import HoldCause, HoldKind, Promotions
from gateway.domain.rollout_events import RolloutCommand
from tests.rollouts.site import TERMS, Site

HOUR_S = 3_600


def test_a_venue_is_not_raised_while_an_alert_about_it_fires() -> None:
    """Without it an alert that was heard in SHADOW would be forgotten: the venue would go live under it."""
    site = Site()
    site.alert()
    assert "alert f1 is firing" in site.raise_to(Mode.CANARY, 5_000)
    site.alert(is_firing=False)
    assert site.raise_to(Mode.CANARY, 5_000) == ""


@pytest.mark.parametrize("venue", ["alpha", "", "no such venue"])
def test_a_second_alert_holds_when_the_first_is_resolved(venue: str) -> None:
    """Without it the alert that brought the hold about would let the venue go while another one still fires."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    site.alert("f1")
    site.alert("f2", venue=venue)
    site.alert("f1", is_firing=False)
    site.look(wait_s=HOUR_S)
    refusal = site.command(RolloutCommand.RESUME).refusal
    assert refusal is not None
    assert "alert f2 is firing" in refusal.text
    site.alert("f2", is_firing=False, venue=venue)
    assert site.command(RolloutCommand.RESUME).refusal is None
    site.look()
    assert site.state.mode_of("alpha") is Mode.CANARY


def test_an_alert_about_another_venue_holds_nothing() -> None:
    """Without it one venue's alert would stop them all."""
    site = Site()
    site.alert(venue="beta")
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    site.look()
    assert site.hold is None


def test_a_venue_set_by_hand_is_demoted_when_it_is_raised_under_an_alert() -> None:
    """Without it a venue whose evidence nobody looks at would trade under an alert that should have stopped it."""
    site = Site(terms=msgspec.structs.replace(TERMS, promotions={"alpha": Promotions.MANUAL}))
    site.alert()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    assert site.hold is not None, "at once, and not by the next look: orders come in between"
    assert {site.place(strategy=f"s{number}").route for number in range(20)} == {Route.SHADOW}
    site.look()
    assert (site.hold.kind, site.hold.cause, site.hold.source) == (HoldKind.DEMOTED, HoldCause.ALERT, "f1")


def test_an_override_is_no_way_around_an_alert() -> None:
    """Without it a venue in SHADOW would be overridden into an alert, and demoted a moment later."""
    site = Site()
    site.alert()
    refusal = site.override(Mode.CANARY, 1_000).refusal
    assert refusal is not None
    assert "alert f1 is firing" in refusal.text


def test_a_pause_in_shadow_is_lifted_under_an_alert() -> None:
    """Without it an alert that nobody resolves would keep a venue paused of which nothing goes live anyway."""
    site = Site()
    site.command(RolloutCommand.PAUSE)
    site.alert()
    assert site.command(RolloutCommand.RESUME).refusal is None
