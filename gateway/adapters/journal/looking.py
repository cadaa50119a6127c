"""Where a journal file is opened for a look only: beside a gateway, after one, or on a disk that takes no writes."""

import sqlite3
from contextlib import closing
from pathlib import Path


def uri_for_a_look(path: Path) -> str:
    """What SQLite is to open. Blocks. Raises sqlite3.Error; OSError where SQLite cannot, with what to do.

    To read a write-ahead log SQLite needs a file beside it. Where it may not make one, a file that was closed can be
    read as one that nobody writes to; one with a log would be read without its end.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        with path.open("rb"):  # raises PermissionError and the like, whose words name the cause
            pass
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise OSError(
                f"{log.name} beside it holds its latest records, which can be read only in a folder that may be written"
                f" to: copy {path.parent} with all that is in it, and name the copy"
            ) from error
        return f"{uri}&immutable=1"
    return uri
