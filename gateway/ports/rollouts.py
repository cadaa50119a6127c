"""Rollouts as people and other programs see and command them."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from gateway.domain.enums import Mode
from gateway.domain.orders import Actor
from gateway.domain.rollout import GateResult, Hold, PromotionApproval, RolloutOverride, Verdict
from gateway.domain.rollout_events import RolloutCommand
from gateway.domain.rollout_facts import HeardAlert


class StratumView(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one order type, side and symbol (or of all: ``stratum`` empty). Means are None without samples."""

    stratum: str
    orders: int
    errors: int
    rejects: int
    ended: int
    filled: int
    partial: int
    replaced: int
    canceled: int
    fill_ratio: str | None
    ack_ms: str | None
    fill_ms: str | None
    slippage_bps: str | None
    twin_slippage_bps: str | None
    vwap_bps: str | None


class PastStepView(msgspec.Struct, frozen=True, kw_only=True):
    """A step that was left; ``strata`` as in RolloutState, the busiest."""

    position: int
    entered_ns: int
    left_ns: int
    days: int
    orders: int
    errors: int
    notional_bp: int | None = None
    strata: tuple[StratumView, ...] = ()


class RolloutState(msgspec.Struct, frozen=True, kw_only=True):
    """One venue: where it stands, what is proven, and what is missing for the next step.

    ``mode`` and ``weight_bp`` are in force; ``configured_mode`` and ``configured_weight_bp`` are what holds and
    overrides go before. ``measured_bp`` is the live part of the cycles that were opened under this share (None:
    none yet), ``notional_bp`` that of the value opened in this step. ``projected_ns`` is when, at
    the present rate of orders, the gates could pass (None: no telling). ``noise_bps`` is the median by which two
    simulations of the same order differ, whichever is dearer. ``evidence_hash`` is what an approval binds to: it
    changes with a verdict, the step, a hold, the configuration or the policies, not with every order. ``missing`` is
    what stands before the next step, besides the edit and what the rollout policy says of it; empty too where there is
    no next step.
    """

    venue: str
    promotions: str
    mode: Mode
    weight_bp: int
    configured_mode: Mode
    configured_weight_bp: int
    measured_bp: int | None
    notional_bp: int | None
    position: int
    step: str
    next_step: str
    steps: int
    entered_ns: int
    days: int
    canary_days: int
    orders: int
    errors: int
    lost: int
    in_doubt: int
    verdict: Verdict
    evidence_hash: str
    missing: tuple[str, ...]
    gates: tuple[GateResult, ...]
    projected_ns: int | None
    noise_bps: str | None
    hold: Hold | None
    approval: PromotionApproval | None
    override: RolloutOverride | None
    strata: tuple[StratumView, ...]
    past: tuple[PastStepView, ...]


class Rollouts(Protocol):
    """Each command raises ControlRefused when it is out of place, and returns once it is durable."""

    def states(self) -> Sequence[RolloutState]: ...

    async def command(self, venue: str, command: RolloutCommand, actor: Actor, reason: str) -> None: ...

    async def approve(self, venue: str, revision: str, evidence: str, actor: Actor, reason: str) -> bool:
        """A person's word on a promotion, bound to the policies in force and to the evidence that has
        this hash; whether the configuration is now in force."""
        ...

    async def override(
        self, venue: str, mode: Mode, weight_bp: int, lasts_s: int, actor: Actor, reason: str
    ) -> None: ...

    async def end_override(self, venue: str, actor: Actor) -> None: ...

    async def hear_alerts(self, alerts: tuple[HeardAlert, ...]) -> int:
        """How many of them were news."""
        ...
