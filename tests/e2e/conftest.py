"""Folders for one gateway, and gateways that several tests share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.process import Api, GatewayProcess, Site, run_for_module


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "gateway")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One gateway in SHADOW for all tests of a module: none of them may disturb the others."""
    site = Site(tmp_path_factory.mktemp("shared") / "gateway")
    site.lift_limits()
    yield from run_for_module(site)


@pytest.fixture
async def api(shared: GatewayProcess) -> AsyncIterator[Api]:
    """A client of the shared gateway."""
    client = Api(shared.url)
    try:
        yield client
    finally:
        await client.close()
