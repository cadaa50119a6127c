"""The files of the last configuration that was applied, kept in the data directory.

``last_good/<folder>/`` holds the files as they were, readable, and ``last_good/CURRENT`` names the folder and the
hash of each file. A save writes a new folder, makes it durable, and only then replaces ``CURRENT`` in one step: a
crash at any point leaves the old one or the new one. What is read back is checked against the hashes.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from gateway.adapters.config.tables import FILES

_FOLDER = "last_good"
_POINTER = "CURRENT"


class LastGoodCorrupt(Exception):
    """What is stored is not what was saved; says what is wrong."""


class _Pointer(msgspec.Struct, frozen=True):
    folder: str
    sha256: dict[str, str]


class LastGood:
    """One writer at a time; the gateway owns its data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / _FOLDER

    def save(self, files: Mapping[str, bytes]) -> None:
        """Keep ``files``; they are durable when this returns. Raises ``OSError`` when they cannot be written,
        and then what was kept before still is."""
        self._root.mkdir(exist_ok=True, mode=0o700)  # never the data directory: one that was moved away comes back
        folder = Path(tempfile.mkdtemp(prefix="files-", dir=self._root))
        try:
            for name, data in files.items():
                _write_durably(folder / name, data)
            _sync_directory(folder)
            pointer = _Pointer(folder.name, {name: _digest(data) for name, data in files.items()})
            fresh = self._root / f"{_POINTER}.new"
            _write_durably(fresh, msgspec.json.encode(pointer))
            os.replace(fresh, self._root / _POINTER)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        _sync_directory(self._root)
        self._forget_all_but(folder.name)

    def read(self) -> dict[str, bytes] | None:
        """The files last saved, or None when none ever were. Raises ``LastGoodCorrupt``."""
        try:
            pointer = msgspec.json.decode((self._root / _POINTER).read_bytes(), type=_Pointer)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LastGoodCorrupt(f"{self._root / _POINTER} cannot be read: {error}") from None
        if Path(pointer.folder).name != pointer.folder or not set(pointer.sha256) <= set(FILES):
            raise LastGoodCorrupt(f"{self._root / _POINTER} names files that were never saved")
        files: dict[str, bytes] = {}
        for name, digest in pointer.sha256.items():
            path = self._root / pointer.folder / name
            try:
                files[name] = path.read_bytes()
            except OSError as error:
                raise LastGoodCorrupt(f"{path} cannot be read: {error.strerror or error}") from None
            if _digest(files[name]) != digest:
                raise LastGoodCorrupt(f"{path} is not what was saved")
        return files

    def _forget_all_but(self, folder: str) -> None:
        with contextlib.suppress(OSError):
            for path in self._root.iterdir():
                if path.name.startswith("files-") and path.name != folder:
                    shutil.rmtree(path, ignore_errors=True)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
