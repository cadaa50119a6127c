"""A new configuration takes effect whole, or not at all: the old one then stays in force, and says why."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial

import msgspec

from gateway.core.candidates.proof import Proof
from gateway.core.config_change import refusals
from gateway.core.decision import Decision
from gateway.core.orphans import orphans
from gateway.core.rollout.promotion import Circumstances, missing, policy_input, promotions
from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Role
from gateway.domain.events import ConfigLoaded, PolicyVerdict
from gateway.domain.facts import ConfigChanged
from gateway.domain.orders import Actor
from gateway.domain.reasons import RejectCode
from gateway.domain.rollout_facts import RolloutHeld
from gateway.domain.settings import Settings
from gateway.ports.clock import Clock
from gateway.ports.telemetry import Telemetry
from gateway.service.approvals import can_approve, unapproved
from gateway.service.engine import Engine
from gateway.service.venues import MadeVenues, VenueManager, venue_problems

_log = logging.getLogger(__name__)
_IN_FORCE_BEFORE = "the limits of these very files were in force before"
_EDITOR = Actor("config-file", Role.ADMIN)

#: Answers ``data.rollout.decision`` for one promotion.
PromotionJudge = Callable[[Mapping[str, object]], PolicyVerdict]
#: Whether an edit may loosen limits, by what candidates have shown.
ProveLimits = Callable[[TradingConfig, TradingConfig], Proof]
#: Told of every configuration that took effect, before any order is decided under it.
OnApplied = Callable[[Settings], None]
#: Makes ready what prices need; returns why they cannot be had.
PrepareMarket = Callable[[Settings], Awaitable[tuple[str, ...]]]


def circumstances(
    state: GatewayState, new: Settings, judge: PromotionJudge, now_ns: int, old: Settings | None = None
) -> Circumstances:
    """What the promotions in ``new`` depend on besides state and edit, with the rollout policy's word on each.

    A person's approval is asked for where somebody had a key to give it before the edit (``old``), or has one now.
    """
    trading = new.trading
    verdicts = {one.venue: judge(policy_input(state, trading, one, now_ns)) for one in promotions(state, trading)}
    is_guarded = can_approve(new.principals) or (old is not None and can_approve(old.principals))
    return Circumstances(now_ns, verdicts, bool(new.notifications), is_guarded)


def objections(
    state: GatewayState,
    new: Settings,
    adapters: Collection[str],
    old: Settings | None = None,
    seen: Circumstances | None = None,
) -> tuple[str, ...]:
    """Why ``new`` cannot be put in force where ``state`` is what the journal holds; empty when it can.

    ``old`` are the settings now in force, None at the start of a process. ``seen`` is what promotions depend on; None
    leaves them out, for they have been looked at.
    """
    before = state.config if state.config.revision else None
    return (
        *(() if seen is None else missing(state, new.trading, seen)),
        *refusals(before, new.trading),
        *venue_problems(state, new.trading, new.venues, adapters, None if old is None else old.venues),
        *orphans(state, new.trading),
    )


class _Look(msgspec.Struct, frozen=True):
    """Whether an edit may take effect at this moment, and what that was found from."""

    objections: tuple[str, ...]
    seen: Circumstances
    proof: Proof


def _nothing_to_keep() -> None:
    pass


class Reloader:
    """Checks a parsed configuration against what is running, and puts it in force. ``settings`` is what is."""

    def __init__(
        self, settings: Settings, engine: Engine, venues: VenueManager, telemetry: Telemetry, clock: Clock
    ) -> None:
        self.settings = settings
        self.on_applied: list[OnApplied] = []
        self.prepare_market: PrepareMarket = _nothing_to_prepare
        self.judge_promotion: PromotionJudge = _not_judged
        self.prove_limits: ProveLimits = _not_proven
        self._engine = engine
        self._venues = venues
        self._telemetry = telemetry
        self._clock = clock

    async def apply(
        self,
        new: Settings,
        difference: tuple[str, ...],
        *,
        needs_approval: bool = False,
        is_start: bool = False,
        keep: Callable[[], None] = _nothing_to_keep,
    ) -> tuple[str, ...]:
        """Put ``new`` in force, unless something objects; returns the objections.

        ``needs_approval`` True: what loosens a limit must have been approved. ``is_start`` True: what a process starts
        with was found to be proven, or to have been in force before. ``keep`` makes it what the next start falls back
        to; called before it decides an order, so that a crash in between does not fall back to what was before.
        """
        state = self._engine.state
        look = partial(self._look, new, needs_approval=needs_approval, is_start=is_start)
        found = look().objections
        if found:
            return found
        found = await self.prepare_market(new)
        await self._venues.load(state, new.trading, new.venues)
        # Meanwhile a venue may have been demoted, a position opened, a candidate have failed, an approval run out.
        looked = look()
        found = found or looked.objections
        ready = MadeVenues() if found else self._venues.make(state, new.trading, new.venues)
        found = found or ready.problems
        if found:
            await self.prepare_market(self.settings)  # what was made ready for nothing is let go
            await self._venues.drop(ready)
            return found
        keep()
        event = ConfigLoaded(
            ts_ns=looked.seen.now_ns,
            config=new.trading,
            actor=_EDITOR,
            difference=difference,
            needs_approval=needs_approval,
            promotion_verdicts=dict(looked.seen.verdicts),
            is_alerting=looked.seen.is_alerting,
            proven_by=looked.proof.by,
        )
        await self._put_in_force(new, event, ready)
        return ()

    async def _put_in_force(self, new: Settings, event: ConfigLoaded, ready: MadeVenues) -> None:
        """Decide the event, with the venues that are ``ready``; done when it is durable."""
        for listener in self.on_applied:
            listener(new)
        self._venues.take(ready)
        self._log(self._engine.process(event))
        await self._venues.start(ready)
        await self._engine.settle(self._engine.last_seq)
        await self._venues.close_unneeded(self._engine.state)
        self.settings = new
        self._telemetry.on_config(True, new.trading.revision, event.ts_ns)
        for line in event.difference:
            _log.warning("configuration %s: %s", new.trading.revision, line)

    def _look(self, new: Settings, *, needs_approval: bool, is_start: bool) -> "_Look":
        seen, proof = self._circumstances(new), self._proof(new, is_start=is_start)
        state = self._engine.state
        found = objections(state, new, self._venues.adapters, self.settings, seen) + proof.missing
        if not found and needs_approval and unapproved(state, new.trading, seen.now_ns) is not None:
            found = (f"configuration {new.trading.revision} loosens limits and nobody approved it",)
        return _Look(found, seen, proof)

    def _log(self, decision: Decision) -> None:
        for fact in decision.facts:
            if isinstance(fact, RolloutHeld):
                _log.critical("rollout of %s is demoted (%s): %s", fact.venue, fact.hold.cause.value, fact.hold.text)
            if isinstance(fact, ConfigChanged) and fact.looser:
                looser = "; ".join(fact.looser)
                _log.warning("limits are looser now (%s: %s): %s", fact.actor.name, fact.reason, looser)

    def objections(self, new: Settings) -> tuple[str, ...]:
        """Why ``new`` cannot be put in force now, approved or not."""
        return self._look(new, needs_approval=False, is_start=False).objections

    def lacking(self, new: Settings) -> tuple[str, ...]:
        """What is missing for the promotions in ``new``: of venues, and of candidates."""
        return missing(self._engine.state, new.trading, self._circumstances(new)) + self._proof(new).missing

    def _proof(self, new: Settings, *, is_start: bool = False) -> Proof:
        proof = self.prove_limits(self._engine.state.config, new.trading)
        return Proof(by=_IN_FORCE_BEFORE) if is_start and proof.missing else proof

    def _circumstances(self, new: Settings) -> Circumstances:
        return circumstances(self._engine.state, new, self.judge_promotion, self._clock.now_ns(), self.settings)

    def note_refusal(self) -> None:
        """Count an edit that did not take effect."""
        self._telemetry.on_config(False, self._engine.state.config.revision, self._clock.now_ns())


def _not_judged(_: Mapping[str, object]) -> PolicyVerdict:
    return PolicyVerdict(is_allowed=False, failure=RejectCode.POLICY_UNAVAILABLE, failure_text="nobody was asked")


def _not_proven(old: TradingConfig, new: TradingConfig) -> Proof:
    return Proof()  # and so the core refuses what needs one


async def _nothing_to_prepare(_: Settings) -> tuple[str, ...]:
    return ()
