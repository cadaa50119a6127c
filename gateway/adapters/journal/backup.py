"""A whole copy of a data directory, taken while a gateway writes to it or not, and put back only when it proves whole.

The database is copied in one reading transaction, so the copy is the journal at one moment; the files beside it are
copied before, because they name only what was durable before them. The copy gets a head of its own: a backup that is
cut short is noticed like a journal that is.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from gateway.adapters.journal import schema
from gateway.adapters.journal.anchor import FILE_NAME as ANCHOR_NAME
from gateway.adapters.journal.anchor import Anchor, AnchorUnreadable, load_anchor, write_anchor
from gateway.adapters.journal.audit import AuditReport, verify
from gateway.adapters.journal.chain import genesis
from gateway.adapters.journal.errors import UNREADABLE, in_words
from gateway.adapters.journal.looking import uri_for_a_look

_PARTITION = "main"
#: Not copied: the database is copied by SQLite, its head is made anew, and the lock belongs to a process.
_OWN = frozenset({schema.FILE_NAME, f"{schema.FILE_NAME}-wal", f"{schema.FILE_NAME}-shm", ANCHOR_NAME, "journal.lock"})
_SUFFIX = ".partial"


class BackupRefused(Exception):
    """Nothing was done; says why, and what to do."""


def take_backup(data_dir: Path, destination: Path) -> AuditReport:
    """Copy ``data_dir`` to ``destination``, which must not exist, and verify the copy. Raises BackupRefused."""
    if not os.path.lexists(data_dir / schema.FILE_NAME):  # unlike exists(), without an error where one may not look
        raise BackupRefused(f"{data_dir} holds no journal, or may not be looked into by this user")
    if _within(destination, data_dir):
        raise BackupRefused(f"{destination} lies within {data_dir}: a backup belongs on another disk")
    return _make(destination, lambda partial: _copy(data_dir, partial))


def restore_backup(source: Path, data_dir: Path) -> AuditReport:
    """Put the backup ``source`` back as ``data_dir``, which must not exist (or be empty). Raises BackupRefused."""
    if _within(data_dir, source):
        raise BackupRefused(f"{data_dir} lies within {source}: name another folder")
    problems = verify(source).problems
    if problems:
        raise BackupRefused(f"{source} is not a whole backup: {problems[0].what}")
    return _make(data_dir, lambda partial: _copy(source, partial))


def _within(inner: Path, outer: Path) -> bool:
    """Whatever links lead there. (``Path.resolve`` raises for links in a circle.)"""
    return Path(os.path.realpath(inner)).is_relative_to(os.path.realpath(outer))


def _make(destination: Path, fill: Callable[[Path], None]) -> AuditReport:
    """Fill a folder beside the destination, verify it, and only then give it its name."""
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise BackupRefused(f"{destination} is there already: move it away first, it may hold what the other lacks")
    partial = destination.with_name(destination.name + _SUFFIX)
    if partial.exists():
        raise BackupRefused(f"{partial} is there, of a copy that was not finished: remove it first")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir(mode=0o700)  # orders and positions are nobody else's business
        fill(partial)
        _expect_whole(partial)  # held against the head of the original: an end that was cut off there is noticed
        report = _close(partial)
        partial.replace(destination)
        _sync(destination.parent)
    except UNREADABLE as error:
        raise BackupRefused(f"the copy failed: {in_words(error)}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return report


def _copy(source: Path, target: Path) -> None:
    anchor = load_anchor(source)
    if isinstance(anchor, AnchorUnreadable):
        raise BackupRefused(anchor.text)
    if anchor is not None:  # the gateway may append while the copy is made
        write_anchor(target, msgspec.structs.replace(anchor, is_closed=False))
    for path in sorted(source.iterdir()):
        if path.name not in _OWN:
            _copy_beside(path, target / path.name)
    _copy_database(source / schema.FILE_NAME, target / schema.FILE_NAME)


def _expect_whole(directory: Path) -> AuditReport:
    report = verify(directory)
    if report.problems:
        raise BackupRefused(f"the copy does not verify: {report.problems[0].what}")
    return report


def _close(directory: Path) -> AuditReport:
    """Write down where the copy ends, and look once more."""
    with closing(sqlite3.connect(directory / schema.FILE_NAME)) as connection:
        row = connection.execute(
            "SELECT seq, hash FROM records WHERE partition = ? ORDER BY seq DESC LIMIT 1", (_PARTITION,)
        ).fetchone()
    seq, digest = row or (0, genesis(_PARTITION))
    write_anchor(directory, Anchor(partition=_PARTITION, seq=seq, hash=digest.hex(), is_closed=True))
    return _expect_whole(directory)


def _copy_beside(path: Path, target: Path) -> None:
    """A file or folder of the running gateway: one that is replaced in this moment is there under its new content."""
    try:
        if path.is_dir():
            shutil.copytree(path, target)
        else:
            shutil.copy2(path, target)
    except FileNotFoundError:
        if path.exists():
            raise


def _copy_database(source: Path, target: Path) -> None:
    """In one step: a copy in several would begin anew whenever the gateway writes in between."""
    with (
        closing(sqlite3.connect(uri_for_a_look(source), uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new, pages=-1)
        new.execute("PRAGMA journal_mode = DELETE")  # one file, which can be moved around
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
