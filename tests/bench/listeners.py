"""``python -m tests.bench.listeners PORT COUNT``: clients of ws/events that read all of it, in a process of its own.

Frames are counted for the first client only: the others have their bytes dropped by the kernel and look at none. Real
clients are on other machines; here they share the processors with the gateway, so they cost as little as they can and
step back for it.
"""

import os
import select
import signal
import socket
import sys
import time
from typing import NamedTuple

import msgspec

_UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PATH = "/api/trading/ws/events"
#: As a page that draws now and then: what came meanwhile is taken at once.
_PAUSE_S = 0.02
_BUFFER = bytearray(1 << 22)
_NICE = 19


class Heard(NamedTuple):
    """What all clients heard, in bytes; and of the first one: messages, and records that it was behind in the end."""

    received_bytes: int
    messages: int
    behind: int


class Frames:
    """Counts the text frames of one client, and keeps the last one whole."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self.count = 0
        self.seq = self.last_seq = 0

    def feed(self, data: bytes) -> None:
        self._rest += data
        at = 0
        while (end := self._end(at)) is not None:
            start, end = end
            if self._rest[at] & 0x0F == 1:
                self._hear(bytes(self._rest[start:end]))
            at = end
        del self._rest[:at]

    def _hear(self, text: bytes) -> None:
        message = msgspec.json.decode(text)
        self.count += 1
        self.seq = max(self.seq, message["seq"])
        self.last_seq = max(self.last_seq, message.get("last_seq", 0), self.seq)

    def _end(self, at: int) -> tuple[int, int] | None:
        """Where the payload of the frame at ``at`` begins and ends; None when it is not whole yet."""
        if len(self._rest) < at + 2:
            return None
        size, start = self._rest[at + 1] & 0x7F, at + 2
        wide = {126: 2, 127: 8}.get(size, 0)
        if len(self._rest) < start + wide:
            return None
        if wide:
            size, start = int.from_bytes(self._rest[start : start + wide], "big"), start + wide
        return (start, start + size) if len(self._rest) >= start + size else None


def connect(port: int) -> tuple[socket.socket, bytes]:
    """One client, and what came right behind the handshake."""
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(_UPGRADE.format(path=PATH, port=port).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = client.recv(4_096)
        if not data:
            raise ConnectionError("the gateway closed the connection")
        answer += data
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n")[0]:
        raise ConnectionError(head.decode(errors="replace"))
    return client, rest


def listen(port: int, count: int) -> Heard:
    """Until SIGTERM."""
    is_over = False

    def end(*_: object) -> None:
        nonlocal is_over
        is_over = True

    signal.signal(signal.SIGTERM, end)
    opened = [connect(port) for _ in range(count)]
    clients = {client.fileno(): client for client, _ in opened}
    first, rest = opened[0]
    frames, received = Frames(), 0
    frames.feed(rest)
    with select.epoll() as poll:
        for number in clients:
            poll.register(number, select.EPOLLIN)
        print("listening", flush=True)
        while not is_over:
            for number, _ in poll.poll(0.1, count):
                is_first = number == first.fileno()
                # MSG_TRUNC: what is there is counted and dropped, not copied (tcp(7)).
                size = clients[number].recv_into(_BUFFER, 0, 0 if is_first else socket.MSG_TRUNC)
                received += size
                if not size:
                    raise ConnectionError("the gateway closed a stream")
                if is_first:
                    frames.feed(bytes(_BUFFER[:size]))
            time.sleep(_PAUSE_S)
    return Heard(received, frames.count, frames.last_seq - frames.seq)


if __name__ == "__main__":
    os.nice(_NICE)
    print(msgspec.json.encode(listen(int(sys.argv[1]), int(sys.argv[2]))).decode(), flush=True)
