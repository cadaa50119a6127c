"""Checkpoints: states to start folding from, each tied to the record that it follows.

A checkpoint is used only if its bytes are the ones that were written and the journal still holds the very record
it was taken after. So a journal that was restored from a backup, or altered, falls back to an older checkpoint
or to folding from the start.
"""

import hashlib
import logging
import sqlite3

from gateway.adapters.journal.connection import Reader, Statement
from gateway.adapters.journal.errors import in_words, is_damage
from gateway.adapters.journal.opening import record_hash_at
from gateway.domain.records import Checkpoint

_log = logging.getLogger(__name__)
_KEPT = 3
FOREVER = 2**63 - 1


def digest(checkpoint: Checkpoint) -> bytes:
    """Over the state's bytes and what stands beside them."""
    head = f"{checkpoint.seq}|{checkpoint.ts_ns}|{checkpoint.state_hash}|".encode()
    return hashlib.sha256(head + checkpoint.state).digest()


def saving(partition: str, checkpoint: Checkpoint, own_digest: bytes, record_hash: bytes) -> list[Statement]:
    """The transaction that adds one and lets the oldest go."""
    return [
        (
            "INSERT OR REPLACE INTO checkpoints (partition, seq, ts_ns, state_hash, digest, record_hash, state)"
            " VALUES (?,?,?,?,?,?,?)",
            (
                partition,
                checkpoint.seq,
                checkpoint.ts_ns,
                checkpoint.state_hash,
                own_digest,
                record_hash,
                checkpoint.state,
            ),
        ),
        (
            "DELETE FROM checkpoints WHERE partition = ? AND seq NOT IN"
            " (SELECT seq FROM checkpoints WHERE partition = ? ORDER BY seq DESC LIMIT ?)",
            (partition, partition, _KEPT),
        ),
    ]


def forgetting(partition: str, after_seq: int) -> Statement:
    """Those of records that are gone. They would pass for the newest ones, and no other would be kept beside them."""
    return "DELETE FROM checkpoints WHERE partition = ? AND seq > ?", (partition, after_seq)


async def load_newest(
    reader: Reader, partition: str, until_ns: int = FOREVER, until_seq: int = FOREVER
) -> Checkpoint | None:
    """The newest usable checkpoint that was taken at ``until_ns`` or before, after no later record than ``until_seq``;
    those skipped are logged with the reason. Raises sqlite3.Error."""
    sql = "SELECT seq FROM checkpoints WHERE partition = ? AND ts_ns <= ? AND seq <= ? ORDER BY seq DESC"
    rows = await reader.fetch(sql, (partition, until_ns, until_seq))
    for (seq,) in rows:
        try:
            checkpoint, problem = await _load(reader, partition, seq)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise
            checkpoint, problem = None, in_words(error)
        if not problem:
            return checkpoint
        _log.warning("the checkpoint at record %d is not used: %s", seq, problem)
    return None


async def _load(reader: Reader, partition: str, seq: int) -> tuple[Checkpoint | None, str]:
    """The checkpoint, and what is wrong with it (empty: nothing)."""
    rows = await reader.fetch(
        "SELECT seq, ts_ns, state, state_hash, digest, record_hash FROM checkpoints WHERE partition = ? AND seq = ?",
        (partition, seq),
    )
    if not rows:
        return None, "it is gone"
    seq, ts_ns, state, state_hash, own_digest, record_hash = rows[0]
    checkpoint = Checkpoint(seq=seq, ts_ns=ts_ns, state=state, state_hash=state_hash)
    if not isinstance(state, bytes) or digest(checkpoint) != own_digest:
        return None, "its bytes are not those that were written"
    if await record_hash_at(reader, partition, seq) != record_hash:
        return None, "the journal does not hold the record that it was taken after"
    return checkpoint, ""
