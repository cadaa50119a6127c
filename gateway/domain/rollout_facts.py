"""Facts about rollouts: steps, holds, verdicts, and what people permit."""

import msgspec

from gateway.domain.enums import Mode
from gateway.domain.fact import Recorded
from gateway.domain.orders import Actor
from gateway.domain.rollout import GateResult, Hold, PromotionApproval, RolloutOverride, Verdict


class HeardAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as Alertmanager told of it. ``venue`` is what its labels name; empty: every venue."""

    fingerprint: str
    starts_ns: int
    is_firing: bool
    name: str
    venue: str = ""
    text: str = ""


class RolloutStepEntered(Recorded, frozen=True, kw_only=True):
    """A venue stands at another place of its plan: -1 is SHADOW, the number of steps LIVE. ``is_restart`` True: what
    was proven before counts no more."""

    venue: str
    position: int
    mode: Mode
    weight_bp: int
    cause: str
    actor: Actor
    revision: str
    is_restart: bool = False


class RolloutHeld(Recorded, frozen=True, kw_only=True):
    """Nothing new goes live at the venue from here on, whatever its mode says."""

    venue: str
    hold: Hold


class RolloutReleased(Recorded, frozen=True, kw_only=True):
    """The hold is over, and the mode counts again."""

    venue: str
    text: str
    actor: Actor


class RolloutVerdictReached(Recorded, frozen=True, kw_only=True):
    """The gates together say something else than before."""

    venue: str
    position: int
    verdict: Verdict
    results: tuple[GateResult, ...]


class PromotionApproved(Recorded, frozen=True, kw_only=True):
    venue: str
    approval: PromotionApproval


class PromotionApprovalEnded(Recorded, frozen=True, kw_only=True):
    """The approval of the venue's promotion is used, or what was approved is not what is known any more."""

    venue: str
    text: str


class RolloutOverridden(Recorded, frozen=True, kw_only=True):
    """A person set mode and share outside the plan, for a while."""

    venue: str
    override: RolloutOverride


class RolloutOverrideEnded(Recorded, frozen=True, kw_only=True):
    venue: str
    text: str
    actor: Actor


class AlertHeard(Recorded, frozen=True, kw_only=True):
    """An alert began to fire or is resolved."""

    alert: HeardAlert


RolloutFact = (
    RolloutStepEntered
    | RolloutHeld
    | RolloutReleased
    | RolloutVerdictReached
    | PromotionApproved
    | PromotionApprovalEnded
    | RolloutOverridden
    | RolloutOverrideEnded
    | AlertHeard
)
