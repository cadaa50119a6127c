"""The folders of one gateway."""

from pathlib import Path

import pytest

from tests.e2e.process import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "gateway")
