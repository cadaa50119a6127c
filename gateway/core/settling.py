"""How an order ends whose outcome is open: by the answer to its send, by a look-up, by hand (invariant 8).

Rejected by the venue is final; unknown is in doubt. Doubt is ended by the venue, or by a person where the venue says
nothing. The venue still has the last word then: see ``core.reports``.
"""

from gateway.core.decision import NOTHING, Decision
from gateway.core.lifecycle import Progress, status_by_qty
from gateway.core.new_terms import denied
from gateway.core.order_classes import exits_ended, open_exits
from gateway.core.reports import ReportReader
from gateway.core.state import GatewayState
from gateway.core.tickets import cancel_twin_effects, lookup_effects, ticket_of, twin_change_effects
from gateway.core.trading.flattens import TOO_SMALL
from gateway.core.venue_limits import proves_absence
from gateway.domain.effects import Effect, ReleaseOrder
from gateway.domain.enums import TERMINAL_STATUSES, ExecType, OrdStatus, RejectStage, Route, SubmitStatus
from gateway.domain.events import LookupCompleted, SubmitCompleted
from gateway.domain.executions import ExecutionReport
from gateway.domain.facts import Fact, OrderAcknowledged, OrderEnded, OrderInDoubt
from gateway.domain.money import plain
from gateway.domain.orders import Order, Reject
from gateway.domain.reasons import RejectCode
from gateway.domain.reconciliation import SettleAs, Settlement
from gateway.domain.reconciliation_events import SettlementRequested
from gateway.domain.reconciliation_facts import OrderSettled


def settle_submit(state: GatewayState, event: SubmitCompleted) -> Decision:
    """A send ended. Rejected by the venue is final, and so is what we withheld; unknown is in doubt, never a rejection,
    never a resend."""
    order = state.orders.get(event.order_id)
    if order is None:
        return NOTHING
    if event.is_replace:
        return _replace_withheld(order, event)
    if event.status is SubmitStatus.UNKNOWN:
        return _doubted(state, order, event)
    if order.ord_status is not OrdStatus.PENDING_NEW:
        return NOTHING  # a report was faster
    if event.status is SubmitStatus.REJECTED:
        context = {TOO_SMALL: plain(order.order_qty)} if event.is_too_small else {}
        reject = Reject(RejectStage.VENUE, RejectCode.VENUE_REJECTED, event.text, (), context)
        return _never_taken(state, order, OrdStatus.REJECTED, reject, event.ts_ns)
    if event.status is SubmitStatus.WITHHELD:
        return _never_taken(state, order, OrdStatus.CANCELED, _withheld(event), event.ts_ns)
    return NOTHING


def _withheld(event: SubmitCompleted) -> Reject:
    return Reject(RejectStage.ROUTER, RejectCode.WITHHELD, event.text, (), {})


def _never_sent(text: str) -> Reject:
    return Reject(RejectStage.VENUE, RejectCode.NEVER_SENT, text, (), {})


def _replace_withheld(order: Order, event: SubmitCompleted) -> Decision:
    """New terms did not leave: the order works on under the old ones."""
    if event.status is not SubmitStatus.WITHHELD or order.pending_replace is None:
        return NOTHING
    progress = Progress.of(order)
    facts = denied(order.order_id, progress, _withheld(event), event.ts_ns)
    return Decision(tuple(facts), twin_change_effects(order, progress.terms))


def _doubted(state: GatewayState, order: Order, event: SubmitCompleted) -> Decision:
    """What of a request nobody has told of yet is in doubt: a report may have been faster, and not for all of it."""
    facts: list[Fact] = []
    effects: list[Effect] = []
    for one in (order, *open_exits(state, order)):
        if one.ord_status is OrdStatus.PENDING_NEW and not one.is_in_doubt:
            facts.append(OrderInDoubt(ts_ns=event.ts_ns, order_id=one.order_id, text=event.text))
            effects.extend(lookup_effects(state, one))
    return Decision(tuple(facts), tuple(effects)) if facts else NOTHING


def _never_taken(
    state: GatewayState, order: Order, ord_status: OrdStatus, reject: Reject, ts_ns: int, *before: Fact
) -> Decision:
    """The venue never took an order: it is over, and so is all that was sent with it."""
    ended = OrderEnded(ts_ns=ts_ns, order_id=order.order_id, ord_status=ord_status, reject=reject, text=reject.text)
    exits = exits_ended(state, order, ts_ns, is_refused=True)
    twins = [effect for one in exits for effect in cancel_twin_effects(state.orders[one.order_id])]
    return Decision((*before, ended, *exits), (*cancel_twin_effects(order), *twins))


def settle_lookup(state: GatewayState, event: LookupCompleted) -> Decision:
    """The venue itself answered about an order. What it never had is over; what it has is brought up to date."""
    order = state.orders.get(event.order_id)
    if order is None or not order.is_open:
        return NOTHING
    if not event.is_known:
        if order.ord_status is not OrdStatus.PENDING_NEW:
            return _nothing_left(state, order, event)
        if not proves_absence(state, order, event):
            return _stays_in_doubt(order, event)
        text = "the venue does not have it: it was never sent, or never arrived; send a new order if still wanted"
        return _never_taken(state, order, OrdStatus.CANCELED, _never_sent(text), event.ts_ns)
    reader = ReportReader(state, event.ts_ns)
    reader.read(event.reports)
    if not reader.is_done(order):
        reader.finish_changes(order, event.as_of_ns)
        if order.is_in_doubt and order.ord_status is not OrdStatus.PENDING_NEW and not reader.facts:
            reader.facts.append(OrderAcknowledged(ts_ns=event.ts_ns, order_id=order.order_id, venue_order_id=""))
    return reader.decision()


def _nothing_left(state: GatewayState, order: Order, event: LookupCompleted) -> Decision:
    """It was working there: "unknown" now is no proof of anything. Only an order that filled whole by its own terms is
    over then: under the larger ones that were asked for it would still work, and be found."""
    if status_by_qty(order.cum_qty, order.order_qty, order.broken_qty) not in TERMINAL_STATUSES:
        return NOTHING
    reader = ReportReader(state, event.ts_ns)
    reader.finish_changes(order, event.as_of_ns)
    return reader.decision()


def _stays_in_doubt(order: Order, event: LookupCompleted) -> Decision:
    """The venue forgets orders: that it does not find this one proves nothing."""
    if order.is_in_doubt:
        return NOTHING
    text = f"{order.venue} does not find the order, but does not keep orders long enough to know"
    return Decision((OrderInDoubt(ts_ns=event.ts_ns, order_id=order.order_id, text=text),))


def settle_by_hand(state: GatewayState, event: SettlementRequested) -> Decision:
    """A person says what became of an order in doubt, unless the venue has said otherwise."""
    order = state.orders.get(event.order_id)
    if order is None or order.route is not Route.LIVE or not order.is_open or not order.is_in_doubt:
        text = "only a live order in doubt is settled by hand; this one is not, or no longer"
        return Decision(refusal=_refusal("ORDER_NOT_IN_DOUBT", text))
    refusal = _contradiction(order, event) or _unfit_fill(order, event)
    if refusal is not None:
        return Decision(refusal=refusal)
    is_fill = event.settle_as is SettleAs.FILLED
    settlement = Settlement(
        settled_as=event.settle_as,
        by=event.actor.name,
        reason=event.reason,
        settled_ns=event.ts_ns,
        exec_id=f"settled-{order.order_id}" if is_fill else "",
    )
    settled = OrderSettled(ts_ns=event.ts_ns, order_id=order.order_id, settlement=settlement, actor=event.actor)
    text = f"settled by {event.actor.name}: {event.reason}"
    if event.settle_as is SettleAs.NEVER_SENT:
        over = _never_taken(state, order, OrdStatus.CANCELED, _never_sent(text), event.ts_ns, settled)
        return _released(state, order, over)
    reader = ReportReader(state, event.ts_ns)
    reader.facts.append(settled)
    if order.pending_replace is not None:
        reader.deny_change(order, _refusal(RejectCode.NEVER_SENT, text))
    reader.read(_said(order, event, settlement, text))
    return _released(state, order, reader.decision())


def _released(state: GatewayState, order: Order, decision: Decision) -> Decision:
    """Nobody need ask for the order any more, nor for exits that ended with it."""
    ended = {fact.order_id: None for fact in decision.facts if isinstance(fact, OrderEnded)}
    ids = dict.fromkeys((order.order_id, *ended))
    released = tuple(ReleaseOrder(ticket=ticket_of(state.orders[order_id])) for order_id in ids)
    return Decision(decision.facts, (*decision.effects, *released))


def _said(order: Order, event: SettlementRequested, settlement: Settlement, text: str) -> tuple[ExecutionReport, ...]:
    """What a person said, as the reports that the venue owes."""
    ended = ExecutionReport(order_id=order.order_id, exec_type=ExecType.CANCELED, transact_ns=event.ts_ns, text=text)
    if event.qty is None or event.px is None:
        return (ended,)
    fill = ExecutionReport(
        order_id=order.order_id,
        exec_type=ExecType.TRADE,
        transact_ns=event.ts_ns,
        exec_id=settlement.exec_id,
        last_qty=event.qty,
        last_px=event.px,
        text=text,
    )
    return (fill,) if event.qty == order.leaves_qty else (fill, ended)


def _contradiction(order: Order, event: SettlementRequested) -> Reject | None:
    """What the venue has said of the order that the settlement denies."""
    said = event.venue_says
    if not said and event.settle_as is SettleAs.NEVER_SENT:
        if order.cum_qty:
            said = f"has filled {plain(order.cum_qty)} of it"
        elif order.venue_order_id or order.ord_status is not OrdStatus.PENDING_NEW:
            said = f"has acknowledged it{f' as {order.venue_order_id}' if order.venue_order_id else ''}"
    if not said:
        return None
    text = f"{order.venue} {said}: it cannot be settled as {event.settle_as.value}"
    return _refusal("VENUE_SAYS_OTHERWISE", text)


def _unfit_fill(order: Order, event: SettlementRequested) -> Reject | None:
    """Why the order cannot have filled so."""
    text = ""
    if event.settle_as is not SettleAs.FILLED:
        if event.qty is not None or event.px is not None:
            text = f"quantity and price belong to filled, not to {event.settle_as.value}"
    elif event.qty is None or event.px is None:
        text = "filled needs quantity and price"
    elif event.qty > order.leaves_qty:
        text = f"quantity {plain(event.qty)} is more than can still fill, {plain(order.leaves_qty)}"
    elif order.limit_px is not None and (event.px - order.limit_px) * order.side.sign > 0:
        text = f"price {plain(event.px)} is beyond the limit {plain(order.limit_px)} of this {order.side.value} order"
    return _refusal("SETTLEMENT_UNFIT", text) if text else None


def _refusal(code: str, text: str) -> Reject:
    return Reject(RejectStage.INTAKE, code, text, (), {})
