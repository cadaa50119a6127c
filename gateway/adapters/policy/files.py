"""The files of a policy folder, by way of symbolic links too: mounts are made of them (Kubernetes links ``rules`` to
``..data/rules``, and swaps ``..data``)."""

import os
from collections.abc import Iterator
from pathlib import Path

_SUFFIXES = {".rego", ".json", ".yaml", ".yml"}
_Identity = tuple[int, int]
Stamps = dict[str, tuple[int, int, int]]


def policy_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Relative name and path of everything below ``folder`` that is no folder, in the order of names, without what
    is hidden.

    Raises OSError for what cannot be looked into: a rule that is left out denies nothing.
    """
    yield from _below(folder, "", ())


def stamps_of(folder: Path) -> Stamps:
    """Time, size and identity of every file that could be a policy or its data, golden cases included; also of a
    folder that is just being replaced."""
    stamps: Stamps = {}
    try:
        for name, path in policy_files(folder):
            if path.suffix in _SUFFIXES:
                stamps[name] = _stamp(path)
    except OSError as error:
        stamps[""] = (error.errno or 0, 0, 0)
    return stamps


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        return error.errno or 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino


def _below(folder: Path, prefix: str, above: tuple[_Identity, ...]) -> Iterator[tuple[str, Path]]:
    found = folder.stat()
    here = (found.st_dev, found.st_ino)
    if here in above:
        raise OSError(f"{prefix.rstrip('/')} leads back to a folder above it")
    for name in sorted(os.listdir(folder)):
        if name.startswith("."):
            continue
        path = folder / name
        if path.is_dir():
            yield from _below(path, f"{prefix}{name}/", (*above, here))
        else:
            yield f"{prefix}{name}", path
