"""The shipped policies in OPA itself, and both engines on the same documents."""

import json
import re
from typing import Any

import pytest

from gateway.adapters.policy.agreement import broken_documents
from gateway.adapters.policy.embedded import EmbeddedPolicy
from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.golden import golden_cases
from gateway.adapters.policy.server import OpaServerPolicy
from gateway.adapters.policy.sources import PolicySources, build_sources, source_texts
from gateway.domain.events import PolicyVerdict
from tests.policy.conftest import POLICIES
from tests.policy.documents import order_document, random_documents
from tests.policy.opa_server import OpaServer, run_opa

pytestmark = pytest.mark.opa


def _decided(verdict: PolicyVerdict) -> Any:
    return verdict.is_allowed, verdict.denies, verdict.failure


@pytest.mark.parametrize(
    "arguments",
    [["check", "--strict"], ["fmt", "--list", "--fail"], ["test", "--timeout", "60s"]],
    ids=["check", "fmt", "test"],
)
def test_opa_accepts_the_shipped_policies(arguments: list[str]) -> None:
    """Without it the policies could be ones that only the embedded engine reads, or fail their own tests."""
    done = run_opa(*arguments, str(POLICIES))
    assert done.returncode == 0, done.stdout + done.stderr


async def test_engines_agree_on_every_broken_document(approved: ApprovedPolicies, opa: OpaServer) -> None:
    """Without it a field could go missing and one engine deny while the other allows."""
    documents = [order_document(), *broken_documents(order_document()), *random_documents(seed=4, count=400)]
    assert len(documents) > 650
    embedded, server = EmbeddedPolicy(approved), OpaServerPolicy(opa.url, 5.0)
    await server.activate(approved)
    allowed = 0
    for document in documents:
        here, there = embedded.evaluate_now(document), await server.evaluate(document)
        assert _decided(here) == _decided(there), document
        assert here.revision == there.revision == approved.revision
        allowed += here.is_allowed
    assert 50 < allowed < len(documents) - 300
    await server.close()


async def test_engines_agree_under_other_data(shipped: PolicySources, opa: OpaServer) -> None:
    """Without it the limits that people edit would be read alike only as shipped."""
    data = {
        "approved_symbols": ["AAPL", "BTC/USDT"],
        "limits": {
            "max_order_size_e8": 0,
            "fat_finger_size_e8": 2**63 - 1,
            "symbols": {"AAPL": {"max_order_size_e8": 2**63 - 2}},
            "trading_roles": ["viewer", "trader"],
        },
    }
    policies = ApprovedPolicies(build_sources({**shipped.modules, "data.json": json.dumps(data)}))
    embedded, server = EmbeddedPolicy(policies), OpaServerPolicy(opa.url, 5.0)
    await server.activate(policies)
    codes: set[str] = set()
    for document in random_documents(seed=5, count=200):
        here, there = embedded.evaluate_now(document), await server.evaluate(document)
        assert _decided(here) == _decided(there), document
        codes |= {code for code, _ in here.denies}
    assert {"ORDER_SIZE_EXCEEDED", "SYMBOL_NOT_APPROVED", "ROLE_NOT_PERMITTED"} <= codes
    await server.close()


async def test_golden_cases_hold_in_both_engines(shipped: PolicySources, opa: OpaServer) -> None:
    """Without it the cases that guard a reload would guard one engine only."""
    cases, problems = golden_cases(shipped)
    assert not problems
    server = OpaServerPolicy(opa.url, 5.0)
    by_data: dict[str, list[Any]] = {}
    for case in cases:
        by_data.setdefault(json.dumps(case.data), []).append(case)
    for data, group in by_data.items():
        texts = {**shipped.modules, "data.json": data}
        policies = ApprovedPolicies(build_sources(texts))
        await server.activate(policies)
        for case in group:
            for verdict in (EmbeddedPolicy(policies).evaluate_now(case.input), await server.evaluate(case.input)):
                codes = sorted({code for code, _ in verdict.denies})
                assert verdict.failure is None, (case.name, verdict)
                assert (verdict.is_allowed, codes) == (case.expected.allow, sorted(case.expected.deny)), case.name
    await server.close()


def test_every_code_is_documented_and_has_a_golden_case(shipped: PolicySources) -> None:
    """Without it a client could meet a code that nobody explained or tried."""
    codes = set(re.findall(r'"code": "([A-Z_]+)"', shipped.modules["trading.rego"]))
    cases, _ = golden_cases(shipped)
    manual = (POLICIES.parent / "docs" / "policies.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", manual, re.MULTILINE))
    assert len(codes) == 8
    assert codes <= {code for case in cases for code in case.expected.deny}
    assert codes <= documented


def test_the_revision_outlives_a_round_trip(shipped: PolicySources) -> None:
    """Without it the copy kept for the next start would have another revision than what decided."""
    assert build_sources(source_texts(shipped)).revision == shipped.revision
