"""How each rollout stands: from evidence, configuration and the clock, for whoever holds a state."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal

from gateway.core.evidence.memory import PastStep, StepEvidence, Tally, VenueRollout
from gateway.core.rollout.comparisons import noise_tenths
from gateway.core.rollout.digest import evidence_hash
from gateway.core.rollout.folding import is_away
from gateway.core.rollout.gates import assess
from gateway.core.rollout.promotion import firing_at
from gateway.domain.money import plain, ratio
from gateway.domain.rollout import ApprovalNeed, GateResult, Promotions, Rollout, Verdict, gravest, percent
from gateway.ports.clock import Clock
from gateway.ports.rollouts import PastStepView, RolloutState, StratumView
from gateway.service.state_holder import StateHolder

_DAY_NS = 86_400_000_000_000
#: Gates whose sample is trading days.
_DAY_GATES = frozenset({"days", "canary_days"})


class RolloutStates:
    """Reads only. ``is_alerting`` says whether anybody would be told of an alert."""

    def __init__(
        self,
        holder: StateHolder,
        clock: Clock,
        policy_revision: Callable[[], str],
        is_alerting: Callable[[], bool],
    ) -> None:
        self._holder = holder
        self._clock = clock
        self._policy_revision = policy_revision
        self._is_alerting = is_alerting

    def states(self) -> Sequence[RolloutState]:
        state = self._holder.state
        return tuple(self._state(venue) for venue in sorted(state.config.venues))

    def _state(self, venue: str) -> RolloutState:
        state = self._holder.state
        config, terms = state.config, state.config.rollout
        rollout = state.rollouts.get(venue) or VenueRollout()
        evidence, use = rollout.evidence, state.venues.get(venue)
        gates = assess(rollout, terms, is_away=evidence.position >= 0 and is_away(state, venue))
        live, shadow = (0, 0) if use is None else use.cycles_at(state.weight_bp(venue))
        return RolloutState(
            venue=venue,
            promotions=terms.promotions_of(venue).value,
            mode=state.mode_of(venue),
            weight_bp=state.weight_bp(venue),
            configured_mode=config.effective_mode(venue),
            configured_weight_bp=config.weight_bp(venue),
            measured_bp=live * 10_000 // (live + shadow) if live + shadow else None,
            notional_bp=_share_bp(evidence.live_opened, evidence.opened),
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
            projected_ns=_projected_ns(evidence, gates, self._clock.now_ns()),
            noise_bps=plain(Decimal(noise_tenths(evidence)) / 10) if evidence.noise.n else None,
            hold=rollout.hold,
            approval=rollout.approval,
            override=rollout.override,
            strata=_strata(evidence.total, evidence.strata),
            past=tuple(_past_view(one) for one in rollout.past),
        )

    def _missing(self, venue: str, rollout: VenueRollout, gates: Sequence[GateResult]) -> Iterator[str]:
        """As ``core.rollout.promotion`` says it of an edit, without one."""
        state = self._holder.state
        terms = state.config.rollout
        if terms.promotions_of(venue) is Promotions.MANUAL:
            return
        if rollout.hold is not None:
            yield f"the rollout is {rollout.hold.kind.value} ({rollout.hold.cause.value}); resume it first"
        yield from firing_at(state, venue)
        yield from (f"{one.gate} {one.verdict.value}: {one.text}" for one in gates if one.verdict is not Verdict.PASS)
        if terms.gates.require_alerting and rollout.evidence.position >= 0 and not self._is_alerting():
            yield "alerting: nobody would be told of an alert; add a channel to notifications.yaml"
        known = evidence_hash(state, venue, self._policy_revision())
        approval = rollout.approval
        is_given = approval is not None and approval.evidence == known and self._clock.now_ns() < approval.expires_ns
        if _needs_approval(terms, rollout.evidence.position) and not is_given:
            yield "approval: by a key with role risk or admin, where somebody has one"


def _needs_approval(terms: Rollout, position: int) -> bool:
    """Whether the step after ``position`` asks for a person's word."""
    needed = terms.approval.needed
    return needed is ApprovalNeed.ALWAYS or (needed is ApprovalNeed.LIVE and position + 1 >= len(terms.plan))


def _step_words(terms: Rollout, position: int) -> str:
    step = terms.step_at(position)
    return f"CANARY {percent(step.weight_bp)}" if step is not None else "SHADOW" if position < 0 else "LIVE"


def _projected_ns(evidence: StepEvidence, gates: Sequence[GateResult], now_ns: int) -> int | None:
    """When the sample that is largest yet to come is there, at the rate of orders in this step so far, and the days
    are; a trading day takes as long as those of this step did, and a day at least."""
    orders = max((one.needed or 0 for one in gates if one.gate not in _DAY_GATES), default=0)
    days = max((one.needed or 0 for one in gates if one.gate in _DAY_GATES), default=0)
    elapsed_ns = now_ns - evidence.entered_ns if evidence.entered_ns else 0
    if orders and (not evidence.total.orders or elapsed_ns <= 0):
        return None
    wait_ns = orders * elapsed_ns // evidence.total.orders if orders else 0
    day_ns = max(elapsed_ns // evidence.days, _DAY_NS) if evidence.days else _DAY_NS
    return now_ns + max(wait_ns, days * day_ns)


def _share_bp(part: Decimal, whole: Decimal) -> int | None:
    """A share in basis points; None of nothing."""
    return int(part * 10_000 / whole) if whole > 0 else None


def _past_view(one: PastStep) -> PastStepView:
    return PastStepView(
        position=one.position,
        entered_ns=one.entered_ns,
        left_ns=one.left_ns,
        days=one.days,
        orders=one.tally.orders,
        errors=one.tally.errors,
        notional_bp=_share_bp(one.live_opened, one.opened),
        strata=_strata(one.tally, one.strata),
    )


def _strata(total: Tally, strata: Mapping[str, Tally]) -> tuple[StratumView, ...]:
    """All orders, and those of each order type, side and symbol; nothing without any."""
    return tuple(_stratum(name, tally) for name, tally in [("", total), *sorted(strata.items())] if tally.orders)


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
