"""When the state is written down whole, so that a start need not fold the journal from its beginning."""

import logging
from collections.abc import Awaitable, Callable

from gateway.core.checkpoint import checkpoint_of
from gateway.core.state import GatewayState
from gateway.domain.records import Checkpoint
from gateway.ports.clock import Clock
from gateway.ports.intake import NotAccepting
from gateway.ports.journal import Journal, JournalBroken, JournalUnavailable

_log = logging.getLogger(__name__)


class Checkpointing:
    """Knows after which record the last one was taken. A failure here costs only start-up time."""

    def __init__(self, journal: Journal, clock: Clock, every: int, last_seq: int) -> None:
        self._journal = journal
        self._clock = clock
        self._every = every
        self._seq = last_seq

    def is_due(self, durable_seq: int) -> bool:
        return durable_seq - self._seq >= self._every

    def take(self, state: GatewayState, seq: int) -> Checkpoint | None:
        """The state as record ``seq`` left it; None when that is known, or when it cannot be made, which keeps no
        record from the disk."""
        if seq == self._seq:
            return None
        self._seq = seq
        try:
            return checkpoint_of(state, seq, self._clock.now_ns())
        except Exception:
            _log.exception("no checkpoint can be made of the state; the next start folds more records")
            return None

    async def save(self, checkpoint: Checkpoint, durable: Callable[[int], Awaitable[None]]) -> None:
        """Write it once the record that it names is durable."""
        try:
            await durable(checkpoint.seq)
            await self._journal.save_checkpoint(checkpoint)
        except (JournalUnavailable, JournalBroken, NotAccepting) as error:
            _log.warning("no checkpoint was written: %s", error)
