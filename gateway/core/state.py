"""Everything the gateway remembers, and what is derived from it.

``GatewayState`` is written by ``core.apply`` only. What can be rebuilt (aggregates per scope, indexes, compiled
limits) is not part of the checkpoint and not part of the state hash: see ``core.checkpoint``.
"""

from collections import OrderedDict
from decimal import Decimal

import msgspec

from gateway.core.alert_book import AlertBook
from gateway.core.evidence.memory import VenueRollout
from gateway.core.ledger.memory import Ledger
from gateway.core.risk.correlation import NO_NEIGHBOURS, Neighbours
from gateway.core.risk.exposure import Book, CycleUse
from gateway.core.risk.plan import RiskPlan, compile_limits
from gateway.core.risk.smaller import smaller
from gateway.core.throttle.memory import ThrottleMemory
from gateway.core.trading.agreements import VenueAgreement, stops_of
from gateway.core.trading.flattens import Flatten
from gateway.core.trading.states import TradingStates
from gateway.core.trading.trips import Breakers
from gateway.domain.breakers import BreakerAction
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Mode, Route
from gateway.domain.figures import RiskFigures
from gateway.domain.money import ONE, ZERO, ratio
from gateway.domain.orders import Order
from gateway.domain.overrides import Override
from gateway.domain.rollout import CanaryCaps
from gateway.domain.rollout_facts import HeardAlert
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

    #: The cycles that were opened under the share ``cycles_weight_bp``; those of before it tell nothing of it.
    cycles_live: int = 0
    cycles_shadow: int = 0
    cycles_weight_bp: int = 0
    #: The venue's current trading day, in days since the epoch.
    day: int = 0
    #: Live opening orders admitted on that day.
    live_orders_today: int = 0
    #: Those that are held and not admitted yet: the policy is being asked.
    live_orders_waiting: int = 0
    #: Their value, and what live opening orders would have more under terms that are asked for.
    live_value_waiting: Decimal = ZERO
    is_connected: bool = True
    text: str = ""
    since_ns: int = 0

    def cycles_at(self, weight_bp: int) -> tuple[int, int]:
        """Live and shadow cycles opened since this share holds; none when nothing was opened under it yet."""
        return (self.cycles_live, self.cycles_shadow) if weight_bp == self.cycles_weight_bp else (0, 0)


class GatewayState:
    """The one mutable object of the core; see the module's docstring for who may write it."""

    __slots__ = (
        "_after",
        "_caps",
        "_modes",
        "_slower_plans",
        "_weights",
        "agreements",
        "alerts",
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
        "heard_alerts",
        "ledger",
        "neighbours",
        "orders",
        "overrides",
        "rates",
        "risk_plan",
        "rollouts",
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
        #: Evidence and progress of each venue's rollout.
        self.rollouts: dict[str, VenueRollout] = {}
        #: The alerts that Alertmanager told of, by fingerprint.
        self.heard_alerts: dict[str, HeardAlert] = {}
        self.session: Session | None = None
        #: Rules that people lifted for certain orders and a short time, oldest first.
        self.overrides: dict[str, Override] = {}
        #: What people approved beforehand, by the revision of the configuration.
        self.approvals: dict[str, Approval] = {}
        #: How each venue agrees with the books.
        self.agreements: dict[str, VenueAgreement] = {}
        self.statistics: dict[str, dict[str, int]] = {}
        #: Volatility, correlations and tail risk as last computed; None until they first are.
        self.figures: RiskFigures | None = None
        #: When the last portfolio snapshot was taken.
        self.snapshot_ns = 0
        #: What a person should know of at once.
        self.alerts = AlertBook()
        self.neighbours = NO_NEIGHBOURS
        self.throttle = ThrottleMemory()
        self.risk_plan: RiskPlan = compile_limits(self.config.limits, self.config.instruments)
        self.approved_symbols: frozenset[str] | None = None
        #: What is in force per venue: mode, share in basis points, and caps.
        self._modes: dict[str, Mode] = {}
        self._weights: dict[str, int] = {}
        self._caps: dict[str, CanaryCaps] = {}
        #: Where an override of the rollout is in force: until when, and what is from then on, before a fact tells.
        self._after: dict[str, tuple[int, Mode, int, CanaryCaps | None]] = {}
        #: Limits made smaller by breakers, by their factor.
        self._slower_plans: dict[Decimal, RiskPlan] = {}

    def mode_of(self, venue: str, at_ns: int = 0) -> Mode:
        """The mode in force of a venue: a hold or an override of its rollout goes before the configuration. One that
        is not configured is SHADOW. A decision gives its time ``at_ns``: an override is over when its time is."""
        if self._after and self.has_ended_override(venue, 0, at_ns):
            return self._after[venue][1]
        return self._modes.get(venue, _SHADOW_MODE)

    def weight_bp(self, venue: str, at_ns: int = 0) -> int:
        """The share of new cycles of a venue that goes live now, in basis points."""
        if self._after and self.has_ended_override(venue, 0, at_ns):
            return self._after[venue][2]
        return self._weights.get(venue, 0)

    def caps_of(self, venue: str, at_ns: int = 0) -> CanaryCaps | None:
        """What the canary of a venue may risk, by configuration and step; None when there is no cap."""
        if self._after and self.has_ended_override(venue, 0, at_ns):
            return self._after[venue][3]
        return self._caps.get(venue)

    def has_ended_override(self, venue: str, since_ns: int, at_ns: int) -> bool:
        """Whether the time of an override of a venue's rollout ended between the two."""
        after = self._after.get(venue)
        return after is not None and since_ns < after[0] <= at_ns

    def take_modes(self) -> None:
        """Work out mode, share and caps of every venue, once for all orders."""
        config = self.config
        self._modes, self._weights, self._caps, self._after = {}, {}, {}, {}
        for venue in config.venues:
            mode, weight = config.effective_mode(venue), config.weight_bp(venue)
            rollout = self.rollouts.get(venue)
            if rollout is not None and rollout.hold is not None:
                mode, weight = _SHADOW_MODE, 0
            elif rollout is not None and rollout.override is not None:
                after = config.rollout.caps_at(venue, config.rollout.position_of(mode, weight))
                self._after[venue] = rollout.override.expires_ns, mode, weight, after
                mode, weight = rollout.override.mode, rollout.override.weight_bp
            self._modes[venue], self._weights[venue] = mode, weight
            caps = config.rollout.caps_at(venue, config.rollout.position_of(mode, weight))
            if caps is not None:
                self._caps[venue] = caps

    def take_config(self, config: TradingConfig) -> None:
        """Put ``config`` in force, with what is compiled from it once so that no order pays for it."""
        self.config = config
        self.rates = {**self.rates, **config.rates}
        self.risk_plan = compile_limits(config.limits, config.instruments)
        self.take_figures(self.figures)
        self.throttle.take_config(config.throttles, self.open_orders())
        self.take_trips()
        self.approved_symbols = None if config.approved_symbols is None else frozenset(config.approved_symbols)
        self.take_modes()

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

    def take_drifts(self) -> None:
        """Let the differences that nobody accepted, and no others, hold their symbols to closing."""
        self.trading.take_drifts(stops_of(self.agreements))

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
