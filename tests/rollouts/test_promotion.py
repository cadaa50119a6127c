"""Raising a mode or a share: along the plan, on evidence, with the policy's and a person's word, or not at all."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.rollout.digest import evidence_hash
from gateway.domain.enums import ExecType, Mode, SubmitStatus
from gateway.domain.events import PolicyVerdict, SubmitCompleted
from gateway.domain.rollout import ApprovalNeed, ApprovalTerms, Promotions, ShadowTerms
from gateway.domain.rollout_events import RolloutCommand, RolloutsChecked
from gateway.service.rollout_states import RolloutStates
from tests.fakes.clock import ManualClock
from tests.rollouts.site import DAY_NS, TERMS, Site
from tests.world import ALLOW, DENY

D = Decimal
replace = msgspec.structs.replace


def test_a_venue_goes_up_the_whole_plan_on_evidence() -> None:
    """Without it no venue would ever get to LIVE by the plan."""
    site = Site()
    site.earn_first_step()
    assert site.raise_to(Mode.CANARY, 9_000) == ""
    site.trade(60)
    site.next_day()
    assert site.rollout.canary_days == 2
    assert site.raise_to(Mode.LIVE, 10_000) == ""
    assert (site.state.mode_of("alpha"), site.rollout.evidence.position) == (Mode.LIVE, 2)
    assert [past.position for past in site.rollout.past] == [-1, 0, 1]


@pytest.mark.parametrize(
    ("mode", "weight", "text"),
    [
        (Mode.CANARY, 6_000, "one step at a time: CANARY with canary_pct of at most 50 comes next"),
        (Mode.CANARY, 9_000, "one step at a time"),
        (Mode.CANARY, 9_500, "one step at a time"),
        (Mode.LIVE, 10_000, "one step at a time"),
    ],
)
def test_no_step_is_left_out(mode: Mode, weight: int, text: str) -> None:
    """Without it "do not skip CANARY" would be advice."""
    site = Site()
    assert text in site.raise_to(mode, weight)
    assert site.state.mode_of("alpha") is Mode.SHADOW


def test_what_is_missing_is_all_told_at_once() -> None:
    """Without it a person would learn of one gate a day."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    text = site.raise_to(Mode.CANARY, 9_000, is_alerting=False, verdict=DENY)
    for gate in ("days", "orders", "error_rate", "fill_rate", "slippage", "twin_slippage", "slow_acks", "breaches"):
        assert f"{gate} not_enough_evidence" in text
    assert "TEST_RULE: the test denies it" in text
    assert "alerting: nobody would be told" in text
    assert "0 errors in 0: 14 without one needed for < 20% at 95%" in text
    assert site.state.weight_bp("alpha") == 5_000


def test_days_without_orders_do_not_count() -> None:
    """Without it a month of holidays would promote."""
    site = Site()
    site.raise_to(Mode.CANARY, 5_000)
    for _ in range(40):
        site.next_day()
    assert site.rollout.evidence.days == 0
    site.trade(1)
    assert site.rollout.evidence.days == 0
    site.next_day()
    assert (site.rollout.evidence.days, site.rollout.canary_days) == (1, 1)


def test_the_projected_moment_waits_for_the_days_too() -> None:
    """Without it a busy venue would be told to be ready in a minute, two trading days before it can be."""
    site = Site()
    site.raise_to(Mode.CANARY, 5_000)
    site.trade(60)

    def days_left() -> float:
        clock = ManualClock(site.now_ns)
        (state,) = (one for one in RolloutStates(site, clock, str, bool).states() if one.venue == "alpha")
        assert state.projected_ns is not None
        return (state.projected_ns - site.now_ns) / DAY_NS

    assert days_left() == 1
    site.next_day()
    assert days_left() == 0
    site.raise_to(Mode.CANARY, 9_000)  # a day of it, and two of CANARY in all
    site.trade(5)
    assert days_left() == 1


def test_lowering_is_never_refused_and_begins_the_lower_step_afresh() -> None:
    """Without it a person could not take risk back while something is missing."""
    site = Site()
    site.earn_first_step()
    site.raise_to(Mode.CANARY, 9_000)
    assert site.raise_to(Mode.CANARY, 4_000, verdict=None, is_alerting=False) == ""
    assert (site.rollout.evidence.position, site.state.weight_bp("alpha")) == (0, 4_000)
    assert site.raise_to(Mode.SHADOW, 0, verdict=None) == ""
    assert site.rollout.evidence.position == -1
    assert "one step" in site.raise_to(Mode.CANARY, 9_000)


def test_within_a_step_a_share_may_grow() -> None:
    """Without it half a step could not be begun with."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 1_000) == ""
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    assert "days" in site.raise_to(Mode.CANARY, 5_001)


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (None, "was not asked"),
        (PolicyVerdict(is_allowed=False, failure="POLICY_UNDEFINED", failure_text="nothing"), "no decision"),
        (PolicyVerdict(is_allowed=False), "not allowed"),
        (PolicyVerdict(is_allowed=True, denies=(("A", "b"),)), "A: b"),
    ],
)
def test_only_a_clear_yes_of_the_policy_promotes(verdict: PolicyVerdict | None, text: str) -> None:
    """Invariant 13 for promotions, in the core: a verdict that is missing, or denies beside its yes, could raise a
    venue."""
    site = Site()
    assert text in site.raise_to(Mode.CANARY, 5_000, verdict=verdict)


def test_an_edit_cannot_permit_itself() -> None:
    """Without it one edit could make promotions manual, or the plan empty, and go LIVE."""
    site = Site()
    for terms in (
        replace(TERMS, promotions={"alpha": Promotions.MANUAL}),
        replace(TERMS, plan=(replace(TERMS.plan[0], weight_bp=9_999),)),
    ):
        refusal = site.edit(site.config(Mode.CANARY, 9_999, terms)).refusal
        assert refusal is not None
    assert (
        site.edit(site.config(Mode.SHADOW, 0, replace(TERMS, promotions={"alpha": Promotions.MANUAL}))).refusal is None
    )
    assert site.raise_to(Mode.CANARY, 9_999) == ""  # told at every start, and two edits


def test_an_approval_is_for_one_configuration_and_one_set_of_policies_and_a_while() -> None:
    """Without it a word given for one thing would let through another."""
    site = Site(terms=replace(TERMS, approval=ApprovalTerms(needed=ApprovalNeed.ALWAYS, expires_h=24)))
    config = site.config(Mode.CANARY, 5_000)

    def edit() -> bool:
        return site.edit(config, needs_approval=True).refusal is None

    assert not edit()
    site.approve("another")
    assert not edit()
    site.approve(config.revision, "other policies")
    assert not edit()
    site.approve(config.revision)
    site.now_ns += 24 * 3_600_000_000_000
    assert not edit()
    site.approve(config.revision)
    assert edit()
    assert site.rollout.approval is None  # it is used up


def ready_for_the_second_step() -> Site:
    site = Site(terms=replace(TERMS, approval=ApprovalTerms(needed=ApprovalNeed.ALWAYS)))
    site.earn_first_step()
    return site


def moved(site: Site, evidence: str) -> bool:
    """Whether an approval of this evidence is refused, in words that say what it is now."""
    refusal = site.approve("r9", evidence=evidence).refusal
    assert refusal is None or (refusal.code, "review alpha" in refusal.text) == ("EVIDENCE_MOVED", True)
    return refusal is not None


def test_further_orders_that_change_no_verdict_leave_a_review_as_it_is() -> None:
    """Without it no venue that trades could ever be approved: each order would void the word."""
    site = ready_for_the_second_step()
    reviewed = evidence_hash(site.state, "alpha", "policy-1")
    config = site.config(Mode.CANARY, 9_000)
    assert site.edit(config, needs_approval=True).refusal is not None
    assert not moved(site, reviewed)
    site.approve(config.revision, evidence=reviewed)
    site.trade(7)
    assert evidence_hash(site.state, "alpha", "policy-1") == reviewed
    assert site.edit(config, needs_approval=True).refusal is None


def changed_verdict(site: Site) -> None:
    site.trade(6, rejected=6)
    assert "error_rate" in site.raise_to(Mode.CANARY, 9_000)


def held_and_resumed(site: Site) -> None:
    site.command(RolloutCommand.PAUSE)
    site.command(RolloutCommand.RESUME)
    assert site.hold is None


def other_configuration(site: Site) -> None:
    site.load(site.config(Mode.CANARY, 5_000))


def other_step(site: Site) -> None:
    assert site.raise_to(Mode.SHADOW, 0) == ""


@pytest.mark.parametrize("change", [changed_verdict, held_and_resumed, other_configuration, other_step])
def test_what_was_reviewed_and_is_no_more_is_not_approved(change: Callable[[Site], None]) -> None:
    """Without it a word given for good evidence would let a venue through that has failed since."""
    site = ready_for_the_second_step()
    reviewed = evidence_hash(site.state, "alpha", "policy-1")
    change(site)
    assert moved(site, reviewed)
    assert evidence_hash(site.state, "alpha", "policy-1") != evidence_hash(site.state, "alpha", "policy-2")


def test_an_approval_ends_when_its_evidence_moves() -> None:
    """Without it a venue that was held after the approval would go up as soon as it is resumed."""
    site = ready_for_the_second_step()
    config = site.config(Mode.CANARY, 9_000)
    assert not moved(site, evidence_hash(site.state, "alpha", "policy-1"))
    site.approve(config.revision)
    held_and_resumed(site)
    site.trade(1)
    site.next_day()
    refusal = site.edit(config, needs_approval=True).refusal
    assert refusal is not None
    assert f"--evidence {evidence_hash(site.state, 'alpha', 'policy-1')}" in refusal.text
    site.approve(config.revision)
    assert site.edit(config, needs_approval=True).refusal is None


def in_doubt_for_a_while(site: Site) -> None:
    order = site.live_order()
    site.send(SubmitCompleted(ts_ns=site.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    site.look()
    site.report(order, ExecType.NEW)
    site.fill(order)


def edited_and_taken_back(site: Site) -> None:
    before = site.state.config
    site.load(site.config(Mode.CANARY, 4_999))
    site.load(before)


def overridden_for_a_while(site: Site) -> None:
    site.override(Mode.CANARY, 100, within_s=10)
    site.look()
    site.look(20)
    assert site.rollout.override is None


def policies_edited_and_taken_back(site: Site) -> None:
    site.send(RolloutsChecked(ts_ns=site.tick(), policy_revision="policy-2"))
    site.send(RolloutsChecked(ts_ns=site.tick(), policy_revision="policy-1"))


def clock_set_back(site: Site) -> None:
    site.now_ns -= 3_600_000_000_000


@pytest.mark.parametrize(
    "change",
    [
        in_doubt_for_a_while,
        edited_and_taken_back,
        overridden_for_a_while,
        policies_edited_and_taken_back,
        clock_set_back,
    ],
)
def test_an_approval_does_not_come_back_with_what_it_was_given_on(change: Callable[[Site], None]) -> None:
    """Without it a venue that failed after the approval, and passes again, would go up on a word of before."""
    site = ready_for_the_second_step()
    reviewed = evidence_hash(site.state, "alpha", "policy-1")
    config = site.config(Mode.CANARY, 9_000)
    site.approve(config.revision)
    change(site)
    site.look()
    assert evidence_hash(site.state, "alpha", "policy-1") == reviewed
    assert site.rollout.approval is None
    assert "approval:" in site.edit(config, needs_approval=True).refusal.text  # type: ignore[union-attr]


def test_an_approval_is_used_once_also_within_a_step() -> None:
    """Without it a share that was lowered again could be raised as often as somebody likes on one word."""
    site = Site(terms=replace(TERMS, approval=ApprovalTerms(needed=ApprovalNeed.ALWAYS)))
    site.load(site.config(Mode.CANARY, 1_000))
    before, config = site.state.config, site.config(Mode.CANARY, 4_000)
    site.approve(config.revision)
    assert site.edit(config, needs_approval=True).refusal is None
    site.load(before)
    assert site.edit(config, needs_approval=True).refusal is not None


def test_where_nobody_has_a_key_the_owner_of_the_files_approves() -> None:
    """Without it a gateway on one machine could never be promoted."""
    site = Site(terms=replace(TERMS, approval=ApprovalTerms(needed=ApprovalNeed.ALWAYS)))
    assert site.raise_to(Mode.CANARY, 5_000) == ""


def test_shadow_must_have_seen_what_is_asked_of_it() -> None:
    """Without it `shadow:` would be read and not kept to."""
    site = Site(terms=replace(TERMS, shadow=ShadowTerms(days=1, min_orders=3)))
    assert "0 of 3 orders in SHADOW" in site.raise_to(Mode.CANARY, 5_000)
    for _ in range(3):
        site.fill(site.place())
    assert "0 of 1 days" in site.raise_to(Mode.CANARY, 5_000)
    site.next_day()
    assert site.raise_to(Mode.CANARY, 5_000) == ""


def test_a_first_configuration_begins_in_shadow_or_at_the_first_step() -> None:
    """Without it deleting the data directory would be a way to LIVE."""
    Site(Mode.CANARY, 5_000)
    with pytest.raises(AssertionError, match="one step at a time"):
        Site(Mode.CANARY, 9_000)


def test_the_evidence_survives_a_restart() -> None:
    """Without it every restart would begin the step again."""
    site = Site()
    site.earn_first_step()
    again = decode_snapshot(encode_snapshot(site.state))
    assert state_hash(again) == state_hash(site.state)
    assert again.mode_of("alpha") is Mode.CANARY
    site.state = again
    assert site.raise_to(Mode.CANARY, 9_000, verdict=ALLOW) == ""
    assert site.now_ns > DAY_NS
