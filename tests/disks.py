"""File systems that tests can fill."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """``folder`` as a file system of its own, of ``size`` (as ``mount`` reads it); skips without root."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting needs root; the tests with a file size limit need nothing")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
