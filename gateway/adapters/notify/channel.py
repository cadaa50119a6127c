"""One channel: a bounded queue, and one task that empties it at the pace the service accepts."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

from gateway.adapters.notify.message import Message
from gateway.adapters.notify.sending import Sender, SenderFactory, SendFailed
from gateway.domain.alerts import Severity
from gateway.domain.settings import NotificationChannel
from gateway.ports.alerts import ChannelView
from gateway.ports.clock import Clock

_log = logging.getLogger(__name__)
MAX_WAITING = 200
#: Pauses between attempts grow from the first to the last; what is not delivered by then is given up.
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 60.0
ATTEMPTS = 12
#: So many failures in a row make it dead: told as an alert on the other channels.
DEAD_AFTER = 3

Sleep = Callable[[float], Awaitable[None]]


class Channel:
    """``put`` never waits; ``run`` sends until it is cancelled."""

    def __init__(
        self,
        settings: NotificationChannel,
        environ: Mapping[str, str],
        make: SenderFactory,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self._environ = environ
        self._make = make
        self._clock = clock
        self._sleep = sleep
        self._jitter = random.Random(settings.name)
        self._least = Severity(settings.min_severity)
        self._waiting: deque[Message] = deque()
        #: What is being delivered.
        self._batch: Sequence[Message] = ()
        self._wake = asyncio.Event()
        self._failures = 0
        self._error = ""
        self.sent = 0
        self.dropped = 0
        self.failed_attempts = 0
        self._last_sent_ns = 0

    @property
    def is_dead(self) -> bool:
        return self._failures >= DEAD_AFTER

    def put(self, message: Message) -> None:
        if message.severity.rank < self._least.rank:
            return
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()  # the newest says more about now
            self.dropped += 1
        self._waiting.append(message)
        self._wake.set()

    def undelivered(self) -> tuple[Message, ...]:
        """What nobody has been told yet, the oldest first."""
        return (*self._batch, *self._waiting)

    def view(self) -> ChannelView:
        return ChannelView(
            name=self.settings.name,
            kind=self.settings.kind,
            min_severity=self._least.value,
            is_up=not self._failures,
            error=self._error,
            sent=self.sent,
            dropped=self.dropped,
            waiting=len(self._waiting) + len(self._batch),
            last_sent_ns=self._last_sent_ns,
        )

    async def run(self) -> None:
        sender: Sender | None = None
        try:
            while True:
                await self._wake.wait()
                if sender is None:
                    sender = self._sender()
                most = 1 if sender is None else sender.most
                batch = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
                if not self._waiting:
                    self._wake.clear()
                if sender is None:
                    self.dropped += len(batch)
                    continue
                await self._deliver(sender, batch)
                await self._sleep(sender.pause_s)
        finally:
            if sender is not None:
                await sender.close()

    def _sender(self) -> Sender | None:
        try:
            return self._make(self.settings, self._environ)
        except SendFailed as failed:
            self._note_failure(failed)
            return None

    async def _deliver(self, sender: Sender, batch: Sequence[Message]) -> None:
        """Try until it is delivered, refused for good, or too often in vain."""
        self._batch = batch
        pause_s = FIRST_RETRY_S
        for attempt in range(ATTEMPTS):
            try:
                await sender.send(batch)
            except SendFailed as failed:
                self._note_failure(failed)
                if failed.is_final or attempt == ATTEMPTS - 1:
                    break
                await self._sleep(max(failed.after_s, pause_s * self._jitter.uniform(0.5, 1.0)))
                pause_s = min(pause_s * 2, LONGEST_RETRY_S)
            except Exception:
                _log.exception("channel %s failed in a way it should not", self.settings.name)
                self._note_failure(SendFailed("a fault of the gateway; see the log"))
                break
            else:
                self._note_success(len(batch))
                return
        self._batch = ()
        self.dropped += len(batch)
        _log.error("channel %s: %d message(s) were given up: %s", self.settings.name, len(batch), self._error)

    def _note_failure(self, failed: SendFailed) -> None:
        self._failures = max(self._failures + 1, DEAD_AFTER if failed.is_final else 0)
        self.failed_attempts += 1
        if str(failed) != self._error:
            _log.warning("channel %s: %s", self.settings.name, failed)
        self._error = str(failed)

    def _note_success(self, count: int) -> None:
        if self._failures:
            _log.warning("channel %s delivers again", self.settings.name)
        self._failures, self._error, self._batch = 0, "", ()
        self.sent += count
        self._last_sent_ns = self._clock.now_ns()
