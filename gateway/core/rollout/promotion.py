"""Whether an edit may raise a venue: along the plan in force, with passing gates, the policy, and an approval.

Judged by the plan and the terms that are in force before the edit, so that an edit cannot permit itself. Lowering is
nobody's business but the editor's.
"""

from collections.abc import Mapping

import msgspec

from gateway.core.evidence.memory import VenueRollout
from gateway.core.rollout.accounts import is_other_account, unproven, words_of_change
from gateway.core.rollout.causes import alert_at, trouble_at
from gateway.core.rollout.digest import evidence_hash
from gateway.core.rollout.folding import is_away
from gateway.core.rollout.gates import assess
from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Mode
from gateway.domain.events import ConfigLoaded, PolicyVerdict
from gateway.domain.orders import Actor
from gateway.domain.rollout import ApprovalNeed, GateResult, Promotions, Rollout, Verdict, percent
from gateway.domain.rollout_facts import RolloutStepEntered

NOT_PROMOTED = "PROMOTION_REFUSED"
_BEFORE_ANY = TradingConfig(revision="")


class Promotion(msgspec.Struct, frozen=True):
    """A venue that an edit raises: from where on the plan to where."""

    venue: str
    old_position: int
    position: int
    old_mode: Mode
    mode: Mode
    old_weight_bp: int
    weight_bp: int

    @property
    def is_raised(self) -> bool:
        """Whether mode or share rise; else it is the plan that would put it higher."""
        return (self.mode.rank, self.weight_bp) > (self.old_mode.rank, self.old_weight_bp)

    def __str__(self) -> str:
        return f"{self.venue} {_place(self.old_mode, self.old_weight_bp)} -> {_place(self.mode, self.weight_bp)}"


class Circumstances(msgspec.Struct, frozen=True):
    """What a promotion depends on besides state and edit. ``needs_approval``: somebody has a key that could approve."""

    now_ns: int
    verdicts: Mapping[str, PolicyVerdict] = {}
    is_alerting: bool = False
    needs_approval: bool = False


def terms_for(state: GatewayState, new: TradingConfig) -> Rollout:
    """The terms an edit is judged by: those in force; of the first configuration its own."""
    return state.config.rollout if state.config.revision else new.rollout


def promotions(state: GatewayState, new: TradingConfig) -> tuple[Promotion, ...]:
    """The venues that ``new`` raises and that go by evidence; also where they stay and its plan ends below them."""
    old = state.config if state.config.revision else _BEFORE_ANY
    terms = terms_for(state, new)
    found = []
    for venue in sorted(new.venues):
        old_mode, mode = old.effective_mode(venue), new.effective_mode(venue)
        old_weight, weight = old.weight_bp(venue), new.weight_bp(venue)
        if terms.promotions_of(venue) is Promotions.MANUAL:
            continue
        old_place, place = terms.position_of(old_mode, old_weight), terms.position_of(mode, weight)
        if _is_past_plan(new, venue) and old_place < len(terms.plan):
            place = len(terms.plan)
        elif (mode.rank, weight) <= (old_mode.rank, old_weight):
            continue
        found.append(Promotion(venue, old_place, place, old_mode, mode, old_weight, weight))
    return tuple(found)


def _is_past_plan(new: TradingConfig, venue: str) -> bool:
    """Whether a canary stands where its plan has nothing more to ask before LIVE."""
    mode, plan = new.effective_mode(venue), new.rollout.plan
    return mode is Mode.CANARY and new.rollout.position_of(mode, new.weight_bp(venue)) >= len(plan)


def missing(state: GatewayState, new: TradingConfig, seen: Circumstances) -> tuple[str, ...]:
    """What stands between an edit and its promotions, in words that say what to do; empty when nothing does."""
    lacking = (
        f"{promotion}: {text}"
        for promotion in promotions(state, new)
        for text in _missing_of(state, new, promotion, seen)
    )
    return (*unproven(state, new, terms_for(state, new)), *lacking)


def _missing_of(state: GatewayState, new: TradingConfig, promotion: Promotion, seen: Circumstances) -> list[str]:
    terms, rollout = terms_for(state, new), state.rollouts.get(promotion.venue)
    found = []
    if rollout is not None and rollout.hold is not None:
        hold = rollout.hold
        found.append(f"the rollout is {hold.kind.value} ({hold.cause.value}: {hold.text}); resume it first")
    found += firing_at(state, promotion.venue)
    if not promotion.is_raised:
        found.append("the new plan ends below its share and would ask for nothing more before LIVE: lower one of both")
    if promotion.position > promotion.old_position + 1:
        found.append(f"one step at a time: {_next_step(terms, promotion)} comes next")
    if promotion.position > promotion.old_position:
        found += [f"{one.gate} {one.verdict.value}: {one.text}" for one in unpassed(state, terms, promotion)]
        if terms.gates.require_alerting and promotion.position > 0 and not seen.is_alerting:
            found.append("alerting: nobody would be told of an alert; add a channel to notifications.yaml")
    verdict = seen.verdicts.get(promotion.venue)
    found += _policy_says(verdict)
    revision = "" if verdict is None else verdict.revision
    if _needs_approval(terms, promotion) and seen.needs_approval and not _is_approved(state, new, promotion, seen):
        known = evidence_hash(state, promotion.venue, revision)
        found.append(
            f"approval: `gateway rollout approve {promotion.venue} --revision {new.revision} --evidence {known}` by a "
            f"key with role risk or admin, after `gateway rollout review {promotion.venue}` (configuration "
            f"{new.revision}, policies {revision or 'unknown'})"
        )
    return found


def firing_at(state: GatewayState, venue: str) -> list[str]:
    """What would demote the venue as soon as it is raised, and has not."""
    alert = alert_at(state, venue)
    if alert is not None:
        return [f"alert {alert.name} is firing: it must be resolved first"]
    rollout = state.rollouts.get(venue)
    trouble = None if rollout is not None and rollout.hold is not None else trouble_at(state, venue)
    return [] if trouble is None else [f"{trouble.cause.value} {trouble.text}: it must be over first"]


def unpassed(state: GatewayState, terms: Rollout, promotion: Promotion) -> tuple[GateResult, ...]:
    """The gates of the step that is left which do not pass."""
    rollout = state.rollouts.get(promotion.venue) or VenueRollout()
    results = assess(rollout, terms, is_away=is_away(state, promotion.venue) and promotion.old_position >= 0)
    return tuple(one for one in results if one.verdict is not Verdict.PASS)


def _next_step(terms: Rollout, promotion: Promotion) -> str:
    step = terms.step_at(promotion.old_position + 1)
    if step is not None:
        return f"CANARY with canary_pct of at most {percent(step.weight_bp).removesuffix('%')}"
    return "LIVE" if terms.plan else "nothing, for the plan in rollout.yaml is empty: LIVE"


def _policy_says(verdict: PolicyVerdict | None) -> list[str]:
    if verdict is None:
        return ["policy: data.rollout.decision of policies/rollout.rego was not asked"]
    if verdict.failure is not None:
        return [f"policy: no decision ({verdict.failure}): {verdict.failure_text}"]
    if verdict.is_allowed and not verdict.denies:
        return []
    return [f"policy: {code}: {text}" for code, text in verdict.denies] or ["policy: not allowed"]


def _needs_approval(terms: Rollout, promotion: Promotion) -> bool:
    if terms.approval.needed is ApprovalNeed.LIVE:
        return promotion.position >= len(terms.plan)
    return terms.approval.needed is ApprovalNeed.ALWAYS


def _is_approved(state: GatewayState, new: TradingConfig, promotion: Promotion, seen: Circumstances) -> bool:
    rollout = state.rollouts.get(promotion.venue)
    approval = None if rollout is None else rollout.approval
    verdict = seen.verdicts.get(promotion.venue)
    return (
        approval is not None
        and verdict is not None
        and approval.revision == new.revision
        and approval.policy_revision == verdict.revision
        and approval.evidence == evidence_hash(state, promotion.venue, verdict.revision)
        and seen.now_ns < approval.expires_ns
    )


def policy_input(state: GatewayState, new: TradingConfig, promotion: Promotion, now_ns: int) -> dict[str, object]:
    """The input of ``data.rollout.decision``: texts, whole numbers and booleans only. Shares are basis points."""
    terms, rollout = terms_for(state, new), state.rollouts.get(promotion.venue) or VenueRollout()
    results = assess(rollout, terms, is_away=is_away(state, promotion.venue))
    return {
        "venue": promotion.venue,
        "from": {
            "mode": promotion.old_mode.value,
            "weight_bp": promotion.old_weight_bp,
            "position": promotion.old_position,
        },
        "to": {"mode": promotion.mode.value, "weight_bp": promotion.weight_bp, "position": promotion.position},
        "steps": len(terms.plan),
        "step_days": rollout.evidence.days,
        "canary_days": rollout.canary_days,
        "orders": rollout.orders,
        "errors": rollout.errors,
        "gates": [{"gate": one.gate, "verdict": one.verdict.value, "n": one.n} for one in results],
        "is_held": rollout.hold is not None,
        "config_revision": new.revision,
        "time_ns": now_ns,
    }


def steps_entered(state: GatewayState, event: ConfigLoaded, actor: Actor) -> tuple[RolloutStepEntered, ...]:
    """The venues that stand elsewhere on their plan under a configuration that takes effect."""
    new, found = event.config, []
    for venue in sorted({*new.venues, *state.rollouts}):
        mode, weight = new.effective_mode(venue), new.weight_bp(venue)
        position = new.rollout.position_of(mode, weight)
        rollout = state.rollouts.get(venue)
        before = -1 if rollout is None else rollout.evidence.position
        is_other = rollout is not None and is_other_account(state, new, venue)
        if position != before or is_other:
            cause = "raised by an edit" if position > before else "lowered by an edit"
            if is_other:
                cause = f"begins again at another account: {words_of_change(state, new, venue)}"
            found.append(
                RolloutStepEntered(
                    ts_ns=event.ts_ns,
                    venue=venue,
                    position=position,
                    mode=mode,
                    weight_bp=weight,
                    cause=cause,
                    actor=actor,
                    revision=new.revision,
                    is_restart=is_other,
                )
            )
    return tuple(found)


def _place(mode: Mode, weight_bp: int) -> str:
    return f"{mode.value} {percent(weight_bp)}" if mode is Mode.CANARY else mode.value
