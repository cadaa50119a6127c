"""``python -m tests.bench.journal``: how fast the journal appends, reads and is audited, on this disk."""

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

import aiosqlite

from gateway.adapters.journal import SqliteJournal, schema, verify
from gateway.domain.records import Entry
from tests.journal.samples import admission, order

BATCHES = (1, 8, 64, 512)


async def bare_commit_latencies(path: str | Path, n: int) -> list[int]:
    """Nanoseconds of ``n`` durable commits of one 64-byte row each, through aiosqlite with the journal's pragmas.

    The yardstick: what this disk and the library take for the least there is to do. ``path`` is a new file.
    """
    latencies = []
    row = (b"\0" * 64,)
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        for pragma in schema.WRITER_PRAGMAS:
            await connection.execute_fetchall(pragma)
        await connection.execute_fetchall("CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB)")
        for _ in range(n):
            started_ns = time.perf_counter_ns()
            await connection.execute_insert("INSERT INTO bare (body) VALUES (?)", row)
            latencies.append(time.perf_counter_ns() - started_ns)
    return latencies


async def append_latencies(directory: str | Path, batch: int, n: int, closed_share: int = 0) -> list[int]:
    """Nanoseconds of ``n`` appends of ``batch`` admissions; of every 10 records, ``closed_share`` close an order."""
    latencies = []
    journal = await SqliteJournal.open(directory)
    for i in range(n):
        entries = [_entry(1 + i * batch + k, closed_share) for k in range(batch)]
        started_ns = time.perf_counter_ns()
        await journal.append(entries)
        latencies.append(time.perf_counter_ns() - started_ns)
    await journal.close()
    return latencies


def _entry(seq: int, closed_share: int) -> Entry:
    if seq % 10 >= closed_share:
        return admission(seq)
    return admission(seq, (order(f"01JD5F3Q{seq:018d}", cl_ord_id=f"c-{seq}", created_ns=seq),))


async def _read_all(directory: Path) -> tuple[int, float]:
    journal = await SqliteJournal.open(directory)
    started, count = time.perf_counter(), 0
    async for _ in journal.read(0):
        count += 1
    elapsed = time.perf_counter() - started
    await journal.close()
    return count, elapsed


def _line(name: str, latencies: list[int], batch: int = 1) -> str:
    cuts = statistics.quantiles(latencies, n=1_000)
    mean = statistics.fmean(latencies)
    return (
        f"{name:28} p50 {cuts[499] / 1e3:8.0f} us  p99 {cuts[989] / 1e3:8.0f} us  p99.9 {cuts[998] / 1e3:8.0f} us"
        f"  {mean / 1e3 / batch:7.1f} us a record  {1e9 * batch / mean:8.0f} records/s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000, help="for reading and the audit")
    parser.add_argument("--directory", type=Path, help="where to write (a temporary directory by default)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        directory = Path(name)
        print(f"SQLite {sqlite3.sqlite_version} in {directory}")
        print(_line("bare commit", asyncio.run(bare_commit_latencies(directory / "bare", 2_000))))
        for batch in BATCHES:
            n = max(60, 2_000 // batch)
            for share in (0, 3):
                latencies = asyncio.run(append_latencies(directory / f"{batch}-{share}", batch, n, share))
                print(_line(f"append {batch}" + (", 30% close" if share else ""), latencies, batch))
        long = directory / "long"
        asyncio.run(append_latencies(long, 512, options.records // 512 + 1))
        size = (long / schema.FILE_NAME).stat().st_size
        count, elapsed = asyncio.run(_read_all(long))
        print(f"{'read':28} {count} records of {size // count} bytes: {elapsed / count * 1e6:.1f} us a record")
        started = time.perf_counter()
        report = verify(long)
        elapsed = time.perf_counter() - started
        assert report.is_intact, report.problems
        print(f"{'verify':28} {report.records} records: {report.records / elapsed:.0f} records/s")


if __name__ == "__main__":
    main()
