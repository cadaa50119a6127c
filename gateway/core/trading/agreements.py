"""What is remembered of how each venue agrees with the books. Part of the state; written by ``core.apply`` only."""

from collections import OrderedDict
from decimal import Decimal

import msgspec

from gateway.core.trading.states import TradingStop
from gateway.domain.enums import Role, Route, ScopeKind, TradingState
from gateway.domain.money import ZERO, plain
from gateway.domain.orders import Actor, Order
from gateway.domain.reconciliation import ExecutionDifference, ForeignOrder, HoldingDrift

#: Orders of others that are done are remembered, so that their executions are told of once; at most so many a venue.
_REMEMBERED = 1_000
_LIVE = Route.LIVE  # named once: see domain.orders
_SYSTEM = Actor("reconciliation", Role.ADMIN)


class VenueAgreement(msgspec.Struct):
    """One venue. Keys are symbols, or assets where the venue tells balances."""

    #: When the last live execution in each symbol was booked.
    executed_ns: dict[str, int] = {}
    #: What people accepted that the venue holds beyond the live book.
    bases: dict[str, Decimal] = {}
    #: Differences that nobody accepted yet.
    drifts: dict[str, HoldingDrift] = {}
    #: Orders that did not come through this gateway, by the venue's id.
    foreign: dict[str, ForeignOrder] = {}
    #: Executions of ours that the venue tells otherwise than they are booked.
    differing: tuple[ExecutionDifference, ...] = ()

    def base(self, key: str) -> Decimal:
        return self.bases.get(key, ZERO)

    def last_executed_ns(self, symbols: tuple[str, ...]) -> int:
        """When the last of these traded; with none given, when anything did at this venue."""
        found = (self.executed_ns.get(symbol, 0) for symbol in symbols or self.executed_ns)
        return max(found, default=0)

    def accept(self, key: str, base: Decimal) -> None:
        """Let the holding count as explained."""
        self.drifts.pop(key, None)
        if base:
            self.bases[key] = base
        else:
            self.bases.pop(key, None)

    def note_foreign(self, order: ForeignOrder) -> None:
        self.foreign[order.venue_order_id] = order
        if len(self.foreign) > _REMEMBERED:
            # By time: a state that came from a checkpoint holds its maps in another order.
            known = self.foreign.values()
            oldest = min(known, key=lambda one: (one.is_open, one.since_ns, one.venue_order_id))
            del self.foreign[oldest.venue_order_id]

    def forget_foreign(self, venue_order_id: str) -> None:
        """It is not open any more; that it was there is remembered."""
        order = self.foreign.get(venue_order_id)
        if order is not None:
            self.foreign[venue_order_id] = msgspec.structs.replace(order, is_open=False)


def agreement_of(agreements: dict[str, VenueAgreement], venue: str) -> VenueAgreement:
    """That with ``venue``, begun when new."""
    found = agreements.get(venue)
    if found is None:
        found = agreements[venue] = VenueAgreement()
    return found


def note_executed(agreements: dict[str, VenueAgreement], order: Order, ts_ns: int) -> None:
    """A live execution was booked, or what was booked of one changed."""
    if order.route is _LIVE:
        agreement_of(agreements, order.venue).executed_ns[order.symbol] = ts_ns


def stops_of(agreements: dict[str, VenueAgreement]) -> list[TradingStop]:
    """What unexplained differences stop: new risk in their symbols, in the live book."""
    found: OrderedDict[str, TradingStop] = OrderedDict()
    for venue in sorted(agreements):
        for drift in sorted(agreements[venue].drifts.values(), key=lambda one: one.symbol):
            for symbol in drift.symbols:
                found.setdefault(symbol, _stop_of(drift, symbol))
    return list(found.values())


def _stop_of(drift: HoldingDrift, symbol: str) -> TradingStop:
    return TradingStop(
        scope=ScopeKind.SYMBOL,
        scope_id=symbol,
        state=TradingState.REDUCING,
        actor=_SYSTEM,
        reason=words_of(drift),
        since_ns=drift.since_ns,
        book=_LIVE,
        drift_venue=drift.venue,
    )


def words_of(drift: HoldingDrift) -> str:
    """A difference in words."""
    held, expected = plain(drift.venue_qty), plain(drift.expected_qty)
    if not drift.qty:
        return (
            f"{drift.venue} holds {held} {drift.symbol} as the books say again, after a difference that nobody accepted"
        )
    return f"{drift.venue} holds {held} {drift.symbol}, the books explain {expected}"


def words_of_execution(one: ExecutionDifference) -> str:
    """An execution that is told otherwise than booked, in words."""
    booked = f"{plain(one.booked_qty)}@{plain(one.booked_px)}"
    told = f"{plain(one.venue_qty)}@{plain(one.venue_px)}"
    text = f"execution {one.exec_id} of {one.order_id} ({one.symbol}) is booked as {booked}, {one.venue} tells {told}"
    return f"{text}, after a correction of it" if one.is_corrected else text
