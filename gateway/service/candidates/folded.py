"""The world as it would have gone on without the orders that a candidate denies.

Every recorded event is decided again in a state of its own, under the candidate's rules, so that one denial changes
what later orders meet. What venues reported stays as it was for what the candidate admits too, and is left out for
what it denies. Nothing is invented: an order that was denied and that the candidate would admit has no fills that
anyone knows, so it stays out here; and strategies send what they sent, whatever became of their earlier orders.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from gateway.core.admission import settle
from gateway.core.apply import apply_record
from gateway.core.candidates.fates import Part, fate_of_order, fate_of_replace, held_parts
from gateway.core.candidates.overlay import Overlay
from gateway.core.decide import decide
from gateway.core.decision import Decision
from gateway.core.policy import denial_of
from gateway.core.state import GatewayState
from gateway.domain.effects import EvaluatePolicy
from gateway.domain.enums import ExecType
from gateway.domain.events import (
    CancelReceived,
    Event,
    LookupCompleted,
    OrderReceived,
    PolicyEvaluated,
    PolicyVerdict,
    ReplaceReceived,
    ReportsReceived,
    SubmitCompleted,
)
from gateway.domain.executions import ExecutionReport
from gateway.domain.exit_facts import ExitsAttached
from gateway.domain.facts import (
    ConfigChanged,
    CycleOpened,
    Fact,
    OrderAdmitted,
    OrderDenied,
    OrderEnded,
    OrderExecuted,
    OrderHeld,
)
from gateway.domain.money import ZERO, share_of
from gateway.domain.records import Record
from gateway.service.candidates.judge import is_alike, told_of, under
from gateway.service.candidates.verdicts import Verdicts

_REVISIONS = frozenset({ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT})
#: What a recorded decision on an order can be carried over with: nothing that speaks of other orders.
_OF_AN_ORDER = (CycleOpened, OrderHeld, OrderAdmitted, ExitsAttached, OrderDenied)


class Folded:
    """Hears every record after the recorded world (``recorded``) did."""

    def __init__(self, state: GatewayState, recorded: GatewayState, overlay: Overlay, verdicts: Verdicts) -> None:
        self.state = state
        #: Orders that were admitted and that this world denies, wholly or in part, by the id that the client knows.
        self.denied: dict[str, None] = {}
        #: Reports that had no place, or not all of one, in what the candidate admitted.
        self.unplaced = 0
        #: Events that could not be decided in this world, and were left out of it.
        self.skipped = 0
        self.last_problem = ""
        self._recorded = recorded
        self._overlay = overlay
        self._verdicts = verdicts
        #: Recorded orders whose reports belong to other orders here, and those: none where it was denied.
        self._recut: dict[str, tuple[str, ...]] = {}
        #: The recorded parts of the request that such an order belongs to.
        self._siblings: dict[str, tuple[str, ...]] = {}
        #: Those of which less is admitted here: that their fills do not all find a place is meant so.
        self._reduced: set[str] = set()
        self._booked: set[tuple[str, str]] = set()
        self._told: dict[tuple[str, bool], PolicyVerdict] = {}

    def hear(self, record: Record) -> None:
        """Decide and apply what the record's event comes to here."""
        try:
            facts = self._decided(record)
        except Exception as error:
            self.skipped += 1
            self.last_problem = f"record {record.seq}: {error!r}"
            return
        apply_record(self.state, facts)
        if self._recut:
            self._end_with(record)

    def _decided(self, record: Record) -> tuple[Fact, ...]:
        event = record.event
        if any(type(fact) is ConfigChanged for fact in record.facts):
            return under(self._overlay, record.facts)  # what people put in force is nothing that a candidate decides
        if isinstance(event, OrderReceived):
            return self._receive(event, record.facts)
        if isinstance(event, ReplaceReceived):
            return self._replace(event, record.facts)
        if isinstance(event, PolicyEvaluated):
            return self._conclude(event, record.facts)
        heard = self._translated(event)
        facts = () if heard is None else decide(self.state, heard).facts
        self._compare_cuts(record.facts, facts)
        return facts

    def _end_with(self, record: Record) -> None:
        """When all that was recorded of a request is done, what stands for it here is done too."""
        for fact in record.facts:
            if not isinstance(fact, OrderExecuted | OrderEnded) or fact.order_id not in self._recut:
                continue
            siblings = (self._recorded.orders.get(one) for one in self._siblings.get(fact.order_id, (fact.order_id,)))
            if any(order is not None and order.is_open for order in siblings):
                continue
            reports = tuple(
                ExecutionReport(order_id=order_id, exec_type=ExecType.CANCELED, transact_ns=fact.ts_ns)
                for order_id in self._recut[fact.order_id]
                if order_id in self.state.orders
            )
            apply_record(self.state, decide(self.state, ReportsReceived(ts_ns=fact.ts_ns, reports=reports)).facts)

    def _receive(self, event: OrderReceived, recorded: tuple[Fact, ...]) -> tuple[Fact, ...]:
        decision = decide(self.state, msgspec.structs.replace(event, verdicts=()))
        asked = [effect for effect in decision.effects if isinstance(effect, EvaluatePolicy)]
        told = told_of(asked, self._verdicts)
        if is_alike(self.state, event, recorded, decision, asked, told):
            return recorded
        enforced = fate_of_order(Decision(recorded))
        own, theirs = held_parts(decision.facts), held_parts(recorded)
        given = dict(zip(theirs, event.verdicts, strict=False))
        if enforced.waiting:
            self._told.update({(order_id, False): verdict for order_id, verdict in told.items()})
        elif asked:
            known = told or {
                order_id: verdict for order_id, verdict in given.items() if own.get(order_id) == theirs[order_id]
            }
            verdicts = tuple(known.get(one.order_id) or self._verdicts.of(one.document, None) for one in asked)
            decision = settle(self.state, decision, msgspec.structs.replace(event, verdicts=verdicts))
        fate = fate_of_order(decision)
        mine, was = _total((*fate.parts, *fate.waiting)), _total((*enforced.parts, *enforced.waiting))
        if mine > was:  # nobody knows how the rest would have filled
            return tuple(fact for fact in recorded if isinstance(fact, _OF_AN_ORDER))
        if mine < was:
            self.denied[event.order_id] = None
        self._note_cut((*enforced.parts, *enforced.waiting), (*fate.parts, *fate.waiting))
        return decision.facts

    def _replace(self, event: ReplaceReceived, recorded: tuple[Fact, ...]) -> tuple[Fact, ...]:
        order = self.state.orders.get(event.order_id)
        was = self._recorded.orders[event.order_id]
        enforced = fate_of_replace(was, recorded)
        if order is None or not order.is_open or event.order_id in self._recut or enforced.rejects:
            return ()
        decision = decide(self.state, event)
        fate = fate_of_replace(order, decision.facts, decision.refusal)
        if fate.rejects:
            self._recut[event.order_id] = (event.order_id,)  # what fills beyond the old terms has no place here
        elif self._verdicts.is_candidate:
            asked = (effect for effect in decision.effects if isinstance(effect, EvaluatePolicy))
            self._told.update({(one.order_id, True): self._verdicts.of(one.document, None) for one in asked})
        return decision.facts

    def _conclude(self, event: PolicyEvaluated, recorded: tuple[Fact, ...]) -> tuple[Fact, ...]:
        """The recorded answer, or the candidate's own where the recorded one let the order pass."""
        told = self._told.pop((event.order_id, event.is_replace), None)
        if told is None or denial_of(event.verdict) is not None:
            told = event.verdict
        is_denied_here = denial_of(told) is not None and denial_of(event.verdict) is None
        facts: list[Fact] = []
        for order_id in self._recut.get(event.order_id, (event.order_id,)):
            order = self.state.orders.get(order_id)
            if order is None or (order.is_admitted and not event.is_replace):
                continue
            if is_denied_here and not event.is_replace:
                self.denied[order.parent_id or order_id] = None
            facts += decide(self.state, msgspec.structs.replace(event, order_id=order_id, verdict=told)).facts
        if is_denied_here:
            self._recut[event.order_id] = (event.order_id,) if event.is_replace else ()
        return tuple(facts)

    def _compare_cuts(self, recorded: tuple[Fact, ...], facts: tuple[Fact, ...]) -> None:
        """Orders that no client sent (a flatten's): what is held here may be other than what was."""
        theirs, own = held_parts(recorded), held_parts(facts)
        for order_id, part in theirs.items():
            if order_id in own and own[order_id].qty != part.qty:
                self._recut[order_id] = (order_id,)

    def _note_cut(self, recorded: tuple[Part, ...], own: tuple[Part, ...]) -> None:
        """Remember where reports on a request belong that is admitted otherwise here."""
        alike = {(one.order_id, one.qty) for one in recorded} & {(one.order_id, one.qty) for one in own}
        if len(alike) == len(recorded) == len(own):
            return
        own_ids = tuple(one.order_id for one in own if (one.order_id, one.qty) not in alike)
        ids = tuple(one.order_id for one in recorded if (one.order_id, one.qty) not in alike)
        for order_id in ids:
            self._recut[order_id], self._siblings[order_id] = own_ids, ids
        if _total(own) < _total(recorded):
            self._reduced.update(ids)

    def _translated(self, event: Event) -> Event | None:
        """The event as this world hears it; None when it is about nothing that is here."""
        if isinstance(event, ReportsReceived):
            restored = tuple(order for order in event.restored if order.order_id not in self._recut)
            return msgspec.structs.replace(event, reports=self._reports(event.reports), restored=restored)
        if isinstance(event, LookupCompleted):
            if self._is_elsewhere(event.order_id):
                return None
            return msgspec.structs.replace(event, reports=self._reports(event.reports))
        if isinstance(event, SubmitCompleted):
            return None if self._is_elsewhere(event.order_id) else event
        if isinstance(event, CancelReceived):
            return event if event.order_id in self.state.orders else None
        return event

    def _is_elsewhere(self, order_id: str) -> bool:
        """Whether what is told of an order of the recorded world concerns no order here, or several."""
        if order_id in self._recut:
            return self._recut[order_id] != (order_id,)
        return order_id in self._recorded.orders and order_id not in self.state.orders

    def _reports(self, reports: Iterable[ExecutionReport]) -> tuple[ExecutionReport, ...]:
        room = _Room(self.state)
        return tuple(one for report in reports for one in self._placed(report, room))

    def _placed(self, report: ExecutionReport, room: "_Room") -> Iterator[ExecutionReport]:
        """One report, as reports on the orders that stand here for the one it is about."""
        order_id = report.order_id
        if order_id not in self._recut:
            if order_id in self.state.orders or order_id not in self._recorded.orders:
                yield report
            return
        targets = self._recut[order_id]
        if report.exec_type is ExecType.TRADE and targets and not report.is_twin:
            if (order_id, report.exec_id) not in self._booked:
                self._booked.add((order_id, report.exec_id))
                yield from room.fills(report, targets)
                self.unplaced += room.is_short and order_id not in self._reduced
        elif report.exec_type in _REVISIONS and targets:
            self.unplaced += 1


class _Room:
    """What the orders here may still take of recorded fills, while one event is read."""

    def __init__(self, state: GatewayState) -> None:
        #: Whether a part of the last report had no place.
        self.is_short = False
        self._state = state
        self._left: dict[str, Decimal] = {}

    def fills(self, report: ExecutionReport, targets: tuple[str, ...]) -> Iterator[ExecutionReport]:
        """The fill, divided among the orders in their order."""
        rest = report.last_qty
        for number, order_id in enumerate(targets):
            order = self._state.orders.get(order_id)
            left = self._left.setdefault(order_id, ZERO if order is None else order.leaves_qty)
            part = min(rest, left)
            if part <= 0:
                continue
            self._left[order_id] = left - part
            rest -= part
            yield msgspec.structs.replace(
                report,
                order_id=order_id,
                exec_id=f"{report.exec_id}~{number}" if number else report.exec_id,
                last_qty=part,
                fee=share_of(report.fee, part, report.last_qty),
            )
        self.is_short = rest > 0


def _total(parts: Iterable[Part]) -> Decimal:
    return sum((part.qty for part in parts), ZERO)
