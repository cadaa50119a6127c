"""Put a gateway together: around the order path (``order_path``) the desks, the door, and what happens by the clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from gateway.adapters.clock import SystemClock
from gateway.adapters.command_files import CommandFiles
from gateway.adapters.config import StartResult
from gateway.adapters.explainer import JournalExplainer, JournalSteps
from gateway.adapters.halt_mark import FileHaltMark
from gateway.adapters.http.handlers import ServerPorts
from gateway.adapters.http.server import HttpServer
from gateway.adapters.journal import SqliteJournal
from gateway.adapters.policy.gate import Gate
from gateway.adapters.policy.loader import PolicyLoader
from gateway.adapters.policy.promotion import judge_by_folder
from gateway.adapters.telemetry import Reading
from gateway.app.alerting import Alerting
from gateway.app.candidate_gauges import candidate_readings
from gateway.app.candidate_proofs import LAST_GOOD_POLICIES, StartProofs
from gateway.app.candidates import CandidateDesk, Surroundings
from gateway.app.edits import ConfigEdits
from gateway.app.gateway import Gateway
from gateway.app.operating_gauges import operating_gauges
from gateway.app.order_path import OrderPath, assemble_order_path
from gateway.app.page import assemble_page
from gateway.app.registry import ORDER_ADAPTERS, declared
from gateway.app.rollout_gauges import rollout_readings
from gateway.app.start import usable_start
from gateway.app.stream_process import serve_streams
from gateway.domain.settings import Settings
from gateway.service.agreement import AgreementDesk
from gateway.service.approvals import Approvals
from gateway.service.checking import OrderChecker
from gateway.service.commands import CommandWatch
from gateway.service.controls import OperatorControls
from gateway.service.drop_copy import DropCopyDesk
from gateway.service.figures import FigureKeeper
from gateway.service.halted_orders import HaltedOrders
from gateway.service.market_health import MarketHealth
from gateway.service.overrides import OverrideDesk
from gateway.service.reads import Reads
from gateway.service.reconciliation import Reconciler
from gateway.service.recovery import recover_with_archive
from gateway.service.reload import Reloader
from gateway.service.risk_reads import RiskReader
from gateway.service.rollouts import RolloutDesk
from gateway.service.status import GatewayStatus
from gateway.service.stories import Stories
from gateway.service.tasks import TaskGroup
from gateway.service.timers import Timers
from gateway.service.venues import VenueFactory


async def build(
    start: StartResult,
    config_dir: Path,
    data_dir: Path,
    environ: Mapping[str, str],
    extra_venues: Mapping[str, VenueFactory] | None = None,
    adjust: Callable[[Settings], Settings] = lambda settings: settings,
    gate: Gate | None = None,
) -> Gateway:
    """A gateway that has read its journal but not opened its door.

    ``extra_venues`` adds or replaces order adapters by name, ``adjust`` is laid over the settings now and at every
    reload (the command line's address), and ``gate`` may have judged the policies already. Raises StartRefused,
    JournalBroken, JournalUnavailable or OSError.
    """
    journal = await SqliteJournal.open(data_dir)
    try:
        state, last_seq = await recover_with_archive(journal)
        adapters = ORDER_ADAPTERS | set(extra_venues or {})
        gate, folder = gate or Gate(), config_dir / start.settings.policy.path
        judge = partial(judge_by_folder, PolicyLoader(folder, data_dir / LAST_GOOD_POLICIES, gate))
        prove_limits = StartProofs(data_dir, start.settings.candidates).of_limits
        start = usable_start(state, start, data_dir, environ, adapters, SystemClock().now_ns(), judge, prove_limits)
        complete = partial(_complete, adjust, frozenset(extra_venues or ()))
        start = msgspec.structs.replace(start, settings=complete(start.settings))
        path = assemble_order_path(
            start.settings, journal, state, last_seq, config_dir, data_dir, environ, extra_venues or {}, gate
        )
        gateway = _assemble(start, complete, path, config_dir, data_dir, environ)
        gateway.server.handover.launch = partial(serve_streams, data_dir)
        return gateway
    except BaseException:
        await journal.close()
        raise


@dataclass(frozen=True, kw_only=True)
class _Desks:
    """What people and schedules ask of a gateway, beside its orders."""

    files: CommandFiles
    controls: OperatorControls
    reads: Reads
    overrides: OverrideDesk
    approvals: Approvals
    risk: RiskReader
    rollouts: RolloutDesk
    drop_copies: DropCopyDesk
    reconciler: Reconciler
    status: GatewayStatus
    edits: ConfigEdits
    candidates: CandidateDesk
    prices: MarketHealth
    alerting: Alerting


def _assemble(
    start: StartResult,
    adjust: Callable[[Settings], Settings],
    path: OrderPath,
    config_dir: Path,
    data_dir: Path,
    environ: Mapping[str, str],
) -> Gateway:
    """What the order path is not: desks, the door, and what happens by the clock."""
    desks = _assemble_desks(start, adjust, path, config_dir, data_dir, environ)
    server = _assemble_server(path, desks, start.settings, data_dir)
    _add_readings(path, desks, server, data_dir)
    return Gateway(
        config_dir=config_dir,
        data_dir=data_dir,
        environ=environ,
        start=start,
        clock=path.clock,
        tasks=path.tasks,
        journal=path.journal,
        calendar=path.calendar,
        market=path.market,
        instruments=path.instruments,
        simulator=path.simulator,
        policy=path.policy,
        engine=path.engine,
        executor=path.executor,
        venues=path.venues,
        reloader=path.reloader,
        edits=desks.edits,
        intake=path.intake,
        controls=desks.controls,
        status=desks.status,
        timers=_timers(path, desks),
        commands=CommandWatch(desks.files, desks.controls, path.engine),
        candidates=desks.candidates,
        reconciler=desks.reconciler,
        server=server,
        telemetry=path.telemetry,
        alerting=desks.alerting,
    )


def _timers(path: OrderPath, desks: _Desks) -> Timers:
    engine, clock = path.engine, path.clock
    return Timers(
        engine,
        path.venues,
        path.market,
        path.flattener,
        desks.overrides,
        FigureKeeper(engine, path.market, clock, path.tasks),
        path.breakers,
        desks.alerting.desk,
        desks.rollouts,
        HaltedOrders(engine, clock),
        clock,
    )


def _assemble_desks(
    start: StartResult,
    adjust: Callable[[Settings], Settings],
    path: OrderPath,
    config_dir: Path,
    data_dir: Path,
    environ: Mapping[str, str],
) -> _Desks:
    engine, clock, market, reloader, journal = path.engine, path.clock, path.market, path.reloader, path.journal
    files = CommandFiles(data_dir)
    controls = OperatorControls(engine, FileHaltMark(data_dir), path.flattener, path.breakers, files, clock)
    approvals, risk = Approvals(engine, clock), RiskReader(engine, clock)
    rollouts = _rollouts(path)
    status = GatewayStatus(
        engine, path.intake, path.table, market, path.policy, clock, path.breakers, lambda: reloader.settings.venues
    )
    edits = ConfigEdits(config_dir, data_dir, environ, start, adjust, engine, reloader, approvals, status, clock)
    rollouts.on_approved = edits.take_waiting
    around = Surroundings(config_dir, data_dir, environ, edits, path.policy, engine, clock)
    prices = MarketHealth(engine, market, path.calendar, clock, lambda: _stale_after_ns(reloader.settings))
    return _Desks(
        files=files,
        controls=controls,
        reads=Reads(engine, path.intake, journal, journal, market, clock),
        overrides=OverrideDesk(engine, clock),
        approvals=approvals,
        risk=risk,
        rollouts=rollouts,
        drop_copies=DropCopyDesk(engine, journal, controls, clock),
        reconciler=Reconciler(engine, path.table, journal, path.executor.on_reports, clock, path.tasks),
        status=status,
        edits=edits,
        candidates=_candidates(reloader, around, approvals, status, path.tasks),
        prices=prices,
        alerting=Alerting(engine, status, prices, risk, clock, start.settings, data_dir, environ),
    )


def _assemble_server(path: OrderPath, desks: _Desks, settings: Settings, data_dir: Path) -> HttpServer:
    reloader = path.reloader
    page = assemble_page(
        path.journal,
        path.feed,
        path.market,
        path.table,
        path.calendar,
        path.policy,
        reloader,
        desks.approvals,
        desks.alerting,
        path.durable_times,
        path.clock,
        path.tasks,
    )
    return HttpServer(
        ServerPorts(
            intake=path.intake,
            checks=OrderChecker(path.engine, path.intake, path.policy, path.clock),
            controls=desks.controls,
            approvals=desks.approvals,
            overrides=desks.overrides,
            drop_copies=desks.drop_copies,
            agreement=AgreementDesk(path.engine, desks.reconciler, path.clock),
            alerts=desks.alerting.desk,
            rollouts=desks.rollouts,
            step_records=JournalSteps(data_dir),
            risk=desks.risk,
            candidates=desks.candidates,
            reads=desks.reads,
            stories=Stories(desks.reads, path.journal, path.durable_times),
            explainer=JournalExplainer(data_dir),
            status=desks.status,
            feed=path.feed,
            market=path.market,
            clock=path.clock,
            metrics_page=path.telemetry.page,
            page=page,
        ),
        principals=lambda: reloader.settings.principals,
        settings=settings.server,
    )


def _rollouts(path: OrderPath) -> RolloutDesk:
    reloader, venues, state = path.reloader, path.venues, path.engine.state
    desk = RolloutDesk(path.engine, path.clock, lambda: path.policy.revision)
    path.breakers.on_processed = desk.note
    desk.is_alerting = lambda: bool(reloader.settings.notifications)
    desk.build_venues = lambda: venues.build_needed(state, state.config, reloader.settings.venues)
    return desk


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


def _add_readings(path: OrderPath, desks: _Desks, server: HttpServer, data_dir: Path) -> None:
    """What metrics read of the parts of the gateway when they are scraped."""
    gauges, engine, approvals = path.gauges, path.engine, desks.approvals
    gauges.bind(engine, desks.status)
    gauges.add_group(desks.alerting.readings)
    gauges.add_group(lambda: rollout_readings(desks.rollouts.states()))
    gauges.add_group(operating_gauges(engine, desks.status, desks.prices, path.market, data_dir))
    gauges.add("gateway_limit_use_ratio", desks.risk.use_ratios)
    gauges.add("gateway_config_waiting", lambda: {(): float(approvals.waiting() is not None)})
    gauges.add("gateway_deferred_requests_total", lambda: path.intake.deferred)
    gauges.add("gateway_drop_copy_executions_total", desks.drop_copies.counts)
    gauges.add_group(lambda: _server_readings(server))
    gauges.add_group(lambda: {**candidate_readings(desks.candidates), **desks.reconciler.readings()})


def _server_readings(server: HttpServer) -> dict[str, Reading]:
    return {
        "gateway_http_requests_total": server.request_counts(),
        "gateway_http_auth_failures_total": server.auth_failures(),
        "gateway_http_connections": server.connections.open(),
        "gateway_http_connections_closed_total": server.connections.closed(),
        "gateway_open_streams": server.open_streams(),
    }


def _complete(adjust: Callable[[Settings], Settings], replaced: frozenset[str], settings: Settings) -> Settings:
    """``settings`` with what no file says. Of adapters that are ``replaced``, nothing is declared."""
    settings = adjust(settings)
    known = {name: venue for name, venue in settings.venues.items() if venue.adapter not in replaced}
    trading = msgspec.structs.replace(settings.trading, capabilities=declared(known))
    return msgspec.structs.replace(settings, trading=trading)


def _stale_after_ns(settings: Settings) -> int:
    return settings.market_data.stale_after_ms * 1_000_000
