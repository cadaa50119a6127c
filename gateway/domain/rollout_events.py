"""Events about rollouts: the clock, the commands of people, and what others tell of a venue."""

from gateway.domain.enums import Mode, Word
from gateway.domain.event import Happening
from gateway.domain.orders import Actor
from gateway.domain.rollout import HoldCause
from gateway.domain.rollout_facts import HeardAlert


class RolloutCommand(Word):
    """What a person may ask of a rollout."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"


class RolloutCommanded(Happening, frozen=True, kw_only=True):
    """A person pauses, resumes or aborts the rollout of a venue."""

    venue: str
    command: RolloutCommand
    actor: Actor
    reason: str


class PromotionApprovalReceived(Happening, frozen=True, kw_only=True):
    """A person agrees that a venue is raised by the configuration with this revision, under these policies, on
    the evidence that has this hash."""

    venue: str
    revision: str
    policy_revision: str
    evidence: str = ""
    actor: Actor
    reason: str


class RolloutOverrideRequested(Happening, frozen=True, kw_only=True):
    """A person sets mode and share of a venue outside its plan until ``expires_ns``."""

    venue: str
    mode: Mode
    weight_bp: int
    actor: Actor
    reason: str
    expires_ns: int


class RolloutOverrideRevocation(Happening, frozen=True, kw_only=True):
    venue: str
    actor: Actor


class RolloutsChecked(Happening, frozen=True, kw_only=True):
    """Time to look at the gates, holds and overrides of every venue. ``policy_revision`` are the policies in force,
    where they are known: approvals are given under them."""

    policy_revision: str = ""


class VenueDoubted(Happening, frozen=True, kw_only=True):
    """What watches a venue found what should not be: executions that drift apart, say."""

    venue: str
    cause: HoldCause
    text: str


class AlertsReceived(Happening, frozen=True, kw_only=True):
    """Alertmanager told of alerts that are labelled for us."""

    alerts: tuple[HeardAlert, ...]
