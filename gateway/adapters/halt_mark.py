"""A file that says what is stopped, beside the journal: the kill switch must outlive a full disk's journal.

The file is made once at start with room for many stops, so that setting it needs no new space.
"""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from gateway.domain.enums import ScopeKind, TradingState
from gateway.domain.marked_stop import MarkedStop

_log = logging.getLogger(__name__)
_ROOM_BYTES = 32_768
#: Of a reason; that of the whole gateway may be longer than that of one of many scopes.
_REASON_BYTES, _SCOPED_REASON_BYTES = 400, 100
_UNREADABLE = "the halt mark cannot be read; check the data directory and what else was stopped, then enable trading"


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")


def _cut(reason: str, most_bytes: int) -> str:
    """As much of it as ``most_bytes`` hold, as it is written."""
    reason = reason[:most_bytes]
    while len(_encode(reason)) > most_bytes:
        reason = reason[:-1]
    return reason


def _entry(stop: MarkedStop) -> dict[str, str]:
    reason = _cut(stop.reason, _SCOPED_REASON_BYTES)
    return {"scope": stop.scope.value, "id": stop.scope_id, "state": stop.state.value, "reason": reason}


def _read(content: dict[str, object]) -> list[MarkedStop]:
    """Raises ValueError, KeyError or TypeError. A mark of an earlier version names no scopes, or not how it halted."""
    found = []
    if content["halted"]:
        state = TradingState(str(content.get("state", TradingState.HALTED.value)))
        found.append(MarkedStop(state=state, reason=str(content["reason"])))
    scopes = content.get("scopes", [])
    if not isinstance(scopes, list):
        raise TypeError("scopes is no list")
    return found + [
        MarkedStop(
            scope=ScopeKind(one["scope"]),
            scope_id=str(one["id"]),
            state=TradingState(one["state"]),
            reason=str(one["reason"]),
        )
        for one in scopes
    ]


class FileHaltMark:
    """Implements ``service.controls.HaltMark``; the file always has the same length, padded with spaces."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "halt_mark.json"
        if not self._path.exists():
            self._create()
        else:
            self._make_room()

    def _create(self) -> None:
        """Whole or not at all: what a first start leaves behind that cannot go on must not halt the next one."""
        mark, self._path = self._path, self._path.with_name(f"{self._path.name}.new")
        self.set(())
        self._path = self._path.replace(mark)

    def _make_room(self) -> None:
        """That of an earlier version had less."""
        missing = _ROOM_BYTES - self._path.stat().st_size
        if missing <= 0:
            return
        try:
            with self._path.open("ab") as file:
                file.write(b" " * missing)
        except OSError as error:
            _log.error("the halt mark has little room: %s", error)

    def set(self, stops: Sequence[MarkedStop]) -> int:
        """Let these stand in the file, and no others. Those at the end for which there is no room are left out;
        returns how many. Raises OSError."""
        whole = next((one for one in stops if one.scope is ScopeKind.GATEWAY), None)
        content: dict[str, object] = {
            "halted": whole is not None,
            "state": (TradingState.ACTIVE if whole is None else whole.state).value,
            "reason": "" if whole is None else _cut(whole.reason, _REASON_BYTES),
        }
        entries = [_entry(one) for one in stops if one is not whole]
        room = _ROOM_BYTES - len(_encode({**content, "scopes": []}))
        fitting: list[dict[str, str]] = []
        for entry in entries:
            room -= len(_encode(entry)) + len(b", ")
            if room < 0:
                break
            fitting.append(entry)
        self._write({**content, "scopes": fitting})
        return len(entries) - len(fitting)

    def stops(self) -> list[MarkedStop]:
        """What was stopped. A file that cannot be read whole counts as a halt of everything."""
        try:
            return _read(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return [MarkedStop(state=TradingState.HALTED, reason=_UNREADABLE)]

    def _write(self, content: dict[str, object]) -> None:
        data = _encode(content).ljust(_ROOM_BYTES)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            written = os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if written < len(data):
            raise OSError(f"{written} of {len(data)} bytes were written")
