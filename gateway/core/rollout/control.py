"""What holds a rollout, and what lets it go on: automatic demotion, outages, alerts, and the commands of people.

A demotion is immediate, needs nobody, and latches; going on needs a person, a cool-down, and that the cause is over.
Positions are closed live whatever the mode is (invariant 3), so a hold never orphans one.
"""

from gateway.core.changes import cancel_orders
from gateway.core.decision import NOTHING, Decision
from gateway.core.evidence.memory import VenueRollout
from gateway.core.rollout.causes import Trouble, alert_at, drift_at, trouble_at, trouble_of
from gateway.core.rollout.digest import evidence_hash
from gateway.core.rollout.ended_approvals import moved_approvals
from gateway.core.rollout.ended_overrides import expired_overrides
from gateway.core.rollout.folding import is_away
from gateway.core.rollout.gates import assess
from gateway.core.state import GatewayState
from gateway.core.switching import open_orders_of
from gateway.domain.effects import Effect
from gateway.domain.enums import Mode, RejectStage, Role, Route, ScopeKind
from gateway.domain.facts import Fact
from gateway.domain.orders import Actor, Reject
from gateway.domain.rollout import (
    RESTARTING_CAUSES,
    Hold,
    HoldCause,
    HoldKind,
    OpenOrders,
    PromotionApproval,
    Promotions,
    RolloutOverride,
    Verdict,
    gravest,
    percent,
)
from gateway.domain.rollout_events import (
    PromotionApprovalReceived,
    RolloutCommand,
    RolloutCommanded,
    RolloutOverrideRequested,
    RolloutOverrideRevocation,
    RolloutsChecked,
    VenueDoubted,
)
from gateway.domain.rollout_facts import (
    PromotionApproved,
    RolloutHeld,
    RolloutOverridden,
    RolloutOverrideEnded,
    RolloutReleased,
    RolloutStepEntered,
    RolloutVerdictReached,
)

SYSTEM = Actor("system", Role.ADMIN)
_NS = 1_000_000_000
_HOUR_NS = 3_600 * _NS


# --- the clock ------------------------------------------------------------------------------------


def check(state: GatewayState, event: RolloutsChecked) -> Decision:
    """One look at every rollout; nothing when nothing changes."""
    moved = moved_approvals(state, event.ts_ns, event.policy_revision)
    facts: list[Fact] = [*expired_overrides(state, event.ts_ns), *moved]
    effects: list[Effect] = []
    for venue in sorted(state.rollouts):
        rollout = state.rollouts[venue]
        found, more = _look(state, venue, rollout, event.ts_ns)
        facts += found
        effects += more
    return Decision(tuple(facts), tuple(effects)) if facts else NOTHING


def _look(state: GatewayState, venue: str, rollout: VenueRollout, now_ns: int) -> tuple[list[Fact], tuple[Effect, ...]]:
    terms = state.config.rollout
    is_live = rollout.evidence.position >= 0 or rollout.override is not None
    is_manual = terms.promotions_of(venue) is Promotions.MANUAL
    demoted = rollout.hold is not None and rollout.hold.kind is HoldKind.DEMOTED
    trouble = _trouble(state, venue, is_manual=is_manual) if is_live and not demoted else None
    if trouble is not None:
        return hold(state, venue, demotion(state, now_ns, *trouble))
    if not is_live or is_manual:
        return _released(state, venue, rollout, now_ns), ()
    away = is_away(state, venue)
    verdict = gravest(one.verdict for one in assess(rollout, terms, is_away=away, is_brief=True))
    is_failed = verdict is Verdict.FAIL and not (demoted and _begins_again(rollout.hold))  # latched
    results = assess(rollout, terms, is_away=away) if is_failed or verdict is not rollout.verdict else ()
    facts: list[Fact] = []
    if verdict is not rollout.verdict:
        position = rollout.evidence.position
        facts.append(
            RolloutVerdictReached(ts_ns=now_ns, venue=venue, position=position, verdict=verdict, results=results)
        )
    if is_failed:
        text = "; ".join(f"{one.gate}: {one.text}" for one in results if one.verdict is Verdict.FAIL)
        found, effects = hold(state, venue, demotion(state, now_ns, HoldCause.GATE, text))
        return [*facts, *found], effects
    if rollout.hold is None and away:
        found, effects = lose(state, venue, now_ns)
        return [*facts, *found], effects
    return [*facts, *_released(state, venue, rollout, now_ns)], ()


def _trouble(state: GatewayState, venue: str, *, is_manual: bool) -> Trouble | None:
    """What demotes the venue although its evidence does not: of one that is set by hand, alerts alone."""
    alert = alert_at(state, venue)
    if alert is not None:
        return trouble_of(alert)
    return None if is_manual else trouble_at(state, venue)


def _released(state: GatewayState, venue: str, rollout: VenueRollout, now_ns: int) -> list[Fact]:
    """After an outage it goes on by itself, once the venue has been back for a while and not too often a day."""
    current, terms = rollout.hold, state.config.rollout.demotion
    if current is None or current.kind is not HoldKind.OUTAGE or is_away(state, venue):
        return []
    since_ns = max(rollout.back_ns, current.since_ns)
    if rollout.waits_for_person or rollout.outages_today > terms.max_outages:
        return []
    if now_ns - since_ns < terms.settle_s * _NS:
        return []
    text = f"the venue has been back for {terms.settle_s} s"
    return [RolloutReleased(ts_ns=now_ns, venue=venue, text=text, actor=SYSTEM)]


# --- holds ----------------------------------------------------------------------------------------


def demotion(
    state: GatewayState, now_ns: int, cause: HoldCause, text: str, source: str = "", actor: Actor = SYSTEM
) -> Hold:
    """A demotion, with its cool-down."""
    return Hold(
        kind=HoldKind.DEMOTED,
        cause=cause,
        text=text,
        actor=actor,
        since_ns=now_ns,
        revision=state.config.revision,
        until_ns=now_ns + state.config.rollout.demotion.cool_down_s * _NS,
        source=source,
    )


def hold(state: GatewayState, venue: str, new: Hold) -> tuple[list[Fact], tuple[Effect, ...]]:
    """Put a hold on a venue, unless one as grave is there, and cancel what opens or adds live, as configured."""
    rollout = state.rollouts.get(venue)
    current = None if rollout is None else rollout.hold
    if current is not None and not _outranks(new, current):
        return [], ()
    facts: list[Fact] = [RolloutHeld(ts_ns=new.since_ns, venue=venue, hold=new)]
    if state.config.rollout.demotion.open_orders is OpenOrders.LEAVE or new.kind is HoldKind.PAUSED:
        return facts, ()
    opening = [
        order
        for order in open_orders_of(state, (ScopeKind.VENUE, venue))
        if order.route is Route.LIVE and not order.is_closing and not order.is_cancel_requested
    ]
    canceled, effects = cancel_orders(opening, SYSTEM, new.since_ns)
    return [*facts, *canceled], effects


def _begins_again(current: Hold | None) -> bool:
    return current is not None and current.cause in RESTARTING_CAUSES


def _outranks(new: Hold, current: Hold) -> bool:
    """A graver hold, or one of the same gravity after which the venue begins again where it would not have."""
    if new.kind is not current.kind:
        return new.kind.gravity > current.kind.gravity
    return new.cause in RESTARTING_CAUSES and current.cause not in RESTARTING_CAUSES


def lose(state: GatewayState, venue: str, now_ns: int) -> tuple[list[Fact], tuple[Effect, ...]]:
    """The venue is away: an outage, which pauses and neither passes nor rolls back."""
    use = state.venues.get(venue)
    text = "the venue is away" if use is None or not use.text else f"the venue is away: {use.text}"
    new = Hold(
        kind=HoldKind.OUTAGE,
        cause=HoldCause.VENUE_LOST,
        text=text,
        actor=SYSTEM,
        since_ns=now_ns,
        revision=state.config.revision,
    )
    return hold(state, venue, new)


def is_at_risk(state: GatewayState, venue: str) -> bool:
    """Whether something new could go live at the venue, by its evidence."""
    rollout = state.rollouts.get(venue)
    if rollout is None or state.config.rollout.promotions_of(venue) is Promotions.MANUAL:
        return False
    return rollout.evidence.position >= 0 or rollout.override is not None


def doubt(state: GatewayState, event: VenueDoubted) -> Decision:
    """Something that watches the venue found what should not be: a demotion."""
    if not is_at_risk(state, event.venue):
        return NOTHING
    facts, effects = hold(state, event.venue, demotion(state, event.ts_ns, event.cause, event.text))
    return Decision(tuple(facts), effects) if facts else NOTHING


# --- people ---------------------------------------------------------------------------------------


def command(state: GatewayState, event: RolloutCommanded) -> Decision:
    """Pause, abort, or let go on. An abort outranks whatever else is under way."""
    if event.venue not in state.config.venues and event.venue not in state.rollouts:
        return _refused("VENUE_NOT_FOUND", f"{event.venue} is not a venue of the configuration")
    if event.command is RolloutCommand.RESUME:
        return _resume(state, event)
    if event.command is RolloutCommand.ABORT:
        new = demotion(state, event.ts_ns, HoldCause.ABORT, event.reason, actor=event.actor)
    else:
        new = Hold(
            kind=HoldKind.PAUSED,
            cause=HoldCause.PERSON,
            text=event.reason,
            actor=event.actor,
            since_ns=event.ts_ns,
            revision=state.config.revision,
        )
    facts, effects = hold(state, event.venue, new)
    if not facts:
        current = state.rollouts[event.venue].hold
        assert current is not None  # a hold as grave is what keeps another out
        return _refused("ROLLOUT_HELD", f"{event.venue} is {current.kind.value} already ({current.cause.value})")
    return Decision(tuple(facts), effects)


def _resume(state: GatewayState, event: RolloutCommanded) -> Decision:
    venue, config = event.venue, state.config
    rollout = state.rollouts.get(venue)
    current = None if rollout is None else rollout.hold
    if current is None:
        return _refused("ROLLOUT_NOT_HELD", f"the rollout of {venue} is not held")
    if reasons := _not_yet(state, venue, current, event.ts_ns):
        return _refused("ROLLOUT_NOT_RESUMABLE", f"{venue} cannot go on yet: {'; '.join(reasons)}")
    text = event.reason or "resumed by hand"
    facts: list[Fact] = [RolloutReleased(ts_ns=event.ts_ns, venue=venue, text=text, actor=event.actor)]
    if current.cause in RESTARTING_CAUSES:
        mode, weight = config.effective_mode(venue), config.weight_bp(venue)
        facts.append(
            RolloutStepEntered(
                ts_ns=event.ts_ns,
                venue=venue,
                position=config.rollout.position_of(mode, weight),
                mode=mode,
                weight_bp=weight,
                cause=f"begins again after {current.cause.value}",
                actor=event.actor,
                revision=config.revision,
                is_restart=True,
            )
        )
    return Decision(tuple(facts))


def _not_yet(state: GatewayState, venue: str, current: Hold, now_ns: int) -> list[str]:
    config, found = state.config, []
    if is_away(state, venue) and current.kind is HoldKind.OUTAGE:
        found.append("the venue is away")
    if now_ns < current.until_ns:
        found.append(f"the cool-down lasts another {(current.until_ns - now_ns) // _NS} s")
    if current.cause is HoldCause.BREAKER and current.source in state.breakers.trips:
        found.append(f"breaker {current.source} is tripped; reset it first")
    if current.cause is HoldCause.DRIFT and (drift := drift_at(state, venue)) is not None:
        found.append(f"{drift}; accept or settle it first (gateway reconcile)")
    found += _other_trouble(state, venue, current)
    is_shadow = config.effective_mode(venue) is Mode.SHADOW and current.cause is not HoldCause.ALERT
    if not is_shadow and (alert := alert_at(state, venue)) is not None:
        found.append(f"alert {alert.name} is firing")
    if current.cause in RESTARTING_CAUSES and config.rollout.promotions_of(venue) is not Promotions.MANUAL:
        if config.revision == current.revision:
            found.append("it failed under the configuration in force; change it first")
        if config.rollout.position_of(config.effective_mode(venue), config.weight_bp(venue)) > 0:
            first = config.rollout.plan[0].weight_bp if config.rollout.plan else 0
            found.append(f"it begins again at the first step; lower canary_pct to {percent(first)} or less")
    return found


def _other_trouble(state: GatewayState, venue: str, current: Hold) -> list[str]:
    """What came up while the venue was held for something else: the next look would demote it again at once."""
    config = state.config
    if config.effective_mode(venue) is Mode.SHADOW or config.rollout.promotions_of(venue) is Promotions.MANUAL:
        return []
    trouble = trouble_at(state, venue)
    if trouble is None or (trouble.cause, trouble.source) == (current.cause, current.source):
        return []
    return [f"{trouble.cause.value} {trouble.text}; settle that first"]


def approve(state: GatewayState, event: PromotionApprovalReceived) -> Decision:
    """Note a person's word on a promotion that may be waiting, or come later. Not on evidence that has moved since."""
    known = evidence_hash(state, event.venue, event.policy_revision)
    if event.evidence != known:
        text = f"evidence {event.evidence or 'of no hash'} was reviewed, it is {known} now: review {event.venue} again"
        return _refused("EVIDENCE_MOVED", text)
    approval = PromotionApproval(
        revision=event.revision,
        policy_revision=event.policy_revision,
        evidence=known,
        actor=event.actor,
        reason=event.reason,
        given_ns=event.ts_ns,
        expires_ns=event.ts_ns + state.config.rollout.approval.expires_h * _HOUR_NS,
    )
    return Decision((PromotionApproved(ts_ns=event.ts_ns, venue=event.venue, approval=approval),))


def override(state: GatewayState, event: RolloutOverrideRequested) -> Decision:
    """Set mode and share of a venue outside its plan for a while. Not of one that is demoted."""
    rollout = state.rollouts.get(event.venue)
    if event.venue not in state.config.venues:
        return _refused("VENUE_NOT_FOUND", f"{event.venue} is not a venue of the configuration")
    if rollout is not None and rollout.hold is not None:
        return _refused("ROLLOUT_HELD", f"{event.venue} is {rollout.hold.kind.value}; resume it first")
    mode, weight = state.config.effective_mode(event.venue), state.config.weight_bp(event.venue)
    if event.mode is Mode.LIVE and state.config.rollout.position_of(mode, weight) < 0:
        return _refused("PROMOTION_REFUSED", f"{event.venue} would go from SHADOW to LIVE in one step")
    if event.mode is not Mode.SHADOW and (alert := alert_at(state, event.venue)) is not None:
        return _refused("ROLLOUT_HELD", f"alert {alert.name} is firing, and would demote {event.venue} at once")
    is_manual = state.config.rollout.promotions_of(event.venue) is Promotions.MANUAL
    if event.mode is not Mode.SHADOW and not is_manual and (trouble := trouble_at(state, event.venue)) is not None:
        text = f"{trouble.cause.value} {trouble.text}: that would demote {event.venue} at once"
        return _refused("ROLLOUT_HELD", text)
    new = RolloutOverride(
        mode=event.mode,
        weight_bp=event.weight_bp,
        actor=event.actor,
        reason=event.reason,
        granted_ns=event.ts_ns,
        expires_ns=event.expires_ns,
    )
    return Decision((RolloutOverridden(ts_ns=event.ts_ns, venue=event.venue, override=new),))


def end_override(state: GatewayState, event: RolloutOverrideRevocation) -> Decision:
    rollout = state.rollouts.get(event.venue)
    if rollout is None or rollout.override is None:
        return NOTHING
    ended = RolloutOverrideEnded(ts_ns=event.ts_ns, venue=event.venue, text="taken back", actor=event.actor)
    return Decision((ended,))


def _refused(code: str, text: str) -> Decision:
    return Decision(refusal=Reject(RejectStage.ROUTER, code, text))
