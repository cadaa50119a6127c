"""What SQLite and the system say, in our words: translated here once, told to people in full."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.adapters.journal.codec import CodecError
from gateway.ports.journal import JournalBroken, JournalUnavailable

_WORDS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk reports an error, is full, or a quota is used up",
    sqlite3.SQLITE_BUSY: "another process keeps the journal file locked",
    sqlite3.SQLITE_LOCKED: "another connection keeps the journal file locked",
    sqlite3.SQLITE_READONLY: "the journal file is read-only",
    sqlite3.SQLITE_PERM: "the journal file may not be accessed",
    sqlite3.SQLITE_CANTOPEN: "the journal file cannot be opened",
    sqlite3.SQLITE_CONSTRAINT: "a record of that number is there already: another process wrote to this journal",
    # SQLite says the same of a disk that cannot read a part of it (EIO).
    sqlite3.SQLITE_CORRUPT: "the journal file is damaged, or the disk cannot read a part of it",
    sqlite3.SQLITE_NOTADB: "the journal file is not an SQLite database",
}
#: All that opening and reading a file of SQLite raises: of a schema that is no text not even its own error can be told.
UNREADABLE = (sqlite3.Error, OSError, UnicodeDecodeError)
#: Nothing that these say is about what the file holds.
_OF_THE_MOMENT = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_CANTOPEN,
    }
)


def in_words(error: Exception) -> str:
    """The cause for a person, with the library's own words behind it."""
    code = sqlite3.SQLITE_CORRUPT if isinstance(error, UnicodeDecodeError) else _primary_code(error)
    words = _WORDS.get(code)
    return f"{words} ({error})" if words else str(error) or type(error).__name__


def is_damage(error: Exception) -> bool:
    """Whether the file's content is at fault and not the moment: trying again is of no use."""
    is_no_text = isinstance(error, UnicodeDecodeError)
    return is_no_text or _primary_code(error) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_of_the_moment(error: Exception) -> bool:
    """Whether the file could not be reached or read just then, which says nothing of its content."""
    return isinstance(error, OSError) or _primary_code(error) in _OF_THE_MOMENT


@contextmanager
def told(done: str, *, is_writing: bool = False) -> Iterator[None]:
    """Raise what goes wrong inside as an error of the port. ``done`` says what could not be (``read``).

    While writing everything is JournalUnavailable: that stops admission, and damage is for the reader to name.
    """
    try:
        yield
    except CodecError as error:
        raise JournalBroken(str(error)) from error
    except UNREADABLE as error:
        text = f"the journal cannot be {done}: {in_words(error)}"
        if is_damage(error) and not is_writing:
            raise JournalBroken(f"{text}; look at the disk, and at what gateway audit verify says") from error
        raise JournalUnavailable(text) from error


def _primary_code(error: Exception) -> int:
    """SQLite's primary result code; 0 when the error carries none."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF if isinstance(code, int) else 0
