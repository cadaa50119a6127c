"""Put a gateway together: every constructor call, top to bottom, on one page."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path

import msgspec

from gateway.adapters.calendar import ExchangeCalendar
from gateway.adapters.clock import SystemClock
from gateway.adapters.command_files import CommandFiles
from gateway.adapters.config import StartResult
from gateway.adapters.explainer import JournalExplainer, JournalSteps
from gateway.adapters.halt_mark import FileHaltMark
from gateway.adapters.http.server import HttpServer
from gateway.adapters.journal import SqliteJournal
from gateway.adapters.marketdata.routed import RoutedMarket
from gateway.adapters.policy.live import LivePolicies
from gateway.adapters.policy.loader import PolicyLoader
from gateway.adapters.policy.promotion import judge_by_folder
from gateway.adapters.telemetry import PrometheusTelemetry, Reading
from gateway.adapters.venues.shared.budget import Budgets
from gateway.adapters.venues.simulator.sessions import next_midnight_ns
from gateway.adapters.venues.simulator.venue import SimulatorVenue
from gateway.app.alerting import Alerting
from gateway.app.candidate_gauges import candidate_readings
from gateway.app.candidate_proofs import LAST_GOOD_POLICIES, StartProofs
from gateway.app.candidates import CandidateDesk, Surroundings
from gateway.app.edits import ConfigEdits
from gateway.app.gateway import Gateway
from gateway.app.gauges import StateGauges
from gateway.app.operating_gauges import operating_gauges
from gateway.app.page import assemble_page
from gateway.app.registry import ORDER_ADAPTERS, POLICIES, declared, feed_factory, venue_factories
from gateway.app.rollout_gauges import rollout_readings
from gateway.app.start import usable_start
from gateway.app.stream_process import serve_streams
from gateway.core.state import GatewayState
from gateway.domain.instruments import Instrument
from gateway.domain.records import Record
from gateway.domain.settings import Settings
from gateway.ports.clock import Clock
from gateway.ports.market_data import MarketData
from gateway.service.agreement import AgreementDesk
from gateway.service.approvals import Approvals
from gateway.service.breakers import BreakerWatch
from gateway.service.checking import OrderChecker
from gateway.service.commands import CommandWatch
from gateway.service.controls import OperatorControls
from gateway.service.disconnects import DisconnectWatch
from gateway.service.drop_copy import DropCopyDesk
from gateway.service.engine import Engine
from gateway.service.executor import Executor, VenueSlot, VenueTable
from gateway.service.feed import Feed
from gateway.service.figures import FigureKeeper
from gateway.service.flattening import Flattener
from gateway.service.intake import Intake
from gateway.service.market_health import MarketHealth
from gateway.service.overrides import OverrideDesk
from gateway.service.reads import Reads
from gateway.service.reconciliation import Reconciler
from gateway.service.recovery import recover
from gateway.service.reload import Reloader
from gateway.service.risk_reads import RiskReader
from gateway.service.rollouts import RolloutDesk
from gateway.service.status import GatewayStatus
from gateway.service.stories import DurableTimes, Stories
from gateway.service.tasks import TaskGroup
from gateway.service.timers import Timers
from gateway.service.traded_average import TradedAverage
from gateway.service.venues import VenueFactory, VenueManager


async def build(
    start: StartResult,
    config_dir: Path,
    data_dir: Path,
    environ: Mapping[str, str],
    extra_venues: Mapping[str, VenueFactory] | None = None,
    adjust: Callable[[Settings], Settings] = lambda settings: settings,
) -> Gateway:
    """A gateway that has read its journal but not opened its door.

    ``extra_venues`` adds or replaces order adapters by name, ``adjust`` is laid over the settings now and at every
    reload (the command line's address). Raises StartRefused, JournalBroken, JournalUnavailable or OSError.
    """
    journal = await SqliteJournal.open(data_dir)
    try:
        state, last_seq = await recover(journal)
        adapters = ORDER_ADAPTERS | set(extra_venues or {})
        folder = (config_dir / start.settings.policy.path).resolve()
        judge = partial(judge_by_folder, PolicyLoader(folder, data_dir / LAST_GOOD_POLICIES))
        prove_limits = StartProofs(data_dir, start.settings.candidates).of_limits
        start = usable_start(state, start, data_dir, environ, adapters, SystemClock().now_ns(), judge, prove_limits)
        complete = partial(_complete, adjust, frozenset(extra_venues or ()))
        start = msgspec.structs.replace(start, settings=complete(start.settings))
        gateway = _assemble(
            start, complete, journal, state, last_seq, config_dir, data_dir, environ, extra_venues or {}
        )
        gateway.server.handover.launch = partial(serve_streams, data_dir)
        return gateway
    except BaseException:
        await journal.close()
        raise


def _assemble(
    start: StartResult,
    adjust: Callable[[Settings], Settings],
    journal: SqliteJournal,
    state: GatewayState,
    last_seq: int,
    config_dir: Path,
    data_dir: Path,
    environ: Mapping[str, str],
    extra_venues: Mapping[str, VenueFactory],
) -> Gateway:
    """Every constructor call, in the order in which things need each other."""
    settings = start.settings
    clock, tasks = SystemClock(), TaskGroup()
    calendar, budgets = ExchangeCalendar(), Budgets(clock)
    market = RoutedMarket(settings, feed_factory(config_dir, clock, environ, budgets), clock)
    instruments = dict(settings.trading.instruments)
    simulator = _simulator(settings, instruments, market, calendar, state, clock)
    policy = _policy(settings, config_dir, data_dir, environ)
    gauges, traded = StateGauges(clock), _traded(market)
    telemetry = PrometheusTelemetry(tuple(settings.trading.venues), gauges, partial(_vwap, traded, clock))
    telemetry.know_open_orders(state.open_orders())
    engine = _engine(state, last_seq, journal, clock, telemetry, tasks, settings)
    table = VenueTable(VenueSlot(simulator, None))
    breakers = BreakerWatch(engine, market, calendar, clock)
    executor = Executor(table, breakers.process, state, engine.find_order, journal, clock, tasks)
    executor.traded = traded
    feed, durable_times = Feed(journal, last_seq), DurableTimes(clock)
    engine.run_effects = executor.run
    flattener = Flattener(engine, market, clock)
    disconnects = DisconnectWatch(engine, lambda: reloader.settings.venues, clock)
    engine.on_durable = partial(_tell, feed, flattener, durable_times, disconnects)

    factories = venue_factories(instruments, settings, market, clock, data_dir, environ, budgets) | dict(extra_venues)
    venues = VenueManager(table, factories, executor)
    reloader = Reloader(settings, engine, venues, telemetry, clock)
    reloader.judge_promotion = policy.judge_promotion
    intake = Intake(engine, journal, policy, market, calendar, clock, telemetry, tasks)
    files = CommandFiles(data_dir)
    controls = OperatorControls(engine, FileHaltMark(data_dir), flattener, breakers, files, clock)
    reads = Reads(engine, intake, journal, journal, market, clock)
    overrides, approvals, risk = OverrideDesk(engine, clock), Approvals(engine, clock), RiskReader(engine, clock)
    rollouts = RolloutDesk(engine, clock, lambda: policy.revision)
    breakers.on_processed = rollouts.note
    rollouts.is_alerting = lambda: bool(reloader.settings.notifications)
    rollouts.build_venues = lambda: venues.build_needed(state, state.config, reloader.settings.venues)
    drop_copies = DropCopyDesk(engine, journal, controls, clock)
    reconciler = Reconciler(engine, table, journal, executor.on_reports, clock, tasks)
    figures = FigureKeeper(engine, market, clock, tasks)
    status = GatewayStatus(engine, intake, table, market, policy, clock, breakers, lambda: reloader.settings.venues)
    edits = ConfigEdits(data_dir, environ, start, adjust, engine, reloader, approvals, status, clock)
    rollouts.on_approved = edits.take_waiting
    around = Surroundings(config_dir, data_dir, environ, edits, policy, engine, clock)
    candidates = _candidates(reloader, around, approvals, status, tasks)
    prices = MarketHealth(engine, market, calendar, clock, lambda: _stale_after_ns(reloader.settings))
    alerting = Alerting(engine, status, prices, risk, clock, settings, data_dir, environ)
    gauges.bind(engine, status)
    gauges.add_group(alerting.readings)
    gauges.add_group(lambda: rollout_readings(rollouts.states()))
    gauges.add_group(operating_gauges(engine, status, prices, market, data_dir))
    page = assemble_page(
        journal, feed, market, table, calendar, policy, reloader, approvals, alerting, durable_times, clock, tasks
    )
    server = HttpServer(
        intake,
        OrderChecker(engine, intake, policy, clock),
        controls,
        approvals,
        overrides,
        drop_copies,
        AgreementDesk(engine, reconciler, clock),
        alerting.desk,
        rollouts,
        JournalSteps(data_dir),
        risk,
        candidates,
        reads,
        Stories(reads, journal, durable_times),
        JournalExplainer(data_dir),
        status,
        feed,
        market,
        clock,
        lambda: reloader.settings.principals,
        settings.server,
        telemetry,
        telemetry.page,
        page,
    )
    _add_readings(gauges, risk, approvals, intake, drop_copies, server)
    gauges.add_group(lambda: {**candidate_readings(candidates), **reconciler.readings()})
    return Gateway(
        config_dir=config_dir,
        data_dir=data_dir,
        environ=environ,
        start=start,
        clock=clock,
        tasks=tasks,
        journal=journal,
        calendar=calendar,
        market=market,
        instruments=instruments,
        simulator=simulator,
        policy=policy,
        engine=engine,
        executor=executor,
        venues=venues,
        reloader=reloader,
        edits=edits,
        intake=intake,
        controls=controls,
        status=status,
        timers=Timers(engine, venues, market, flattener, overrides, figures, breakers, alerting.desk, rollouts, clock),
        commands=CommandWatch(files, controls, engine),
        candidates=candidates,
        reconciler=reconciler,
        server=server,
        telemetry=telemetry,
        alerting=alerting,
    )


def _candidates(
    reloader: Reloader, around: Surroundings, approvals: Approvals, status: GatewayStatus, tasks: TaskGroup
) -> CandidateDesk:
    """Candidates look on, and are asked whether an edit may put in force what they were judged with."""
    desk = CandidateDesk(reloader, around, tasks)
    status.candidate_warnings = desk.warnings
    reloader.prove_limits = desk.prove_limits
    around.policy.objections = desk.policy_objections
    approvals.policies_in_force = lambda: around.policy.revision
    return desk


def _policy(settings: Settings, config_dir: Path, data_dir: Path, environ: Mapping[str, str]) -> LivePolicies:
    return LivePolicies(
        POLICIES[settings.policy.engine](settings.policy, environ),
        PolicyLoader((config_dir / settings.policy.path).resolve(), data_dir / LAST_GOOD_POLICIES),
    )


def _add_readings(
    gauges: StateGauges,
    risk: RiskReader,
    approvals: Approvals,
    intake: Intake,
    drop_copies: DropCopyDesk,
    server: HttpServer,
) -> None:
    """What metrics read of single parts of the gateway when they are scraped."""
    gauges.add("gateway_limit_use_ratio", risk.use_ratios)
    gauges.add("gateway_config_waiting", lambda: {(): float(approvals.waiting() is not None)})
    gauges.add("gateway_deferred_requests_total", lambda: intake.deferred)
    gauges.add("gateway_drop_copy_executions_total", drop_copies.counts)
    gauges.add_group(lambda: _server_readings(server))


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


def _server_readings(server: HttpServer) -> dict[str, Reading]:
    return {
        "gateway_http_requests_total": server.request_counts(),
        "gateway_http_auth_failures_total": server.auth_failures(),
        "gateway_open_streams": server.open_streams(),
    }


def _complete(adjust: Callable[[Settings], Settings], replaced: frozenset[str], settings: Settings) -> Settings:
    """``settings`` with what no file says. Of adapters that are ``replaced``, nothing is declared."""
    settings = adjust(settings)
    known = {name: venue for name, venue in settings.venues.items() if venue.adapter not in replaced}
    trading = msgspec.structs.replace(settings.trading, capabilities=declared(known))
    return msgspec.structs.replace(settings, trading=trading)


def _tell(
    feed: Feed, flattener: Flattener, durable_times: DurableTimes, disconnects: DisconnectWatch, record: Record
) -> None:
    durable_times.note(record)
    flattener.on_record(record)
    disconnects.on_record(record)
    feed.publish(record)


def _stale_after_ns(settings: Settings) -> int:
    return settings.market_data.stale_after_ms * 1_000_000


def _boundary_ns(state: GatewayState, next_ns: Callable[[str, int], int], instrument: Instrument, now_ns: int) -> int:
    """Of the exchange's day, where prices are an exchange's; a market that was made by nobody turns at midnight."""
    is_real = state.config.has_real_prices(instrument.venue)
    return next_ns(instrument.calendar, now_ns) if is_real else next_midnight_ns(instrument, now_ns)
