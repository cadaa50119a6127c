"""A gateway that was put together: how it starts, follows edits, and stops."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway import __version__
from gateway.adapters.calendar import ExchangeCalendar, UnknownCalendar
from gateway.adapters.config import (
    ConfigInvalid,
    ConfigWatcher,
    LastGood,
    Loaded,
    StartResult,
    describe_difference,
)
from gateway.adapters.halt_mark import FileHaltMark
from gateway.adapters.http.server import HttpServer
from gateway.adapters.journal import SqliteJournal
from gateway.adapters.marketdata.synthetic import SyntheticMarket
from gateway.adapters.policy.live import LivePolicies, PolicyReload
from gateway.adapters.policy.watcher import PolicyWatcher
from gateway.adapters.venues.simulator.venue import SimulatorVenue
from gateway.app.registry import StartRefused
from gateway.domain.enums import Role, TradingState
from gateway.domain.events import GatewayStarted
from gateway.domain.instruments import Instrument
from gateway.domain.orders import Actor
from gateway.domain.settings import Settings
from gateway.ports.clock import Clock
from gateway.ports.market_data import MarketData
from gateway.service.controls import OperatorControls
from gateway.service.engine import Engine
from gateway.service.executor import Executor
from gateway.service.intake import Intake
from gateway.service.reload import Reloader
from gateway.service.status import GatewayStatus
from gateway.service.tasks import TaskGroup
from gateway.service.timers import Timers
from gateway.service.trading_days import gateway_day, venue_days
from gateway.service.venues import VenueManager

_log = logging.getLogger("gateway")
_SYSTEM = Actor("system", Role.ADMIN)
#: Settings that are read once: an edit of these is told, and takes effect at the next start.
_READ_AT_START = ("server", "storage", "policy", "market_data", "simulator")


@dataclass
class Gateway:
    """Everything that lives as long as the process. Made by ``app.build`` only."""

    config_dir: Path
    data_dir: Path
    environ: Mapping[str, str]
    start: StartResult
    adjust: Callable[[Settings], Settings]
    clock: Clock
    tasks: TaskGroup
    journal: SqliteJournal
    calendar: ExchangeCalendar
    market: MarketData
    instruments: dict[str, Instrument]
    simulator: SimulatorVenue
    policy: LivePolicies
    engine: Engine
    executor: Executor
    venues: VenueManager
    reloader: Reloader
    intake: Intake
    controls: OperatorControls
    status: GatewayStatus
    timers: Timers
    server: HttpServer

    async def open(self) -> None:
        """Settle the past, put the configuration in force, then open the door."""
        self._prepare_calendars()
        await self.market.start()
        folder = (self.config_dir / self.reloader.settings.policy.path).resolve()
        policy_watcher = PolicyWatcher(folder, self._reload_policies)
        self._on_policies(await self.policy.start())
        self.tasks.spawn(self.policy.tend(), "policy engine")
        self.reloader.on_applied.append(self._take_instruments)
        self.engine.start()
        await self.simulator.start(self.executor)
        await self._apply_start_config()
        now_ns, config = self.clock.now_ns(), self.engine.state.config
        self.engine.process(
            GatewayStarted(
                ts_ns=now_ns,
                version=__version__,
                day=gateway_day(config, now_ns),
                venue_days=venue_days(config, now_ns),
            )
        )
        reason = FileHaltMark(self.data_dir).reason()
        if reason is not None and self.engine.state.trading.gateway_state is TradingState.ACTIVE:
            await self.controls.switch_trading(TradingState.HALTED, _SYSTEM, reason)
        await self.engine.settle(self.engine.last_seq)
        self.intake.closed = None
        await self.server.start()
        self.tasks.spawn(self.timers.run(), "timers")
        watcher = ConfigWatcher(
            self.config_dir,
            self.environ,
            self.start.files,
            self._on_config,
            are_on_disk=not self.start.used_last_good,
        )
        self.tasks.spawn(watcher.run(), "config watcher")
        self.tasks.spawn(policy_watcher.run(), "policy watcher")

    def _prepare_calendars(self) -> None:
        """Trading hours count once prices are real; their calendars are large, so only then are they loaded."""
        trading = self.reloader.settings.trading
        if not trading.is_market_data_real:
            return
        try:
            names = {instrument.calendar for instrument in trading.instruments.values()}
            self.calendar.prepare(sorted(names), self.clock.now_ns())
        except UnknownCalendar as error:
            raise StartRefused(f"instruments.yaml: {error}") from None

    async def _apply_start_config(self) -> None:
        """Put in force what ``app.start`` found usable; what it refused is told."""
        start = self.start
        problems = tuple(str(problem) for problem in start.problems)
        for warning in start.settings.warnings:
            _log.warning("configuration: %s", warning)
        objections = await self.reloader.apply(start.settings, ())
        if objections:  # looked at before anything was built from it
            raise StartRefused("; ".join(objections))
        if not start.used_last_good:
            LastGood(self.data_dir).save(start.files)
        self._note_config_problems(problems)

    def _take_instruments(self, settings: Settings) -> None:
        """What is new has prices before the first order for it is decided."""
        self.instruments.clear()
        self.instruments.update(settings.trading.instruments)
        if isinstance(self.market, SyntheticMarket):
            self.market.set_instruments(tuple(self.instruments.values()))

    async def _on_config(self, outcome: Loaded | ConfigInvalid) -> None:
        """An edit of the configuration folder: in force as a whole within the second, or refused as a whole."""
        if isinstance(outcome, ConfigInvalid):
            self._note_config_problems(tuple(str(problem) for problem in outcome.problems))
            return
        old, new = self.reloader.settings, self.adjust(outcome.settings)
        objections = await self.reloader.apply(new, describe_difference(old, new))
        self._note_config_problems(objections)
        if objections:
            return
        for warning in new.warnings:
            _log.warning("configuration: %s", warning)
        for name in _READ_AT_START:
            if getattr(old, name) != getattr(new, name):
                _log.warning("%s changed in gateway.yaml: it takes effect at the next start", name)
        LastGood(self.data_dir).save(outcome.files)

    def _note_config_problems(self, problems: tuple[str, ...]) -> None:
        self.status.config_error = "; ".join(problems)
        for problem in problems:
            _log.error("configuration refused, the one before stays in force: %s", problem)
        if problems:
            self.reloader.note_refusal()

    async def _reload_policies(self) -> None:
        self._on_policies(await self.policy.reload())

    def _on_policies(self, result: PolicyReload) -> None:
        self.status.policy_error = "; ".join(str(problem) for problem in result.problems)
        for problem in result.problems:
            _log.error("policies refused, the ones before stay in force: %s", problem)
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
            self.venues.close,
            self.market.close,
            self.tasks.close,
            self.policy.close,
            self.journal.close,
        ):
            try:
                await step()
            except Exception:
                _log.exception("stopping: %s failed", step.__qualname__)
