"""By which step of a venue's rollout what a candidate came to is told."""

from gateway.core.candidates.steps import StepTallies
from gateway.domain.enums import Mode
from tests.rollouts.site import Site


def test_a_clock_that_was_set_back_begins_no_step() -> None:
    """Without it each order of a step that was entered by a fast clock would begin a step of its own until the clock is
    there again: all that is kept of the steps before would be gone."""
    site = Site()
    tallies = StepTallies({})
    for mode, weight_bp in ((Mode.SHADOW, 0), (Mode.CANARY, 5_000)):
        assert site.raise_to(mode, weight_bp) == ""
        site.place()
        tallies.add(site.records[-1], site.state, "alpha", None)
    site.now_ns -= 3_600_000_000_000
    for number in range(3):
        site.place(strategy=f"s{number}")
        tallies.add(site.records[-1], site.state, "alpha", None)
    assert [(one.position, one.orders) for one in tallies.told()["alpha"]] == [(-1, 1), (0, 4)]

    assert site.raise_to(Mode.SHADOW, 0) == ""
    for number in range(3):
        site.place(strategy=f"t{number}")
        tallies.add(site.records[-1], site.state, "alpha", None)
    assert [(one.position, one.orders) for one in tallies.told()["alpha"]] == [(-1, 1), (0, 4), (-1, 3)]
