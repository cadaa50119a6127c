"""Opening a data directory: the files, their schema, where the journal ends, and whether it may end there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from gateway.adapters.journal import schema
from gateway.adapters.journal.anchor import FILE_NAME as ANCHOR_NAME
from gateway.adapters.journal.anchor import Anchor, AnchorUnreadable
from gateway.adapters.journal.chain import genesis
from gateway.adapters.journal.connection import Reader, Rows, Writer
from gateway.ports.journal import JournalBroken

_WAY_OUT = f"Restore what is missing; or, to go on with what is there, delete {ANCHOR_NAME} and open it again"


class Head(NamedTuple):
    """The last record of a partition and its hash; record 0 is the genesis."""

    seq: int
    hash: bytes


class Source(Protocol):
    """Either connection."""

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Rows: ...


async def open_files(directory: Path) -> tuple[Writer, Reader]:
    """Both connections, on tables that are there. Raises sqlite3.Error, JournalUnavailable, JournalBroken."""
    path = directory / schema.FILE_NAME
    writer = await Writer.open(path, may_create=True)
    try:
        await _ensure_tables(writer, path)
        return writer, await Reader.open(path)
    except BaseException:
        await writer.close()
        raise


async def _ensure_tables(writer: Writer, path: Path) -> None:
    ((application_id,),) = await writer.fetch("PRAGMA application_id")
    ((version,),) = await writer.fetch("PRAGMA user_version")
    ((table_count,),) = await writer.fetch("SELECT count(*) FROM sqlite_master")
    if table_count == 0:
        await writer.run([(sql, ()) for sql in schema.CREATION])
    elif application_id != schema.APPLICATION_ID:
        raise JournalBroken(f"{path} is an SQLite file, but not a journal of this gateway")
    elif version in schema.UPGRADES:
        await writer.run([(sql, ()) for sql in schema.UPGRADES[version]])
    elif version != schema.VERSION:
        raise JournalBroken(
            f"{path} has schema version {version}, and this gateway knows version {schema.VERSION}: "
            "it was written by another release"
        )
    for (name,) in await writer.fetch("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        raise JournalBroken(
            f"{path} has a trigger, {name!r}, that the gateway did not make: it may swallow or alter what is written."
            " Find out who made it, and restore a backup"
        )


async def read_head(source: Source, partition: str) -> Head:
    """Where the table ends. Raises sqlite3.Error, JournalBroken."""
    rows = await source.fetch(
        "SELECT seq, hash FROM records WHERE partition = ? ORDER BY seq DESC LIMIT 1", (partition,)
    )
    if not rows:
        return Head(0, genesis(partition))
    seq, record_hash = rows[0]
    if not isinstance(seq, int) or not isinstance(record_hash, bytes):
        raise JournalBroken(f"the last record has the number {seq!r} and no usable hash: the journal was altered")
    return Head(seq, record_hash)


async def read_archived_seq(source: Source, partition: str) -> int:
    """Up to which record the archive is known to be complete: to the end, in a file of before version 3. Raises
    sqlite3.Error."""
    if not await source.fetch("SELECT 1 FROM sqlite_master WHERE name = 'archived'"):
        return schema.LAST_SEQ
    rows = await source.fetch("SELECT seq FROM archived WHERE partition = ?", (partition,))
    return rows[0][0] if rows and isinstance(rows[0][0], int) else 0  # else it was altered: nothing is known


async def record_hash_at(source: Source, partition: str, seq: int) -> bytes | None:
    """The hash of record ``seq`` as the table has it; None when there is no such record. Raises sqlite3.Error."""
    if seq == 0:
        return genesis(partition)
    rows = await source.fetch("SELECT hash FROM records WHERE partition = ? AND seq = ?", (partition, seq))
    return rows[0][0] if rows else None


async def check_anchor(source: Source, anchor: Anchor | AnchorUnreadable | None, partition: str) -> None:
    """Refuse a journal that does not reach, or does not hold, what its anchor says is durable.

    Orders may have been sent that such a journal forgot: to go on is for a person to decide. Raises
    JournalBroken, sqlite3.Error. No anchor is no objection: that is a new journal, or the person's decision.
    """
    if anchor is None:
        return
    if isinstance(anchor, AnchorUnreadable):
        raise JournalBroken(f"{anchor.text}. {_WAY_OUT}.")
    if anchor.partition != partition:
        raise JournalBroken(f"{ANCHOR_NAME} is of partition {anchor.partition!r}, not {partition!r}. {_WAY_OUT}.")
    problem = objection(anchor, await read_head(source, partition))
    if not problem and await record_hash_at(source, partition, anchor.seq) != bytes.fromhex(anchor.hash):
        problem = f"record {anchor.seq} is not the one that {ANCHOR_NAME} names"
    if problem:
        raise JournalBroken(f"{problem}. {_WAY_OUT}.")


def objection(anchor: Anchor, head: Head) -> str:
    """What is wrong with a journal of this anchor ending here; empty when nothing is."""
    if head.seq < anchor.seq:
        return (
            f"the journal ends at record {head.seq}, but record {anchor.seq} was durable ({ANCHOR_NAME}): "
            f"records {head.seq + 1} to {anchor.seq} are missing"
        )
    if anchor.is_closed and head.seq > anchor.seq:
        return (
            f"the journal was closed at record {anchor.seq} ({ANCHOR_NAME}) and now ends at record {head.seq}: "
            "something other than the gateway appended to it"
        )
    return ""
