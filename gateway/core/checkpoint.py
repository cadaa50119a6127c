"""The state as a checkpoint keeps it: taken, encoded, restored, hashed.

What can be rebuilt is not part of it, so a drift between an aggregate and what it sums shows as a difference between a
running and a restarted gateway. A restored state holds its maps in the order of their keys, not of their entries: what
a decision lists from a map is put in an order of its own.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal

import msgspec

from gateway.core.alert_book import AlertBook
from gateway.core.evidence.memory import VenueRollout
from gateway.core.ledger.memory import LedgerSnapshot, restored
from gateway.core.risk.exposure import Book, CycleUse, Highs, hold_order, place_position
from gateway.core.state import Cycles, GatewayState, VenueUse
from gateway.core.throttle.memory import ThrottleSnapshot
from gateway.core.trading.agreements import VenueAgreement
from gateway.core.trading.flattens import Flatten
from gateway.core.trading.states import TradingStop
from gateway.core.trading.trips import Breakers
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Route
from gateway.domain.figures import RiskFigures
from gateway.domain.money import ZERO, plain
from gateway.domain.orders import Order
from gateway.domain.overrides import Override
from gateway.domain.positions import Position
from gateway.domain.records import Checkpoint
from gateway.domain.rollout_facts import HeardAlert
from gateway.domain.sessions import Approval, Session
from gateway.domain.whole_text import with_whole_characters


class Snapshot(msgspec.Struct, kw_only=True):
    """The state as a checkpoint keeps it. Maps hold insertion order, which folding makes deterministic."""

    version: int = 1
    config: TradingConfig | None
    stops: list[TradingStop]
    flattens: dict[str, Flatten]
    breakers: Breakers
    control_epoch: int
    day: int
    orders: dict[str, Order]
    closed_ids: list[str]
    cycles: dict[str, Cycles]
    positions: dict[str, dict[str, Position]]
    highs: dict[str, dict[str, Highs]]
    venues: dict[str, VenueUse]
    rollouts: dict[str, VenueRollout] = {}
    heard_alerts: dict[str, HeardAlert] = {}
    session: Session | None
    statistics: dict[str, dict[str, int]]
    approvals: dict[str, Approval] = {}
    agreements: dict[str, VenueAgreement] = {}
    rates: dict[str, Decimal]
    ledger: LedgerSnapshot
    overrides: dict[str, Override] = {}
    figures: RiskFigures | None = None
    snapshot_ns: int = 0
    alerts: AlertBook = msgspec.field(default_factory=AlertBook)
    throttle: ThrottleSnapshot = msgspec.field(default_factory=ThrottleSnapshot)


def take_snapshot(state: GatewayState) -> Snapshot:
    """The parts of the state that are not derived. Shares its objects with the state: encode it at once."""
    return Snapshot(
        config=state.config,
        stops=state.trading.all_stops(),
        flattens=state.flattens,
        breakers=state.breakers,
        control_epoch=state.control_epoch,
        day=state.day,
        orders=state.orders,
        closed_ids=list(state.closed_ids),
        cycles={key: _without_derived(cycles) for key, cycles in state.cycles.items()},
        positions={route.value: book.positions for route, book in state.books.items()},
        highs={route.value: _plain_highs(book) for route, book in state.books.items()},
        venues=state.venues,
        rollouts=state.rollouts,
        heard_alerts=state.heard_alerts,
        session=state.session,
        approvals=state.approvals,
        agreements=state.agreements,
        overrides=state.overrides,
        statistics=state.statistics,
        rates=state.rates,
        ledger=state.ledger.snapshot(),
        throttle=state.throttle.snapshot(),
        figures=state.figures,
        snapshot_ns=state.snapshot_ns,
        alerts=state.alerts,
    )


def _without_derived(cycles: Cycles) -> Cycles:
    """Only the numbers: what open orders use of a cycle is rebuilt from them."""
    return Cycles(cycles.last, CycleUse(cycles.live.cycle), CycleUse(cycles.shadow.cycle))


def _plain_highs(book: Book) -> dict[str, Highs]:
    """Without the zeros behind them. P&L of a scope is a running sum, and that keeps the digits of whatever passed
    through it; one that was rebuilt has those of its parts. The same amount has the same bytes."""
    return {
        name: Highs(
            peak_pnl=Decimal(plain(highs.peak_pnl)),
            peak_ns=highs.peak_ns,
            day_high_pnl=Decimal(plain(highs.day_high_pnl)),
            day_high_ns=highs.day_high_ns,
            max_drawdown=Decimal(plain(highs.max_drawdown)),
        )
        for name, highs in book.highs().items()
    }


def restore(snapshot: Snapshot) -> GatewayState:
    """A state that owns the snapshot's objects, with everything derived rebuilt from them."""
    state = GatewayState()
    state.breakers = snapshot.breakers
    state.rollouts, state.heard_alerts = snapshot.rollouts, snapshot.heard_alerts
    if snapshot.config is not None:
        state.take_config(snapshot.config)
    state.flattens = snapshot.flattens
    for stop in snapshot.stops:
        state.trading.put(stop)
    state.control_epoch = snapshot.control_epoch
    state.day = snapshot.day
    state.orders = snapshot.orders
    state.closed_ids = OrderedDict.fromkeys(snapshot.closed_ids)
    state.cycles = snapshot.cycles
    state.venues = snapshot.venues
    state.session = snapshot.session
    state.approvals = snapshot.approvals
    state.agreements = snapshot.agreements
    state.take_drifts()
    state.overrides = snapshot.overrides
    state.statistics = snapshot.statistics
    state.take_figures(snapshot.figures)
    state.snapshot_ns = snapshot.snapshot_ns
    state.alerts = snapshot.alerts
    state.throttle.restore(snapshot.throttle)
    state.rates = snapshot.rates
    positions = [position for held in snapshot.positions.values() for position in held.values()]
    state.ledger = restored(snapshot.ledger, positions)
    rebuild(state, {Route(name): held for name, held in snapshot.positions.items()})
    for name, highs in snapshot.highs.items():
        state.books[Route(name)].set_highs(highs)
    return state


def rebuild(state: GatewayState, positions: dict[Route, dict[str, Position]]) -> None:
    """Recompute every aggregate and index from positions and orders (after a restart or a change of rates)."""
    for route, held in positions.items():
        book = Book(terms=state.risk_plan.terms)
        state.books[route] = book
        for key, position in held.items():
            place_position(book, key, position, state.rates)
    for cycles in state.cycles.values():
        for use in (cycles.live, cycles.shadow):
            use.open_orders, use.closing_qty = 0, ZERO
    state.client_ids = {
        (order.account, order.cl_ord_id): order.order_id
        for order in state.orders.values()
        if order.cl_ord_id and not order.parent_id
    }
    for order in state.orders.values():
        if order.is_open and order.route is not Route.SPLIT:
            hold_order(state.books[order.route], state.cycles[order.position_key].of(order.route), order, 1)
            state.throttle.enter_price(order)


def encode_snapshot(state: GatewayState) -> bytes:
    """The canonical bytes of the state: equal states give equal bytes in any process."""
    snapshot = take_snapshot(state)
    try:
        return msgspec.json.encode(snapshot, order="deterministic")
    except UnicodeEncodeError:  # a half of a character, which the journal holds as whole ones too
        whole = msgspec.convert(with_whole_characters(msgspec.to_builtins(snapshot)), Snapshot)
        return msgspec.json.encode(whole, order="deterministic")


def decode_snapshot(data: bytes, change: Callable[[TradingConfig], TradingConfig] | None = None) -> GatewayState:
    """The state that was encoded. With ``change``, as if the configuration in it were what that makes of it."""
    snapshot = msgspec.json.decode(data, type=Snapshot)
    if change is not None and snapshot.config is not None:
        snapshot.config = change(snapshot.config)
    return restore(snapshot)


def state_hash(state: GatewayState) -> str:
    """blake2b-256 over the canonical bytes of the state."""
    return hash_of(encode_snapshot(state))


def checkpoint_of(state: GatewayState, seq: int, ts_ns: int) -> Checkpoint:
    """The state as record ``seq`` left it."""
    data = encode_snapshot(state)
    return Checkpoint(seq=seq, ts_ns=ts_ns, state=data, state_hash=hash_of(data))


def hash_of(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=32).hexdigest()
