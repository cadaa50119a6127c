"""The embedded engine: what it makes of good and bad policies and documents, how fast, and at what memory."""

import re
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.policy.embedded import EmbeddedPolicy
from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.sources import build_sources
from gateway.domain.events import PolicyVerdict
from gateway.domain.reasons import RejectCode
from gateway.ports.policy import PolicyEngine
from tests.policy.documents import MAX_EXACT, order_document

INTERPRETED = ("for the test",)


def engine(rego: str, *, is_compiled: bool = True) -> EmbeddedPolicy:
    sources = build_sources({"trading.rego": f"package trading\n\n{rego}\n"})
    return EmbeddedPolicy(ApprovedPolicies(sources, () if is_compiled else INTERPRETED))


def test_it_allows_and_denies_with_its_revision(approved: ApprovedPolicies) -> None:
    """Without it a verdict could not be traced to the policies that gave it."""
    policy: PolicyEngine = EmbeddedPolicy(approved)
    assert policy.is_immediate
    assert policy.revision == approved.revision
    assert policy.evaluate_now(order_document()) == PolicyVerdict(is_allowed=True, revision=approved.revision)
    denied = policy.evaluate_now(order_document(market__is_open=False, user__role="risk"))
    assert not denied.is_allowed
    assert denied.failure is None
    assert denied.revision == approved.revision
    assert denied.denies == (
        ("MARKET_CLOSED", "the market of AAPL is closed"),
        ("ROLE_NOT_PERMITTED", "a key with the role risk may not place orders"),
    )


@pytest.mark.parametrize("is_compiled", [True, False], ids=["compiled", "interpreted"])
@pytest.mark.parametrize(
    ("rego", "failure"),
    [
        ("decision := 1 if input.nope", RejectCode.POLICY_UNDEFINED),
        ("decision := true", RejectCode.POLICY_MALFORMED),
        ("decision := null", RejectCode.POLICY_MALFORMED),
        ('decision := "<undefined>"', RejectCode.POLICY_UNDEFINED),
        ('decision := {"allow": true}', RejectCode.POLICY_MALFORMED),
        ('decision := {"deny": []}', RejectCode.POLICY_MALFORMED),
        ('decision := {"allow": 1, "deny": []}', RejectCode.POLICY_MALFORMED),
        ('decision := {"allow": "true", "deny": []}', RejectCode.POLICY_MALFORMED),
        ('decision := {"allow": true, "deny": null}', RejectCode.POLICY_MALFORMED),
        ('decision := {"allow": false, "deny": ["NO"]}', RejectCode.POLICY_MALFORMED),
        ('decision := {"allow": false, "deny": [{"code": "NO"}]}', RejectCode.POLICY_MALFORMED),
        ('decision := {"allow": false, "deny": [{"code": "no way", "text": ""}]}', RejectCode.POLICY_MALFORMED),
        ('decision := {"allow": true, "deny": [{"code": "NO", "text": ""}]}', RejectCode.POLICY_MALFORMED),
    ],
)
def test_what_is_no_decision_is_a_failure(rego: str, failure: RejectCode, is_compiled: bool) -> None:
    """Without it a policy with a slip in it would allow, or raise into the order's path."""
    verdict = engine(rego, is_compiled=is_compiled).evaluate_now(order_document())
    assert not verdict.is_allowed
    assert verdict.failure == failure
    assert verdict.failure_text


@pytest.mark.parametrize("is_compiled", [True, False], ids=["compiled", "interpreted"])
def test_rules_that_contradict_each_other_are_a_failure(is_compiled: bool) -> None:
    """Without it one of two values would be taken, and which is anybody's guess."""
    rego = 'decision := {"allow": true, "deny": []} if input.order\n\n'
    rego += 'decision := {"allow": false, "deny": []} if input.user'
    verdict = engine(rego, is_compiled=is_compiled).evaluate_now(order_document())
    assert not verdict.is_allowed
    assert verdict.failure in (RejectCode.POLICY_UNAVAILABLE, RejectCode.POLICY_UNDEFINED)


@pytest.mark.parametrize(
    "value",
    [MAX_EXACT + 1, -MAX_EXACT - 1, 10**33, 1.0, float("nan"), Decimal("1.5"), b"1", {"a": 10**20}, [1, 2.5]],
)
def test_numbers_that_the_engine_would_change_are_not_decided(approved: ApprovedPolicies, value: Any) -> None:
    """Without it a size of 10^20 would be compared as a float, and a limit could be passed by rounding."""
    document = order_document(order__size_e8=value)
    verdict = EmbeddedPolicy(approved).evaluate_now(document)
    assert verdict.failure == RejectCode.POLICY_MALFORMED
    assert "input.order.size_e8" in verdict.failure_text


@pytest.mark.parametrize("limit", [2**53, 2**60 + 1, MAX_EXACT - 1, 1])
@pytest.mark.parametrize("is_compiled", [True, False], ids=["compiled", "interpreted"])
def test_neighbouring_integers_are_told_apart(limit: int, is_compiled: bool) -> None:
    """Without it an order could exceed a large limit by what a float does not see."""
    rego = f'decision := {{"allow": input.order.size_e8 <= {limit}, "deny": set()}}'
    policy = engine(rego, is_compiled=is_compiled)
    assert policy.evaluate_now(order_document(order__size_e8=limit)).is_allowed
    assert not policy.evaluate_now(order_document(order__size_e8=limit + 1)).is_allowed


def test_unreadable_text_is_a_failure_or_a_denial(approved: ApprovedPolicies) -> None:
    """Without it a lone surrogate in a name would raise into the order's path."""
    policy = EmbeddedPolicy(approved)
    assert policy.evaluate_now(order_document(order__id="\ud800")).failure is not None
    assert policy.evaluate_now(order_document(order__id='"\\\u0000é')).is_allowed


def test_without_policies_everything_is_denied() -> None:
    """Without it a gateway that found no policies at its start would let orders through."""
    verdict = EmbeddedPolicy().evaluate_now(order_document())
    assert (verdict.is_allowed, verdict.failure) == (False, RejectCode.POLICY_UNAVAILABLE)


async def test_new_policies_are_taken_whole_or_not_at_all(approved: ApprovedPolicies) -> None:
    """Without it a failed reload would leave the gateway without policies, or between two."""
    policy = EmbeddedPolicy(approved)
    broken = ApprovedPolicies(build_sources({"trading.rego": "package trading\n\ndecision :="}))
    with pytest.raises(RuntimeError):
        await policy.activate(broken)
    assert policy.revision == approved.revision
    assert (await policy.evaluate(order_document())).is_allowed
    closed = build_sources({"trading.rego": 'package trading\n\ndecision := {"allow": false, "deny": []}'})
    await policy.activate(ApprovedPolicies(closed))
    assert policy.revision == closed.revision
    assert not policy.evaluate_now(order_document()).is_allowed
    await policy.close()
    assert policy.evaluate_now(order_document()).failure == RejectCode.POLICY_UNAVAILABLE


def test_use_from_another_thread_is_a_failure_that_says_so(approved: ApprovedPolicies) -> None:
    """Without it the panic of the engine, a BaseException, would end whatever thread asked."""
    policy = EmbeddedPolicy(approved)
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(policy.evaluate_now(order_document())))
    thread.start()
    thread.join()
    assert verdicts[0].failure == RejectCode.POLICY_UNAVAILABLE
    assert policy.evaluate_now(order_document()).is_allowed


def test_a_decision_is_fast_enough_to_be_asked_inline(approved: ApprovedPolicies) -> None:
    """Without it the policy could come to dominate the order's path (measured: 40 us; the bound allows for CI)."""
    policy, document, samples = EmbeddedPolicy(approved), order_document(), []
    for _ in range(3_000):
        start = time.perf_counter_ns()
        policy.evaluate_now(document)
        samples.append(time.perf_counter_ns() - start)
    assert sorted(samples)[len(samples) // 2] < 250_000


def test_memory_does_not_grow(approved: ApprovedPolicies) -> None:
    """Without it a leak of a kilobyte a decision would end the process some day (measured: flat over 100,000)."""
    policy, allowed, denied = EmbeddedPolicy(approved), order_document(), order_document(market__is_open=False)
    for _ in range(2_000):
        policy.evaluate_now(allowed)
        policy.evaluate_now(denied)
    before = _resident_kb()
    for _ in range(10_000):
        policy.evaluate_now(allowed)
        policy.evaluate_now(denied)
    assert _resident_kb() - before < 4_000


def _resident_kb() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("the memory in use cannot be read on this system")
    return int(re.search(r"VmRSS:\s+(\d+)", status.read_text())[1])  # type: ignore[index]


def test_the_embedded_engine_loads_no_client(tmp_path: Path) -> None:
    """Without it every gateway would pay for the OPA client, which only few configure."""
    code = (
        "import sys, gateway.adapters.policy.live, gateway.adapters.policy.embedded\n"
        "assert not {'opa_client', 'aiohttp', 'requests'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2], timeout=60)
