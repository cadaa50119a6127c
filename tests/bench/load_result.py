"""What a load generator is asked to do and what it found; both travel between processes as JSON."""

from collections import Counter

import msgspec


class LoadOrder(msgspec.Struct, kw_only=True):
    """What a generator process is to do, as JSON on its command line."""

    kind: str  # "closed", "open", "opening" (an open loop of orders that only buy) or "resting"
    port: int
    tag: str
    symbols: int = 0  # 0: the default instruments, else that many synthetic ones
    only: tuple[str, ...] = ()  # of the default instruments these alone
    first: int = 0
    connections: int = 64
    seconds: float = 600.0
    count: int = 0
    rate: int = 0


class LoadResult(msgspec.Struct):
    """What one run sent and got back. Latencies in microseconds, sorted. ``late_us``: how late requests
    left although a connection was free, which is the generator's own doing."""

    statuses: dict[int, int]
    elapsed_s: float
    cpu_s: float
    next_number: int
    latencies_us: list[float]
    late_us: list[float] = []
    samples: list[str] = []
    reply_bytes: int = 0

    def count(self, status: int = 201) -> int:
        return self.statuses.get(status, 0)

    @property
    def total(self) -> int:
        return sum(self.statuses.values())


class Tally:
    """Counts statuses and keeps the first unexpected answers."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.samples: list[str] = []
        self.reply_bytes = 0

    def take(self, status: int, response: bytes) -> None:
        self.statuses[status] += 1
        if status != 201:
            if len(self.samples) < 5:
                self.samples.append(response.decode(errors="replace")[:1500])
        elif not self.reply_bytes:
            self.reply_bytes = len(response) - response.find(b"\r\n\r\n") - 4


def microseconds(latencies_ns: list[int]) -> list[float]:
    """Sorted, to a tenth."""
    return sorted(round(ns / 1e3, 1) for ns in latencies_ns)
