"""A step of a rollout folded out of the journal, when somebody asks for a review: nothing is kept for it per order.

Reads facts as they stand, without the state: an order that began before the step is not part of it.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from gateway.core.evidence.histogram import Histogram
from gateway.core.evidence.rates import lower_bound, upper_bound
from gateway.domain import facts, reconciliation_facts, rollout_facts, stop_facts
from gateway.domain.alert_facts import AlertRaised
from gateway.domain.enums import OPEN_STATUSES, ExecType, Route, Side
from gateway.domain.money import ZERO, plain, ratio
from gateway.domain.orders import Reject
from gateway.domain.reasons import RejectCode
from gateway.domain.records import Record
from gateway.domain.review import (
    MAX_INCIDENTS,
    AppliedEdit,
    AskedPolicies,
    Incident,
    Measured,
    ReasonCount,
    Samples,
    StepRecord,
)
from gateway.service.live_order import LiveOrder

_MS = 1_000_000
_TENTHS = Decimal(100_000)
_BP = Decimal(10_000)
#: One-sided; two of them bound the share at 95%.
_CONFIDENCE = Decimal("0.975")
_MAX_REASONS = 200


class StepFold:
    """Takes in the records of a journal, in order."""

    def __init__(self, venue: str, since_ns: int) -> None:
        self._venue = venue
        self._since_ns = since_ns
        self._seq = 0
        self._orders: dict[str, LiveOrder] = {}
        #: Orders of the venue that no answer was given to yet: what they are when they are denied.
        self._undecided: set[str] = set()
        self._incidents: deque[Incident] = deque(maxlen=MAX_INCIDENTS)
        self._counts: Counter[str] = Counter()
        self._denied: dict[tuple[str, str], ReasonCount] = {}
        self._rejected: dict[tuple[str, str], ReasonCount] = {}
        self._edits: list[AppliedEdit] = []
        self._policies: list[AskedPolicies] = []
        self._cycles = self._live_cycles = self._weights = 0
        self._is_connected: bool | None = None

    def note(self, record: Record) -> None:
        self._seq = record.seq
        for fact in record.facts:
            take = _TAKERS.get(type(fact))
            if take is not None:
                take(self, fact)

    # --- orders -------------------------------------------------------------------------------

    def held(self, fact: facts.OrderHeld) -> None:
        order = fact.order
        if order.venue != self._venue or order.route is Route.SPLIT:
            return
        self._undecided.add(order.order_id)
        if order.route is Route.LIVE:
            self._orders[order.order_id] = LiveOrder(order)

    def admitted(self, fact: facts.OrderAdmitted) -> None:
        if fact.order_id not in self._undecided:
            return
        self._undecided.discard(fact.order_id)
        if (found := self._orders.get(fact.order_id)) is not None:
            found.sent_ns = fact.ts_ns
        if not self._policies or self._policies[-1].revision != fact.policy_revision:
            self._policies.append(AskedPolicies(fact.ts_ns, fact.policy_revision))

    def denied(self, fact: facts.OrderDenied) -> None:
        is_ours = fact.order_id in self._undecided or (fact.order is not None and fact.order.venue == self._venue)
        self.forget(fact)
        if is_ours:
            _count(self._denied, fact.reject)

    def forget(self, fact: facts.OrderDenied | facts.HoldReleased | facts.OrderWithdrawn) -> None:
        self._undecided.discard(fact.order_id)
        self._orders.pop(fact.order_id, None)

    def acknowledged(self, fact: facts.OrderAcknowledged) -> None:
        if (found := self._orders.get(fact.order_id)) is not None:
            found.live.ack_ns = found.live.ack_ns or fact.ts_ns

    def executed(self, fact: facts.OrderExecuted) -> None:
        if (found := self._orders.get(fact.order_id)) is None:
            return
        live = found.live
        live.ack_ns, live.first_fill_ns = live.ack_ns or fact.ts_ns, live.first_fill_ns or fact.ts_ns
        live.cum_qty, live.cum_value = fact.cum_qty, fact.cum_value
        live.fills[fact.fill.exec_id] = fact.fill
        live.is_done = live.is_done or fact.ord_status not in OPEN_STATUSES
        if fact.is_overfill:
            self._tell(fact.ts_ns, "overfill", f"{fact.order_id} filled beyond its quantity")

    def revised(self, fact: facts.TradeRevised) -> None:
        if (found := self._orders.get(fact.order_id)) is not None:
            found.live.cum_qty, found.live.cum_value = fact.cum_qty, fact.cum_value
            found.live.fills.pop(fact.exec_id, None)
            if fact.fill is not None:
                found.live.fills[fact.fill.exec_id] = fact.fill
            self._tell(fact.ts_ns, "trade revised", f"{fact.order_id}: {fact.text or fact.exec_id}")

    def replace_held(self, fact: facts.ReplaceHeld) -> None:
        if (found := self._orders.get(fact.order_id)) is not None:
            found.asked = fact.pending.terms

    def replaced(self, fact: facts.OrderReplaced) -> None:
        if (found := self._orders.get(fact.order_id)) is not None:
            found.note_replaced(fact)

    def ended(self, fact: facts.OrderEnded) -> None:
        if (found := self._orders.get(fact.order_id)) is None:
            return
        found.live.is_done = True
        if fact.reject is not None:
            is_unsent = fact.reject.code == RejectCode.WITHHELD
            found.sent_ns = 0 if is_unsent else found.sent_ns
            _count(self._denied if is_unsent else self._rejected, fact.reject)

    def twin(self, fact: facts.TwinUpdated) -> None:
        if (found := self._orders.get(fact.order_id)) is None:
            return
        report = fact.report
        twin = found.twins[report.is_second_twin]
        twin.ack_ns = twin.ack_ns or fact.ts_ns
        twin.replaced += report.exec_type is ExecType.REPLACED
        twin.is_done = fact.ord_status not in OPEN_STATUSES
        if report.last_qty:
            twin.first_fill_ns = twin.first_fill_ns or fact.ts_ns
            twin.cum_qty += report.last_qty
            twin.cum_value += report.last_qty * report.last_px

    def in_doubt(self, fact: facts.OrderInDoubt) -> None:
        if fact.order_id in self._orders:
            self._tell(fact.ts_ns, "in doubt", f"{fact.order_id}: {fact.text}")

    def cycle(self, fact: facts.CycleOpened) -> None:
        if fact.venue == self._venue and fact.bucket is not None:
            self._cycles += 1
            self._live_cycles += fact.route is Route.LIVE
            self._weights += fact.weight_bp

    # --- what else happened ---------------------------------------------------------------------

    def edited(self, fact: facts.ConfigChanged) -> None:
        self._edits.append(
            AppliedEdit(
                ts_ns=fact.ts_ns,
                revision=fact.config.revision,
                by=fact.actor.name,
                reason=fact.reason,
                difference=fact.difference,
                looser=fact.looser,
            )
        )

    def status(self, fact: facts.VenueStatusRecorded) -> None:
        if fact.venue != self._venue or fact.is_connected is self._is_connected:
            return
        if not fact.is_connected or self._is_connected is not None:
            self._tell(fact.ts_ns, "venue back" if fact.is_connected else "outage", fact.text)
        self._is_connected = fact.is_connected

    def incident(self, kind: str, text: str, fact: Any) -> None:
        """One whose words are given; ``venue`` of the fact, where it has one, must be ours or empty (all)."""
        if getattr(fact, "venue", "") in ("", self._venue):
            self._tell(fact.ts_ns, kind, text)

    def tripped(self, fact: stop_facts.BreakerTripped) -> None:
        self._tell(fact.ts_ns, "breaker tripped", f"{fact.trip.trip_id}: {fact.trip.cause}")

    def drifted(self, fact: reconciliation_facts.DriftFound) -> None:
        drift = fact.drift
        if drift.venue == self._venue:
            held = f"the venue holds {plain(drift.venue_qty)}, the books {plain(drift.expected_qty)}"
            self._tell(fact.ts_ns, "drift", f"{drift.symbol}: {held}")

    def heard(self, fact: rollout_facts.AlertHeard) -> None:
        alert = fact.alert
        if alert.venue in ("", self._venue):
            kind = "alert firing" if alert.is_firing else "alert resolved"
            self._tell(fact.ts_ns, kind, f"{alert.name}: {alert.text}")

    def _tell(self, ts_ns: int, kind: str, text: str) -> None:
        self._counts[kind] += 1
        self._incidents.append(Incident(ts_ns, kind, text))

    # --- the whole ------------------------------------------------------------------------------

    @property
    def orders(self) -> Iterable[LiveOrder]:
        """The live orders of the step that were sent."""
        return (one for one in self._orders.values() if one.sent_ns)

    def result(self) -> StepRecord:
        pairs, samples = _samples(self.orders)
        return StepRecord(
            venue=self._venue,
            since_ns=self._since_ns,
            seq=self._seq,
            measured=self._measured(),
            live_orders=sum(1 for _ in self.orders),
            pairs=pairs,
            samples=samples,
            incidents=tuple(self._incidents),
            incident_counts=dict(sorted(self._counts.items())),
            denied=_ranked(self._denied),
            rejected=_ranked(self._rejected),
            edits=tuple(self._edits),
            policies=tuple(self._policies),
        )

    def _measured(self) -> Measured:
        n, live = self._cycles, self._live_cycles
        if not n:
            return Measured(cycles=0, live=0, expected=None, share=None, lower=None, upper=None)
        return Measured(
            cycles=n,
            live=live,
            expected=ratio(Decimal(self._weights), n * _BP),
            share=ratio(Decimal(live), Decimal(n)),
            lower=lower_bound(live, n, _CONFIDENCE),
            upper=upper_bound(live, n, _CONFIDENCE),
        )


def _samples(orders: Iterable[LiveOrder]) -> tuple[int, Samples]:
    """Of orders that filled live and in a twin: a comparison of anything else would compare different orders."""
    found = {name: Histogram() for name in Samples.__struct_fields__}
    pairs = 0
    for one in orders:
        twins = [twin for twin in one.twins if twin.cum_qty]
        if not one.live.cum_qty or not twins or not one.is_comparable:
            continue
        pairs += 1
        side, arrival = one.order.side, one.order.arrival_px
        twin_px = sum((twin.avg_px for twin in twins), ZERO) / len(twins)
        found["against_twin"].add(_worse(one.live.avg_px, twin_px, side))
        if arrival:
            found["slippage_live"].add(_worse(one.live.avg_px, arrival, side))
            found["slippage_twin"].add(_worse(twin_px, arrival, side))
        moments = {
            "fill_ms_live": one.live.first_fill_ns,
            "fill_ms_twin": twins[0].first_fill_ns,
            "ack_ms_live": one.live.ack_ns,
            "ack_ms_twin": twins[0].ack_ns,
        }
        if min(moments.values()) >= one.sent_ns:  # where the clock went back in between, nobody knows how long it took
            for name, at_ns in moments.items():
                found[name].add((at_ns - one.sent_ns) // _MS)
    return pairs, Samples(**{name: tuple(samples.counts.items()) for name, samples in found.items()})


def _worse(px: Decimal, benchmark: Decimal, side: Side) -> int:
    """How much worse ``px`` is than ``benchmark``, in tenths of a basis point of it."""
    worse = px - benchmark if side is Side.BUY else benchmark - px
    return int((worse / benchmark * _TENTHS).to_integral_value()) if benchmark > 0 else 0


def _count(reasons: dict[tuple[str, str], ReasonCount], reject: Reject) -> None:
    key = (reject.stage.value, reject.code)
    if key not in reasons:
        if len(reasons) >= _MAX_REASONS:
            return
        reasons[key] = ReasonCount(stage=key[0], code=key[1], orders=0, example=reject.text)
    reasons[key].orders += 1


def _ranked(reasons: dict[tuple[str, str], ReasonCount]) -> tuple[ReasonCount, ...]:
    return tuple(sorted(reasons.values(), key=lambda one: (-one.orders, one.stage, one.code)))


_Taker = Callable[[StepFold, Any], None]
_TAKERS: Mapping[type, _Taker] = {
    facts.OrderHeld: StepFold.held,
    facts.OrderAdmitted: StepFold.admitted,
    facts.OrderDenied: StepFold.denied,
    facts.HoldReleased: StepFold.forget,
    facts.OrderWithdrawn: StepFold.forget,
    facts.OrderAcknowledged: StepFold.acknowledged,
    facts.OrderExecuted: StepFold.executed,
    facts.TradeRevised: StepFold.revised,
    facts.ReplaceHeld: StepFold.replace_held,
    facts.OrderReplaced: StepFold.replaced,
    facts.OrderEnded: StepFold.ended,
    facts.TwinUpdated: StepFold.twin,
    facts.OrderInDoubt: StepFold.in_doubt,
    facts.CycleOpened: StepFold.cycle,
    facts.ConfigChanged: StepFold.edited,
    facts.VenueStatusRecorded: StepFold.status,
    stop_facts.BreakerTripped: StepFold.tripped,
    reconciliation_facts.DriftFound: StepFold.drifted,
    rollout_facts.AlertHeard: StepFold.heard,
    stop_facts.BreakerReset: lambda fold, f: fold.incident("breaker reset", f"{f.trip_id} by {f.actor.name}", f),
    AlertRaised: lambda fold, f: fold.incident(
        "alert raised", f"{f.alert.condition.kind.value} {f.alert.condition.subject}: {f.alert.condition.text}", f
    ),
    rollout_facts.RolloutHeld: lambda fold, f: fold.incident(
        f.hold.kind.value, f"{f.hold.cause.value}: {f.hold.text} (by {f.hold.actor.name})", f
    ),
    rollout_facts.RolloutReleased: lambda fold, f: fold.incident("resumed", f"{f.text} (by {f.actor.name})", f),
    rollout_facts.RolloutOverridden: lambda fold, f: fold.incident(
        "override",
        f"{f.override.mode.value} {f.override.weight_bp} bp by {f.override.actor.name}: {f.override.reason}",
        f,
    ),
    rollout_facts.RolloutOverrideEnded: lambda fold, f: fold.incident("override ended", f.text, f),
    reconciliation_facts.OrderSettled: lambda fold, f: fold.incident(
        "settled by hand", f"{f.order_id} by {f.actor.name}", f
    ),
    facts.TradingStateChanged: lambda fold, f: fold.incident(
        "trading state", f"{f.scope.value} {f.scope_id} {f.state.value} by {f.actor.name}: {f.reason}", f
    ),
}
