"""The records of a journal that another process may be writing: for commands that only look."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.adapters.journal import schema
from gateway.adapters.journal.connection import Reader
from gateway.adapters.journal.errors import told
from gateway.adapters.journal.opening import read_head
from gateway.adapters.journal.reading import read_records
from gateway.domain.records import Record
from gateway.ports.journal import JournalUnavailable


@asynccontextmanager
async def read_only(directory: Path, partition: str = "main") -> AsyncIterator[AsyncIterator[Record]]:
    """All records up to the end that the journal has now. Takes no lock and writes nothing.

    Raises JournalUnavailable when there is no journal, JournalBroken while reading one that was altered.
    """
    path = directory / schema.FILE_NAME
    if not path.is_file():
        raise JournalUnavailable(f"there is no journal in {directory}")
    with told("opened"):
        reader = await Reader.open(path)
    try:
        with told("read"):
            head = await read_head(reader, partition)
        yield read_records(reader, partition, 0, lambda: head)
    finally:
        await reader.close()
