"""Edits of the plan itself, under a venue that is on its way."""

import msgspec
import pytest

from gateway.domain.enums import Mode
from gateway.domain.rollout import RolloutStep
from tests.rollouts.site import PLAN, TERMS, Site

SHORT = (RolloutStep(weight_bp=1_000, days=1),)


@pytest.mark.parametrize("plan", [(), SHORT], ids=["none", "one that ends below its share"])
def test_a_plan_that_ends_below_a_venue_is_no_way_to_live(plan: tuple[RolloutStep, ...]) -> None:
    """Without it a venue would stand where LIVE stands as soon as its plan is shortened, and the next edit would make
    it LIVE as if that were within its step: without one order."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    shorter = msgspec.structs.replace(TERMS, plan=plan)
    refusal = site.edit(site.config(Mode.CANARY, 5_000, terms=shorter)).refusal
    assert refusal is not None
    assert "the new plan ends below its share" in refusal.text
    assert "orders not_enough_evidence" in refusal.text
    assert "one step at a time" in site.raise_to(Mode.LIVE, 10_000)


def test_a_plan_with_other_steps_is_taken() -> None:
    """Without it no plan could be mended while a venue follows it."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    finer = (RolloutStep(weight_bp=1_000, days=1), *PLAN)
    site.load(site.config(Mode.CANARY, 5_000, terms=msgspec.structs.replace(TERMS, plan=finer)))
    assert site.rollout.evidence.position == 1
    site.load(site.config(Mode.SHADOW, 0, terms=msgspec.structs.replace(TERMS, plan=())))


def test_a_venue_that_passed_every_step_may_outlive_its_plan() -> None:
    """Without it the plan of a venue that is LIVE could never change again."""
    site = Site()
    site.earn_first_step()
    assert site.raise_to(Mode.CANARY, 9_000) == ""
    site.trade(60)
    site.next_day()
    assert site.raise_to(Mode.LIVE, 10_000) == ""
    site.load(site.config(Mode.LIVE, 10_000, terms=msgspec.structs.replace(TERMS, plan=SHORT)))
    site.load(site.config(Mode.CANARY, 9_000, terms=msgspec.structs.replace(TERMS, plan=SHORT)))


@pytest.mark.parametrize("weight_bp", [0, 5_000])
def test_a_share_that_was_written_down_in_shadow_is_raised_with_the_mode(weight_bp: int) -> None:
    """Without it a venue whose file names its share already could not leave SHADOW."""
    site = Site(Mode.SHADOW, weight_bp)
    assert site.raise_to(Mode.CANARY, weight_bp) == ""
