"""The comparison itself: one reading of a venue against the live book. Pure, and nobody acts on one result alone.

A reading takes time, and the venue goes on meanwhile. A holding is compared only when it stood still: nothing in its
symbols was booked shortly before the reading or since, no order in them is on its way, and the executions read before
the holdings are those read after them and are all booked. An order in doubt excuses what it may have filled, no more.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from gateway.core.reconciliation.executions import KnownOrders, differing, is_under_way, missing
from gateway.core.state import GatewayState
from gateway.core.trading.agreements import VenueAgreement
from gateway.domain.capabilities import Holdings, VenueCapabilities
from gateway.domain.enums import OrdStatus, Route, Side
from gateway.domain.executions import ExecutionReport
from gateway.domain.money import ZERO
from gateway.domain.orders import Order
from gateway.domain.reconciliation import ExecutionDifference, ForeignOrder
from gateway.domain.venue_account import AccountReading

_NS = 1_000_000_000
_LIVE = Route.LIVE
#: What fees may take of a quantity of the asset that was traded.
_FEES = Decimal("0.01")
OVER = "it is over in the books of this gateway, and open at the venue"
#: Of an order under the id of another one of ours, both open: a change may have left two (IB, while cut off).
SECOND = "a second order under the id of one of this gateway, and both are open at the venue"


class Holding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of the comparison. ``moved_by`` are the symbols whose executions move it.

    ``unsteady`` says why it cannot be judged now; empty when it can. ``is_fresh``: it traded so lately that the venue
    may lag; ``is_lag``: the difference is just what the latest executions come to.
    """

    symbol: str
    symbols: tuple[str, ...]
    venue_qty: Decimal
    book_qty: Decimal
    base_qty: Decimal
    moved_by: tuple[str, ...] = ()
    unsteady: str = ""
    is_fresh: bool = False
    is_lag: bool = False

    @property
    def expected_qty(self) -> Decimal:
        return self.book_qty + self.base_qty

    @property
    def qty(self) -> Decimal:
        """How much more the venue holds than it should."""
        return self.venue_qty - self.expected_qty


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What one reading showed. ``missing`` are executions of our orders that are not booked, ``differing`` those that
    are booked with other terms; ``lost_ids`` are orders that work here and are not open there; ``others`` what is held
    of things that are not traded here; ``archived`` are our orders among ``foreign`` that left memory, by id."""

    venue: str
    begun_ns: int
    ended_ns: int
    holdings: dict[str, Holding]
    foreign: dict[str, ForeignOrder]
    missing: tuple[ExecutionReport, ...]
    differing: tuple[ExecutionDifference, ...]
    lost_ids: tuple[str, ...]
    others: dict[str, Decimal] = {}
    archived: dict[str, Order] = {}


def compare(
    state: GatewayState, can: VenueCapabilities, reading: AccountReading, archived: Mapping[str, Order]
) -> Comparison:
    """Hold a reading against the live book as it is now: nothing may have been decided since the reading ended that
    is not in ``state``. ``archived`` are orders that left memory, by id."""
    venue = reading.venue
    known = KnownOrders(state, venue, archived)
    unbooked = tuple(missing(reading.executions_after, known))
    late = {report.order_id for report in unbooked}
    told_otherwise = tuple(differing(venue, reading.executions_after, known))
    # Those are corrected as soon as they are certain, and the books with them.
    late |= {one.order_id for one in told_otherwise if not one.is_corrected and not one.is_fee_only}
    agreement = state.agreements.get(venue) or VenueAgreement()
    grace_ns = state.config.reconciliation.grace_s * _NS
    doubt = _Steadiness(state, reading, agreement, known, late, grace_ns)
    holdings, others = _holdings(state, can, reading, agreement, doubt)
    foreign = _foreign(reading, known, grace_ns)
    over_ids = {one.order_id for one in foreign.values() if one.is_open}
    return Comparison(
        venue=venue,
        begun_ns=reading.begun_ns,
        ended_ns=reading.ended_ns,
        holdings=holdings,
        foreign=foreign,
        missing=unbooked,
        differing=told_otherwise,
        lost_ids=tuple(_lost(state, reading, known, late, grace_ns)),
        others=others,
        archived={order_id: one for order_id, one in archived.items() if order_id in over_ids},
    )


def _lost(
    state: GatewayState, reading: AccountReading, known: KnownOrders, late: set[str], grace_ns: int
) -> Iterator[str]:
    """Orders that worked, undisturbed, before the reading, and are not open at the venue."""
    open_ids = {own.order_id for one in reading.open_orders if (own := known.find(one)) is not None}
    for order in state.open_orders():
        if order.venue != reading.venue or order.route is not _LIVE or order.is_in_doubt or order.order_id in late:
            continue
        if order.ord_status is OrdStatus.PENDING_NEW or _changed_lately(order, reading.begun_ns - grace_ns):
            continue
        if order.order_id not in open_ids:
            yield order.order_id


def _changed_lately(order: Order, steady_ns: int) -> bool:
    """Whether the venue may not list the order because something became of it just now. That a cancel was refused is
    no such thing: a halt and a flatten ask again every other second, and an order that is gone would never be missed.
    """
    return order.updated_ns > steady_ns and not order.cancel_refused_ns


def _foreign(reading: AccountReading, known: KnownOrders, grace_ns: int) -> dict[str, ForeignOrder]:
    """Orders that are open or have executed at the venue and are none of ours; or were ours, and are over for us."""
    found: dict[str, ForeignOrder] = {}
    for one in reading.executions_after:
        if known.find(one) is None:
            if known.may_be_own(one, one.last_qty):
                continue
            key = one.venue_order_id or one.exec_id
            before = found.get(key)
            qty = one.last_qty if before is None else before.cum_qty + one.last_qty
            found[key] = ForeignOrder(
                venue=reading.venue,
                venue_order_id=key,
                symbol=one.symbol,
                side=one.side,
                order_qty=qty,
                cum_qty=qty,
                order_id=one.order_id,
                is_open=False,
                text="seen by its executions",
            )
    open_venue_ids = {one.venue_order_id for one in reading.open_orders}
    for order in reading.open_orders:
        own = known.find(order)
        if own is None and known.may_be_own(order, order.order_qty):
            continue
        is_over = own is not None and not own.is_open and own.updated_ns + grace_ns <= reading.begun_ns
        is_second = (
            own is not None
            and own.is_open
            and order.venue_order_id != own.venue_order_id
            and own.venue_order_id in open_venue_ids
        )
        if own is None or is_over or is_second:
            told = ((OVER, is_over), (SECOND, is_second), (order.text, True))
            found[order.venue_order_id] = ForeignOrder(
                venue=reading.venue,
                venue_order_id=order.venue_order_id,
                symbol=order.symbol,
                side=order.side,
                order_qty=order.order_qty,
                cum_qty=order.cum_qty,
                order_id=order.order_id or ("" if own is None else own.order_id),
                text="; ".join(text for text, holds in told if holds and text),
            )
    return found


class _Steadiness:
    """Why a holding cannot be judged by this reading."""

    def __init__(
        self,
        state: GatewayState,
        reading: AccountReading,
        agreement: VenueAgreement,
        known: KnownOrders,
        late: set[str],
        grace_ns: int,
    ) -> None:
        self._agreement = agreement
        self._steady_ns = reading.begun_ns - grace_ns
        self._executions = sorted(reading.executions_after, key=lambda one: one.transact_ns)
        at_venue = [one for one in state.orders.values() if one.venue == reading.venue and one.route is _LIVE]
        before = {one.exec_id for one in reading.executions_before}
        late_symbols = {order.symbol for order_id in late if (order := known.by_id(order_id)) is not None}
        self._in_doubt = [one for one in at_venue if one.is_open and one.is_in_doubt]
        self._reasons = (
            (
                {one.symbol for one in at_venue if one.is_admitted and is_under_way(one) and not one.is_in_doubt},
                "an order is on its way",
            ),
            (
                {one.symbol for one in reading.executions_after if one.exec_id not in before},
                "the venue executed while it was read",
            ),
            (
                late_symbols | {one.symbol for one in at_venue if _awaits_execution(state, reading, one)},
                "an execution is not booked yet",
            ),
        )

    def why(self, symbols: tuple[str, ...]) -> str:
        """Why not at all; empty when it may be."""
        return next((text for moving, text in self._reasons if moving.intersection(symbols)), "")

    def why_not_differing(self, holding: Holding, *, of_assets: bool) -> str:
        """Why a difference may be what orders in doubt have filled; empty when they cannot explain it, or there is
        none."""
        doubted = [one for one in self._in_doubt if one.symbol in holding.moved_by]
        if not doubted or not holding.qty:
            return ""
        least = sum((-one.held_qty for one in doubted if one.side is Side.SELL), ZERO)
        most = sum((one.held_qty for one in doubted if one.side is Side.BUY), ZERO)
        slack = (most - least) * _FEES if of_assets else ZERO
        is_by_fees = any(one.symbol not in holding.symbols for one in doubted)
        is_explained = is_by_fees or least - slack <= holding.qty <= most
        return "an order in doubt may have filled" if is_explained else ""

    def latest(self, symbols: tuple[str, ...]) -> set[Decimal]:
        """What the latest executions come to: the last one, the last two, and so on."""
        found, total = set(), ZERO
        for one in reversed(self._executions):
            if one.transact_ns > self._steady_ns and one.symbol in symbols:
                total += one.side.sign * one.last_qty
                found.add(total)
        return found

    def is_fresh(self, symbols: tuple[str, ...]) -> bool:
        """Whether something was booked so lately that the venue may not count it yet."""
        return self._agreement.last_executed_ns(symbols) > self._steady_ns


def _awaits_execution(state: GatewayState, reading: AccountReading, order: Order) -> bool:
    """Whether a correction waits for its execution, and has not done so for too long: then it will not come."""
    patience_ns = state.config.reconciliation.in_doubt_alert_s * _NS
    return any(one.transact_ns + patience_ns > reading.begun_ns for one in order.early_revisions)


def _holdings(
    state: GatewayState,
    can: VenueCapabilities,
    reading: AccountReading,
    agreement: VenueAgreement,
    doubt: _Steadiness,
) -> tuple[dict[str, Holding], dict[str, Decimal]]:
    """Every holding that is traded here, and what else the venue holds."""
    if can.holdings is Holdings.NONE:
        return {}, {}
    told: dict[str, Decimal] = {}
    for position in reading.positions:
        told[position.symbol] = told.get(position.symbol, ZERO) + position.qty
    of_assets = can.holdings is Holdings.BALANCES
    keys = asset_keys(state, reading.venue) if of_assets else symbol_keys(state, reading.venue)
    found: dict[str, Holding] = {}
    for key, symbols in sorted(keys.items()):
        moved_by = (*symbols, *_paying(state, reading.venue, key)) if of_assets else symbols
        found[key] = Holding(
            symbol=key,
            symbols=symbols,
            venue_qty=told.pop(key, ZERO),
            book_qty=book_qty(state, reading.venue, key, symbols, of_assets=of_assets),
            base_qty=agreement.base(key),
            moved_by=moved_by,
            unsteady=doubt.why(moved_by),
            is_fresh=doubt.is_fresh(moved_by),
        )
        found[key] = msgspec.structs.replace(
            found[key],
            is_lag=-found[key].qty in doubt.latest(symbols),
            unsteady=found[key].unsteady or doubt.why_not_differing(found[key], of_assets=of_assets),
        )
    return found, told


def symbol_keys(state: GatewayState, venue: str) -> dict[str, tuple[str, ...]]:
    """Every instrument of the venue, and what is held there of others."""
    own = (one.symbol for one in state.config.instruments.values() if one.venue == venue)
    held = (one.symbol for one in state.books[_LIVE].positions.values() if one.venue == venue and one.qty)
    return {symbol: (symbol,) for symbol in (*own, *held)}


def asset_keys(state: GatewayState, venue: str) -> dict[str, tuple[str, ...]]:
    """Every asset that is bought and sold at the venue, with the symbols in which it is.

    What others are paid in is left out: it also moves with deposits, and with the price of every trade.
    """
    found: dict[str, tuple[str, ...]] = {}
    symbols = sorted(symbol_keys(state, venue))
    paid_in = {symbol.partition("/")[2].partition(":")[0] for symbol in symbols}
    for symbol in symbols:
        asset, _, rest = symbol.partition("/")
        if asset not in paid_in and ":" not in rest:  # a contract is no coin
            found[asset] = (*found.get(asset, ()), symbol)
    return found


def _paying(state: GatewayState, venue: str, asset: str) -> tuple[str, ...]:
    """Symbols whose trades cost fees in the asset."""
    live = state.books[_LIVE].positions.values()
    return tuple(sorted({one.symbol for one in live if one.venue == venue and asset in one.fees_paid}))


def book_qty(state: GatewayState, venue: str, key: str, symbols: tuple[str, ...], *, of_assets: bool) -> Decimal:
    """What the live book holds of it, over all accounts and strategies; of an asset, less the fees paid in it."""
    total = ZERO
    for position in state.books[_LIVE].positions.values():
        if position.venue == venue:
            if position.symbol in symbols:
                total += position.qty
            if of_assets:
                total -= position.fees_paid.get(key, ZERO)
    return total
