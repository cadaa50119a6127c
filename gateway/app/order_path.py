"""Put the order path together: what takes an order from a request to a venue, and what becomes of it into facts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

from gateway.adapters.calendar import ExchangeCalendar
from gateway.adapters.clock import SystemClock
from gateway.adapters.journal import SqliteJournal
from gateway.adapters.marketdata.routed import RoutedMarket
from gateway.adapters.policy.gate import Gate
from gateway.adapters.policy.live import LivePolicies
from gateway.adapters.policy.loader import PolicyLoader
from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.adapters.venues.shared.budget import Budgets
from gateway.adapters.venues.simulator.sessions import next_midnight_ns
from gateway.adapters.venues.simulator.venue import SimulatorVenue
from gateway.app.candidate_proofs import LAST_GOOD_POLICIES
from gateway.app.gauges import StateGauges
from gateway.app.registry import POLICIES, feed_factory, load_adapter, venue_factories
from gateway.core.state import GatewayState
from gateway.domain.instruments import Instrument
from gateway.domain.records import Record
from gateway.domain.settings import Settings
from gateway.ports.clock import Clock
from gateway.ports.market_data import MarketData
from gateway.service.breakers import BreakerWatch
from gateway.service.disconnects import DisconnectWatch
from gateway.service.engine import Engine
from gateway.service.executor import Executor
from gateway.service.feed import Feed
from gateway.service.flattening import Flattener
from gateway.service.intake import Intake
from gateway.service.reload import Reloader
from gateway.service.stories import DurableTimes
from gateway.service.tasks import TaskGroup
from gateway.service.traded_average import TradedAverage
from gateway.service.venue_table import VenueSlot, VenueTable
from gateway.service.venues import VenueFactory, VenueManager


@dataclass(frozen=True, kw_only=True)
class OrderPath:
    """Made by ``assemble_order_path`` only."""

    clock: Clock
    tasks: TaskGroup
    calendar: ExchangeCalendar
    market: RoutedMarket
    instruments: dict[str, Instrument]
    journal: SqliteJournal
    policy: LivePolicies
    gauges: StateGauges
    telemetry: PrometheusTelemetry
    engine: Engine
    breakers: BreakerWatch
    simulator: SimulatorVenue
    table: VenueTable
    executor: Executor
    feed: Feed
    durable_times: DurableTimes
    flattener: Flattener
    venues: VenueManager
    reloader: Reloader
    intake: Intake


def assemble_order_path(
    settings: Settings,
    journal: SqliteJournal,
    state: GatewayState,
    last_seq: int,
    config_dir: Path,
    data_dir: Path,
    environ: Mapping[str, str],
    extra_venues: Mapping[str, VenueFactory],
    gate: Gate,
) -> OrderPath:
    """Every constructor call, in the order in which things need each other."""
    clock, tasks = SystemClock(), TaskGroup()
    calendar, budgets = ExchangeCalendar(), Budgets(clock)
    market = RoutedMarket(settings, feed_factory(config_dir, clock, environ, budgets), clock)
    instruments = dict(settings.trading.instruments)
    simulator = _simulator(settings, instruments, market, calendar, state, clock)
    policy = _policy(settings, config_dir, data_dir, environ, gate)
    gauges, traded = StateGauges(clock), _traded(market)
    telemetry = PrometheusTelemetry(tuple(settings.trading.venues), gauges, partial(_vwap, traded, clock))
    engine = _engine(state, last_seq, journal, clock, telemetry, tasks, settings)
    breakers, table = BreakerWatch(engine, market, calendar, clock), VenueTable(VenueSlot(simulator, None))
    executor = Executor(table, breakers.process, state, engine.find_order, journal, clock, tasks)
    factories = venue_factories(instruments, settings, market, clock, data_dir, environ, budgets) | dict(extra_venues)
    venues = VenueManager(table, factories, executor, load_adapter)
    path = OrderPath(
        clock=clock,
        tasks=tasks,
        calendar=calendar,
        market=market,
        instruments=instruments,
        journal=journal,
        policy=policy,
        gauges=gauges,
        telemetry=telemetry,
        engine=engine,
        breakers=breakers,
        simulator=simulator,
        table=table,
        executor=executor,
        feed=Feed(journal, last_seq),
        durable_times=DurableTimes(clock),
        flattener=Flattener(engine, market, clock),
        venues=venues,
        reloader=Reloader(settings, engine, venues, telemetry, clock),
        intake=Intake(engine, journal, policy, market, calendar, clock, telemetry, tasks),
    )
    _connect(path, traded)
    return path


def _connect(path: OrderPath, traded: TradedAverage) -> None:
    """What calls what, where one of the two had to be made without the other."""
    engine, executor, reloader = path.engine, path.executor, path.reloader
    path.telemetry.know_open_orders(engine.state.open_orders())
    executor.traded = traded
    executor.on_connection = DisconnectWatch(engine, lambda: reloader.settings.venues, path.clock).on_connection
    engine.run_effects = executor.run
    engine.on_durable = partial(_tell, path.feed, path.flattener, path.durable_times)
    reloader.judge_promotion = path.policy.judge_promotion


def _policy(
    settings: Settings, config_dir: Path, data_dir: Path, environ: Mapping[str, str], gate: Gate
) -> LivePolicies:
    return LivePolicies(
        POLICIES[settings.policy.engine](settings.policy, environ),
        PolicyLoader(config_dir / settings.policy.path, data_dir / LAST_GOOD_POLICIES, gate),
    )


def _engine(
    state: GatewayState,
    last_seq: int,
    journal: SqliteJournal,
    clock: Clock,
    telemetry: PrometheusTelemetry,
    tasks: TaskGroup,
    settings: Settings,
) -> Engine:
    return Engine(
        state,
        last_seq,
        journal,
        clock,
        telemetry,
        tasks,
        max_batch=settings.storage.max_batch,
        checkpoint_every=settings.storage.checkpoint_every,
    )


def _simulator(
    settings: Settings,
    instruments: dict[str, Instrument],
    market: MarketData,
    calendar: ExchangeCalendar,
    state: GatewayState,
    clock: Clock,
) -> SimulatorVenue:
    """Sessions end with those of the exchanges; synthetic prices know no exchange, and their day ends at midnight."""
    return SimulatorVenue(
        instruments,
        settings.simulator,
        market,
        clock,
        session_end_ns=partial(_boundary_ns, state, calendar.session_end_ns),
        session_start_ns=partial(_boundary_ns, state, calendar.session_start_ns),
    )


def _traded(market: MarketData) -> TradedAverage:
    """The market's own average prices: what executions are held against."""
    traded = TradedAverage()
    market.listen(None, traded.on_update)
    return traded


def _vwap(traded: TradedAverage, clock: Clock, symbol: str) -> Decimal | None:
    return traded.vwap(symbol, clock.now_ns())


def _tell(feed: Feed, flattener: Flattener, durable_times: DurableTimes, record: Record) -> None:
    durable_times.note(record)
    flattener.on_record(record)
    feed.publish(record)


def _boundary_ns(state: GatewayState, next_ns: Callable[[str, int], int], instrument: Instrument, now_ns: int) -> int:
    """Of the exchange's day, where prices are an exchange's; a market that was made by nobody turns at midnight."""
    is_real = state.config.has_real_prices(instrument.venue)
    return next_ns(instrument.calendar, now_ns) if is_real else next_midnight_ns(instrument, now_ns)
