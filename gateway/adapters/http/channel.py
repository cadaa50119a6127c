"""What the gateway and the process that serves its streams say to each other, over a pair of sockets.

A packet is a message; a connection that is handed over travels with the message about it.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from gateway.adapters.http.event_press import Identity
from gateway.domain.market import Quote
from gateway.domain.settings import Principal

#: Nothing that is said is near it: what has no bound is said in parts.
_MAX_PACKET = 180_000
#: Of things whose size has no bound, so many bytes are said at once.
_MAX_PART = 60_000
#: What may wait for the other side, in bytes; beyond it the other side is given up.
_MAX_WAITING = 16_000_000
ALIVE_EVERY_S = 1.0


class Accepted(msgspec.Struct, frozen=True, tag=True):
    """A connection, and in ``head`` all that was received on it: a request for a stream. Everything up to ``last_seq``
    is durable; streams of ``caller`` start with the symbols of ``watch_list``."""

    head: bytes
    last_seq: int
    caller: str
    watch_list: tuple[str, ...]


class People(msgspec.Struct, frozen=True, tag=True):
    """Who may ask from now on, once ``is_all``; until then more of them follow."""

    principals: tuple[Principal, ...]
    is_all: bool


class Moved(msgspec.Struct, frozen=True, tag=True):
    """Everything up to ``last_seq`` is durable."""

    last_seq: int


class Known(msgspec.Struct, frozen=True, tag=True):
    """The answer to ``WhoIs``."""

    order_id: str
    identity: Identity | None


class Quotes(msgspec.Struct, frozen=True, tag=True):
    """Quotes of watched symbols, all of them, in the order in which they came."""

    quotes: tuple[Quote, ...]


class MarketState(msgspec.Struct, frozen=True, tag=True):
    """From which age a quote is stale; and the trouble of watched symbols where it is another by now (empty: none)."""

    stale_after_ns: int
    troubles: dict[str, str]


class Watched(msgspec.Struct, frozen=True, tag=True):
    """The answer to ``Watch``: quotes and state of these symbols have been told."""

    symbols: tuple[str, ...]


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The process takes connections."""


class Alive(msgspec.Struct, frozen=True, tag=True):
    """The process is at work. Said every ``ALIVE_EVERY_S``, so that one that hangs is noticed."""


class Counts(msgspec.Struct, frozen=True, tag=True):
    """How many streams are open, by name."""

    open: dict[str, int]


class WhoIs(msgspec.Struct, frozen=True, tag=True):
    """Whose order is this?"""

    order_id: str


class Watch(msgspec.Struct, frozen=True, tag=True):
    """Tell the quotes of these symbols from now on."""

    symbols: tuple[str, ...]


class Unwatch(msgspec.Struct, frozen=True, tag=True):
    """Tell them no more."""

    symbols: tuple[str, ...]


ToStreams = Accepted | People | Moved | Known | Quotes | MarketState | Watched
FromStreams = Ready | Alive | Counts | WhoIs | Watch | Unwatch

Heard = TypeVar("Heard")
Item = TypeVar("Item")


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends. Raises OSError, also where the system has no such sockets."""
    if not hasattr(socket, "send_fds"):
        raise OSError("connections cannot be passed on here")
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Channel(Generic[Heard]):
    """One end. ``on_message`` gets each message, and the socket that came with it; ``on_end`` hears once that the other
    side is gone, or takes nothing any more."""

    def __init__(
        self,
        end: socket.socket,
        decode: Callable[[bytes], Heard],
        on_message: Callable[[Heard, socket.socket | None], None],
        on_end: Callable[[], None],
    ) -> None:
        self._end = end
        self._decode = decode
        self._on_message = on_message
        self._on_end = on_end
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_open = True
        self._loop = asyncio.get_running_loop()
        end.setblocking(False)
        self._loop.add_reader(end, self._read)

    @property
    def is_free(self) -> bool:
        """Whether the other side has taken all that was said."""
        return self._is_open and not self._waiting

    def send(self, message: ToStreams | FromStreams, connection: int | None = None) -> bool:
        """Say it, at once or as soon as the other side takes it; False when it is gone. A ``connection`` (a file
        descriptor) is passed along at once or not at all."""
        packet = msgspec.msgpack.encode(message)
        if not self._is_open:
            return False
        if not self._waiting or connection is not None:
            try:
                if connection is None:
                    self._end.send(packet)
                else:
                    socket.send_fds(self._end, [packet], [connection])
                return True
            except BlockingIOError:
                if connection is not None:
                    return False
            except OSError:
                self._give_up()
                return False
        self._wait(packet)
        return self._is_open

    def close(self) -> None:
        """The other side sees the end."""
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._end)
            self._loop.remove_writer(self._end)
            self._end.close()

    def _wait(self, packet: bytes) -> None:
        if not self._waiting:
            self._loop.add_writer(self._end, self._write)
        self._waiting.append(packet)
        self._waiting_bytes += len(packet)
        if self._waiting_bytes > _MAX_WAITING:
            self._give_up()

    def _write(self) -> None:
        try:
            while self._waiting:
                self._end.send(self._waiting[0])
                self._waiting_bytes -= len(self._waiting.popleft())
        except BlockingIOError:
            return
        except OSError:
            self._give_up()
            return
        self._loop.remove_writer(self._end)

    def _read(self) -> None:
        try:
            packet, passed, _, _ = socket.recv_fds(self._end, _MAX_PACKET, 1)
        except BlockingIOError:
            return
        except OSError:
            packet, passed = b"", []
        if not packet:
            self._give_up()
            return
        connection = socket.socket(fileno=passed[0]) if passed else None
        try:
            self._on_message(self._decode(packet), connection)
        except BaseException:
            if connection is not None:
                connection.close()
            raise

    def _give_up(self) -> None:
        if self._is_open:
            self.close()
            self._on_end()


def parts(items: Sequence[Item], size: int = 200) -> list[tuple[Item, ...]]:
    """At least one part, each small enough for a packet."""
    return [tuple(items[at : at + size]) for at in range(0, len(items), size)] or [()]


def parts_by_size(items: Sequence[Item]) -> list[tuple[Item, ...]]:
    """The same for items that may be large, such as texts and lists of names."""
    found: list[list[Item]] = [[]]
    said = 0
    for item in items:
        size = len(msgspec.msgpack.encode(item))
        if found[-1] and said + size > _MAX_PART:
            found.append([])
            said = 0
        found[-1].append(item)
        said += size
    return [tuple(some) for some in found]
