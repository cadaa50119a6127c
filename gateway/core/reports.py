"""What venues report of orders (invariant 7)."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from gateway.core.decision import Decision
from gateway.core.lifecycle import Progress, advance, fill_of, revise
from gateway.core.new_terms import denied, proven, replaced
from gateway.core.order_classes import exits_ended, is_settled_by_sibling, open_exits
from gateway.core.pricing import vwap_of
from gateway.core.revisions import Revisions
from gateway.core.self_matching import make_way_for
from gateway.core.state import GatewayState
from gateway.core.throttle.rules import locks_after
from gateway.core.tickets import cancel_effects, cancel_twin_effects, twin_change_effects
from gateway.domain.effects import Effect
from gateway.domain.enums import ExecType, OrderClass, OrdStatus, RejectStage
from gateway.domain.events import ReportsReceived
from gateway.domain.executions import ExecutionReport
from gateway.domain.facts import (
    CancelRefused,
    Fact,
    OrderAcknowledged,
    OrderEnded,
    OrderExecuted,
    OrderRestored,
    ReportUnmatched,
    RevisionDeferred,
    TradeRevised,
    TwinUpdated,
)
from gateway.domain.money import ZERO
from gateway.domain.orders import Order, Reject
from gateway.domain.reasons import RejectCode
from gateway.domain.reconciliation import Settlement
from gateway.domain.reconciliation_facts import SettlementOverruled

# Named once: see domain.orders.
_TRADE, _NEW = ExecType.TRADE, ExecType.NEW
_REVISIONS = frozenset({ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT})
_ENDS = frozenset({ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED})
#: Reports that move no order along its life, or by its terms alone.
_ASIDE = _REVISIONS | {ExecType.CANCEL_REJECTED, ExecType.REPLACE_REJECTED, ExecType.REPLACED}


def record(state: GatewayState, event: ReportsReceived) -> Decision:
    """Book reports in the order they came; what is not news leaves no fact."""
    reader = ReportReader(state, event.ts_ns, event.vwaps)
    for order in event.restored:
        reader.restore(order)
    reader.read(event.reports)
    return reader.decision()


def family_of(order: Order) -> str:
    """What a leg shares with its parent and the other legs."""
    return order.parent_id or order.order_id


class ReportReader:
    """Turns reports into facts. Several reports of one event may concern one order, and the state is not
    written until all are read, so the reader keeps the progress of each order itself."""

    def __init__(self, state: GatewayState, ts_ns: int, vwaps: Mapping[str, Decimal] | None = None) -> None:
        self.state = state
        self.ts_ns = ts_ns
        self._vwaps = vwaps or {}
        self.facts: list[Fact] = []
        self.effects: list[Effect] = []
        self._progress: dict[str, Progress] = {}
        self._restored: dict[str, Order] = {}
        self._twins: dict[tuple[str, bool], Progress] = {}
        self._revisions: dict[str, Revisions] = {}
        self._overruled: set[str] = set()

    def decision(self) -> Decision:
        """What was read, with the locks that its executions bring about."""
        facts = tuple(self._without_idle() if self._restored else self.facts)
        locks = locks_after(self.state.throttle, self.state.orders, facts)
        return Decision(facts + locks, tuple(self.effects))

    def _without_idle(self) -> list[Fact]:
        """Who was brought back for nothing new stays where he was: venues tell a day's executions at every connect."""
        said = {getattr(fact, "order_id", "") for fact in self.facts}
        families = {family_of(one) for order_id, one in self._restored.items() if order_id in said}
        return [fact for fact in self.facts if not isinstance(fact, OrderRestored) or family_of(fact.order) in families]

    def restore(self, order: Order) -> None:
        if order.order_id not in self.state.orders and self._restored.setdefault(order.order_id, order) is order:
            self.facts.append(OrderRestored(ts_ns=self.ts_ns, order=order))

    def read(self, reports: Iterable[ExecutionReport]) -> None:
        for report in reports:
            order = self.state.orders.get(report.order_id) or self._restored.get(report.order_id)
            if order is None or order.leg_ids:
                self.facts.append(ReportUnmatched(ts_ns=self.ts_ns, report=report))
            elif report.is_twin:
                self._read_twin(order, report)
            else:
                self._read_one(order, report)

    def is_done(self, order: Order) -> bool:
        """Whether the order is finished by what was read."""
        progress = self._progress.get(order.order_id)
        return progress is not None and progress.is_terminal

    def finish_changes(self, order: Order, as_of_ns: int) -> None:
        """The venue told of the order: what was asked of it and may have got lost on the way is settled now. A cancel
        is asked for again, which is safe as often as one likes; a replace that the venue does not tell of did not
        happen, and is not sent again, unless it was sent since ``as_of_ns`` (0: it was not)."""
        pending = self._progress_of(order).pending
        if pending is not None and pending.is_sent and (not as_of_ns or pending.sent_ns < as_of_ns):
            text = "the venue works the order under its old terms; send the change again if still wanted"
            self.deny_change(order, Reject(RejectStage.VENUE, RejectCode.NEVER_SENT, text, (), {}))
        if order.is_cancel_requested and not self.is_done(order):
            self.effects.extend(cancel_effects(order))

    def deny_change(self, order: Order, reject: Reject) -> None:
        """The order works on under its old terms, and so do its twins, which had the new ones at once."""
        progress = self._progress_of(order)
        if progress.pending is not None and progress.pending.is_sent:
            self.effects.extend(twin_change_effects(order, progress.terms))
        self.facts += denied(order.order_id, progress, reject, self.ts_ns)

    def _read_one(self, order: Order, report: ExecutionReport) -> None:
        kind = report.exec_type
        if kind in _ASIDE:
            self._read_aside(order, report)
            return
        progress = self._progress_of(order)
        if order.settlement is not None and self._overrules(order.settlement, progress, report):
            self._overrule(order, order.settlement, report)
        was_terminal = progress.is_terminal
        pending = progress.pending
        if not advance(progress, report):
            if report.venue_order_id and not progress.venue_order_id and not was_terminal:
                self._acknowledge(order, progress, report)
            return
        if pending is not None and pending.is_sent and progress.is_terminal:
            self.facts += proven(order, progress, pending, report, self.ts_ns)
        if kind is _TRADE:
            self._execute(order, progress, report, was_terminal)
            if order.early_revisions or self._revisions:
                self._revisions_of(order).note(fill_of(report))
                self._revise_due(order)
        elif kind is _NEW:
            self._acknowledge(order, progress, report)
        else:
            self._end(order, progress, report)

    def _overrules(self, settlement: Settlement, progress: Progress, report: ExecutionReport) -> bool:
        """Whether the venue now says something of an order that a person has settled."""
        if report.exec_type is _TRADE:
            return report.exec_id != settlement.exec_id and report.exec_id not in progress.exec_ids
        return bool(settlement.exec_id) and report.exec_type in _ENDS

    def _overrule(self, order: Order, settlement: Settlement, report: ExecutionReport) -> None:
        """The venue's word takes the place of what a person said: of the execution that he told, as much as the venue
        tells executions; all of it when the venue says that the order is over."""
        told = self._revisions_of(order).fill(settlement.exec_id)
        if told is not None:
            rest = max(told.last_qty - report.last_qty, ZERO) if report.exec_type is _TRADE else ZERO
            self._revise(
                order,
                ExecutionReport(
                    order_id=order.order_id,
                    exec_type=ExecType.TRADE_CORRECT if rest else ExecType.TRADE_CANCEL,
                    transact_ns=self.ts_ns,
                    exec_ref_id=settlement.exec_id,
                    last_qty=rest,
                    last_px=told.last_px,
                    text=f"the venue's own word takes the place of what {settlement.by} said",
                ),
            )
        elif report.exec_type is not _TRADE:
            return
        if order.order_id not in self._overruled and not settlement.is_overruled:
            text = f"settled by {settlement.by} as {settlement.settled_as}; {order.venue} says {report.exec_type}"
            overruled = msgspec.structs.replace(settlement, is_overruled=True)
            self.facts.append(
                SettlementOverruled(ts_ns=self.ts_ns, order_id=order.order_id, settlement=overruled, text=text)
            )
        self._overruled.add(order.order_id)

    def _progress_of(self, order: Order) -> Progress:
        progress = self._progress.get(order.order_id)
        if progress is None:
            progress = self._progress[order.order_id] = Progress.of(order)
        return progress

    def _revise(self, order: Order, report: ExecutionReport) -> None:
        """A bust or correction: of an execution that is known, or else one that waits until it is."""
        revisions = self._revisions_of(order)
        if revisions.is_waiting(report):
            if revisions.defer(report):
                self.facts.append(RevisionDeferred(ts_ns=self.ts_ns, order_id=order.order_id, report=report))
            return
        revised = revisions.revise(report)
        if revised is None:
            return
        progress = self._progress_of(order)
        revise(progress, revised.old, revised.new)
        self.facts.append(
            TradeRevised(
                ts_ns=self.ts_ns,
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                route=order.route,
                venue=order.venue,
                report_id=report.exec_id,
                exec_id=revised.old.exec_id,
                fill=revised.new,
                text=report.text,
                ord_status=progress.ord_status,
                cum_qty=progress.cum_qty,
                cum_value=progress.cum_value,
                broken_qty=progress.broken_qty,
            )
        )
        self._revise_due(order)

    def _revise_due(self, order: Order) -> None:
        """Something became known of the order: what waited for it is read now."""
        for report in self._revisions_of(order).take_due():
            self._revise(order, report)

    def _revisions_of(self, order: Order) -> Revisions:
        revisions = self._revisions.get(order.order_id)
        if revisions is None:
            executed = [
                fact.fill for fact in self.facts if isinstance(fact, OrderExecuted) and fact.order_id == order.order_id
            ]
            revisions = self._revisions[order.order_id] = Revisions(order, executed)
        return revisions

    def _read_aside(self, order: Order, report: ExecutionReport) -> None:
        if report.exec_type in _REVISIONS:
            self._revise(order, report)
        elif report.exec_type is ExecType.REPLACED:
            self._replaced(order, report)
        else:
            self._read_refusal(order, report)

    def _replaced(self, order: Order, report: ExecutionReport) -> None:
        progress = self._progress_of(order)
        pending = progress.pending
        facts = replaced(self.state.config, order, progress, report, self.ts_ns)
        if facts and (pending is None or progress.terms != pending.terms):
            self.effects.extend(twin_change_effects(order, progress.terms))  # they have what was asked for
        self.facts += facts

    def _read_refusal(self, order: Order, report: ExecutionReport) -> None:
        if report.exec_type is ExecType.CANCEL_REJECTED:
            if order.is_cancel_requested and order.is_open:
                self.facts.append(CancelRefused(ts_ns=self.ts_ns, order_id=order.order_id, text=report.text))
        elif self._progress_of(order).pending is not None:
            self.deny_change(order, Reject(RejectStage.VENUE, RejectCode.VENUE_REJECTED, report.text, (), {}))

    def _acknowledge(self, order: Order, progress: Progress, report: ExecutionReport) -> None:
        progress.venue_order_id = progress.venue_order_id or report.venue_order_id
        self.facts.append(
            OrderAcknowledged(ts_ns=self.ts_ns, order_id=order.order_id, venue_order_id=report.venue_order_id)
        )

    def _execute(self, order: Order, progress: Progress, report: ExecutionReport, was_terminal: bool) -> None:
        progress.venue_order_id = progress.venue_order_id or report.venue_order_id
        if order.order_id in self._overruled and progress.cum_qty >= progress.order_qty:
            progress.ord_status = OrdStatus.FILLED  # what ended it was only said by a person
        self.facts.append(
            OrderExecuted(
                ts_ns=self.ts_ns,
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                route=order.route,
                venue=order.venue,
                fill=fill_of(report),
                ord_status=progress.ord_status,
                cum_qty=progress.cum_qty,
                cum_value=progress.cum_value,
                venue_order_id=report.venue_order_id,
                is_late=was_terminal,
                is_overfill=progress.cum_qty > progress.due_qty,
                vwap_px=vwap_of(self._vwaps, order, report.transact_ns, self.ts_ns),
            )
        )
        if order.is_entry and not was_terminal and progress.ord_status is OrdStatus.FILLED:
            facts, effects = make_way_for(self.state, open_exits(self.state, order), self.ts_ns)  # they wake
            self.facts += facts
            self.effects += effects

    def _end(self, order: Order, progress: Progress, report: ExecutionReport) -> None:
        reject = None
        if report.exec_type is ExecType.REJECTED:
            reject = Reject(RejectStage.VENUE, RejectCode.VENUE_REJECTED, report.text, (), {})
        self.facts.append(
            OrderEnded(
                ts_ns=self.ts_ns,
                order_id=order.order_id,
                ord_status=progress.ord_status,
                reject=reject,
                text=report.text,
            )
        )
        if order.order_class is OrderClass.SIMPLE:
            self.effects.extend(cancel_twin_effects(order))
        else:
            self._end_group(order, is_refused=reject is not None)

    def _end_group(self, order: Order, *, is_refused: bool) -> None:
        """The same for an order with exits, or an exit: its twins play on when the other exit closed the position."""
        for ended in exits_ended(self.state, order, self.ts_ns, is_refused=is_refused):
            progress = self._progress_of(self.state.orders[ended.order_id])
            if not progress.is_terminal:
                progress.ord_status = ended.ord_status
                self.facts.append(ended)
                self.effects.extend(cancel_twin_effects(self.state.orders[ended.order_id]))
        if not is_settled_by_sibling(self.state, order, lambda one: self._progress_of(one).cum_qty):
            self.effects.extend(cancel_twin_effects(order))

    def _read_twin(self, order: Order, report: ExecutionReport) -> None:
        twin = order.second_twin if report.is_second_twin else order.twin
        if twin is None:
            self.facts.append(ReportUnmatched(ts_ns=self.ts_ns, report=report))
            return
        key = (order.order_id, report.is_second_twin)
        progress = self._twins.get(key)
        if progress is None:
            progress = self._twins[key] = Progress.of_twin(order, twin)
        if advance(progress, report):
            self.facts.append(
                TwinUpdated(
                    ts_ns=self.ts_ns,
                    order_id=order.order_id,
                    report=report,
                    ord_status=progress.ord_status,
                )
            )
