"""``python -m tests.bench.history CONFIG DATA FACTS``: a journal with a long past, left as a crash leaves it.

The real engine and the real journal are driven without HTTP. The process prints what it wrote and is then gone
at once: no clean close, no last checkpoint. With ``--worst`` it goes on until just before the next checkpoint
would be due, which is the worst moment for the start that follows.
"""

import argparse
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import uvloop

from gateway.adapters.clock import SystemClock
from gateway.adapters.config import load
from gateway.adapters.journal import SqliteJournal
from gateway.core.state import GatewayState
from gateway.domain.events import ConfigLoaded, GatewayStarted, PolicyVerdict
from gateway.domain.records import Checkpoint, Entry, Record
from gateway.domain.settings import Settings
from gateway.service.engine import Engine
from gateway.service.tasks import TaskGroup
from tests.bench.inprocess import TRADER, NoTelemetry, received, reports_on
from tests.bench.workload import Workload, synthetic_symbols

_ALLOWED = PolicyVerdict(is_allowed=True, revision="bench")
#: Orders decided between two waits for the journal.
_STRIDE = 256
#: How near the next checkpoint the journal ends: more than one stride of three records an order.
_SHORT_OF_CHECKPOINT = 2_000


class Written(msgspec.Struct):
    """What the journal holds."""

    records: int
    facts: int
    orders: int
    since_checkpoint: int
    elapsed_s: float


class NotingJournal:
    """Implements ``ports.journal.Journal`` over another, and remembers where its last checkpoint is."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.checkpoint_seq = 0
        self._journal = journal

    async def append(self, entries: Sequence[Entry]) -> None:
        await self._journal.append(entries)

    def read(self, after_seq: int) -> AsyncIterator[Record]:
        return self._journal.read(after_seq)

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        await self._journal.save_checkpoint(checkpoint)
        self.checkpoint_seq = checkpoint.seq

    async def load_checkpoint(self) -> Checkpoint | None:
        return await self._journal.load_checkpoint()

    async def close(self) -> None:
        await self._journal.close()


class Writer:
    """Orders through an engine, with their fills."""

    def __init__(self, settings: Settings, journal: NotingJournal) -> None:
        self._storage = settings.storage
        self._config = settings.trading
        self._journal = journal
        self._facts = self._orders = 0
        self._workload = Workload(synthetic_symbols(len(self._config.instruments)), "h")

    async def write(self, facts: int, is_worst: bool) -> Written:
        started_s = time.perf_counter()
        storage = self._storage
        engine = Engine(
            GatewayState(),
            0,
            self._journal,
            SystemClock(),
            NoTelemetry(),
            TaskGroup(),
            max_batch=storage.max_batch,
            checkpoint_every=storage.checkpoint_every,
        )
        engine.start()
        engine.process(ConfigLoaded(ts_ns=time.time_ns(), config=self._config, actor=TRADER))
        engine.process(GatewayStarted(ts_ns=time.time_ns(), version="bench"))
        most_since = storage.checkpoint_every - _SHORT_OF_CHECKPOINT if is_worst else 0
        while self._facts < facts or engine.last_seq - self._journal.checkpoint_seq < most_since:
            for _ in range(_STRIDE):
                self._order(engine)
            await engine.durable(engine.last_seq)
        return Written(
            records=engine.last_seq,
            facts=self._facts,
            orders=self._orders,
            since_checkpoint=engine.last_seq - self._journal.checkpoint_seq,
            elapsed_s=time.perf_counter() - started_s,
        )

    def _order(self, engine: Engine) -> None:
        number, now_ns = self._orders, time.time_ns()
        event = received(self._workload.body(number), number, self._config, now_ns)
        admission = engine.process_order(event, lambda question: _ALLOWED)
        fill = engine.process(reports_on(engine.state.orders[event.order_id], now_ns))
        self._facts += len(admission.facts) + len(fill.facts)
        self._orders += 1


async def _write(config: Path, data: Path, facts: int, is_worst: bool) -> None:
    journal = NotingJournal(await SqliteJournal.open(data))
    written = await Writer(load(config, {}), journal).write(facts, is_worst)
    sys.stdout.buffer.write(msgspec.json.encode(written) + b"\n")
    sys.stdout.flush()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("facts", type=int)
    parser.add_argument("--worst", action="store_true", help="stop just before a checkpoint would be due")
    options = parser.parse_args()
    uvloop.run(_write(options.config, options.data, options.facts, options.worst))


if __name__ == "__main__":
    main()
