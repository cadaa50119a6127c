"""Gateways that are forked. Hypothesis profiles: ``fast`` for every run, ``deep`` for a night (HYPOTHESIS_PROFILE)."""

import gc
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.e2e.process import forking

settings.register_profile("fast", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported for the tests stays: no collection of garbage looks at it, and fewer of them happen afterwards,
    as in the gateway itself (``gateway.app.process``). They took a tenth of what the tests compute."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(5_000, 20, 20)
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _forked_gateways() -> Iterator[None]:
    """The many gateways of the tests share the import of their modules, which is most of a start."""
    with forking():
        yield
