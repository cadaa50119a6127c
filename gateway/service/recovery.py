"""Start and crash are one path: fold what the journal holds, then go on from there."""

from gateway.core.apply import apply
from gateway.core.state import GatewayState, decode_snapshot, state_hash
from gateway.ports.journal import Journal, JournalBroken


async def recover(journal: Journal) -> tuple[GatewayState, int]:
    """The state after everything the journal holds, and the last sequence number (0: an empty journal)."""
    checkpoint = await journal.load_checkpoint()
    if checkpoint is None:
        state, seq = GatewayState(), 0
    else:
        state, seq = decode_snapshot(checkpoint.state), checkpoint.seq
        if state_hash(state) != checkpoint.state_hash:
            raise JournalBroken(
                f"the checkpoint at record {seq} does not restore to the state it was taken from; "
                "move it away with `gateway audit verify` to fold the journal from its start"
            )
    async for record in journal.read(seq):
        for fact in record.facts:
            apply(state, fact)
        seq = record.seq
    return state, seq
