"""The process that serves streams: follows the journal, and sends what it tells to every client.

Run by ``app.stream_process``, never by hand. When the channel to the gateway ends, so does the process, once it has
said goodbye to its clients.
"""

import asyncio
import logging
import signal
import socket
import sys
from pathlib import Path

import msgspec

from gateway.adapters.clock import SystemClock
from gateway.adapters.http.stream_server import StreamServer
from gateway.adapters.journal.outside import Outside, from_outside
from gateway.adapters.worker_process import step_back
from gateway.ports.journal import JournalBroken, JournalUnavailable
from gateway.service.feed import Feed

#: Below the gateway, above what may wait for hours: on a busy machine streams run late before orders do.
_NICE = 5


class Job(msgspec.Struct, frozen=True):
    """Where the journal is, and the file descriptor of the channel to the gateway."""

    data_dir: str
    channel: int


def main() -> None:
    """Work off the job on standard input."""
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(message)s")  # the gateway logs each line
    step_back(_NICE)
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, signal.SIG_IGN)  # meant for the gateway, which closes the channel then
    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:
        runner = asyncio.Runner()
    try:
        with runner:
            runner.run(_run(job))
    except* (JournalBroken, JournalUnavailable, OSError) as errors:
        print(*errors.exceptions, sep="; ", file=sys.stderr)
        sys.exit(1)


async def _run(job: Job) -> None:
    async with from_outside(Path(job.data_dir)) as journal:
        follower = JournalFollower(journal)
        server = StreamServer(follower.feed, follower.note, SystemClock())
        async with asyncio.TaskGroup() as group:
            follows = group.create_task(follower.run(), name="journal follower")
            await server.run(socket.socket(fileno=job.channel))
            follows.cancel()


class JournalFollower:
    """Reads the journal as far as the gateway says that it is durable, for whoever reads the ``feed``."""

    def __init__(self, journal: Outside) -> None:
        self.feed = Feed(journal, journal.last_seq)
        self._journal = journal
        self._durable_seq = journal.last_seq
        self._moved = asyncio.Event()

    async def note(self, durable_seq: int) -> None:
        """Return when everything up to there can be read from the feed."""
        if durable_seq > self._durable_seq:
            self._durable_seq = durable_seq
            self._moved.set()
        if self.feed.last_seq < durable_seq:
            await self.feed.beyond(durable_seq - 1)

    async def run(self) -> None:
        feed = self.feed
        while True:
            await self._moved.wait()
            self._moved.clear()
            await self._journal.follow()
            if feed.skip_to(self._durable_seq):
                continue
            async for record in self._journal.read(feed.last_seq):
                feed.publish(record)
