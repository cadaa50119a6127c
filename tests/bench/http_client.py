"""The least of HTTP/1.1 that a load generator needs: where one response ends, and its status."""

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class ResponseReader:
    """Collects the bytes of one connection, one response at a time: there is no pipelining."""

    __slots__ = ("_buffer", "_length", "response")

    def __init__(self) -> None:
        #: The last whole response, head included.
        self.response = b""
        self._buffer = b""
        self._length = 0

    def feed(self, data: bytes) -> int:
        """The status once the response is whole, else 0."""
        buffer = self._buffer + data if self._buffer else data
        if not self._length:
            self._length = _whole_length(buffer)
        if not self._length or len(buffer) < self._length:
            self._buffer = buffer
            return 0
        self.response, self._buffer, self._length = buffer, b"", 0
        return int(buffer[9:12])


def _whole_length(buffer: bytes) -> int:
    """The length of the response with its head; 0 while the head is not complete."""
    end = buffer.find(_HEAD_END)
    if end < 0:
        return 0
    head = buffer[:end].lower()
    at = head.index(_LENGTH) + len(_LENGTH)
    stop = head.find(b"\r", at)
    return end + len(_HEAD_END) + int(head[at:] if stop < 0 else head[at:stop])
