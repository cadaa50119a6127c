"""Everything the gateway remembers, and what is derived from it.

``GatewayState`` is written by ``core.apply`` only. What can be rebuilt (aggregates per scope, indexes, compiled
limits) is not part of the checkpoint and not part of the state hash: ``restore`` rebuilds it, so a drift between
an aggregate and what it sums would show as a difference between a running and a restarted gateway.
"""

import hashlib
from collections import OrderedDict
from decimal import Decimal

import msgspec

from gateway.core.ledger.memory import Ledger, LedgerSnapshot, restored
from gateway.core.risk.correlation import NO_NEIGHBOURS, Neighbours
from gateway.core.risk.exposure import Book, CycleUse, Highs, hold_order, place_position
from gateway.core.risk.plan import RiskPlan, compile_limits
from gateway.core.risk.smaller import smaller
from gateway.core.throttle.memory import ThrottleMemory, ThrottleSnapshot
from gateway.core.trading.flattens import Flatten
from gateway.core.trading.states import TradingStates, TradingStop
from gateway.core.trading.trips import Breakers
from gateway.domain.breakers import BreakerAction
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Mode, Route
from gateway.domain.figures import RiskFigures
from gateway.domain.money import ONE, ZERO, ratio
from gateway.domain.orders import Order
from gateway.domain.overrides import Override
from gateway.domain.positions import Position
from gateway.domain.sessions import Approval, Session

# Named once: see domain.orders.
_LIVE = Route.LIVE
_SHADOW_MODE = Mode.SHADOW


class Cycles(msgspec.Struct):
    """The cycles of one position key: the last number drawn, and the running one of either route."""

    last: int = 0
    live: CycleUse = msgspec.field(default_factory=CycleUse)
    shadow: CycleUse = msgspec.field(default_factory=CycleUse)

    def of(self, route: Route) -> CycleUse:
        return self.live if route is _LIVE else self.shadow


class VenueUse(msgspec.Struct):
    """What canary caps and the measured share count per venue."""

    cycles_live: int = 0
    cycles_shadow: int = 0
    #: The venue's current trading day, in days since the epoch.
    day: int = 0
    #: Live opening orders admitted on that day.
    live_orders_today: int = 0
    #: Those that are held and not admitted yet: the policy is being asked.
    live_orders_waiting: int = 0
    is_connected: bool = True
    text: str = ""
    since_ns: int = 0


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
    session: Session | None
    statistics: dict[str, dict[str, int]]
    approvals: dict[str, Approval] = {}
    rates: dict[str, Decimal]
    ledger: LedgerSnapshot
    overrides: dict[str, Override] = {}
    figures: RiskFigures | None = None
    snapshot_ns: int = 0
    throttle: ThrottleSnapshot = msgspec.field(default_factory=ThrottleSnapshot)


class GatewayState:
    """The one mutable object of the core; see the module's docstring for who may write it."""

    __slots__ = (
        "_modes",
        "_slower_plans",
        "approvals",
        "approved_symbols",
        "books",
        "breakers",
        "client_ids",
        "closed_ids",
        "config",
        "control_epoch",
        "cycles",
        "day",
        "figures",
        "flattens",
        "ledger",
        "neighbours",
        "orders",
        "overrides",
        "rates",
        "risk_plan",
        "session",
        "snapshot_ns",
        "statistics",
        "throttle",
        "trading",
        "venues",
    )

    def __init__(self) -> None:
        self.config = TradingConfig(revision="")
        #: What is stopped, in which scope, by whom.
        self.trading = TradingStates()
        #: Commands to close positions: those under way, and the last that ended.
        self.flattens: dict[str, Flatten] = {}
        #: Circuit breakers that are tripped, and what they are measured on.
        self.breakers = Breakers()
        #: Moves whenever mode, limits, trading state or session do: a verdict from before is decided again.
        self.control_epoch = 0
        #: The gateway's current trading day, in days since the epoch; venues have days of their own.
        self.day = 0
        #: Open orders, and the last finished ones.
        self.orders: dict[str, Order] = {}
        self.closed_ids: OrderedDict[str, None] = OrderedDict()  # which, unlike dict, finds its oldest at once
        self.client_ids: dict[tuple[str, str], str] = {}
        self.cycles: dict[str, Cycles] = {}
        self.books: dict[Route, Book] = {Route.LIVE: Book(), Route.SHADOW: Book()}
        #: What closed positions, losing streaks and corrections need to be known of the past.
        self.ledger = Ledger()
        #: The last rate of every currency that ever had one: what was earned in it stays earned without the currency
        #: in the configuration.
        self.rates: dict[str, Decimal] = {}
        self.venues: dict[str, VenueUse] = {}
        self.session: Session | None = None
        #: Rules that people lifted for certain orders and a short time, oldest first.
        self.overrides: dict[str, Override] = {}
        #: What people approved beforehand, by the revision of the configuration.
        self.approvals: dict[str, Approval] = {}
        self.statistics: dict[str, dict[str, int]] = {}
        #: Volatility, correlations and tail risk as last computed; None until they first are.
        self.figures: RiskFigures | None = None
        #: When the last portfolio snapshot was taken.
        self.snapshot_ns = 0
        self.neighbours = NO_NEIGHBOURS
        self.throttle = ThrottleMemory()
        self.risk_plan: RiskPlan = compile_limits(self.config.limits, self.config.instruments)
        self.approved_symbols: frozenset[str] | None = None
        self._modes: dict[str, Mode] = {}
        #: Limits made smaller by breakers, by their factor.
        self._slower_plans: dict[Decimal, RiskPlan] = {}

    def mode_of(self, venue: str) -> Mode:
        """The effective mode of a venue; one that is not configured is SHADOW."""
        return self._modes.get(venue, _SHADOW_MODE)

    def take_config(self, config: TradingConfig) -> None:
        """Put ``config`` in force, with what is compiled from it once so that no order pays for it."""
        self.config = config
        self.rates = {**self.rates, **config.rates}
        self.risk_plan = compile_limits(config.limits, config.instruments)
        self.take_figures(self.figures)
        self.throttle.take_config(config.throttles, self.open_orders())
        self.take_trips()
        self.approved_symbols = None if config.approved_symbols is None else frozenset(config.approved_symbols)
        self._modes = {venue: config.effective_mode(venue) for venue in config.venues}

    def take_figures(self, figures: RiskFigures | None) -> None:
        """Keep ``figures`` as the newest, with what limits ask of them."""
        self.figures = figures
        self.neighbours = Neighbours(figures, self.risk_plan.correlation_threshold)

    def take_trips(self) -> None:
        """Let the breakers that are tripped now count, and compile the smaller limits that they ask for."""
        trips = sorted(self.breakers.trips.values(), key=lambda trip: trip.trip_id)
        self.trading.take_trips(trips)
        factors = {trip.size_factor for trip in trips if trip.action is BreakerAction.REDUCE_SIZE}
        self._slower_plans = {
            factor: compile_limits(smaller(self.config.limits, factor), self.config.instruments) for factor in factors
        }

    def plan_for(self, order: Order) -> RiskPlan:
        """The limits that an order of new risk is measured by: smaller ones while a breaker says so."""
        trip = self.trading.slowest(order)
        return self.risk_plan if trip is None else self._slower_plans[trip.size_factor]

    def find_client_order(self, account: str, cl_ord_id: str) -> Order | None:
        """The order in memory that has this client id in this account."""
        order_id = self.client_ids.get((account, cl_ord_id))
        return None if order_id is None else self.orders[order_id]

    def granted_overrides(self) -> list[Override]:
        """Overrides that are not over, the oldest first: the same in any process, however the map was filled."""
        return sorted(self.overrides.values(), key=lambda one: (one.granted_ns, one.override_id))

    def running_flattens(self) -> list[Flatten]:
        """Commands to close positions that are under way, oldest first."""
        running = [one for one in self.flattens.values() if one.is_running]
        running.sort(key=lambda one: (one.started_ns, one.order.flatten_id))
        return running

    def legs_of(self, order: Order) -> list[Order]:
        return [self.orders[leg_id] for leg_id in order.leg_ids if leg_id in self.orders]

    def equity(self, route: Route, account: str) -> Decimal:
        """Cash and positions of one account in one book, base currency, at the marks last observed."""
        config = self.config.accounts.get(account)
        initial = ZERO if config is None else config.initial_cash
        use = self.books[route].accounts.get(account)
        return initial if use is None else initial + use.pnl

    def drawdown(self, route: Route, account: str | None) -> Decimal:
        """How far equity is below its peak, as a share of the peak, of one account or (None) of all; 0 at the peak.

        1 when what was there at the peak is gone. Cash that is paid in or out moves equity and peak alike.
        """
        book = self.books[route]
        if account is None:
            use, initial = book.gateway, sum((one.initial_cash for one in self.config.accounts.values()), ZERO)
        else:
            found, config = book.accounts.get(account), self.config.accounts.get(account)
            if found is None:
                return ZERO
            use, initial = found, ZERO if config is None else config.initial_cash
        peak = initial + use.peak_pnl
        if peak <= 0:
            return ONE if use.drawdown else ZERO
        return ratio(use.drawdown, peak)

    def is_new_day(self, venue: str, day: int) -> bool:
        """Whether ``day`` is later than the last trading day that began at the venue."""
        use = self.venues.get(venue)
        return use is None or day > use.day

    def open_orders(self) -> list[Order]:
        """Everything that may still trade, oldest first: the same in any process, however its maps were filled."""
        found = [order for order in self.orders.values() if order.is_open and order.route is not Route.SPLIT]
        found.sort(key=lambda order: (order.created_ns, order.order_id))
        return found


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
        highs={route.value: book.highs() for route, book in state.books.items()},
        venues=state.venues,
        session=state.session,
        approvals=state.approvals,
        overrides=state.overrides,
        statistics=state.statistics,
        rates=state.rates,
        ledger=state.ledger.snapshot(),
        throttle=state.throttle.snapshot(),
        figures=state.figures,
        snapshot_ns=state.snapshot_ns,
    )


def _without_derived(cycles: Cycles) -> Cycles:
    """Only the numbers: what open orders use of a cycle is rebuilt from them."""
    return Cycles(cycles.last, CycleUse(cycles.live.cycle), CycleUse(cycles.shadow.cycle))


def restore(snapshot: Snapshot) -> GatewayState:
    """A state that owns the snapshot's objects, with everything derived rebuilt from them."""
    state = GatewayState()
    state.breakers = snapshot.breakers
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
    state.overrides = snapshot.overrides
    state.statistics = snapshot.statistics
    state.take_figures(snapshot.figures)
    state.snapshot_ns = snapshot.snapshot_ns
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
    return msgspec.json.encode(take_snapshot(state), order="deterministic")


def decode_snapshot(data: bytes) -> GatewayState:
    return restore(msgspec.json.decode(data, type=Snapshot))


def state_hash(state: GatewayState) -> str:
    """blake2b-256 over the canonical bytes of the state."""
    return hash_of(encode_snapshot(state))


def hash_of(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=32).hexdigest()
