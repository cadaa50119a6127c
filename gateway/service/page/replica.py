"""The state as the journal tells it: folded from durable facts by the core's own ``apply``, so nothing here can drift.

Pure: records in, state out. The fold shares no object with the engine's state but frozen facts.
"""

from gateway.core.apply import apply_record
from gateway.core.state import GatewayState
from gateway.domain.records import Record


class Replica:
    """Implements ``service.state_holder.StateHolder``. ``state`` is as of record ``seq``."""

    def __init__(self) -> None:
        self.state = GatewayState()
        self.seq = 0

    def begin(self, state: GatewayState, seq: int) -> None:
        """Go on from a checkpoint: ``state`` belongs to the replica from now on."""
        self.state, self.seq = state, seq

    def apply(self, record: Record) -> None:
        """Fold the record that follows. What was folded already is passed over."""
        if record.seq <= self.seq:
            return
        if record.seq != self.seq + 1:
            raise ValueError(f"record {record.seq} does not follow {self.seq}")
        apply_record(self.state, record.facts)
        self.seq = record.seq

    def forget(self) -> None:
        """Nobody looks any more: let go of everything."""
        self.begin(GatewayState(), 0)
