"""One owner per data directory. The system releases the lock when its process ends, however it ends."""

import fcntl
import os
from pathlib import Path
from typing import Self

from gateway.ports.journal import JournalUnavailable

FILE_NAME = "journal.lock"


class JournalLocked(JournalUnavailable):
    """Another process owns this data directory. Names it."""


class DirectoryLock:
    """An exclusive ``flock`` on a small file that holds the owner's process id, for people to read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, directory: Path) -> Self:
        """Create the directory if need be, and own it. Raises OSError, and JournalLocked when it has an owner
        already, in this process or another."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / FILE_NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise JournalLocked(
                f"the journal in {directory} is in use by process {owner}: "
                "stop it first, or give this gateway a data directory of its own"
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Let the next owner in. The file stays: removing it would let two owners lock two files of one name."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
