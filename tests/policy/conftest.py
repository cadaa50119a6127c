"""The shipped policies, judged once, and one OPA server for the tests that do not disturb it."""

from collections.abc import Iterator

import pytest

from gateway.adapters.policy.gate import ApprovedPolicies, approve
from gateway.adapters.policy.sources import PolicySources, read_sources
from tests.policy.opa_server import ROOT, OpaServer, opa_server

POLICIES = ROOT / "policies"


@pytest.fixture(scope="session")
def shipped() -> PolicySources:
    return read_sources(POLICIES)


@pytest.fixture(scope="session")
def approved(shipped: PolicySources) -> ApprovedPolicies:
    return approve(shipped)


@pytest.fixture(scope="session")
def opa() -> Iterator[OpaServer]:
    with opa_server() as server:
        yield server
