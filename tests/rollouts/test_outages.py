"""A venue that comes and goes, across days."""

import msgspec

from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.domain.enums import Mode
from gateway.domain.rollout import DemotionTerms, HoldKind
from gateway.domain.rollout_events import RolloutCommand
from tests.rollouts.site import TERMS, Site


def lost_too_often() -> Site:
    """Two losses, of which one may go by itself."""
    site = Site(terms=msgspec.structs.replace(TERMS, demotion=DemotionTerms(max_outages=1)))
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    for _ in range(2):
        site.connect(True)
        site.connect(False)
        site.connect(True)
        site.look(wait_s=100)
    assert site.hold is not None
    return site


def test_the_next_day_is_no_person() -> None:
    """Without it a venue that was lost too often would go on by itself at midnight, while everybody sleeps."""
    site = lost_too_often()
    for _ in range(3):
        site.next_day()
        site.look(wait_s=100)
        assert site.hold is not None
        assert site.hold.kind is HoldKind.OUTAGE
    restarted = decode_snapshot(encode_snapshot(site.state))
    assert restarted.rollouts["alpha"].waits_for_person
    assert site.command(RolloutCommand.RESUME).refusal is None
    assert site.hold is None


def test_once_a_person_let_it_go_the_new_day_counts_from_nothing() -> None:
    """Without it the first loss of a day would wait for a person because of those of the day before."""
    site = lost_too_often()
    site.next_day()
    assert site.command(RolloutCommand.RESUME).refusal is None
    site.connect(False)
    assert site.hold is not None
    site.connect(True)
    site.look(wait_s=100)
    assert site.hold is None


def test_an_outage_over_midnight_goes_by_itself() -> None:
    """Without it each night's maintenance would need a person in the morning."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    site.connect(True)
    site.connect(False)
    site.next_day()
    site.connect(True)
    site.look(wait_s=100)
    assert site.hold is None
