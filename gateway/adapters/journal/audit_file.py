"""What an audit asks of the file itself: that its tables are the gateway's, and that their indexes hold what they hold.

A trigger can swallow records while the gateway calls them durable; an index that lost an entry gives a client id free
that was used. The records show neither.
"""

import sqlite3

from gateway.adapters.journal import schema
from gateway.adapters.journal.walk import Walk

_INDEXED = ("orders", "closed_positions")
_PARTITIONED = ("records", "checkpoints", "archived")


def check_shape(walk: Walk, connection: sqlite3.Connection) -> None:
    """The header, and each table, index, view and trigger."""
    found = {
        name: (kind, _as_one_line(sql or ""))
        for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master")
        if not str(name).startswith("sqlite_")
    }
    ((application_id,),) = connection.execute("PRAGMA application_id")
    ((version,),) = connection.execute("PRAGMA user_version")
    if application_id != schema.APPLICATION_ID:
        walk.found(None, f"{schema.FILE_NAME} is not marked as a journal of this gateway")
        return
    if version not in schema.TABLES_OF:
        text = f"{schema.FILE_NAME} has schema version {version}, which this gateway does not know"
        walk.found(None, f"{text}: its tables were not checked", is_unread=True)
        return
    expected = {name: (kind, _as_one_line(sql)) for kind, name, sql in map(_named, schema.TABLES_OF[version])}
    for name in sorted(found.keys() | expected.keys()):
        if name not in expected:
            walk.found(None, f"{found[name][0]} {name} was not made by the gateway")
        elif name not in found:
            walk.found(None, f"{expected[name][0]} {name} is missing")
        elif found[name] != expected[name]:
            walk.found(None, f"{expected[name][0]} {name} was altered")


def check_partitions(walk: Walk, connection: sqlite3.Connection) -> None:
    """What stands under another name is not looked at by anybody."""
    tables = _tables(connection)
    for table in _PARTITIONED:
        sql = f"SELECT partition FROM {table} WHERE partition < ? UNION ALL SELECT partition FROM {table}"
        rows = (
            connection.execute(f"{sql} WHERE partition > ? LIMIT 1", (walk.partition,) * 2) if table in tables else ()
        )
        for (partition,) in rows:
            walk.found(None, f"{table} of another partition, {partition!r}, were not checked", is_unread=True)


def check_indexes(walk: Walk, connection: sqlite3.Connection) -> None:
    """Those by which the archive is searched; an index of the records that lost one shows as a record that is missing.

    This takes one snapshot, some 6 s for a million orders. Meanwhile the writer's log grows, and nothing waits.
    """
    tables = _tables(connection)
    for table in _INDEXED:
        said = [text for (text,) in connection.execute(f"PRAGMA integrity_check({table})")] if table in tables else []
        if said and said != ["ok"]:
            words = str(said[0]).removeprefix("*** in database main ***\n").splitlines()[0]
            walk.found(None, f"{table} cannot be searched as a whole, for the file is damaged: {words}")


def _as_one_line(sql: str) -> str:
    return " ".join(sql.split())


def _named(sql: str) -> tuple[str, str, str]:
    """Kind, name and text of a statement that creates."""
    _, kind, name, *_ = sql.split()
    return kind.lower(), name, sql


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
