"""Closed loop: every connection sends its next order as soon as the last one was answered.

Raw asyncio protocols on uvloop, requests built beforehand, no pipelining: about 10 us of this process an order.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import cast

from tests.bench.http_client import ResponseReader
from tests.bench.load_result import LoadResult, Tally, microseconds


class _Connection(asyncio.Protocol):
    """One closed loop: the next request leaves when the answer to the last is whole."""

    def __init__(self, run: "_ClosedRun") -> None:
        self._run = run
        self._reader = ResponseReader()
        self._sent_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def send(self) -> None:
        request = self._run.next_request()
        if request is None:
            self._transport.close()
            return
        self._sent_ns = time.perf_counter_ns()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        status = self._reader.feed(data)
        if status:
            self._run.latencies.append(time.perf_counter_ns() - self._sent_ns)
            self._run.tally.take(status, self._reader.response)
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        self._run.on_closed(error)


class _ClosedRun:
    def __init__(self, requests: Iterator[bytes], seconds: float, count: int) -> None:
        self.tally = Tally()
        self.latencies: list[int] = []
        self.taken = 0
        self._requests = requests
        self._most = count or sys.maxsize
        self._seconds = seconds
        self._deadline_ns = 0
        self._open = 0
        self._done = asyncio.get_running_loop().create_future()

    async def run(self, host: str, port: int, connections: int) -> float:
        loop = asyncio.get_running_loop()
        pairs = [await loop.create_connection(lambda: _Connection(self), host, port) for _ in range(connections)]
        self._open = connections
        started_ns = time.perf_counter_ns()
        self._deadline_ns = started_ns + int(self._seconds * 1e9)
        for _, protocol in pairs:
            protocol.send()
        await self._done
        return (time.perf_counter_ns() - started_ns) / 1e9

    def next_request(self) -> bytes | None:
        if self.taken >= self._most or time.perf_counter_ns() >= self._deadline_ns:
            return None
        self.taken += 1
        return next(self._requests)

    def on_closed(self, error: Exception | None) -> None:
        self._open -= 1
        if error is not None and not self._done.done():
            self._done.set_exception(error)
        elif not self._open and not self._done.done():
            self._done.set_result(None)


async def closed(
    port: int, requests: Iterator[bytes], *, first: int, connections: int, seconds: float, count: int = 0
) -> LoadResult:
    """Send for ``seconds``, or until ``count`` orders are answered."""
    run = _ClosedRun(requests, seconds, count)
    cpu_s = time.process_time()
    elapsed_s = await run.run("127.0.0.1", port, connections)
    return LoadResult(
        statuses=dict(run.tally.statuses),
        elapsed_s=elapsed_s,
        cpu_s=time.process_time() - cpu_s,
        next_number=first + run.taken,
        latencies_us=microseconds(run.latencies),
        samples=run.tally.samples,
        reply_bytes=run.tally.reply_bytes,
    )
