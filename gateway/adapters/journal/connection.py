"""Connections to the journal file: one that writes, in one thread hop per transaction, and one that reads.

aiosqlite runs each of its calls as a hop to its thread and back. Under a busy event loop every hop, and every SQL
statement in the thread, must win the interpreter lock back, which takes milliseconds (and, at Python's default
switch interval of 5 ms, sometimes seconds: whoever runs the loop should set ``sys.setswitchinterval(1e-4)``). So a
whole transaction is staged as one piece of work, done by one ``commit()`` in as few statements as possible.
"""

import contextlib
import sqlite3
import time
import types
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import aiosqlite

from gateway.adapters.journal import schema
from gateway.ports.journal import JournalUnavailable

Statement = tuple[str, Sequence[Any]]
Rows = list[tuple[Any, ...]]
#: Rows per INSERT at most: 64 of the widest table stay below 999 parameters, the limit of older SQLite libraries.
_MOST_ROWS = 64
#: Every number of rows is a statement of its own, and all of those of the three busy tables stay prepared.
_PREPARED = 4 * _MOST_ROWS
_BUSY_TIMEOUT_S = 2.0


def chunked(statement: Callable[[int], str], rows: Sequence[Sequence[Any]]) -> Iterator[Statement]:
    """The fewest statements that insert all rows, for each costs the event loop several turns of the interpreter lock.
    ``statement(n)`` is the SQL for n of them."""
    for start in range(0, len(rows), _MOST_ROWS):
        some = rows[start : start + _MOST_ROWS]
        yield statement(len(some)), [value for row in some for value in row]


class _StagingConnection(sqlite3.Connection):
    """``commit`` does what was staged, as one transaction; on any error nothing of it stays."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._staged: deque[Sequence[Statement]] = deque()

    def stage(self, statements: Sequence[Statement]) -> None:
        self._staged.append(statements)

    def commit(self) -> None:
        statements = self._staged.popleft()
        try:
            self._run(statements)
        except BaseException:
            # SQLite has rolled back by itself after some errors, and says so. Whatever else the rollback meets
            # must not hide the first error; the connection is replaced before its next use.
            with contextlib.suppress(sqlite3.Error):
                if self.in_transaction:
                    self.execute("ROLLBACK")
            raise

    def _run(self, statements: Sequence[Statement]) -> None:
        if len(statements) == 1:  # in autocommit mode, one statement is a transaction
            self.execute(*statements[0])
            return
        self.execute("BEGIN IMMEDIATE")
        for sql, parameters in statements:
            self.execute(sql, parameters)
        self.execute("COMMIT")


class Writer:
    """The connection that writes."""

    def __init__(self, connection: aiosqlite.Connection, raw: _StagingConnection) -> None:
        self._connection = connection
        self._raw = raw

    @classmethod
    async def open(cls, path: Path, *, may_create: bool) -> Self:
        """Raises sqlite3.Error, and JournalUnavailable when the file system cannot do what WAL needs."""
        raw: list[_StagingConnection] = []

        def factory(*args: Any, **kwargs: Any) -> _StagingConnection:
            raw.append(_StagingConnection(*args, **kwargs))
            return raw[0]

        connection = await aiosqlite.connect(
            _uri(path, "rwc" if may_create else "rw"),
            uri=True,
            isolation_level=None,
            timeout=_BUSY_TIMEOUT_S,
            factory=factory,
            cached_statements=_PREPARED,
        )
        try:
            for pragma in schema.WRITER_PRAGMAS:
                answer = list(await connection.execute_fetchall(pragma))
                if pragma.startswith("PRAGMA journal_mode") and answer[0][0] != "wal":
                    raise JournalUnavailable(f"SQLite cannot keep a write-ahead log at {path} (a network share?)")
        except BaseException:
            await connection.close()
            raise
        return cls(connection, raw[0])

    async def run(self, statements: Sequence[Statement]) -> None:
        """Do all statements, or none, durably: one hop. Raises sqlite3.Error, OSError.

        When the caller is cancelled meanwhile, the transaction is not: it will have happened, or not.
        """
        self._raw.stage(statements)
        await _at_once(self._connection.commit())

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Read through the connection that writes: behind everything it was given before."""
        return _as_rows(await self._connection.execute_fetchall(sql, parameters))

    async def close(self) -> None:
        await self._connection.close()


class Reader:
    """The connection that reads, in a thread of its own: no read waits for a commit, and no commit for a read."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._is_closed = False

    @classmethod
    async def open(cls, path: Path, uri: str = "") -> Self:
        """Raises sqlite3.Error. The file must be there. ``uri`` is how to open it, where that was found out."""
        uri = uri or _uri(path, "ro")
        return cls(await aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_S))

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """All rows, in one hop. Raises sqlite3.Error, and JournalUnavailable once closed."""
        if self._is_closed:
            raise JournalUnavailable("the journal is closed")
        return _as_rows(await self._connection.execute_fetchall(sql, parameters))

    async def close(self) -> None:
        self._is_closed = True
        await self._connection.close()


@types.coroutine
def _at_once(hop: Awaitable[None]) -> Generator[Any, Any, None]:
    """``await hop``, and let its thread have the interpreter as soon as it has its work. It gives it back within
    microseconds, for writing needs none; else the event loop, which has other things to do, keeps it for the whole
    switch interval, while the disk stands idle."""
    steps = hop.__await__()
    waiting = next(steps)
    time.sleep(0)
    try:
        yield waiting
    except BaseException as error:
        steps.throw(error)
        raise
    yield from steps


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"


def _as_rows(fetched: Any) -> Rows:
    """``execute_fetchall`` promises an iterable of rows; without a row factory it is a list of tuples."""
    return fetched if isinstance(fetched, list) else list(fetched)
