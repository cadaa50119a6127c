"""A journal decided again under a candidate: which orders would have gone otherwise, and what the books would be.

Two answers, because there are two questions. By itself, each order is judged on the state that it really met; then
the whole past is folded again without what the candidate denies. See ``judge`` and ``folded``.
"""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal

import msgspec

from gateway.core.candidates.overlay import Overlay
from gateway.core.candidates.tally import Tally
from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.core.state import GatewayState
from gateway.domain.enums import Route
from gateway.domain.money import ZERO
from gateway.domain.records import Record
from gateway.service.candidates.folded import Folded
from gateway.service.candidates.judge import Judge
from gateway.service.candidates.verdicts import Verdicts

_BOOKS = (Route.LIVE, Route.SHADOW)
_PROGRESS_EVERY = 5_000

#: Told how many records were read so far.
OnProgress = Callable[[int], None]


class BookPath(msgspec.Struct):
    """One book over the window, base currency, at the marks that were recorded. ``earned`` is P&L over the window,
    ``peak_gross`` the largest gross exposure in it; the rest is as of its end."""

    gross: Decimal = ZERO
    net: Decimal = ZERO
    held: Decimal = ZERO
    earned: Decimal = ZERO
    peak_gross: Decimal = ZERO
    open_positions: int = 0


class BookChange(msgspec.Struct, frozen=True):
    """One book as it was, and as it would have been."""

    book: Route
    recorded: BookPath
    candidate: BookPath


class PositionChange(msgspec.Struct, frozen=True):
    """One position at the end of the window whose quantity would be another."""

    book: Route
    account: str
    strategy_id: str
    venue: str
    symbol: str
    recorded_qty: Decimal
    candidate_qty: Decimal


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``first_seq`` 0: nothing was recorded in the window.

    ``assumed`` counts policy answers that nobody could give and that were taken as yes; ``failed`` are requests whose
    decision itself failed under the candidate, ``undecided`` those that left before their policy answered. In the
    folded world: ``folded_denied`` are the orders that it has not, or not whole, ``unplaced`` reports and ``skipped``
    events that found no place in it.
    """

    records: int
    first_seq: int
    last_seq: int
    tally: Tally
    policy_errors: int
    assumed: int
    failed: int
    undecided: int
    last_error: str
    books: tuple[BookChange, ...]
    positions: tuple[PositionChange, ...]
    folded_denied: tuple[str, ...]
    unplaced: int
    skipped: int
    folded_problem: str


class _Watch:
    """The books of one world, followed through the window."""

    def __init__(self, state: GatewayState) -> None:
        self._state = state
        self._start = {route: state.books[route].gateway.pnl for route in _BOOKS}
        self._peaks = dict.fromkeys(_BOOKS, ZERO)
        self.note()

    def note(self) -> None:
        for route in _BOOKS:
            gross = self._state.books[route].gateway.gross
            if gross > self._peaks[route]:
                self._peaks[route] = gross

    def path(self, route: Route) -> BookPath:
        use = self._state.books[route].gateway
        earned = use.pnl - self._start[route]
        return BookPath(use.gross, use.net, use.held, earned, self._peaks[route], use.open_positions)


class Question(msgspec.Struct, frozen=True):
    """``overlay`` and the two ``Verdicts`` (one for each world) are the candidate; ``since_ns`` begins the window."""

    overlay: Overlay
    verdicts: Verdicts
    folded_verdicts: Verdicts
    since_ns: int = 0
    kept: int = 1_000


async def what_if(
    records: AsyncIterator[Record],
    state: GatewayState,
    question: Question,
    on_progress: OnProgress = lambda count: None,
) -> WhatIf:
    """Judge and fold ``records``, which follow ``state`` (already under the candidate's configuration)."""
    run = _Run(state, question)
    async for record in records:
        run.hear(record)
        if run.count % _PROGRESS_EVERY == 0:
            on_progress(run.count)
    on_progress(run.count)
    return run.result()


class _Run:
    """The records heard so far: judged one by one, and folded from the beginning of the window on."""

    def __init__(self, state: GatewayState, question: Question) -> None:
        self.count = 0
        self._question = question
        self._judge = Judge(state, question.overlay, question.verdicts)
        self._tally = Tally(question.kept)
        self._first_seq = self._last_seq = 0
        #: None until the window begins.
        self._folded: Folded | None = None
        self._worlds: list[_Watch] = []
        self._problem = ""

    def hear(self, record: Record) -> None:
        self.count += 1
        if self._folded is None and record.ts_ns < self._question.since_ns:
            self._judge.hear(record, is_judged=False)
            return
        folded = self._folded or self._begin(record)
        self._last_seq = record.seq
        judged = self._judge.hear(record)
        if judged is not None:
            self._tally.add(judged.difference)
        if not self._problem:
            try:
                folded.hear(record)
            except Exception as error:
                self._problem = f"the folded world ends at record {record.seq}: {error!r}"
        for world in self._worlds:
            world.note()

    def _begin(self, record: Record) -> Folded:
        self._first_seq = record.seq
        other = decode_snapshot(encode_snapshot(self._judge.state))
        self._folded = Folded(other, self._judge.state, self._question.overlay, self._question.folded_verdicts)
        self._worlds = [_Watch(self._judge.state), _Watch(other)]
        return self._folded

    def result(self) -> WhatIf:
        judge, folded, verdicts = self._judge, self._folded, self._question.verdicts
        return WhatIf(
            records=self.count,
            first_seq=self._first_seq,
            last_seq=self._last_seq,
            tally=self._tally,
            policy_errors=verdicts.errors,
            assumed=verdicts.assumed,
            failed=judge.errors,
            undecided=judge.undecided,
            last_error=judge.last_error or verdicts.last_error,
            books=self._books(),
            positions=() if folded is None else _positions(judge.state, folded.state),
            folded_denied=() if folded is None else tuple(folded.denied),
            unplaced=0 if folded is None else folded.unplaced,
            skipped=0 if folded is None else folded.skipped,
            folded_problem=self._problem or ("" if folded is None else folded.last_problem),
        )

    def _books(self) -> tuple[BookChange, ...]:
        if not self._worlds:
            return ()
        recorded, candidate = self._worlds
        return tuple(BookChange(route, recorded.path(route), candidate.path(route)) for route in _BOOKS)


def _positions(recorded: GatewayState, folded: GatewayState) -> tuple[PositionChange, ...]:
    found: list[PositionChange] = []
    for route in _BOOKS:
        was, would = recorded.books[route].positions, folded.books[route].positions
        for key in sorted({*was, *would}):
            position = was.get(key) or would[key]
            before = was[key].qty if key in was else ZERO
            after = would[key].qty if key in would else ZERO
            if before != after:
                found.append(
                    PositionChange(
                        route, position.account, position.strategy_id, position.venue, position.symbol, before, after
                    )
                )
    return tuple(found)
