"""Candidates beside a running gateway: read from their files, watched, and each run in a process of its own.

Nothing of an order waits for anything here. What cannot be used is told and not run; what ran before runs on.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from gateway.adapters.config import ConfigInvalid, parse
from gateway.adapters.policy.files import stamps_of
from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.live import LivePolicies
from gateway.adapters.policy.loader import PolicyLoader
from gateway.adapters.policy.sources import PoliciesInvalid
from gateway.adapters.worker_process import WorkerProcess
from gateway.app.candidate_proofs import (
    MEMORY,
    NEAR,
    content_of,
    policy_objections,
    prove_limits,
    shown_by,
    shown_on_record,
)
from gateway.app.candidate_worker import Job, note_trouble, remembered
from gateway.app.edits import ConfigEdits
from gateway.core.candidates.gates import assess
from gateway.core.candidates.overlay import with_limits_of
from gateway.core.candidates.proof import Proof, Shown
from gateway.core.config_edits import standing_approval
from gateway.core.loosening import compare
from gateway.domain.candidates import CandidatePart, CandidateReport, CandidateTerms
from gateway.domain.config import TradingConfig
from gateway.domain.settings import CandidateSettings
from gateway.ports.candidates import CandidateState, CandidateStatus
from gateway.ports.clock import Clock
from gateway.service.approvals import can_approve
from gateway.service.engine import Engine
from gateway.service.reload import Reloader
from gateway.service.tasks import TaskGroup

_log = logging.getLogger("gateway.candidates")
_WORKER = "from gateway.app.candidate_worker import main; main()"
_RISK = "risk.yaml"
_LOOK_EVERY_S = 0.5
#: Ends without a report in between after which a process is not started again until its files change.
_MAX_ENDS = 3
_RESTART_AFTER_S = 2.0


class Surroundings(msgspec.Struct, frozen=True):
    """What all candidates of a gateway share: its folders, and what is in force and on record in it now."""

    config_dir: Path
    data_dir: Path
    environ: Mapping[str, str]
    edits: ConfigEdits
    policy: LivePolicies
    engine: Engine
    clock: Clock


class CandidateInvalid(Exception):
    """A candidate cannot be used; the arguments are its problems."""


def load_candidate(
    settings: CandidateSettings, config_dir: Path, environ: Mapping[str, str], files: Mapping[str, bytes]
) -> tuple[TradingConfig | None, ApprovedPolicies | None]:
    """The limits and policies of a candidate, checked as if they were the enforced ones. Blocks; raises
    CandidateInvalid."""
    problems: list[str] = []
    config: TradingConfig | None = None
    policies: ApprovedPolicies | None = None
    if settings.limits:
        try:
            data = (config_dir / settings.limits).read_bytes()
            config = parse({**files, _RISK: data}, environ).trading
        except OSError as error:
            problems.append(f"{settings.limits}: cannot be read: {error.strerror or error}")
        except ConfigInvalid as invalid:
            problems += [
                str(msgspec.structs.replace(problem, file=settings.limits) if problem.file == _RISK else problem)
                for problem in invalid.problems
            ]
    if settings.policies:
        try:
            policies = PolicyLoader(config_dir / settings.policies).load()
        except PoliciesInvalid as invalid:
            folder = Path(settings.policies)
            problems += [
                str(msgspec.structs.replace(problem, file=str(folder / problem.file))) for problem in invalid.problems
            ]
    if problems:
        raise CandidateInvalid(*problems)
    return config, policies


class CandidateDesk:
    """Implements ``ports.candidates.Candidates``: those of the configuration in force (``reloader``)."""

    def __init__(self, reloader: Reloader, around: Surroundings, tasks: TaskGroup) -> None:
        self._reloader = reloader
        self._around = around
        self._tasks = tasks
        self._running: dict[str, _Running] = {}
        self._is_closed = False

    def candidates(self) -> tuple[CandidateStatus, ...]:
        return tuple(self._running[name].status() for name in sorted(self._running))

    def warnings(self) -> tuple[str, ...]:
        """What a person should look at: a candidate that judges nothing, or not what is in its files."""
        return tuple(
            f"candidate {one.name} changes no order, and is {one.state}: {'; '.join(one.problems)}"
            for one in self.candidates()
            if one.problems
        )

    def shown(self) -> tuple[Shown, ...]:
        """What each has shown; what it kept, while it is not at work yet."""
        settings = self._reloader.settings
        running = {name: one for name, one in self._running.items() if name in settings.candidates and one.has_job}
        asleep = {name: one for name, one in settings.candidates.items() if name not in running}
        kept = shown_on_record(self._around.data_dir, asleep, settings.trading.rollout.candidates)
        return (*(one.shown() for one in running.values()), *kept)

    def prove_limits(self, old: TradingConfig, new: TradingConfig) -> Proof:
        """Whether candidates have shown enough for an edit from ``old`` to ``new``."""
        return prove_limits(old, new, self._around.policy.revision, self.shown)

    def policy_objections(self, revision: str) -> tuple[str, ...]:
        """What other policies lack to follow those in force."""
        state, now_ns = self._around.engine.state, self._around.clock.now_ns()
        approval = standing_approval(state, revision, now_ns)
        is_guarded = can_approve(self._reloader.settings.principals)
        return policy_objections(state.config, revision, self.shown, approval, is_guarded=is_guarded)

    async def run(self) -> None:
        """Follow the configuration and the files of every candidate, until cancelled."""
        while not self._is_closed:
            try:
                await self._look()
            except Exception:
                _log.exception("candidates could not be looked after")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _look(self) -> None:
        configured = dict(self._reloader.settings.candidates)
        for name in set(self._running) - set(configured):
            await self._running.pop(name).close()
        for name, settings in configured.items():
            if name not in self._running:
                self._running[name] = _Running(name, self._around, self._tasks)
            await self._running[name].look(settings)

    async def close(self) -> None:
        """Let every candidate finish what is on record, and end."""
        self._is_closed = True
        await asyncio.gather(*(one.close() for one in self._running.values()))


class _Running:
    """One candidate: what was read of it, and the process that runs it."""

    def __init__(self, name: str, around: Surroundings, tasks: TaskGroup) -> None:
        self._name = name
        self._around = around
        self._tasks = tasks
        self._settings = CandidateSettings()
        self._seen: object = None
        self._known: object = None
        self._job: Job | None = None
        self._task: asyncio.Task[None] | None = None
        self._process: WorkerProcess | None = None
        self._is_closing = False
        self._is_closed = False
        self._report: CandidateReport | None = None
        self._ends = 0
        self._file_problems: tuple[str, ...] = ()
        self._process_problem = ""

    def status(self) -> CandidateStatus:
        problems = self._file_problems + ((self._process_problem,) if self._process_problem else ())
        state, report = self._state(), self._present()
        trouble = "" if state is CandidateState.RUNNING and not problems else "; ".join((f"it is {state}", *problems))
        return CandidateStatus(
            name=self._name,
            policies=self._settings.policies,
            limits=self._settings.limits,
            state=state,
            problems=problems,
            gates=assess(report, self._terms.gates_of(self._settings.gates), trouble),
            report=report,
            needed_for=self._needed_for(),
        )

    @property
    def _terms(self) -> CandidateTerms:
        return self._around.engine.state.config.rollout.candidates

    def _needed_for(self) -> tuple[CandidatePart, ...]:
        own = {CandidatePart.LIMITS: self._settings.limits, CandidatePart.POLICIES: self._settings.policies}
        return tuple(part for part in self._terms.needed if own[part])

    @property
    def has_job(self) -> bool:
        """Whether it was read so far that it can tell what it consists of."""
        return self._job is not None

    def shown(self) -> Shown:
        """What its content has shown."""
        assert self._job is not None
        status, config = self.status(), self._around.engine.state.config
        own = self._job.config
        is_looser = own is not None and not compare(with_limits_of(own)(config), config).looser
        return shown_by(self._name, self._job.revision, status.gates, status.report, is_looser=is_looser)

    def _present(self) -> CandidateReport | None:
        """The last report, with how far the journal is by now: one that hangs tells nothing of it any more."""
        report = self._report
        if report is None:
            return None
        return msgspec.structs.replace(report, head_seq=max(report.head_seq, self._around.engine.durable_seq))

    def _state(self) -> CandidateState:
        if self._task is None or self._task.done():
            return CandidateState.STOPPED
        if self._process_problem:
            return CandidateState.RESTARTING
        report = self._present()
        if report is None or report.head_seq - report.seq > NEAR:
            return CandidateState.CATCHING_UP
        return CandidateState.RUNNING

    async def look(self, settings: CandidateSettings) -> None:
        """Take up an edit once two looks agree on it."""
        stamps = await asyncio.to_thread(self._stamps, settings)
        is_settled, self._seen = stamps == self._seen, stamps
        if stamps == self._known or not is_settled:
            return
        self._known, self._settings = stamps, settings
        around = self._around
        try:
            config, policies = await asyncio.to_thread(
                load_candidate, settings, around.config_dir, around.environ, around.edits.files
            )
        except CandidateInvalid as invalid:
            self._file_problems = tuple(map(str, invalid.args))
            for problem in self._file_problems:
                _log.error("candidate %s cannot be used, and no order is affected: %s", self._name, problem)
            return
        self._file_problems = ()
        if self._is_closed:
            return
        job = Job(
            revision=content_of(config, policies),
            data_dir=str(around.data_dir),
            memory=str(around.data_dir / MEMORY / f"{self._name}.json"),
            config=config,
            policies=policies,
            enforced=around.policy.approved,
        )
        if job != self._job or self._task is None or self._task.done():
            await self._start(job)

    def _stamps(self, settings: CandidateSettings) -> object:
        folder, around = self._around.config_dir, self._around
        files: list[object] = []
        if settings.limits:
            with contextlib.suppress(OSError):
                found = (folder / settings.limits).stat()
                files.append((found.st_mtime_ns, found.st_size, found.st_ino))
        if settings.policies:
            files.append(stamps_of(folder / settings.policies))
        enforced = around.policy.approved
        return settings, files, dict(around.edits.files), None if enforced is None else enforced.revision

    async def _start(self, job: Job) -> None:
        await self._end()
        self._job, self._ends, self._process_problem, self._is_closing = job, 0, "", False
        self._report = await asyncio.to_thread(remembered, Path(job.memory), job.revision)
        self._task = self._tasks.spawn(self._keep_running(job), f"candidate {self._name}")
        _log.info("candidate %s: %s judges orders beside the enforced rules", self._name, job.revision)

    async def _keep_running(self, job: Job) -> None:
        line = msgspec.json.encode(job)
        while True:
            self._process = WorkerProcess(_WORKER, self._hear)
            try:
                why = await self._process.run(line)
            except OSError as error:
                why = f"it cannot be started: {error}"
            if self._is_closing:
                return
            self._ends += 1
            self._process_problem = why
            await asyncio.to_thread(note_trouble, Path(job.memory), job.revision, why)
            if self._ends >= _MAX_ENDS:
                _log.error("candidate %s is stopped until its files change, no order is affected: %s", self._name, why)
                return
            _log.error("candidate %s is started again, no order is affected: %s", self._name, why)
            await asyncio.sleep(_RESTART_AFTER_S * self._ends)

    def _hear(self, line: bytes) -> None:
        try:
            report = msgspec.json.decode(line, type=CandidateReport)
        except msgspec.DecodeError as error:
            _log.error("candidate %s told something unreadable: %s", self._name, error)
            return
        if self._report is None or report.seq > self._report.seq:
            self._ends = 0  # it got on
        self._report, self._process_problem = report, ""

    async def close(self) -> None:
        """End the process for good, once it has judged what is on record."""
        self._is_closed = True
        await self._end()

    async def _end(self) -> None:
        self._is_closing = True
        if self._process is not None:
            await self._process.close()
            if self._job is not None and not self._process.has_finished:
                why = self._process_problem or "it was ended before it had judged what is on record"
                await asyncio.to_thread(note_trouble, Path(self._job.memory), self._job.revision, why)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
