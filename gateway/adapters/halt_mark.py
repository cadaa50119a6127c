"""A file that says how trading was stopped, beside the journal: the kill switch must outlive a full disk's journal.

The file is made once at start with room for a reason, so that setting it needs no new space.
"""

import json
import os
from pathlib import Path

from gateway.domain.enums import TradingState

_ROOM_BYTES = 512


def _content(state: TradingState, reason: str) -> dict[str, object]:
    return {"halted": state is not TradingState.ACTIVE, "state": state.value, "reason": reason}


def _text_of(content: dict[str, object]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode(errors="replace")


class FileHaltMark:
    """Implements ``service.controls.HaltMark``; the file always has the same length, padded with spaces."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "halt_mark.json"
        if not self._path.exists():
            self.clear()

    def set(self, state: TradingState, reason: str) -> None:
        reason = reason[:_ROOM_BYTES]
        while len(_text_of(_content(state, reason))) > _ROOM_BYTES:
            reason = reason[:-1]
        self._write(_content(state, reason))

    def clear(self) -> None:
        self._write(_content(TradingState.ACTIVE, ""))

    def stop(self) -> tuple[TradingState, str] | None:
        """How trading was stopped and why, or None when it was not. A file that cannot be read counts as a halt, and so
        does one that does not say how."""
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if not content["halted"]:
                return None
            return TradingState(content.get("state", TradingState.HALTED)), str(content["reason"])
        except (OSError, ValueError, KeyError, TypeError):
            return TradingState.HALTED, "the halt mark cannot be read; check the data directory, then enable trading"

    def _write(self, content: dict[str, object]) -> None:
        data = _text_of(content).ljust(_ROOM_BYTES)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
