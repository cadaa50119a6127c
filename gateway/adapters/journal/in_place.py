"""Whether the files that a journal has open are still the ones that a start would find.

A file that is removed, or moved away with its folder, goes on taking writes and calling them durable: orders would be
answered for that no start remembers, and beside them a second gateway could own the folder's new content.
"""

import os
import time
from pathlib import Path

from gateway.adapters.journal import schema
from gateway.adapters.journal.lock import FILE_NAME as LOCK_NAME
from gateway.ports.journal import JournalUnavailable

#: All that are open from the start to the end.
_NAMES = (LOCK_NAME, schema.FILE_NAME, f"{schema.FILE_NAME}-wal", f"{schema.FILE_NAME}-shm")
#: Between looks, so that no order pays for one.
_EVERY_S = 1.0


class InPlace:
    """Made while the files are as they should be."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._identities = {name: found for name in _NAMES if (found := _identity(directory / name)) is not None}
        self._seen_s = time.monotonic()

    def look_in_time(self) -> None:
        """The same as ``look``, unless all was in place just now."""
        if time.monotonic() - self._seen_s >= _EVERY_S:
            self.look()

    def look(self) -> None:
        """Raises JournalUnavailable, which is over once what was moved away is back."""
        for name, identity in self._identities.items():
            if _identity(self._directory / name) != identity:
                raise JournalUnavailable(
                    f"{name} in {self._directory} is not the file that this gateway writes to: it was removed, moved"
                    " or replaced. Put it back; where that cannot be, restart the gateway"
                )
        self._seen_s = time.monotonic()


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file that is; None when there is none, or nobody can tell."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
