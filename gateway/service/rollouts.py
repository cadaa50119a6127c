"""Rollouts around the core: the clock that looks at them, the commands of people, and how they stand."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from gateway.core.decision import Decision
from gateway.domain.enums import Mode
from gateway.domain.events import Event
from gateway.domain.facts import Fact, OrderEnded, OrderExecuted
from gateway.domain.orders import Actor
from gateway.domain.reasons import RejectCode
from gateway.domain.rollout import HoldKind, percent
from gateway.domain.rollout_events import (
    AlertsReceived,
    PromotionApprovalReceived,
    RolloutCommand,
    RolloutCommanded,
    RolloutOverrideRequested,
    RolloutOverrideRevocation,
    RolloutsChecked,
)
from gateway.domain.rollout_facts import (
    AlertHeard,
    HeardAlert,
    PromotionApprovalEnded,
    RolloutHeld,
    RolloutOverridden,
    RolloutOverrideEnded,
    RolloutReleased,
    RolloutStepEntered,
)
from gateway.domain.stop_facts import BreakerTripped
from gateway.ports.clock import Clock
from gateway.ports.intake import ControlRefused
from gateway.ports.rollouts import RolloutState
from gateway.service.engine import Engine
from gateway.service.rollout_states import RolloutStates

_log = logging.getLogger(__name__)
_NS = 1_000_000_000


class RolloutDesk:
    """Implements ``ports.rollouts.Rollouts``. ``on_approved`` is called when a promotion was approved."""

    def __init__(self, engine: Engine, clock: Clock, policy_revision: Callable[[], str]) -> None:
        self._engine = engine
        self._clock = clock
        self._policy_revision = policy_revision
        self._standing = RolloutStates(engine, clock, policy_revision, lambda: self.is_alerting())
        self.on_approved: Callable[[], Awaitable[None]] | None = None
        #: Whether anybody would be told of an alert.
        self.is_alerting: Callable[[], bool] = lambda: False
        #: Builds the order adapters that the modes in force need; returns why one cannot be.
        self.build_venues: Callable[[], Awaitable[tuple[str, ...]]] | None = None

    # --- the clock ----------------------------------------------------------------------------

    def tick(self) -> None:
        """One look at every rollout; nothing is recorded when nothing changes."""
        if self._engine.state.rollouts:
            self._process(RolloutsChecked(ts_ns=self._clock.now_ns(), policy_revision=self._policy_revision()))

    def note(self, decision: Decision) -> None:
        """Look at once after what may end a rollout: a tripped breaker, an order refused or overfilled."""
        if self._engine.state.rollouts and any(map(_is_urgent, decision.facts)):
            self.tick()

    def _process(self, event: Event) -> Decision:
        decision = self._engine.process(event)
        for fact in decision.facts:
            _tell(fact)
        return decision

    # --- people -------------------------------------------------------------------------------

    async def command(self, venue: str, command: RolloutCommand, actor: Actor, reason: str) -> None:
        await self._do(
            RolloutCommanded(ts_ns=self._clock.now_ns(), venue=venue, command=command, actor=actor, reason=reason)
        )

    async def approve(self, venue: str, revision: str, evidence: str, actor: Actor, reason: str) -> bool:
        if venue not in self._engine.state.config.venues:
            raise ControlRefused("VENUE_NOT_FOUND", f"{venue} is not a venue of the configuration")
        await self._do(
            PromotionApprovalReceived(
                ts_ns=self._clock.now_ns(),
                venue=venue,
                revision=revision,
                policy_revision=self._policy_revision(),
                evidence=evidence,
                actor=actor,
                reason=reason,
            )
        )
        _log.warning("promotion of %s by configuration %s approved by %s: %s", venue, revision, actor.name, reason)
        if self.on_approved is not None:
            await self.on_approved()
        return self._engine.state.config.revision == revision

    async def override(self, venue: str, mode: Mode, weight_bp: int, lasts_s: int, actor: Actor, reason: str) -> None:
        now_ns = self._clock.now_ns()
        await self._do(
            RolloutOverrideRequested(
                ts_ns=now_ns,
                venue=venue,
                mode=mode,
                weight_bp=weight_bp,
                actor=actor,
                reason=reason,
                expires_ns=now_ns + lasts_s * _NS,
            )
        )
        problems = () if self.build_venues is None else await self.build_venues()
        if problems:
            await self.end_override(venue, actor)
            raise ControlRefused("OVERRIDE_NOT_SERVED", "; ".join(problems))

    async def end_override(self, venue: str, actor: Actor) -> None:
        await self._do(RolloutOverrideRevocation(ts_ns=self._clock.now_ns(), venue=venue, actor=actor))

    async def hear_alerts(self, alerts: tuple[HeardAlert, ...]) -> int:
        decision = await self._do(AlertsReceived(ts_ns=self._clock.now_ns(), alerts=alerts))
        return sum(isinstance(fact, AlertHeard) for fact in decision.facts)

    async def _do(self, event: Event) -> Decision:
        decision = self._process(event)
        if decision.refusal is not None:
            raise ControlRefused(decision.refusal.code, decision.refusal.text)
        await self._engine.settle(self._engine.last_seq)
        return decision

    # --- how they stand -----------------------------------------------------------------------

    def states(self) -> Sequence[RolloutState]:
        return self._standing.states()


def _is_urgent(fact: Fact) -> bool:
    if isinstance(fact, OrderExecuted):
        return fact.is_overfill
    if isinstance(fact, OrderEnded):
        return fact.reject is not None and fact.reject.code != RejectCode.WITHHELD
    return isinstance(fact, BreakerTripped)


def _tell(fact: object) -> None:
    """What a person is told of at once."""
    match fact:
        case RolloutHeld(venue=venue, hold=hold) if hold.kind is HoldKind.DEMOTED:
            _log.critical("rollout of %s is demoted (%s): %s", venue, hold.cause.value, hold.text)
        case RolloutHeld(venue=venue, hold=hold):
            _log.warning("rollout of %s is held (%s): %s", venue, hold.cause.value, hold.text)
        case RolloutReleased(venue=venue, text=text, actor=actor):
            _log.warning("rollout of %s goes on (%s): %s", venue, actor.name, text)
        case RolloutOverridden(venue=venue, override=one):
            _log.critical(
                "OVERRIDE: %s is %s %s outside its plan, by %s: %s",
                venue,
                one.mode.value,
                percent(one.weight_bp),
                one.actor.name,
                one.reason,
            )
        case PromotionApprovalEnded(venue=venue, text=text):
            _log.warning("approval of the rollout of %s ended: %s", venue, text)
        case RolloutOverrideEnded(venue=venue, text=text):
            _log.warning("override of the rollout of %s ended: %s", venue, text)
        case RolloutStepEntered(venue=venue, mode=mode, weight_bp=weight, cause=cause):
            _log.warning("rollout of %s stands at %s %s: %s", venue, mode.value, percent(weight), cause)
        case _:
            pass
