"""``kill -9`` at any moment: what was reported durable is there, whole batches only, and the chain holds."""

import asyncio
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from gateway.adapters.journal import verify
from gateway.domain.events import VenueStatusChanged
from tests.journal.helpers import opened
from tests.journal.killed_writer import take_up

KILLS = 36


class _Writer:
    """The process of ``killed_writer.py``, and the numbers it says."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._ask: IO[bytes] = process.stdin
        self._answers: IO[bytes] = process.stdout

    def run_and_kill(self, reports: int, delay_s: float) -> list[int]:
        """Kill a new writer a moment after that many reports. Returns all it reported before it was gone."""
        self._ask.write(b"go\n")
        self._ask.flush()
        pid = self._next()
        reported = [self._next() for _ in range(reports)]
        time.sleep(delay_s)
        os.kill(pid, signal.SIGKILL)
        while (number := self._next()) > 0:
            reported.append(number)
        assert number == 0, "the writer failed before it was killed"
        return reported

    def _next(self) -> int:
        data = self._answers.read(8)
        number: int = struct.unpack(">q", data)[0]
        return number


@contextmanager
def _running_writer(directory: Path) -> Iterator[_Writer]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.journal.killed_writer", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as process:
        yield _Writer(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


async def _check(directory: Path, last_checked: int, reported: list[int]) -> int:
    """Open the journal as the next start would, check all that is new in it, and return the last number."""
    seq, place, size, first = last_checked, 0, 0, 0
    async with opened(directory) as journal:
        await take_up(journal)
        async for record in journal.read(last_checked):
            assert isinstance(record.event, VenueStatusChanged)
            if place == size:
                place, size, first = 0, int(record.event.text.split("/")[1]), record.seq
                assert await journal.find(f"o-{first}") is not None, f"record {first} is there without its order"
            place += 1
            seq += 1
            assert record.event.text == f"{place}/{size}"
        assert place == size, f"only {place} of {size} records of the batch at {first} are there"
        assert await journal.find(f"o-{seq + 1}") is None, "the order of a batch that is not there"
    assert seq >= max(reported, default=0), "a record that was reported durable is gone"
    return seq


@pytest.mark.crash
def test_nothing_that_was_reported_is_lost_by_a_kill(tmp_path: Path) -> None:
    """Without this, an order that a client was answered for could be gone after a crash, and its money not."""
    chance = random.Random(20251121)
    last, total_reports = 0, 0
    with _running_writer(tmp_path) as writer:
        for _ in range(KILLS):
            # Also before the first report: while the journal is opened and recovered from the kill before.
            reports = writer.run_and_kill(chance.choice((0, 0, 1, 3, 10)), chance.uniform(0, 0.012))
            last = asyncio.run(_check(tmp_path, last, reports))
            total_reports += len(reports)
    report = verify(tmp_path)
    assert report.problems == ()
    assert report.records == last
    assert total_reports > KILLS  # it did write
