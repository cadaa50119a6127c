"""Bytes on the socket: frames of NUL-terminated text fields, and the handshake before them.

A frame is four bytes of big-endian length and its payload. The client opens with ``API`` and a NUL, outside any frame,
then one frame ``v157..178``; the server answers with its version and the time of connection, without a message number.
"""

import asyncio
import struct
from collections.abc import Iterable
from decimal import Decimal

PREFIX = b"API\0"
MAX_FRAME_BYTES = 1_000_000
#: How the protocol writes a price or size that is not set, where it is not written as nothing.
UNSET_DOUBLE = "1.7976931348623157E308"


class ProtocolError(Exception):
    """What came is not the TWS protocol."""


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The payload of the next frame; raises IncompleteReadError at the end of the stream."""
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    if length > MAX_FRAME_BYTES:
        raise ProtocolError(f"a frame of {length} bytes")
    return await reader.readexactly(length)


async def read_hello(reader: asyncio.StreamReader) -> tuple[int, int]:
    """The handshake of a client: the lowest and highest server version that it understands."""
    if await reader.readexactly(4) != PREFIX:
        raise ProtocolError("the client did not open with API")
    versions = (await read_frame(reader)).decode().split(" ")[0]
    low, _, high = versions.removeprefix("v").partition("..")
    return int(low), int(high or low)


def fields_of(payload: bytes) -> list[str]:
    """The fields of a frame; each ends with a NUL, so the text after the last one is not a field."""
    return payload.decode(errors="replace").split("\0")[:-1]


def frame(fields: Iterable[object]) -> bytes:
    """Fields as one frame: None is written as nothing, True as 1."""
    payload = "".join(f"{_text(field)}\0" for field in fields).encode()
    return struct.pack(">I", len(payload)) + payload


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)
