"""Open loop: orders leave at times fixed in advance, whatever the answers do.

Latency counts from the scheduled time, so that an answer which is late delays no measurement after it (no
coordinated omission), and what this generator itself is late counts against the gateway.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Iterator

from tests.bench.http_client import ResponseReader
from tests.bench.load_result import LoadResult, Tally, microseconds


class _Slot:
    """One connection of the open loop."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = ResponseReader()
        self.due_ns = 0


class _OpenRun:
    """``select`` instead of an event loop: its timeouts are good to some 50 us, those of uvloop to 1 ms."""

    def __init__(self, port: int, requests: Iterator[bytes], rate: int, count: int, connections: int) -> None:
        self.tally = Tally()
        self.latencies: list[int] = []
        self.late: list[int] = []
        self._requests = requests
        self._step_ns = 1_000_000_000 // rate
        self._count = count
        self._free = deque(_Slot(port) for _ in range(connections))
        self._busy: dict[int, _Slot] = {}
        #: No connection was free at the time: what follows is late because of the gateway, not of this process.
        self._was_starved = False

    def run(self, grace_s: float = 20.0) -> None:
        begun_ns = time.perf_counter_ns() + 20_000_000
        give_up_ns = begun_ns + self._count * self._step_ns + int(grace_s * 1e9)
        sent = 0
        while sent < self._count or self._busy:
            now_ns = time.perf_counter_ns()
            if now_ns > give_up_ns:
                self.tally.statuses[0] += self._count - sent + len(self._busy)
                return
            due_ns = begun_ns + sent * self._step_ns
            if sent < self._count and due_ns <= now_ns and self._free:
                self._send(self._free.popleft(), due_ns, now_ns)
                sent += 1
                continue
            self._was_starved = sent < self._count and due_ns <= now_ns
            wait_ns = 50_000_000 if sent == self._count or not self._free else due_ns - now_ns
            readable, _, _ = select.select(list(self._busy), [], [], max(wait_ns, 0) / 1e9)
            for number in readable:
                self._receive(number)

    def _send(self, slot: _Slot, due_ns: int, now_ns: int) -> None:
        if not self._was_starved:
            self.late.append(now_ns - due_ns)
        slot.due_ns = due_ns
        slot.socket.sendall(next(self._requests))
        self._busy[slot.socket.fileno()] = slot

    def _receive(self, number: int) -> None:
        slot = self._busy[number]
        data = slot.socket.recv(65_536)
        if not data:
            raise ConnectionError("the gateway closed a connection")
        status = slot.reader.feed(data)
        if status:
            self.latencies.append(time.perf_counter_ns() - slot.due_ns)
            self.tally.take(status, slot.reader.response)
            del self._busy[number]
            self._free.append(slot)


def open_loop(
    port: int, requests: Iterator[bytes], *, first: int, rate: int, count: int, connections: int = 256
) -> LoadResult:
    """Send ``count`` orders, ``rate`` a second. An order without an answer in the end counts as status 0."""
    run = _OpenRun(port, requests, rate, count, connections)
    started_s, cpu_s = time.perf_counter(), time.process_time()
    run.run()
    return LoadResult(
        statuses=dict(run.tally.statuses),
        elapsed_s=time.perf_counter() - started_s,
        cpu_s=time.process_time() - cpu_s,
        next_number=first + count,
        latencies_us=microseconds(run.latencies),
        late_us=microseconds(run.late),
        samples=run.tally.samples,
        reply_bytes=run.tally.reply_bytes,
    )
