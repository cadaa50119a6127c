"""A gateway that was put together: how it starts, follows edits, and stops."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway import __version__
from gateway.adapters.calendar import ExchangeCalendar, UnknownCalendar
from gateway.adapters.config import ConfigWatcher, StartResult
from gateway.adapters.http.server import HttpServer
from gateway.adapters.journal import SqliteJournal
from gateway.adapters.marketdata.routed import RoutedMarket
from gateway.adapters.policy.live import LivePolicies, PolicyReload
from gateway.adapters.policy.watcher import PolicyWatcher
from gateway.adapters.telemetry import PrometheusTelemetry
from gateway.adapters.venues.simulator.venue import SimulatorVenue
from gateway.app.alerting import Alerting
from gateway.app.candidates import CandidateDesk
from gateway.app.edits import ConfigEdits
from gateway.app.registry import StartRefused
from gateway.domain.enums import Role
from gateway.domain.events import GatewayStarted
from gateway.domain.instruments import Instrument
from gateway.domain.orders import Actor
from gateway.domain.settings import Settings
from gateway.ports.clock import Clock
from gateway.service.commands import CommandWatch
from gateway.service.controls import OperatorControls
from gateway.service.engine import Engine
from gateway.service.executor import Executor
from gateway.service.intake import Intake
from gateway.service.reconciliation import Reconciler
from gateway.service.reload import Reloader
from gateway.service.status import GatewayStatus
from gateway.service.tasks import TaskGroup
from gateway.service.timers import Timers
from gateway.service.trading_days import gateway_day, venue_days
from gateway.service.venues import VenueManager

_log = logging.getLogger("gateway")
_SYSTEM = Actor("system", Role.ADMIN)


@dataclass
class Gateway:
    """Everything that lives as long as the process. Made by ``app.build`` only."""

    config_dir: Path
    data_dir: Path
    environ: Mapping[str, str]
    start: StartResult
    clock: Clock
    tasks: TaskGroup
    journal: SqliteJournal
    calendar: ExchangeCalendar
    market: RoutedMarket
    instruments: dict[str, Instrument]
    simulator: SimulatorVenue
    policy: LivePolicies
    engine: Engine
    executor: Executor
    venues: VenueManager
    reloader: Reloader
    edits: ConfigEdits
    intake: Intake
    controls: OperatorControls
    status: GatewayStatus
    timers: Timers
    commands: CommandWatch
    candidates: CandidateDesk
    reconciler: Reconciler
    server: HttpServer
    telemetry: PrometheusTelemetry
    alerting: Alerting

    async def open(self) -> None:
        """Settle the past, put the configuration in force, then open the door."""
        logging.getLogger().addHandler(self.telemetry.errors)
        settings = self.reloader.settings
        problems = await self._prepare_market(settings)
        if problems:
            raise StartRefused("; ".join(problems))
        self.market.switch(settings)
        self.reloader.prepare_market = self._prepare_market
        folder = self.config_dir / self.reloader.settings.policy.path
        policy_watcher = PolicyWatcher(folder, self._reload_policies)
        self._on_policies(await self.policy.start())
        self.tasks.spawn(self.policy.tend(), "policy engine")
        self.edits.approvals.on_given.append(self._take_policies)
        self.reloader.on_applied.append(self._take_instruments)
        self.reloader.on_applied.append(self.alerting.notifications.follow)
        self.alerting.notifications.follow(self.reloader.settings)
        self.reloader.on_applied.append(lambda settings: self.intake.views.follow(settings.trading.limits))
        self.engine.start()
        await self.simulator.start(self.executor)
        await self.edits.begin()
        now_ns, config = self.clock.now_ns(), self.engine.state.config
        self.intake.views.follow(config.limits)
        # Before the simulator has its orders back: what crosses fills in that moment, and is to be canceled instead.
        self.controls.resume_mark(_SYSTEM)
        self.commands.halt()
        self.engine.process(
            GatewayStarted(
                ts_ns=now_ns,
                version=__version__,
                day=gateway_day(config, now_ns),
                venue_days=venue_days(config, now_ns),
            )
        )
        await self.commands.look()
        await self.engine.settle(self.engine.last_seq)
        self.intake.closed = None
        await self.server.start()
        self._watch(policy_watcher)

    def _watch(self, policies: PolicyWatcher) -> None:
        """Begin what runs beside the orders until the gateway is closed."""
        self.tasks.spawn(self.timers.run(), "timers")
        self.tasks.spawn(self.reconciler.run(), "reconciliation")
        self.tasks.spawn(self.alerting.audit.run(), "audit of the journal")
        self.tasks.spawn(self.commands.run(), "command files")
        watcher = ConfigWatcher(
            self.config_dir,
            self.environ,
            self.start.files,
            self.edits.hear,
            are_on_disk=not self.start.used_last_good,
            is_refused=lambda: self.edits.unpromoted is not None,
        )
        self.tasks.spawn(watcher.run(), "config watcher")
        self.tasks.spawn(policies.run(), "policy watcher")
        self.tasks.spawn(self.candidates.run(), "candidates")

    async def _prepare_market(self, settings: Settings) -> tuple[str, ...]:
        """Why prices cannot be had as ``settings`` want them; else they wait for ``RoutedMarket.switch``. Trading hours
        count where prices are real; their calendars are large, so only then are they loaded."""
        trading = settings.trading
        real = {one.calendar for one in trading.instruments.values() if trading.has_real_prices(one.venue)}
        try:
            await asyncio.to_thread(self.calendar.prepare, sorted(real), self.clock.now_ns())
        except UnknownCalendar as error:
            return (f"instruments.yaml: {error}",)
        return await self.market.prepare(settings)

    def _take_instruments(self, settings: Settings) -> None:
        """What is new has prices before the first order for it is decided."""
        self.instruments.clear()
        self.instruments.update(settings.trading.instruments)
        self.market.switch(settings)

    async def _take_policies(self, revision: str) -> None:
        """Policies that lacked approval got it; candidates are asked again."""
        if self.policy.refused == revision:
            await self._reload_policies()

    async def _reload_policies(self) -> None:
        try:
            self._on_policies(await self.policy.reload())
        except Exception as error:
            _log.exception("the gateway failed on an edit of the policies")
            self.status.policy_error = f"the gateway itself failed on the last edit ({error!r}; more in its log)"

    def _on_policies(self, result: PolicyReload) -> None:
        self.status.policy_error = "; ".join(str(problem) for problem in result.problems)
        then = "the ones before stay in force" if result.revision else "none are in force, every order is denied"
        for problem in result.problems:
            _log.error("policies refused, %s: %s", then, problem)
        for note in result.notes:
            _log.warning("policies: %s", note)
        if result.is_applied:
            _log.info("policies %s are in force", result.revision)

    async def close(self) -> None:
        """Stop taking orders, answer what was taken, write the last checkpoint. One step that fails keeps no other
        from being taken, so that the process ends and the journal is released."""
        self.intake.closed = ("stopping", "the gateway is stopping")
        for step in (
            self.server.close,
            self.engine.close,
            self.candidates.close,
            self.venues.close,
            self.market.close,
            self.tasks.close,
            self.alerting.notifications.close,
            self.policy.close,
            self.journal.close,
        ):
            try:
                await step()
            except Exception:
                _log.exception("stopping: %s failed", step.__qualname__)
        logging.getLogger().removeHandler(self.telemetry.errors)
