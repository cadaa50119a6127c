"""A file that says trading was disabled, beside the journal: the kill switch must outlive a full disk's journal.

The file is made once at start with room for a reason, so that setting it needs no new space.
"""

import json
import os
from pathlib import Path

_ROOM_BYTES = 512


def _text_of(reason: str) -> bytes:
    return json.dumps({"halted": True, "reason": reason}, ensure_ascii=False).encode(errors="replace")


class FileHaltMark:
    """Implements ``service.controls.HaltMark``; the file always has the same length, padded with spaces."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "halt_mark.json"
        if not self._path.exists():
            self._write({"halted": False, "reason": ""})

    def set(self, reason: str) -> None:
        reason = reason[:_ROOM_BYTES]
        while len(_text_of(reason)) > _ROOM_BYTES:
            reason = reason[:-1]
        self._write({"halted": True, "reason": reason})

    def clear(self) -> None:
        self._write({"halted": False, "reason": ""})

    def reason(self) -> str | None:
        """Why trading was disabled, or None when it was not. A file that cannot be read counts as disabled."""
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            return str(content["reason"]) if content["halted"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return "the halt mark cannot be read; check the data directory, then enable trading"

    def _write(self, content: dict[str, object]) -> None:
        data = json.dumps(content, ensure_ascii=False).encode(errors="replace").ljust(_ROOM_BYTES)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
