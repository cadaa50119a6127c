"""A candidate beside a running gateway: it follows the journal, and judges each order once it is durable.

It runs in a process of its own and reads what every order was really decided on, so that nothing it does (a policy
that loops, a limit that raises) can reach an order or slow it. The journal is its queue: nothing is lost in it, and
when the candidate is too far behind it lets orders pass unjudged, counted, until it is near again.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from gateway.core.candidates.overlay import Overlay
from gateway.core.candidates.steps import StepTallies
from gateway.core.candidates.tally import Tally
from gateway.core.state import GatewayState
from gateway.domain.candidates import CandidateReport
from gateway.domain.events import OrderReceived, ReplaceReceived
from gateway.domain.records import Record
from gateway.service.candidates.judge import Judge
from gateway.service.candidates.verdicts import Verdicts

#: Records behind the journal's end from which on orders pass unjudged.
MAX_BEHIND = 50_000
KEPT_EXAMPLES = 20
_REPORT_EVERY = 500


class Followed(Protocol):
    """A journal that another process writes."""

    async def follow(self) -> int:
        """Look where it ends now; returns the last record."""
        ...

    def read(self, after_seq: int) -> AsyncIterator[Record]: ...


class Follower:
    """``state`` is that after record ``seq``, under the candidate's configuration; ``earlier`` is what the candidate
    knew when it was last stopped (its ``seq`` is not before ``seq``), None when it is new."""

    def __init__(
        self,
        journal: Followed,
        state: GatewayState,
        seq: int,
        overlay: Overlay,
        verdicts: Verdicts,
        report: CandidateReport,
        max_behind: int = MAX_BEHIND,
    ) -> None:
        self._journal = journal
        self._judge = Judge(state, overlay, verdicts)
        self._verdicts = verdicts
        self._seq = seq
        self._earlier = report
        self._max_behind = max_behind
        self._tally = Tally.of(report, KEPT_EXAMPLES)
        self._steps = StepTallies(report.steps)
        self._days, self._last_day = report.days, report.last_day
        self._skipped = 0
        self._is_behind = False
        #: What the process before this one ended of, until what it left behind is judged.
        self._trouble = report.trouble

    async def catch_up(self) -> AsyncIterator[CandidateReport]:
        """Follow the journal to the end that it has now; reports on the way, and at the end."""
        head = await self._journal.follow()
        async for record in self._journal.read(self._seq):
            self._hear(record, head)
            self._seq = record.seq
            if record.seq % _REPORT_EVERY == 0:
                yield self.report(head)
        self._trouble = ""
        yield self.report(head)

    def _hear(self, record: Record, head: int) -> None:
        if record.seq <= self._earlier.seq:
            self._judge.hear(record, is_judged=False)
            return
        behind = head - record.seq
        self._is_behind = behind > (self._max_behind // 2 if self._is_behind else self._max_behind)
        if self._is_behind:
            self._skipped += isinstance(record.event, OrderReceived | ReplaceReceived)
            self._judge.hear(record, is_judged=False)
            return
        judged = self._judge.hear(record)
        if judged is None:
            return
        self._tally.add(judged.difference)
        state = self._judge.state
        self._steps.add(record, state, judged.venue, judged.difference)
        if state.day > self._last_day:
            self._days, self._last_day = self._days + 1, state.day

    def report(self, head: int) -> CandidateReport:
        """What it came to so far, with what was known before it was last stopped."""
        earlier, judge = self._earlier, self._judge
        return CandidateReport(
            revision=earlier.revision,
            since_seq=earlier.since_seq,
            since_ns=earlier.since_ns,
            seq=max(self._seq, earlier.seq),
            head_seq=max(head, earlier.seq),
            orders=self._tally.orders,
            totals=dict(self._tally.totals),
            rules=self._tally.by_rule(),
            examples=tuple(self._tally.examples),
            errors=earlier.errors + judge.errors + self._verdicts.errors,
            skipped=earlier.skipped + self._skipped,
            undecided=earlier.undecided + earlier.waiting + judge.undecided,  # nobody remembers what waited then
            waiting=judge.waiting,
            assumed=earlier.assumed + self._verdicts.assumed,
            last_error=judge.last_error or self._verdicts.last_error or earlier.last_error,
            days=self._days,
            last_day=self._last_day,
            steps=self._steps.told(),
            trouble=self._trouble,
        )
