"""The connection of an adapter: kept, lost, made again after ever longer waits, and what there is to tell of it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from gateway.ports.clock import Clock
from gateway.ports.connection import ConnectionState
from gateway.ports.venue import VenueListener

_log = logging.getLogger(__name__)
_NS = 1_000_000_000
FIRST_WAIT_S = 0.5
MAX_WAIT_S = 30.0
#: A connection that stood for so long was sound: after its loss waits begin anew. One that breaks sooner, again and
#: again, is waited for longer and longer like one that cannot be made.
SOUND_S = 10.0
#: What a network does by itself, to be told in one line; anything else is a mistake of ours and gets its traceback.
_USUAL = (OSError, TimeoutError, EOFError)


def _words(error: Exception) -> str:
    return str(error) or repr(error)


class Backoff:
    """Waits between attempts: twice as long each time up to ``MAX_WAIT_S``, of which half is left to chance, so that
    many who lost the same venue do not come back to it at the same moment."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._count = 0

    def next_s(self) -> float:
        wait_s = min(FIRST_WAIT_S * 2.0 ** min(self._count, 32), MAX_WAIT_S)
        self._count += 1
        return wait_s * (0.5 + self._rng.random() / 2)

    def reset(self) -> None:
        self._count = 0


class Link:
    """One connection. ``trouble`` says why nothing may be sent over it now; empty when all is well.

    ``listener`` hears of every change under ``name``; without one (market data) only ``state`` tells.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.listener: VenueListener | None = None
        self.trouble = "not connected yet"
        self._name = name
        self._clock = clock
        self._backoff = Backoff(clock.now_ns())
        self._since_ns = clock.now_ns()
        self._up_ns = 0
        self._text = ""
        self._failed_attempts = 0
        self._last_error = ""
        self._next_attempt_ns: int | None = None

    @property
    def is_up(self) -> bool:
        return not self.trouble

    @property
    def state(self) -> ConnectionState:
        return ConnectionState(
            is_connected=self.is_up,
            since_ns=self._since_ns,
            text=self.trouble or self._text,
            failed_attempts=self._failed_attempts,
            last_error=self._last_error,
            next_attempt_ns=self._next_attempt_ns,
        )

    def up(self, text: str = "") -> None:
        """Requests may go."""
        if not self.is_up:
            self._since_ns, self._up_ns = self._clock.now_ns(), self._clock.monotonic_ns()
        self.trouble, self._text = "", text
        self._failed_attempts, self._next_attempt_ns = 0, None
        self._tell(text)

    def down(self, why: str) -> None:
        """Nothing may be sent until ``up``."""
        if self.is_up:
            self._since_ns = self._clock.now_ns()
        self.trouble = self._last_error = why or "the connection is lost"
        self._tell(self.trouble)

    async def keep(
        self,
        stay: Callable[[], Awaitable[None]],
        expected: tuple[type[Exception], ...] = (),
        explain: Callable[[Exception], str] = _words,
    ) -> None:
        """Until canceled: ``stay`` connects, says ``up``, and returns or raises when that connection is over; then it
        is called again, after a wait. ``explain`` words what it raised, of which ``expected`` is what the client
        library raises for a broken network."""
        self._tell(self.trouble)
        while True:
            self._next_attempt_ns = None
            try:
                await stay()
                if self.is_up:
                    self.down("the other side closed the connection")
            except Exception as error:
                if not isinstance(error, _USUAL + expected):
                    _log.exception("%s: the connection failed in a way it should not", self._name)
                self.down(explain(error))
            wait_s = self._wait_s()
            self._next_attempt_ns = self._clock.now_ns() + int(wait_s * _NS)
            await asyncio.sleep(wait_s)

    def _wait_s(self) -> float:
        """After an attempt that came up, whatever became of it, this is the first wait; it counts as no failure."""
        up_ns, self._up_ns = self._up_ns, 0
        if not up_ns:
            self._failed_attempts += 1
        elif self._clock.monotonic_ns() - up_ns >= SOUND_S * _NS:
            self._backoff.reset()
        return self._backoff.next_s()

    def _tell(self, text: str) -> None:
        if self.listener is not None:
            self.listener.on_status(self._name, self.is_up, text)
