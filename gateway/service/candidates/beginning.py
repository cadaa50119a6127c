"""The state from which a candidate begins to follow a journal: folded under its own configuration."""

import logging

import msgspec

from gateway.core.candidates.overlay import Overlay
from gateway.core.checkpoint import decode_snapshot, state_hash
from gateway.core.state import GatewayState
from gateway.domain.records import Checkpoint

_log = logging.getLogger(__name__)


def begin_at(checkpoint: Checkpoint | None, overlay: Overlay) -> tuple[GatewayState, int]:
    """The checkpoint's state under the overlay, and the record it follows; an empty one before record 1 when there is
    no checkpoint, or none that this version restores exactly.

    What only the candidate measures (a throttle or a scope that is not enforced) it knows from this record on.
    """
    if checkpoint is None:
        return GatewayState(), 0
    try:
        if state_hash(decode_snapshot(checkpoint.state)) == checkpoint.state_hash:
            return decode_snapshot(checkpoint.state, overlay), checkpoint.seq
        why = "it restores to another state"
    except (msgspec.MsgspecError, KeyError, ValueError) as error:
        why = str(error)
    _log.warning("the checkpoint at record %d is not used (%s); folding the journal", checkpoint.seq, why)
    return GatewayState(), 0
