"""Executions that a venue lists against those that are booked: which are missing, and which are told otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from gateway.core.state import GatewayState
from gateway.domain.enums import ExecType, OrdStatus, Route
from gateway.domain.executions import ExecutionReport, Fill
from gateway.domain.orders import Order
from gateway.domain.reconciliation import ExecutionDifference
from gateway.domain.venue_account import VenueExecution, VenueOrder

_LIVE = Route.LIVE
_FOUND = "found by reconciliation"


class KnownOrders:
    """Our live orders at one venue by either id: those in memory, and those that the archive was asked for.

    Ours is enough; the venue's is one of a symbol, for exchanges count their orders anew in each (Binance).
    """

    def __init__(self, state: GatewayState, venue: str, archived: Mapping[str, Order]) -> None:
        agreement = state.agreements.get(venue)
        self._foreign = frozenset() if agreement is None else agreement.foreign.keys()
        live = [one for one in state.orders.values() if one.venue == venue and one.route is _LIVE]
        self._by_id = {**archived, **{one.order_id: one for one in live}}
        self._instruments = state.config.instruments
        self._by_venue_id: dict[str, list[Order]] = {}
        for one in self._by_id.values():
            if one.venue_order_id:
                self._by_venue_id.setdefault(one.venue_order_id, []).append(one)
        sent = [one for one in live if one.is_open and one.is_admitted and not one.leg_ids]
        self._nameless = [one for one in sent if is_under_way(one) and not one.venue_order_id]

    def by_id(self, order_id: str) -> Order | None:
        return self._by_id.get(order_id)

    def find(self, one: VenueOrder | VenueExecution) -> Order | None:
        """The order that this is, or is an execution of. A symbol that is not traded here any more is told by the
        venue's own name."""
        named = self._by_id.get(one.order_id)
        if named is not None:
            return named
        of_id = self._by_venue_id.get(one.venue_order_id, ())
        is_traded = one.symbol in self._instruments
        return next((own for own in of_id if own.symbol == one.symbol or not is_traded), None)

    def may_be_own(self, one: VenueOrder | VenueExecution, qty: Decimal) -> bool:
        """Whether what carries no id of its sender may belong to an order of ours of which the venue has not told yet
        under which id of its own it has it. Once that order is found or settled, it is one or the other."""
        if one.order_id or one.venue_order_id in self._foreign:
            return False
        return any((own.symbol, own.side) == (one.symbol, one.side) and qty <= own.order_qty for own in self._nameless)


def is_under_way(order: Order) -> bool:
    """Whether the venue has not said yet what it makes of an order that was sent."""
    return order.is_in_doubt or order.ord_status is OrdStatus.PENDING_NEW


def missing(executions: Sequence[VenueExecution], known: KnownOrders) -> Iterator[ExecutionReport]:
    """Executions of our orders that are not booked, as the reports that would have told them."""
    for one in executions:
        order = known.find(one)
        if order is None or one.exec_id in order.revisions:
            continue
        if any(one.exec_id == fill.exec_id for fill in (*order.fills, *order.busted)):
            continue
        yield ExecutionReport(
            order_id=order.order_id,
            exec_type=ExecType.TRADE,
            transact_ns=one.transact_ns,
            exec_id=one.exec_id,
            last_qty=one.last_qty,
            last_px=one.last_px,
            fee=one.fee,
            fee_currency=one.fee_currency,
            is_maker=one.is_maker,
            venue_order_id=one.venue_order_id,
            text=_FOUND,
        )


def differing(venue: str, executions: Sequence[VenueExecution], known: KnownOrders) -> Iterator[ExecutionDifference]:
    """Executions of our orders that are booked, and that the venue tells with other terms.

    One that is not listed any more is none of them: lists end, and that proves nothing. What a bust changed that nobody
    told of shows in what the venue holds.
    """
    for one in executions:
        order = known.find(one)
        fill = None if order is None else next((fill for fill in order.fills if fill.exec_id == one.exec_id), None)
        if order is None or fill is None or _is_as_booked(fill, one):
            continue
        yield ExecutionDifference(
            venue=venue,
            symbol=order.symbol,
            order_id=order.order_id,
            exec_id=one.exec_id,
            booked_qty=fill.last_qty,
            booked_px=fill.last_px,
            venue_qty=one.last_qty,
            venue_px=one.last_px,
            transact_ns=max(one.transact_ns, fill.transact_ns, fill.revised_ns),
            fee=one.fee,
            fee_currency=one.fee_currency,
            is_corrected=bool(fill.revised_ns),
        )


def _is_as_booked(fill: Fill, one: VenueExecution) -> bool:
    if (fill.last_qty, fill.last_px) != (one.last_qty, one.last_px):
        return False
    if not one.fee and (not one.fee_currency or not fill.fee):
        return True  # no fee is told, or none was charged
    return (fill.fee, fill.fee_currency) == (one.fee, one.fee_currency)


def correction_of(one: ExecutionDifference) -> ExecutionReport:
    """The correction that the venue must have made and nobody told of."""
    return ExecutionReport(
        order_id=one.order_id,
        exec_type=ExecType.TRADE_CORRECT,
        transact_ns=one.transact_ns,
        exec_ref_id=one.exec_id,
        last_qty=one.venue_qty,
        last_px=one.venue_px,
        fee=one.fee,
        fee_currency=one.fee_currency,
        text=_FOUND,
    )
