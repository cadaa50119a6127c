"""The journal checked from outside: every record, from the file alone, while a gateway writes to it or not.

Shares with the writer only the definition of the chain and of the rows. What the chain cannot show (an end cut off,
a history rewritten to its end) is held against the anchor and the checkpoints.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from gateway.adapters.journal import schema
from gateway.adapters.journal.anchor import FILE_NAME as ANCHOR_NAME
from gateway.adapters.journal.anchor import Anchor, AnchorUnreadable, load_anchor
from gateway.adapters.journal.archive import is_order_row
from gateway.adapters.journal.audit_file import check_indexes, check_partitions, check_shape
from gateway.adapters.journal.checkpoints import digest
from gateway.adapters.journal.errors import UNREADABLE, in_words, is_of_the_moment
from gateway.adapters.journal.history import is_closed_row, is_point_row
from gateway.adapters.journal.looking import uri_for_a_look
from gateway.adapters.journal.walk import AuditReport, Problem, Row, Walk
from gateway.domain.records import Checkpoint

__all__ = ["AuditReport", "Problem", "verify"]

_PAGE = 4_096
_SELECT = "SELECT seq, ts_ns, kind, body, hash FROM records WHERE partition = ? AND seq > ? ORDER BY seq LIMIT ?"
_SELECT_ORDERS = (
    "SELECT order_id, account, cl_ord_id, strategy, symbol, venue, route, ord_status, parent_id, created_ns, body"
    " FROM orders WHERE order_id > ? ORDER BY order_id LIMIT ?"
)
_SELECT_CLOSED = (
    "SELECT closed_id, book, account, strategy, symbol, venue, closed_ns, body"
    " FROM closed_positions WHERE closed_id > ? ORDER BY closed_id LIMIT ?"
)
_SELECT_POINTS = (
    "SELECT ts_ns, account, book, body FROM portfolio_history"
    " WHERE (ts_ns, account, book) > (?, ?, ?) ORDER BY ts_ns, account, book LIMIT ?"
)


def verify(path: str | Path, partition: str = "main") -> AuditReport:
    """Check the journal in the data directory ``path``. Reads only, in pages, so a writer is not held up.

    A file that is missing or cannot be read is a problem in the report, not an exception.
    """
    directory = Path(path)
    walk = Walk(partition)
    anchor: Anchor | AnchorUnreadable | None = None
    try:
        # In this order: anchor and checkpoints only name records that were durable before them.
        anchor = load_anchor(directory)
        with closing(_connect(directory / schema.FILE_NAME)) as connection:
            _expect_anchor(walk, anchor)
            check_shape(walk, connection)
            _look(walk, "checkpoints", partial(_check_checkpoints, walk, connection))
            if _look(walk, "journal", partial(_check_records, walk, connection)):
                _check_end(walk, directory, anchor)
            _look(walk, "archive", partial(_check_archive, walk, connection))
            _look(walk, "archive's indexes", partial(check_indexes, walk, connection))
    except FileNotFoundError:
        though = "" if anchor is None else f", although {ANCHOR_NAME} there is of one"
        walk.found(None, f"there is no journal in {directory}{though}", is_unread=anchor is None)
    except UNREADABLE as error:
        walk.found(None, f"the journal cannot be read: {in_words(error)}", is_unread=is_of_the_moment(error))
    surely_to = anchor.seq if isinstance(anchor, Anchor) and not anchor.is_closed else None
    return msgspec.structs.replace(walk.report(), surely_to=surely_to)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(uri_for_a_look(path), uri=True, isolation_level=None)
    connection.text_factory = _as_text
    return connection


def _as_text(data: bytes) -> str:
    """What is not text is not what was written either: its row says so, and does not end the walk."""
    return data.decode(errors="replace")


def _look(walk: Walk, what: str, check: Callable[[], None]) -> bool:
    """One part, whose damage hides no other's. False when not all of it could be read."""
    try:
        check()
    except UNREADABLE as error:
        is_amid = what == "journal" and walk.records
        walk.found(
            walk.last_seq + 1 if is_amid else None,
            f"the {what} cannot be read: {in_words(error)}" + ("; nothing behind it was checked" if is_amid else ""),
            is_unread=is_of_the_moment(error),
        )
        return False
    return True


def _check_records(walk: Walk, connection: sqlite3.Connection) -> None:
    for row in _rows(connection, walk.partition):
        walk.check(row)
    _check_whole(walk, connection)
    check_partitions(walk, connection)


def _rows(connection: sqlite3.Connection, partition: str) -> Iterator[Row]:
    """All records in order, in pages: a long snapshot would keep the writer's log from being folded back."""
    last_seq = -(2**63)
    while True:
        page = connection.execute(_SELECT, (partition, last_seq, _PAGE)).fetchall()
        yield from page
        if len(page) < _PAGE:
            return
        last_seq = page[-1][0]


def _expect_anchor(walk: Walk, anchor: Anchor | AnchorUnreadable | None) -> None:
    match anchor:
        case AnchorUnreadable(text=text):
            walk.found(None, text)
        case Anchor() if anchor.partition != walk.partition:
            walk.found(None, f"{ANCHOR_NAME} is of another partition, {anchor.partition!r}")
        case Anchor():
            walk.expect(anchor.seq, bytes.fromhex(anchor.hash), ANCHOR_NAME)


def _check_whole(walk: Walk, connection: sqlite3.Connection) -> None:
    """Nothing may be in the table that the walk did not meet."""
    ((count,),) = connection.execute(
        "SELECT count(*) FROM records WHERE partition = ? AND seq <= ?", (walk.partition, walk.last_seq)
    )
    if count != walk.records:
        walk.found(
            None,
            f"the table holds {count} records up to {walk.last_seq}, of which {walk.records} could be walked",
        )


def _check_checkpoints(walk: Walk, connection: sqlite3.Connection) -> None:
    """A state that was altered is not used, and the journal is folded instead: worth knowing all the same."""
    rows = connection.execute(
        "SELECT seq, ts_ns, state, state_hash, digest, record_hash FROM checkpoints WHERE partition = ?",
        (walk.partition,),
    )
    for seq, ts_ns, state, state_hash, own_digest, record_hash in rows:
        is_whole = isinstance(state, bytes) and isinstance(seq, int)
        if is_whole:
            walk.expect(seq, record_hash, "a checkpoint")
        checkpoint = Checkpoint(seq=seq, ts_ns=ts_ns, state=state, state_hash=state_hash)
        if not is_whole or digest(checkpoint) != own_digest:
            walk.found(None, f"the checkpoint at record {seq} was altered")


def _check_archive(walk: Walk, connection: sqlite3.Connection) -> None:
    """Each row must be readable, and found under what it says itself. No chain covers these tables."""
    _check_rows(walk, connection, "order", _SELECT_ORDERS, ("",), is_order_row)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "closed_positions" in tables:  # not in a journal of version 1
        _check_rows(walk, connection, "closed position", _SELECT_CLOSED, ("",), is_closed_row)
        _check_rows(walk, connection, "portfolio snapshot", _SELECT_POINTS, (-(2**63), "", ""), is_point_row)
    if "archived" in tables:
        _check_archived(walk, connection)


def _check_archived(walk: Walk, connection: sqlite3.Connection) -> None:
    """Up to which record the archive says that it is complete: with every checkpoint, and no further than the end."""
    # In this order: a gateway may write meanwhile, and what is complete only grows.
    saved = _last_seq(walk, connection, "checkpoints")
    rows = connection.execute("SELECT seq FROM archived WHERE partition = ?", (walk.partition,)).fetchall()
    last_seq = _last_seq(walk, connection, "records")
    if any(seq > walk.last_seq for seq in walk.expected):
        return  # the end was cut off, and that was told
    archived = rows[0][0] if rows else 0
    if not isinstance(archived, int) or archived > last_seq:
        walk.found(None, f"the archive says that it is complete up to record {archived}, which is not there")
    elif archived < saved:
        text = f"the archive says that it is complete up to record {archived}, and it was at record {saved}"
        walk.found(None, f"{text}, of the newest checkpoint")


def _last_seq(walk: Walk, connection: sqlite3.Connection, table: str) -> int:
    """The last number as of now: a gateway may have written since the walk."""
    sql = f"SELECT max(seq) FROM {table} WHERE partition = ? AND typeof(seq) = 'integer'"
    ((seq,),) = connection.execute(sql, (walk.partition,))
    return seq if isinstance(seq, int) else 0


def _check_rows(
    walk: Walk,
    connection: sqlite3.Connection,
    what: str,
    sql: str,
    before: tuple[object, ...],
    is_whole: Callable[[tuple[Any, ...]], bool],
) -> None:
    last = before
    while True:
        page = connection.execute(sql, (*last, _PAGE)).fetchall()
        for row in page:
            if not is_whole(row):
                walk.found(
                    None, f"{what} {' '.join(str(part) for part in row[: len(before)])} in the archive was altered"
                )
        if len(page) < _PAGE:
            return
        last = page[-1][: len(before)]


def _check_end(walk: Walk, directory: Path, anchor: Anchor | AnchorUnreadable | None) -> None:
    """Records that were durable must be there; after a clean close, no others."""
    for seq, expectations in sorted(walk.expected.items()):
        if seq > walk.last_seq:
            sources = " and ".join(source for _, source in expectations)
            walk.found(seq, f"is named by {sources}, but the journal ends at record {walk.last_seq}")
    # The anchor is written before the first record, and anew when a gateway starts: look again before blaming.
    if anchor is None and walk.records and load_anchor(directory) is None:
        walk.found(None, f"{ANCHOR_NAME} is missing: records cut off at the end cannot be noticed")
    if not isinstance(anchor, Anchor) or not anchor.is_closed or anchor.partition != walk.partition:
        return
    if walk.last_seq > anchor.seq and load_anchor(directory) == anchor:
        walk.found(
            anchor.seq + 1,
            f"and all up to {walk.last_seq} were appended after the gateway had closed the journal",
        )
