"""Start and crash are one path: fold what the journal holds, then go on from there."""

import logging
from collections.abc import Iterable

import msgspec

from gateway.core.apply import apply, apply_record, trim
from gateway.core.checkpoint import decode_snapshot, state_hash
from gateway.core.state import GatewayState
from gateway.domain.facts import Fact
from gateway.domain.records import Checkpoint, Entry, Record
from gateway.ports.journal import ArchivesLater, History, JournalBroken
from gateway.service.closed_orders import closed_by, withdrawn_by

_log = logging.getLogger(__name__)
#: What facts raise that are about what is not there: a chain that somebody linked anew shows nothing else.
MISFITS = (LookupError, ValueError, TypeError, AttributeError, AssertionError, ArithmeticError)


async def recover(journal: History) -> tuple[GatewayState, int]:
    """The state after everything the journal holds, and the last sequence number (0: an empty journal)."""
    state, seq = await _beginning(journal)
    async for record in journal.read(seq):
        fold(state, record.seq, record.facts)
        seq = record.seq
    return state, seq


async def recover_with_archive(journal: ArchivesLater) -> tuple[GatewayState, int]:
    """The same for the one who writes on: the journal gets back what its archive lacks."""
    state, seq = await _beginning(journal)
    missing: list[Entry] = []
    async for record in journal.read(seq):
        seq = record.seq
        if seq <= journal.archived_seq:
            fold(state, seq, record.facts)
        else:
            if withdrawn := withdrawn_by(state, record.facts):
                missing = [_without(entry, withdrawn) for entry in missing]
            missing.append(applied(state, record))
    journal.take_up(missing)
    return state, seq


async def _beginning(journal: History) -> tuple[GatewayState, int]:
    checkpoint = await journal.load_checkpoint()
    return (None if checkpoint is None else restored(checkpoint)) or (GatewayState(), 0)


def fold(state: GatewayState, seq: int, facts: Iterable[Fact]) -> None:
    """Change ``state`` by the facts of record ``seq``. Raises JournalBroken where they do not fit what came before."""
    try:
        apply_record(state, facts)
    except MISFITS as error:
        raise misfit(seq, error) from error


def misfit(seq: int, error: Exception) -> JournalBroken:
    return JournalBroken(
        f"record {seq} does not fit what the records before it come to ({error!r}): some were altered or taken out, or"
        " this version is at fault. See what gateway audit verify says"
    )


def applied(state: GatewayState, record: Record) -> Entry:
    """``record`` as it was appended, after its facts changed ``state``. Raises JournalBroken."""
    try:
        for fact in record.facts:
            apply(state, fact)
    except MISFITS as error:
        raise misfit(record.seq, error) from error
    closed = closed_by(state, record.facts)
    positions, voided = state.ledger.news()
    trim(state)
    return Entry(record=record, closed_orders=closed, closed_positions=positions, voided_positions=voided)


def _without(entry: Entry, withdrawn: tuple[str, ...]) -> Entry:
    kept = tuple(order for order in entry.closed_orders if order.order_id not in withdrawn)
    return entry if len(kept) == len(entry.closed_orders) else msgspec.structs.replace(entry, closed_orders=kept)


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
