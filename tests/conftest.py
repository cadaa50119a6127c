"""Gateways that are forked. Hypothesis profiles: ``fast`` for every run, ``deep`` for a night (HYPOTHESIS_PROFILE)."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.e2e.process import forking

settings.register_profile("fast", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


@pytest.fixture(scope="session", autouse=True)
def _forked_gateways() -> Iterator[None]:
    """The many gateways of the tests share the import of their modules, which is most of a start."""
    with forking():
        yield
