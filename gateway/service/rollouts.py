"""Rollouts around the core: the clock that looks at them, the commands of people, and how they stand."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from decimal import Decimal

from gateway.core.decision import Decision
from gateway.core.evidence.memory import StepEvidence, Tally, VenueRollout
from gateway.core.rollout.digest import evidence_hash
from gateway.core.rollout.folding import is_away
from gateway.core.rollout.gates import assess
from gateway.domain.enums import Mode
from gateway.domain.events import Event
from gateway.domain.facts import OrderEnded
from gateway.domain.money import plain, ratio
from gateway.domain.orders import Actor
from gateway.domain.rollout import ApprovalNeed, GateResult, HoldKind, Promotions, Rollout, Verdict, gravest, percent
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
    RolloutHeld,
    RolloutOverridden,
    RolloutOverrideEnded,
    RolloutReleased,
    RolloutStepEntered,
)
from gateway.domain.stop_facts import BreakerTripped
from gateway.ports.clock import Clock
from gateway.ports.intake import ControlRefused
from gateway.ports.rollouts import PastStepView, RolloutState, StratumView
from gateway.service.engine import Engine

_log = logging.getLogger(__name__)
_NS = 1_000_000_000


class RolloutDesk:
    """Implements ``ports.rollouts.Rollouts``. ``on_approved`` is called when a promotion was approved."""

    def __init__(self, engine: Engine, clock: Clock, policy_revision: Callable[[], str]) -> None:
        self._engine = engine
        self._clock = clock
        self._policy_revision = policy_revision
        self.on_approved: Callable[[], Awaitable[None]] | None = None
        #: Whether anybody would be told of an alert.
        self.is_alerting: Callable[[], bool] = lambda: False
        #: Builds the order adapters that the modes in force need; returns why one cannot be.
        self.build_venues: Callable[[], Awaitable[tuple[str, ...]]] | None = None

    # --- the clock ----------------------------------------------------------------------------

    def tick(self) -> None:
        """One look at every rollout; nothing is recorded when nothing changes."""
        if self._engine.state.rollouts:
            self._process(RolloutsChecked(ts_ns=self._clock.now_ns()))

    def note(self, decision: Decision) -> None:
        """Look at once after what may end a rollout: a tripped breaker, an order that the venue refused."""
        if any(
            isinstance(fact, BreakerTripped) or (isinstance(fact, OrderEnded) and fact.reject is not None)
            for fact in decision.facts
        ):
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

    def _missing(self, venue: str, rollout: VenueRollout, gates: Sequence[GateResult]) -> Iterator[str]:
        """As ``core.rollout.promotion`` says it of an edit, without one."""
        state = self._engine.state
        terms = state.config.rollout
        if terms.promotions_of(venue) is Promotions.MANUAL:
            return
        if rollout.hold is not None:
            yield f"the rollout is {rollout.hold.kind.value} ({rollout.hold.cause.value}); resume it first"
        yield from (f"{one.gate} {one.verdict.value}: {one.text}" for one in gates if one.verdict is not Verdict.PASS)
        if terms.gates.require_alerting and rollout.evidence.position >= 0 and not self.is_alerting():
            yield "alerting: nobody would be told of an alert; add a channel to notifications.yaml"
        known = evidence_hash(state, venue, self._policy_revision())
        approval = rollout.approval
        is_given = approval is not None and approval.evidence == known and self._clock.now_ns() < approval.expires_ns
        if _needs_approval(terms, rollout.evidence.position) and not is_given:
            yield "approval: by a key with role risk or admin, where somebody has one"

    async def _do(self, event: Event) -> Decision:
        decision = self._process(event)
        if decision.refusal is not None:
            raise ControlRefused(decision.refusal.code, decision.refusal.text)
        await self._engine.settle(self._engine.last_seq)
        return decision

    # --- how they stand -----------------------------------------------------------------------

    def states(self) -> Sequence[RolloutState]:
        state = self._engine.state
        return tuple(self._state(venue) for venue in sorted(state.config.venues))

    def _state(self, venue: str) -> RolloutState:
        state = self._engine.state
        config, terms = state.config, state.config.rollout
        rollout = state.rollouts.get(venue) or VenueRollout()
        evidence, use = rollout.evidence, state.venues.get(venue)
        gates = assess(rollout, terms, is_away=evidence.position >= 0 and is_away(state, venue))
        cycles = 0 if use is None else use.cycles_live + use.cycles_shadow
        noise = evidence.noise.median
        return RolloutState(
            venue=venue,
            promotions=terms.promotions_of(venue).value,
            mode=state.mode_of(venue),
            weight_bp=state.weight_bp(venue),
            configured_mode=config.effective_mode(venue),
            configured_weight_bp=config.weight_bp(venue),
            measured_bp=None if use is None or not cycles else use.cycles_live * 10_000 // cycles,
            position=evidence.position,
            step=_step_words(terms, evidence.position),
            next_step=_step_words(terms, evidence.position + 1) if evidence.position < len(terms.plan) else "",
            steps=len(terms.plan),
            entered_ns=evidence.entered_ns,
            days=evidence.days,
            canary_days=rollout.canary_days,
            orders=rollout.orders,
            errors=rollout.errors,
            lost=evidence.lost,
            in_doubt=rollout.in_doubt,
            verdict=gravest(one.verdict for one in gates),
            evidence_hash=evidence_hash(state, venue, self._policy_revision()),
            missing=() if evidence.position >= len(terms.plan) else tuple(self._missing(venue, rollout, gates)),
            gates=gates,
            projected_ns=_projected_ns(evidence, [one.needed for one in gates if one.needed], self._clock.now_ns()),
            noise_bps=None if noise is None else plain(Decimal(noise) / 10),
            hold=rollout.hold,
            approval=rollout.approval,
            override=rollout.override,
            strata=tuple(
                _stratum(name, tally)
                for name, tally in [("", evidence.total), *sorted(evidence.strata.items())]
                if tally.orders
            ),
            past=tuple(
                PastStepView(
                    position=one.position,
                    entered_ns=one.entered_ns,
                    left_ns=one.left_ns,
                    days=one.days,
                    orders=one.tally.orders,
                    errors=one.tally.errors,
                )
                for one in rollout.past
            ),
        )


def _needs_approval(terms: Rollout, position: int) -> bool:
    """Whether the step after ``position`` asks for a person's word."""
    needed = terms.approval.needed
    return needed is ApprovalNeed.ALWAYS or (needed is ApprovalNeed.LIVE and position + 1 >= len(terms.plan))


def _step_words(terms: Rollout, position: int) -> str:
    step = terms.step_at(position)
    return f"CANARY {percent(step.weight_bp)}" if step is not None else "SHADOW" if position < 0 else "LIVE"


def _projected_ns(evidence: StepEvidence, needed: list[int], now_ns: int) -> int | None:
    """When the sample that is largest yet to come is there, at the rate of orders in this step so far."""
    elapsed_ns = now_ns - evidence.entered_ns
    if not needed:
        return now_ns
    if not evidence.total.orders or not evidence.entered_ns or elapsed_ns <= 0:
        return None
    return now_ns + max(needed) * elapsed_ns // evidence.total.orders


def _stratum(name: str, tally: Tally) -> StratumView:
    return StratumView(
        stratum=name,
        orders=tally.orders,
        errors=tally.errors,
        rejects=tally.rejects,
        ended=tally.ended,
        filled=tally.filled,
        partial=tally.partial,
        replaced=tally.replaced,
        canceled=tally.canceled,
        fill_ratio=_mean(tally.fill_ratio, tally.ended),
        ack_ms=_mean(tally.ack_ms, tally.acks),
        fill_ms=_mean(tally.fill_ms, tally.first_fills),
        slippage_bps=_mean(tally.slippage, tally.slippages * 10),
        twin_slippage_bps=_mean(tally.twin_slippage, tally.twin_slippages * 10),
        vwap_bps=_mean(tally.vwap, tally.vwap_orders * 10),
    )


def _mean(total: Decimal | int, n: Decimal | int) -> str | None:
    return plain(ratio(Decimal(total), Decimal(n))) if n else None


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
        case RolloutOverrideEnded(venue=venue, text=text):
            _log.warning("override of the rollout of %s ended: %s", venue, text)
        case RolloutStepEntered(venue=venue, mode=mode, weight_bp=weight, cause=cause):
            _log.warning("rollout of %s stands at %s %s: %s", venue, mode.value, percent(weight), cause)
        case _:
            pass
