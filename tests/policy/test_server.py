"""The OPA server as an engine, against a real OPA. What other servers may answer: ``test_misbehaving``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import gateway.adapters.policy.server
from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.server import OpaServerPolicy
from gateway.adapters.policy.sources import PoliciesInvalid, build_sources
from gateway.domain.events import PolicyVerdict
from gateway.domain.reasons import RejectCode
from gateway.ports.policy import PolicyEngine
from tests.patience import PATIENCE_S
from tests.policy.documents import order_document
from tests.policy.opa_server import ROOT, OpaServer, opa_server

pytestmark = pytest.mark.opa

DENY = 'decision := {"allow": false, "deny": [{"code": "NO", "text": "no"}]}'


def policies(rego: str, **files: str) -> ApprovedPolicies:
    return ApprovedPolicies(build_sources({"trading.rego": f"package trading\n\n{rego}\n", **files}))


@asynccontextmanager
async def engine(url: str, timeout_s: float = 5.0, token: str | None = None) -> AsyncIterator[OpaServerPolicy]:
    policy = OpaServerPolicy(url, timeout_s, token)
    try:
        yield policy
    finally:
        await policy.close()


def codes(verdict: PolicyVerdict) -> list[str]:
    return [code for code, _ in verdict.denies]


async def test_it_allows_and_denies_with_the_revision_it_pushed(approved: ApprovedPolicies, opa: OpaServer) -> None:
    """Without it the server could answer with other policies than those recorded with the order."""
    async with engine(opa.url) as server:
        policy: PolicyEngine = server
        await server.activate(approved)
        assert not policy.is_immediate
        assert policy.revision == approved.revision
        assert await policy.evaluate(order_document()) == PolicyVerdict(is_allowed=True, revision=approved.revision)
        denied = await policy.evaluate(order_document(market__is_open=False))
        assert codes(denied) == ["MARKET_CLOSED"]
        assert policy.evaluate_now(order_document()).failure == RejectCode.POLICY_UNAVAILABLE


@pytest.mark.parametrize(
    ("rego", "failure"),
    [
        ("decision := 1 if input.nope", RejectCode.POLICY_UNDEFINED),
        ("decision := true", RejectCode.POLICY_MALFORMED),
        ('decision := {"allow": "yes", "deny": []}', RejectCode.POLICY_MALFORMED),
        ('decision := {"allow": true, "deny": [{"code": "NO", "text": ""}]}', RejectCode.POLICY_MALFORMED),
        ("decision := 1 if input.order\n\ndecision := 2 if input.user", RejectCode.POLICY_UNAVAILABLE),
    ],
)
async def test_what_is_no_decision_is_a_failure(rego: str, failure: RejectCode, opa: OpaServer) -> None:
    """Without it a policy with a slip in it would allow, or raise into the order's path."""
    async with engine(opa.url) as server:
        await server.activate(policies(rego))
        verdict = await server.evaluate(order_document())
        assert (verdict.is_allowed, verdict.failure) == (False, failure)


async def test_integers_are_exact_up_to_the_guard(opa: OpaServer) -> None:
    """Without it a limit could be passed by what a float does not see, or by a number nobody can compare."""
    async with engine(opa.url) as server:
        limit = 2**63 - 2
        await server.activate(policies(f'decision := {{"allow": input.order.size_e8 <= {limit}, "deny": []}}'))
        assert (await server.evaluate(order_document(order__size_e8=limit))).is_allowed
        assert not (await server.evaluate(order_document(order__size_e8=limit + 1))).is_allowed
        verdict = await server.evaluate(order_document(order__size_e8=limit + 2))
        assert verdict.failure == RejectCode.POLICY_MALFORMED


async def test_policies_that_opa_refuses_leave_the_former_ones(approved: ApprovedPolicies, opa: OpaServer) -> None:
    """Without it a policy that only OPA cannot compile would leave the server empty."""
    async with engine(opa.url) as server:
        await server.activate(approved)
        with pytest.raises(PoliciesInvalid) as refused:
            await server.activate(policies(f"{DENY}\n\na := nope"))
        (problem,) = refused.value.problems
        assert (problem.file, problem.line) == ("trading.rego", 5)
        assert "var nope is unsafe" in problem.text
        assert (await server.evaluate(order_document())).is_allowed
        assert server.revision == approved.revision


async def test_policies_on_which_the_engines_disagree_are_refused(approved: ApprovedPolicies, opa: OpaServer) -> None:
    """Without it moving from one engine to the other could turn a denial into an order."""
    # OPA drops a body in which an argument under `not` is undefined; the embedded engine takes it as true.
    rego = 'decision := {"allow": count(deny) == 0, "deny": deny}\n\n'
    rego += 'deny contains {"code": "NO", "text": "no"} if not is_string(input.nope)'
    golden = '{"t": {"input": {}, "cases": [{"name": "empty", "expected": {"allow": false, "deny": ["NO"]}}]}}'
    async with engine(opa.url) as server:
        await server.activate(approved)
        with pytest.raises(PoliciesInvalid) as refused:
            await server.activate(policies(rego, **{"golden/t.json": golden}))
        assert str(refused.value) == (
            "golden/t.json: case 't: empty': the embedded engine says deny with NO, OPA says allow"
        )
        assert (await server.evaluate(order_document())).revision == approved.revision


async def test_modules_may_come_in_any_order_and_go_again(opa: OpaServer) -> None:
    """Without it a policy in several files could not be pushed, and a deleted file would decide on."""
    uses = 'decision := {"allow": data.lib.small(input), "deny": []}'
    files = {"y.rego": "package lib\n\nsmall(x) if data.z.size(x) < 2\n", "z.rego": "package z\n\nsize(_) := 1\n"}
    async with engine(opa.url) as server:
        await server.activate(policies(uses, **files))
        assert (await server.evaluate(order_document())).is_allowed
        await server.activate(policies(DENY))
        assert sorted(opa.policy_names()) == ["gateway/answer.rego", "gateway/trading.rego"]
        assert codes(await server.evaluate(order_document())) == ["NO"]


async def test_data_is_replaced_whole(opa: OpaServer) -> None:
    """Without it a list taken out of data.json would bind on, under a revision that does not have it."""
    rego = 'decision := {"allow": allow, "deny": []}\n\ndefault allow := true\n\nallow := false if data.closed'
    async with engine(opa.url) as server:
        await server.activate(policies(rego, **{"data.json": '{"closed": [1]}'}))
        assert not (await server.evaluate(order_document())).is_allowed
        await server.activate(policies(rego, **{"data.json": '{"other": 1}'}))
        assert (await server.evaluate(order_document())).is_allowed


async def test_a_server_with_other_policies_is_not_believed(approved: ApprovedPolicies, opa: OpaServer) -> None:
    """Without it a second gateway on the same server would decide for this one, unrecorded."""
    async with engine(opa.url) as first, engine(opa.url) as second:
        await first.activate(approved)
        await second.activate(policies('decision := {"allow": true, "deny": []}'))
        verdict = await first.evaluate(order_document())
        assert (verdict.is_allowed, verdict.failure) == (False, RejectCode.POLICY_UNAVAILABLE)
        assert "each gateway needs a server of its own" in verdict.failure_text


async def test_an_outage_denies_and_heals_by_itself(approved: ApprovedPolicies) -> None:
    """Without it an OPA that was restarted would deny every order until somebody reloads."""
    with opa_server() as opa:
        async with engine(opa.url) as server, asyncio.TaskGroup() as tasks:
            tending = tasks.create_task(server.tend())
            await server.activate(approved)
            opa.stop()
            verdict = await server.evaluate(order_document())
            assert (verdict.is_allowed, verdict.failure) == (False, RejectCode.POLICY_UNAVAILABLE)
            opa.start()
            assert (await server.evaluate(order_document())).failure == RejectCode.POLICY_UNDEFINED
            await _until_allowed(server)
            tending.cancel()


async def test_a_server_that_comes_up_late_gets_the_first_policies(approved: ApprovedPolicies) -> None:
    """Without it the order in which two services start would decide whether the gateway ever trades."""
    with opa_server() as opa:
        opa.stop()
        async with engine(opa.url) as server, asyncio.TaskGroup() as tasks:
            with pytest.raises(PoliciesInvalid, match="could not be pushed"):
                await server.activate(approved)
            verdict = await server.evaluate(order_document())
            assert (verdict.failure, verdict.revision) == (RejectCode.POLICY_UNAVAILABLE, approved.revision)
            opa.start()
            tending = tasks.create_task(server.tend())
            await _until_allowed(server)
            tending.cancel()


async def _until_allowed(server: OpaServerPolicy) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not (await server.evaluate(order_document())).is_allowed:  # noqa: ASYNC110  # asking is all one can do
            await asyncio.sleep(0.02)


async def test_no_order_meets_a_half_changed_server(
    approved: ApprovedPolicies, opa: OpaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it an order during a reload could be decided by new rules and old limits."""
    monkeypatch.setattr(gateway.adapters.policy.server, "_CHANGE_S", PATIENCE_S)  # how long it takes is not the matter
    closed = policies(DENY)
    async with engine(opa.url) as server:
        await server.activate(approved)
        done = False

        async def ask() -> list[PolicyVerdict]:
            seen = []
            while not done:
                seen.append(await server.evaluate(order_document()))
            return seen

        async with asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(ask()) for _ in range(4)]
            for each in (closed, approved) * 4:
                await server.activate(each)
                await asyncio.sleep(0.01)
            done = True
        verdicts = [verdict for task in asking for verdict in task.result()]
        assert {(verdict.failure, verdict.failure_text) for verdict in verdicts} == {(None, "")}
        assert {(verdict.is_allowed, verdict.revision) for verdict in verdicts} == {
            (True, approved.revision),
            (False, closed.revision),
        }


async def test_a_server_with_tokens(approved: ApprovedPolicies) -> None:
    """Without it the shipped authorization would lock the gateway out, or let everybody in."""
    infrastructure = ROOT / "infrastructure" / "opa"
    flags = ["--authentication=token", "--authorization=basic", "--config-file", str(infrastructure / "config.yaml")]
    with opa_server(*flags, str(infrastructure / "authz.rego"), environment={"OPA_TOKEN": "secret"}) as opa:
        async with engine(opa.url, token="secret") as server:
            await server.activate(approved)
            assert (await server.evaluate(order_document())).is_allowed
        for token in (None, "", "wrong"):
            async with engine(opa.url, token=token) as server:
                with pytest.raises(PoliciesInvalid, match="401"):
                    await server.activate(approved)
                assert not (await server.evaluate(order_document())).is_allowed
