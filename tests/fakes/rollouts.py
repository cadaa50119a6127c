"""Rollouts that are lists: what was asked, and one venue that stands still."""

from collections.abc import Sequence

from gateway.domain.enums import Mode
from gateway.domain.orders import Actor
from gateway.domain.review import Measured, Samples, StepRecord
from gateway.domain.rollout import GateResult, Verdict
from gateway.domain.rollout_events import RolloutCommand
from gateway.domain.rollout_facts import HeardAlert
from gateway.ports.intake import ControlRefused
from gateway.ports.review import ReviewFailed
from gateway.ports.rollouts import RolloutState

IBKR = RolloutState(
    venue="ibkr",
    promotions="evidence",
    mode=Mode.CANARY,
    weight_bp=100,
    configured_mode=Mode.CANARY,
    configured_weight_bp=100,
    measured_bp=97,
    notional_bp=88,
    position=0,
    step="CANARY 1%",
    next_step="CANARY 5%",
    steps=5,
    entered_ns=1_763_689_000_000_000_000,
    days=2,
    canary_days=2,
    orders=43,
    errors=0,
    lost=0,
    in_doubt=0,
    verdict=Verdict.NOT_ENOUGH,
    evidence_hash="e1",
    missing=("days not_enough_evidence: 2 of 3 days",),
    gates=(GateResult(gate="days", verdict=Verdict.NOT_ENOUGH, text="2 of 3 days", n=2, needed=1),),
    projected_ns=None,
    noise_bps="0.2",
    hold=None,
    approval=None,
    override=None,
    strata=(),
    past=(),
)


class FakeRollouts:
    """Implements ``ports.rollouts.Rollouts``."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.refusal: ControlRefused | None = None

    def states(self) -> Sequence[RolloutState]:
        return (IBKR,)

    async def command(self, venue: str, command: RolloutCommand, actor: Actor, reason: str) -> None:
        self._ask(command.value, venue, actor.name, reason)

    async def approve(self, venue: str, revision: str, evidence: str, actor: Actor, reason: str) -> bool:
        self._ask("approve", venue, revision, evidence, actor.name, reason)
        return False

    async def override(self, venue: str, mode: Mode, weight_bp: int, lasts_s: int, actor: Actor, reason: str) -> None:
        self._ask("override", venue, mode.value, weight_bp, lasts_s, actor.name, reason)

    async def end_override(self, venue: str, actor: Actor) -> None:
        self._ask("end override", venue, actor.name)

    async def hear_alerts(self, alerts: tuple[HeardAlert, ...]) -> int:
        self._ask("alerts", *alerts)
        return len(alerts)

    def _ask(self, *words: object) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append(words)


class FakeStepRecords:
    """Implements ``ports.review.StepRecords`` with a step in which hardly anything happened."""

    def __init__(self) -> None:
        self.failure = ""
        self.record = StepRecord(
            venue="ibkr",
            since_ns=IBKR.entered_ns,
            seq=7,
            measured=Measured(cycles=0, live=0, expected=None, share=None, lower=None, upper=None),
            live_orders=0,
            pairs=0,
            samples=Samples(),
            incidents=(),
            incident_counts={},
            denied=(),
            rejected=(),
            edits=(),
            policies=(),
        )

    async def since(self, venue: str, since_ns: int) -> StepRecord:
        if self.failure:
            raise ReviewFailed(self.failure)
        return self.record
