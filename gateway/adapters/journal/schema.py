"""The tables of one journal file, and the statements that fill them. No logic, no connection."""

import functools

FILE_NAME = "journal.sqlite3"
VERSION = 3
#: No record has a later number.
LAST_SEQ = 2**63 - 1
#: "OGWJ" in the file header: tells a journal from any other SQLite file.
APPLICATION_ID = 0x4F47574A

#: Set on every connection that writes, in this order (the page size must come before the first page).
#: 8 KiB pages hold a typical record (2 KB) without overflow pages. synchronous=FULL: a commit is on the disk when
#: it returns; the two fullfsync settings say the same to macOS and nothing elsewhere. The WAL is copied back
#: into the file every 1000 pages, which lets one commit in some hundreds take a few milliseconds longer.
WRITER_PRAGMAS = (
    "PRAGMA page_size = 8192",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA trusted_schema = OFF",
)

#: Records and orders are rowid tables (new rows go to the end) with the key in an index of its own: clustered on
#: the key, rows of this size cost up to twice the space. Legs of split orders are not listed, so the indexes that
#: serve lists leave them out; the one by client id holds all that filling the filter at the start needs.
_TABLES = (
    """CREATE TABLE records (
        partition TEXT NOT NULL, seq INTEGER NOT NULL, ts_ns INTEGER NOT NULL, kind TEXT NOT NULL,
        body BLOB NOT NULL, hash BLOB NOT NULL,
        PRIMARY KEY (partition, seq))""",
    """CREATE TABLE checkpoints (
        partition TEXT NOT NULL, seq INTEGER NOT NULL, ts_ns INTEGER NOT NULL,
        state_hash TEXT NOT NULL, digest BLOB NOT NULL, record_hash BLOB NOT NULL, state BLOB NOT NULL,
        PRIMARY KEY (partition, seq))""",
    """CREATE TABLE orders (
        order_id TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, cl_ord_id TEXT NOT NULL,
        strategy TEXT NOT NULL, symbol TEXT NOT NULL, venue TEXT NOT NULL, route TEXT NOT NULL,
        ord_status TEXT NOT NULL, parent_id TEXT NOT NULL, created_ns INTEGER NOT NULL, body BLOB NOT NULL)""",
    "CREATE INDEX orders_by_client_id ON orders (account, cl_ord_id, parent_id)",
    "CREATE INDEX orders_newest ON orders (created_ns, order_id) WHERE parent_id = ''",
    "CREATE INDEX orders_of_account ON orders (account, created_ns, order_id) WHERE parent_id = ''",
)

#: What version 2 added: closed positions and portfolio snapshots, found without replay.
_HISTORY_TABLES = (
    """CREATE TABLE closed_positions (
        closed_id TEXT NOT NULL PRIMARY KEY, book TEXT NOT NULL, account TEXT NOT NULL, strategy TEXT NOT NULL,
        symbol TEXT NOT NULL, venue TEXT NOT NULL, closed_ns INTEGER NOT NULL, body BLOB NOT NULL)""",
    "CREATE INDEX closed_newest ON closed_positions (closed_ns, closed_id)",
    "CREATE INDEX closed_of_account ON closed_positions (account, closed_ns, closed_id)",
    """CREATE TABLE portfolio_history (
        ts_ns INTEGER NOT NULL, account TEXT NOT NULL, book TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (ts_ns, account, book)) WITHOUT ROWID""",
)

#: What version 3 added: up to which record the archive (orders, closed positions, portfolio snapshots) is complete.
_ARCHIVED_TABLE = ("CREATE TABLE archived (partition TEXT NOT NULL PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID",)
#: Before version 3 the archive was written with each record.
_ARCHIVED_AT_ONCE = (
    "INSERT INTO archived (partition, seq) SELECT partition, max(seq) FROM records GROUP BY partition",
)

#: What a file of each version holds.
TABLES_OF = {
    1: _TABLES,
    2: (*_TABLES, *_HISTORY_TABLES),
    3: (*_TABLES, *_HISTORY_TABLES, *_ARCHIVED_TABLE),
}

#: What makes an empty file a journal, in one transaction.
CREATION = (
    *TABLES_OF[VERSION],
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)

#: A transaction of one page that leaves everything as it is.
NO_CHANGE = f"PRAGMA user_version = {VERSION}"

#: What makes a journal of an older version one of this: by version, in one transaction.
UPGRADES = {
    1: (*_HISTORY_TABLES, *_ARCHIVED_TABLE, *_ARCHIVED_AT_ONCE, f"PRAGMA user_version = {VERSION}"),
    2: (*_ARCHIVED_TABLE, *_ARCHIVED_AT_ONCE, f"PRAGMA user_version = {VERSION}"),
}

MARK_ARCHIVED = "INSERT OR REPLACE INTO archived (partition, seq) VALUES (?,?)"

_INSERT_RECORDS = "INSERT INTO records (partition, seq, ts_ns, kind, body, hash) VALUES "
_RECORD_ROW = "(?,?,?,?,?,?)"
_UPSERT_ORDERS = (
    "INSERT INTO orders (order_id, account, cl_ord_id, strategy, symbol, venue, route, ord_status, parent_id,"
    " created_ns, body) VALUES "
)
_ORDER_ROW = "(?,?,?,?,?,?,?,?,?,?,?)"
_ON_CONFLICT = (
    " ON CONFLICT (order_id) DO UPDATE SET account=excluded.account, cl_ord_id=excluded.cl_ord_id,"
    " strategy=excluded.strategy, symbol=excluded.symbol, venue=excluded.venue, route=excluded.route,"
    " ord_status=excluded.ord_status, parent_id=excluded.parent_id, created_ns=excluded.created_ns,"
    " body=excluded.body"
)


_UPSERT_CLOSED = (
    "INSERT OR REPLACE INTO closed_positions"
    " (closed_id, book, account, strategy, symbol, venue, closed_ns, body) VALUES "
)
_INSERT_POINTS = "INSERT OR REPLACE INTO portfolio_history (ts_ns, account, book, body) VALUES "


@functools.cache
def upsert_closed(count: int) -> str:
    return _UPSERT_CLOSED + ",".join(["(?,?,?,?,?,?,?,?)"] * count)


@functools.cache
def delete_closed(count: int) -> str:
    return f"DELETE FROM closed_positions WHERE closed_id IN ({','.join('?' * count)})"


@functools.cache
def insert_points(count: int) -> str:
    return _INSERT_POINTS + ",".join(["(?,?,?,?)"] * count)


@functools.cache
def insert_records(count: int) -> str:
    return _INSERT_RECORDS + ",".join([_RECORD_ROW] * count)


@functools.cache
def upsert_orders(count: int) -> str:
    return _UPSERT_ORDERS + ",".join([_ORDER_ROW] * count) + _ON_CONFLICT
