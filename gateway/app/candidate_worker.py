"""The process that runs one candidate beside the gateway: follows its journal and tells what would differ.

Run by ``app.candidates``, never by hand. The job comes as one line on standard input, reports go as lines to standard
output; when standard input ends, so does the process, once it has caught up.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

import msgspec

from gateway.adapters.clock import SystemClock
from gateway.adapters.journal.outside import Outside, from_outside
from gateway.adapters.policy.embedded import EmbeddedPolicy
from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.core.candidates.overlay import as_it_was, with_limits_of
from gateway.domain.candidates import CandidateReport
from gateway.domain.config import TradingConfig
from gateway.ports.journal import JournalBroken, JournalUnavailable
from gateway.service.candidates.beginning import begin_at
from gateway.service.candidates.follower import Follower
from gateway.service.candidates.verdicts import Verdicts

_TELL_EVERY_S = 0.5
_SAVE_EVERY_S = 5.0


class Job(msgspec.Struct, frozen=True):
    """One candidate. ``config`` holds its limits (None: the enforced ones), ``policies`` are its own (None: the
    enforced), ``enforced`` those in force, asked where only the candidate lets an order come to the policy.

    ``memory`` is the file in which it keeps what it came to. One order may take it ``patience_s``.
    """

    revision: str
    data_dir: str
    memory: str
    config: TradingConfig | None
    policies: ApprovedPolicies | None
    enforced: ApprovedPolicies | None
    patience_s: int = 10
    look_every_s: float = 0.25


def main() -> None:
    """Work off the job on standard input."""
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    _give_way()
    try:
        asyncio.run(_run(job))
    except (JournalBroken, JournalUnavailable, OSError) as error:
        print(error, file=sys.stderr)
        sys.exit(1)


def _give_way() -> None:
    """Let the gateway go first: with the processor, and when memory runs out."""
    with contextlib.suppress(OSError):
        os.nice(10)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


async def _run(job: Job) -> None:
    stop = _end_of_input()
    # A policy that loops cannot be interrupted from within: the system ends the process.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(job.patience_s)
    async with from_outside(Path(job.data_dir)) as journal:
        follower = await _follower(job, journal)
        teller = _Teller(Path(job.memory))
        while True:
            is_last = stop.is_set()
            async for report in follower.catch_up():
                signal.alarm(job.patience_s)
                teller.tell(report)
            if is_last:
                teller.save()
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), job.look_every_s)


async def _follower(job: Job, journal: Outside) -> Follower:
    overlay = as_it_was if job.config is None else with_limits_of(job.config)
    approved = job.policies or job.enforced
    engine = None if approved is None else EmbeddedPolicy(approved)
    verdicts = Verdicts(None if engine is None else engine.evaluate_now, is_candidate=job.policies is not None)
    report = remembered(Path(job.memory), job.revision)
    if report is None or report.seq > journal.last_seq:
        head = journal.last_seq
        report = CandidateReport(revision=job.revision, since_seq=head, since_ns=SystemClock().now_ns(), seq=head)
    checkpoint = await journal.load_checkpoint(until_seq=report.seq)
    state, seq = begin_at(checkpoint, overlay)
    return Follower(journal, state, seq, overlay, verdicts, report)


def remembered(memory: Path, revision: str | None = None) -> CandidateReport | None:
    """What this candidate came to before; None when it is new, of other content (``revision``; None: of any), or nobody
    can read it any more."""
    try:
        report = msgspec.json.decode(memory.read_bytes(), type=CandidateReport)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return report if revision in (None, report.revision) else None


def note_trouble(memory: Path, revision: str, why: str) -> None:
    """Keep that it ended before it had judged what is on record: until it has, what it came to proves nothing."""
    report = remembered(memory, revision)
    if report is not None:
        keep(memory, msgspec.structs.replace(report, trouble=why))


def keep(memory: Path, report: CandidateReport) -> None:
    """Keep a report for the next start. Derived from the journal, so it need not be durable."""
    memory.parent.mkdir(exist_ok=True)
    beside = memory.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode(report))
    beside.replace(memory)


def _end_of_input() -> asyncio.Event:
    """Set when standard input ends: the gateway is closing, or gone."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def wait() -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdin.buffer.read()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, name="end of input", daemon=True).start()
    return stop


class _Teller:
    """Writes reports: to standard output twice a second, to the candidate's memory now and then."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._report: CandidateReport | None = None
        self._told_s = self._saved_s = 0.0
        self._saved_seq = -1

    def tell(self, report: CandidateReport) -> None:
        self._report = report
        now_s = time.monotonic()
        if now_s - self._told_s >= _TELL_EVERY_S:
            self._told_s = now_s
            self._write()
        if now_s - self._saved_s >= _SAVE_EVERY_S and report.seq != self._saved_seq:
            self.save()

    def save(self) -> None:
        """Keep the last report for the next start."""
        if self._report is None:
            return
        self._write()
        keep(self._memory, self._report)
        self._saved_s, self._saved_seq = time.monotonic(), self._report.seq

    def _write(self) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(self._report) + b"\n")
        sys.stdout.buffer.flush()
