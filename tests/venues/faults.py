"""How a peer that speaks HTTP and WebSocket is told to misbehave.

A fault waits for what it hits (``on``: the name of an operation or of a stream's event, ``*`` for any), and is spent
after ``times`` hits:

    venue.faults.add("drop_after", "place")             # the order is taken, the answer never comes
    late = venue.faults.add("late", "place")            # the answer comes when the test says so
    await late.hit.wait(); ...; late.release()
    venue.faults.add("lose", "fill", times=2)           # two fills that the stream never tells

Operations of all peers: place, replace, cancel, cancel_all, lookup, open_orders, all_orders, fills, account,
positions, instruments, market, time, stream (the opening of one), subscribe (Binance). Events: pending (Alpaca), ack,
fill, canceled, expired, replaced, account, done (where the end of a filled order is told apart), quote, tick, depth.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What goes wrong. In the comments, «takes effect» means that the venue did what it was asked."""

    DROP_BEFORE = "drop_before"  # the connection breaks, and nothing took effect
    DROP_AFTER = "drop_after"  # takes effect, the connection breaks without an answer
    STUCK = "stuck"  # the request is on its way until released; then it takes effect and is answered
    LATE = "late"  # takes effect at once, the answer comes when released
    SILENT = "silent"  # takes effect, never an answer, the connection stays open
    ERROR = "error"  # answered with ``status``, without effect
    ERROR_AFTER = "error_after"  # takes effect, and answered with ``status`` all the same
    CUT = "cut"  # takes effect, the body of the answer breaks off in the middle
    GARBLE = "garble"  # takes effect, and answered 200 with a page for people
    LOSE = "lose"  # the stream never tells
    TWICE = "twice"  # the stream tells it two times
    HOLD = "hold"  # the stream tells it when released
    SWAP = "swap"  # the stream tells it after the next one, or when released


#: What these hold back can be released.
HOLDING = frozenset({Kind.STUCK, Kind.LATE, Kind.HOLD, Kind.SWAP})
STREAM_KINDS = frozenset({Kind.LOSE, Kind.TWICE, Kind.HOLD, Kind.SWAP})
REQUEST_KINDS = frozenset(Kind) - STREAM_KINDS


@dataclass
class Fault:
    kind: Kind
    on: str = "*"
    #: Hits until it is spent; None is for ever.
    times: int | None = 1
    #: STUCK, LATE, HOLD: released by itself after so long; None waits for ``release``.
    delay_s: float | None = None
    #: ERROR, ERROR_AFTER: the answer. Without a body, the venue's own words for that status.
    status: int = 503
    body: str | None = None
    retry_after_s: int | None = None
    location: str | None = None
    #: Set by the first hit.
    hit: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    _held: list[Callable[[], None]] = field(default_factory=list)

    def release(self) -> None:
        """Let go what is held back, in the order in which it came, and hold nothing from now on."""
        self.released.set()
        held, self._held = self._held, []
        for send in held:
            send()

    async def wait(self) -> None:
        try:
            async with asyncio.timeout(self.delay_s):
                await self.released.wait()
        except TimeoutError:
            return

    def hold(self, send: Callable[[], None]) -> None:
        if self.released.is_set():
            send()
            return
        self._held.append(send)
        if self.delay_s is not None and len(self._held) == 1:
            asyncio.get_running_loop().call_later(self.delay_s, self.release)


@dataclass
class Faults:
    """The faults that wait, oldest first. ``log`` is what was hit: (kind, operation or event)."""

    waiting: list[Fault] = field(default_factory=list)
    log: deque[tuple[Kind, str]] = field(default_factory=lambda: deque(maxlen=10_000))
    _spent: list[Fault] = field(default_factory=list)

    def add(
        self,
        kind: str,
        on: str = "*",
        *,
        times: int | None = 1,
        delay_s: float | None = None,
        status: int = 503,
        body: str | None = None,
        retry_after_s: int | None = None,
        location: str | None = None,
    ) -> Fault:
        fault = Fault(Kind(kind), on, times, delay_s, status, body, retry_after_s, location)
        self.waiting.append(fault)
        return fault

    def take(self, kinds: Iterable[Kind], on: str) -> Fault | None:
        """The oldest fault that hits ``on``, counted."""
        for fault in self.waiting:
            if fault.kind in kinds and fault.on in ("*", on):
                fault.hit.set()
                self.log.append((fault.kind, on))
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.waiting.remove(fault)
                        if fault.kind in HOLDING:
                            self._spent.append(fault)
                return fault
        return None

    def release(self) -> None:
        """Let go everything that any fault holds back."""
        for fault in self.waiting + self._spent:
            fault.release()
        self._spent.clear()

    def clear(self) -> None:
        """Behave from now on; what is held back comes now."""
        spent = self.waiting + self._spent
        self.waiting, self._spent = [], []
        for fault in spent:
            fault.release()
