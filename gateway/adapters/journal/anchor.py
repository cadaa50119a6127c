"""The head of the journal, written down beside it: what a journal that was cut short must still reach.

A hash chain cannot show that its end is gone. ``journal.head`` names a record that is known to be durable (the
newest checkpoint's, or the last one at a clean close) and its hash. After a clean close, marked so, not even a
record more may be there.
"""

import os
from pathlib import Path
from typing import Annotated

import msgspec

FILE_NAME = "journal.head"


class AnchorUnreadable(msgspec.Struct, frozen=True):
    """The anchor file is there and is not an anchor."""

    text: str


class Anchor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``hash`` is the chain's at ``seq``, in hex. ``is_closed``: nothing was appended after it."""

    partition: str
    seq: int
    hash: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    is_closed: bool


def load_anchor(directory: Path) -> Anchor | AnchorUnreadable | None:
    """The anchor, what is wrong with it, or None when there is no file. Raises OSError."""
    try:
        data = (directory / FILE_NAME).read_bytes()
    except FileNotFoundError:
        return None
    try:
        return msgspec.json.decode(data, type=Anchor)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return AnchorUnreadable(f"{FILE_NAME} is not readable as an anchor: {error}")


def write_anchor(directory: Path, anchor: Anchor) -> None:
    """Replace the anchor durably and at once: a reader, or a crash, finds the old one or the new one whole."""
    temporary = directory / f"{FILE_NAME}.new"
    with temporary.open("wb") as file:
        file.write(msgspec.json.encode(anchor) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(directory / FILE_NAME)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
