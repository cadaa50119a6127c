"""What the ledger remembers besides positions: the last executions, the last closed positions, losing streaks.

Both memories are bounded. An execution that leaves its window is folded into the ``base`` of its position, so the
position itself forgets nothing; a closed position that leaves is found in the archive.
"""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from gateway.core.ledger.holding import carry, copy_of, note_px
from gateway.domain.enums import Route
from gateway.domain.positions import ClosedPosition, Execution, Position

_NO_NEWS: tuple[tuple[ClosedPosition, ...], tuple[str, ...]] = ((), ())


class LedgerSnapshot(msgspec.Struct, kw_only=True):
    """The ledger as a checkpoint keeps it, next to the positions."""

    booked: int = 0
    closed: list[ClosedPosition] = []
    losses: dict[str, dict[str, int]] = {}


class Ledger:
    """Written by ``core.apply`` only. ``changed`` and ``voided`` are news of the present record, for the archive."""

    __slots__ = ("booked", "changed", "closed", "losses", "voided", "window")

    def __init__(self) -> None:
        #: Executions booked since the journal began.
        self.booked = 0
        #: The last closed positions by id, in the order in which they closed.
        self.closed: dict[str, ClosedPosition] = {}
        #: Losses in a row by book and strategy.
        self.losses: dict[str, dict[str, int]] = {}
        #: Number and position of every execution that is remembered, oldest first.
        self.window: deque[tuple[int, Position]] = deque()
        #: Closed positions that are new or were corrected, and the ids of those that are no more.
        self.changed: dict[str, ClosedPosition] = {}
        self.voided: list[str] = []

    def losses_in_a_row(self, route: Route, strategy_id: str) -> int:
        """How many closed positions of the strategy in this book were losses, without one that was not since."""
        return self.losses.get(route.value, {}).get(strategy_id, 0)

    def remember(self, position: Position, execution: Execution) -> None:
        """Keep an execution; call it before the execution is carried into the position."""
        if not position.executions:
            position.base = copy_of(position)
        position.executions.append(execution)
        self.window.append((execution.number, position))

    def forget(self, execution: Execution) -> None:
        """An execution was taken out of its position."""
        self.window = deque(entry for entry in self.window if entry[0] != execution.number)

    def trim(self, max_executions: int, max_closed: int) -> None:
        """Let go of what is oldest, and of the news."""
        while len(self.window) > max_executions:
            _, position = self.window.popleft()
            _fold_oldest(position)
        while len(self.closed) > max_closed:
            del self.closed[next(iter(self.closed))]
        if self.changed or self.voided:
            self.changed, self.voided = {}, []

    def news(self) -> tuple[tuple[ClosedPosition, ...], tuple[str, ...]]:
        """Closed positions that are new or corrected by the present record, and ids of those that are no more."""
        if not self.changed and not self.voided:
            return _NO_NEWS
        return tuple(self.changed.values()), tuple(self.voided)

    def snapshot(self) -> LedgerSnapshot:
        return LedgerSnapshot(booked=self.booked, closed=list(self.closed.values()), losses=self.losses)


def restored(snapshot: LedgerSnapshot, positions: Iterable[Position]) -> Ledger:
    """The ledger of a snapshot and its positions."""
    ledger = Ledger()
    ledger.booked = snapshot.booked
    ledger.closed = {closed.closed_id: closed for closed in snapshot.closed}
    ledger.losses = snapshot.losses
    entries = [(execution.number, position) for position in positions for execution in position.executions]
    ledger.window = deque(sorted(entries, key=lambda entry: entry[0]))
    return ledger


def _fold_oldest(position: Position) -> None:
    """Carry a position's oldest execution into its base for good."""
    execution = position.executions.pop(0)
    if not position.executions:
        position.base = None  # nothing between it and the position any more
        return
    assert position.base is not None
    carry(position.base, execution, position.multiplier, position.currency)
    for px in (execution.low_px, execution.high_px):
        if px is not None:
            note_px(position.base, px, position.multiplier)


def note_mark(position: Position, px: Decimal) -> None:
    """A position is held at this mark: its life, and the memory of its last execution, see how far it went."""
    note_px(position, px, position.multiplier)
    if not position.executions:
        return
    last = position.executions[-1]
    if last.low_px is None or px < last.low_px:
        last.low_px = px
    if last.high_px is None or px > last.high_px:
        last.high_px = px
