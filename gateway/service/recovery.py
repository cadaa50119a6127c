"""Start and crash are one path: fold what the journal holds, then go on from there."""

import logging

import msgspec

from gateway.core.apply import apply_record
from gateway.core.checkpoint import decode_snapshot, state_hash
from gateway.core.state import GatewayState
from gateway.domain.records import Checkpoint
from gateway.ports.journal import History

_log = logging.getLogger(__name__)


async def recover(journal: History) -> tuple[GatewayState, int]:
    """The state after everything the journal holds, and the last sequence number (0: an empty journal)."""
    checkpoint = await journal.load_checkpoint()
    found = None if checkpoint is None else restored(checkpoint)
    state, seq = (GatewayState(), 0) if found is None else found
    async for record in journal.read(seq):
        apply_record(state, record.facts)
        seq = record.seq
    return state, seq


def restored(checkpoint: Checkpoint) -> tuple[GatewayState, int] | None:
    """The state of the checkpoint, or None when this version cannot restore it exactly: the journal itself is the
    truth, and folding it from its start only takes longer."""
    try:
        state = decode_snapshot(checkpoint.state)
        if state_hash(state) == checkpoint.state_hash:
            return state, checkpoint.seq
        why = "it restores to another state"
    except (msgspec.MsgspecError, KeyError, ValueError) as error:
        why = str(error)
    _log.warning("the checkpoint at record %d is not used (%s); folding the journal", checkpoint.seq, why)
    return None
