"""A process that appends to a journal until it is killed. Run by ``test_kill.py``.

For every line on its standard input it forks a writer, and on its standard output it says, in numbers of eight
bytes: the writer's process id, then each record number that became durable (the last of its batch), and 0 once
the writer is gone. Forking saves the tests the start of an interpreter for every kill.
"""

import asyncio
import os
import random
import struct
import sys

from gateway.adapters.journal import SqliteJournal
from gateway.domain.events import VenueStatusChanged
from gateway.domain.records import Checkpoint, Entry, Record
from tests.journal.samples import note, order


def say(number: int) -> None:
    os.write(1, struct.pack(">q", number))


def batch(first_seq: int, size: int) -> list[Entry]:
    """Records that say where in their batch they stand; the first of them also closes an order."""
    return [entry_of(note(first_seq + i, f"{i + 1}/{size}")) for i in range(size)]


def entry_of(record: Record) -> Entry:
    assert isinstance(record.event, VenueStatusChanged)
    is_first = record.event.text.startswith("1/")
    closed = (order(f"o-{record.seq}", cl_ord_id=f"c-{record.seq}"),) if is_first else ()
    return Entry(record=record, closed_orders=closed)


async def take_up(journal: SqliteJournal) -> None:
    """As a start does: give back what the archive lacks."""
    journal.take_up([entry_of(record) async for record in journal.read(journal.archived_seq)])


async def write(directory: str, chance: random.Random) -> None:
    journal = await SqliteJournal.open(directory)
    await take_up(journal)
    checkpoint = await journal.load_checkpoint()
    seq = checkpoint.seq if checkpoint else 0
    async for record in journal.read(seq):
        seq = record.seq
    while True:
        size = chance.choice((1, 1, 2, 7, 40, 150))
        await journal.append(batch(seq + 1, size))
        seq += size
        say(seq)
        if chance.random() < 0.15:
            await journal.save_checkpoint(Checkpoint(seq=seq, ts_ns=seq, state=b"s" * 50_000, state_hash="h"))


def main() -> None:
    for number, _ in enumerate(sys.stdin):
        pid = os.fork()
        if pid == 0:
            say(os.getpid())
            try:
                asyncio.run(write(sys.argv[1], random.Random(number)))
            finally:
                os._exit(1)  # it ends by being killed, or it failed
        _, status = os.waitpid(pid, 0)
        say(0 if os.WIFSIGNALED(status) else -1)


if __name__ == "__main__":
    main()
