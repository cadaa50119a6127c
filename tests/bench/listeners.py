"""``python -m tests.bench.listeners PORT COUNT``: clients of ws/events that read all of it, in a process of its own.

Frames are counted for the first client only: the others take bytes off their sockets and look at none, so that what is
measured is what the gateway spends on them, not what this process does.
"""

import selectors
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
    frames, received = Frames(), 0
    buffer = bytearray(1 << 18)
    with selectors.DefaultSelector() as selector:
        for number in range(count):
            client, rest = connect(port)
            if not number:
                frames.feed(rest)
            selector.register(client, selectors.EVENT_READ, frames if not number else None)
        print("listening", flush=True)
        while not is_over:
            for key, _ in selector.select(0.1):
                assert isinstance(key.fileobj, socket.socket)
                size = key.fileobj.recv_into(buffer)
                received += size
                if not size:
                    raise ConnectionError("the gateway closed a stream")
                if key.data is not None:
                    key.data.feed(bytes(buffer[:size]))
            time.sleep(0.005)  # as a page that draws now and then: what came meanwhile is taken at once
    return Heard(received, frames.count, frames.last_seq - frames.seq)


if __name__ == "__main__":
    print(msgspec.json.encode(listen(int(sys.argv[1]), int(sys.argv[2]))).decode(), flush=True)
