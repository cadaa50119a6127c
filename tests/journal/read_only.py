"""A data directory as on a disk that takes no writes."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def no_writes(source: Path) -> Iterator[Path]:
    """A copy of a data directory in which this process may make nothing."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "copy"
        shutil.copytree(source, copy)
        Path(name).chmod(0o755)
        copy.chmod(0o555)
        is_root = os.geteuid() == 0
        if is_root:  # to whom no permission applies
            os.seteuid(65534)
        try:
            with pytest.raises(OSError, match="Permission denied"):
                (copy / "new").touch()
            yield copy
        finally:
            if is_root:
                os.seteuid(0)
            copy.chmod(0o755)


@contextlib.contextmanager
def open_to_all() -> Iterator[Path]:
    """A folder in which this process may make something inside ``no_writes``, too. Enter it before."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)
