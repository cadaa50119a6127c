"""Approvals that end before their time: once, and for good.

An approval is somebody's word on what was known when he looked. What came back to that since (a gate that failed and
passes again, an edit that was taken back) is not what he looked at.
"""

from collections.abc import Iterator

from gateway.core.rollout.digest import evidence_hash
from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.overrides import CLOCK_MAY_STEP_NS
from gateway.domain.rollout_facts import PromotionApprovalEnded


def moved_approvals(state: GatewayState, now_ns: int, policy_revision: str) -> Iterator[PromotionApprovalEnded]:
    """One fact for each whose evidence, or the policies that it was given under, are others by now."""
    for venue, rollout in sorted(state.rollouts.items()):
        given = rollout.approval
        if given is None:
            continue
        if policy_revision not in ("", given.policy_revision):
            text = f"policies {policy_revision} came into force; it was given under {given.policy_revision}"
            yield PromotionApprovalEnded(ts_ns=now_ns, venue=venue, text=text)
        elif now_ns < given.given_ns - CLOCK_MAY_STEP_NS:
            text = "the clock was set back to before it was given: nobody can tell when it expires"
            yield PromotionApprovalEnded(ts_ns=now_ns, venue=venue, text=text)
        elif evidence_hash(state, venue, given.policy_revision) != given.evidence:
            text = f"the evidence is no more what was reviewed ({given.evidence})"
            yield PromotionApprovalEnded(ts_ns=now_ns, venue=venue, text=text)


def overtaken_approvals(state: GatewayState, new: TradingConfig, ts_ns: int) -> Iterator[PromotionApprovalEnded]:
    """One fact for each, where ``new`` is another configuration than the one in force: it used them, or it is not
    what they were given under."""
    if new.revision == state.config.revision:
        return
    for venue, rollout in sorted(state.rollouts.items()):
        if rollout.approval is not None:
            is_used = rollout.approval.revision == new.revision
            text = f"configuration {new.revision} {'used it' if is_used else 'came into force'}"
            yield PromotionApprovalEnded(ts_ns=ts_ns, venue=venue, text=text)
