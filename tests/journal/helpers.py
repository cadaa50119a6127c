"""What several of the stories here do."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.journal import SqliteJournal, unarchived
from gateway.domain.records import Record
from gateway.ports.journal import Journal
from tests.journal.samples import notes


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[SqliteJournal]:
    journal = await SqliteJournal.open(directory)
    try:
        yield journal
    finally:
        await journal.close()


async def open_and_close(directory: Path) -> None:
    """For openings that must fail: one that does not is closed again, so that its thread does not stay."""
    async with opened(directory):
        pass


def archive_as_soon_as(monkeypatch: pytest.MonkeyPatch, most_waiting: int, fewest_appends: int = 1) -> None:
    """The archive is written with the append that makes so many rows, of so many appends, wait."""
    monkeypatch.setattr(unarchived, "MOST_WAITING", most_waiting)
    monkeypatch.setattr(unarchived, "FEWEST_APPENDS", fewest_appends)


async def read_all(journal: Journal, after_seq: int = 0) -> list[Record]:
    return [record async for record in journal.read(after_seq)]


async def write_notes(directory: Path, count: int) -> None:
    """A journal of ``count`` small records, cleanly closed."""
    async with opened(directory) as journal:
        await journal.append(notes(1, count))


def tamper(directory: Path, sql: str, *parameters: Any) -> int:
    """What somebody with a database tool does to the file. Returns how many rows it changed."""
    with closing(sqlite3.connect(directory / "journal.sqlite3")) as connection, connection:
        return connection.execute(sql, parameters).rowcount


def replace_records(directory: Path, source: Path) -> None:
    """Put the records of another journal, valid in itself, in the place of this one's."""
    with closing(sqlite3.connect(directory / "journal.sqlite3")) as connection:
        connection.execute("ATTACH ? AS forged", (str(source / "journal.sqlite3"),))
        connection.execute("DELETE FROM records")
        connection.execute("INSERT INTO records SELECT * FROM forged.records")
        connection.commit()
