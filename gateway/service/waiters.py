"""Who waits for which record to become durable."""

import asyncio
from collections import deque

from gateway.ports.intake import NotAccepting


class Waiters:
    """Futures by record, in the order of the records: who asks later waits for a later one, or for the same."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def add(self, seq: int) -> "asyncio.Future[None]":
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((seq, waiter))
        return waiter

    def release(self, durable_seq: int) -> None:
        """All records up to ``durable_seq`` are durable."""
        while self._waiting and self._waiting[0][0] <= durable_seq:
            _, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def fail(self, text: str) -> None:
        """The journal cannot be written: tell everyone who waits."""
        waiting, self._waiting = self._waiting, deque()
        for _, waiter in waiting:
            if not waiter.done():
                waiter.set_exception(NotAccepting("journal_unavailable", text))
