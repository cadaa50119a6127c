"""The policy engine on an OPA server of our own, which the gateway fills with its policies and data.

Every failure is a denial that says which. Start that OPA empty, one for each gateway: what it holds is replaced.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import to_builtins

from gateway.adapters.policy.asking import OpaConnection, not_answered, not_immediate, result_of
from gateway.adapters.policy.documents import failed, inexact_input, read_decision
from gateway.adapters.policy.embedded import EmbeddedPolicy
from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.golden import golden_cases
from gateway.adapters.policy.push import ANSWER_PACKAGE, ANSWER_RULE, ANSWERS_RULE, push
from gateway.adapters.policy.sources import PoliciesInvalid, PolicyProblem
from gateway.domain.events import PolicyVerdict
from gateway.domain.policy_input import PolicyInput
from gateway.domain.reasons import RejectCode

_PUSH_TIMEOUT_S = 10.0
_PUSH_AGAIN_S = 1.0
#: How long an order may wait for a change of policies to end (measured: 0.1 s), besides the time for its answer.
_CHANGE_S = 1.0


class OpaServerPolicy:
    """Runs the gateway's policies on an OPA server. ``activate`` pushes, ``tend`` pushes again what was lost."""

    def __init__(self, url: str, timeout_s: float, token: str | None = None) -> None:
        self._timeout_s = timeout_s
        self._questions = OpaConnection(url, timeout_s, token)
        self._pushes = OpaConnection(url, _PUSH_TIMEOUT_S, token)
        self._policies: ApprovedPolicies | None = None
        self._checked = ""
        self._is_pushed = False
        self._lost = asyncio.Event()
        self._changing = asyncio.Lock()
        self._settled = asyncio.Event()
        self._settled.set()
        self._open_questions = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def is_immediate(self) -> bool:
        return False

    @property
    def revision(self) -> str:
        return self._policies.revision if self._policies is not None else ""

    def evaluate_now(self, document: PolicyInput) -> PolicyVerdict:
        return not_immediate(self.revision)

    async def evaluate(self, document: PolicyInput) -> PolicyVerdict:
        try:
            problem = inexact_input(document)
            if problem is not None:
                return failed(RejectCode.POLICY_MALFORMED, problem, self.revision)
            async with asyncio.timeout(_CHANGE_S):
                await self._settled.wait()
            async with asyncio.timeout(self._timeout_s):
                return await self._ask(document)
        except Exception as error:
            return not_answered(error, self.revision)

    async def activate(self, policies: ApprovedPolicies) -> None:
        """Push, and compare answers with the embedded engine's; on any difference the former ones come back.

        Raises ``PoliciesInvalid``. The first policies stay wanted when the server cannot be reached: orders are
        denied until ``tend`` gets them there.
        """
        async with self._changing:
            former = self._policies
            try:
                await self._replace(policies)
            except Exception as error:
                if former is not None and former.revision != policies.revision:
                    await self._restore(former)
                elif former is None and not isinstance(error, PoliciesInvalid):
                    self._policies = policies
                raise PoliciesInvalid(_push_problems(error)) from error

    async def tend(self) -> None:
        """Push again whenever the server turns out not to hold our policies (it was restarted, say). Never ends."""
        while True:
            await self._lost.wait()
            async with self._changing:
                if self._policies is not None and not self._is_pushed:
                    await self._restore(self._policies)
            if not self._is_pushed:
                await asyncio.sleep(_PUSH_AGAIN_S)

    async def close(self) -> None:
        await self._questions.close()
        await self._pushes.close()

    async def _replace(self, policies: ApprovedPolicies) -> None:
        self._mark(is_pushed=False)
        async with self._quiet():
            await push(await self._pushes.client(), policies)
            if self._checked != policies.revision:
                await self._compare(policies)
            self._policies, self._checked = policies, policies.revision
            self._mark(is_pushed=True)

    async def _restore(self, former: ApprovedPolicies) -> None:
        """Back to what was in force. If that fails too, orders are denied until a later push succeeds."""
        try:
            await self._replace(former)
        except Exception:
            self._mark(is_pushed=False)

    def _mark(self, *, is_pushed: bool) -> None:
        self._is_pushed = is_pushed
        if is_pushed:
            self._lost.clear()
        else:
            self._lost.set()

    @asynccontextmanager
    async def _quiet(self) -> AsyncIterator[None]:
        """Hold new questions back and let the open ones finish, so that none meets a half-changed server."""
        self._settled.clear()
        try:
            await self._idle.wait()
            yield
        finally:
            self._settled.set()

    async def _ask(self, document: PolicyInput) -> PolicyVerdict:
        if not self._is_pushed:
            text = "the OPA server does not hold our policies yet"
            return failed(RejectCode.POLICY_UNAVAILABLE, text, self.revision)
        self._open_questions += 1
        self._idle.clear()
        try:
            client = await self._questions.client()
            answer = await client.query_rule(to_builtins(document), ANSWER_PACKAGE, ANSWER_RULE)
        finally:
            self._open_questions -= 1
            if not self._open_questions:
                self._idle.set()
        verdict, holds_ours = _read(answer, self.revision)
        if not holds_ours:
            self._mark(is_pushed=False)
        return verdict

    async def _compare(self, policies: ApprovedPolicies) -> None:
        """Both engines, the golden inputs, the data in use: one difference and the policies are refused."""
        client = await self._pushes.client()
        cases, _ = golden_cases(policies.sources)
        documents = [case.input for case in cases]
        answer = await client.query_rule({"documents": documents}, ANSWER_PACKAGE, ANSWERS_RULE)
        reference = EmbeddedPolicy(policies)
        expected = [_said(reference.evaluate_now(document)) for document in documents]
        await reference.close()
        problems = []
        for case, here, given in zip(cases, expected, answer["result"], strict=True):
            there = _said(_read({"result": given}, policies.revision)[0])
            if here != there:
                text = f"the embedded engine says {here}, OPA says {there}"
                problems.append(PolicyProblem(case.file, text, case=case.name))
        if problems:
            raise PoliciesInvalid(tuple(problems))


def _read(answer: Any, revision: str) -> tuple[PolicyVerdict, bool]:
    """The verdict, and whether the server still holds our policies."""
    result = result_of(answer, revision)
    if isinstance(result, PolicyVerdict):
        # Our answer is always defined, so without it the server was restarted or emptied.
        return result, result.failure != RejectCode.POLICY_UNDEFINED
    if not isinstance(result, dict) or not isinstance(result.get("decisions"), list):
        text = "the OPA server's answer is not of its form"
        return failed(RejectCode.POLICY_MALFORMED, text, revision), True
    if result.get("revision") != revision:
        text = f"the OPA server holds other policies ({result.get('revision')}): each gateway needs a server of its own"
        return failed(RejectCode.POLICY_UNAVAILABLE, text, revision), True
    if not result["decisions"]:
        text = "data.trading.decision is undefined for this order"
        return failed(RejectCode.POLICY_UNDEFINED, text, revision), True
    return read_decision(result["decisions"][0], revision), True


def _said(verdict: PolicyVerdict) -> str:
    if verdict.is_allowed:
        return "allow"
    return f"deny with {', '.join(sorted(code for code, _ in verdict.denies)) or 'no code'}"


def _push_problems(error: Exception) -> tuple[PolicyProblem, ...]:
    if isinstance(error, PoliciesInvalid):
        return error.problems
    text = not_answered(error, "").failure_text
    return (PolicyProblem(".", f"the policies could not be pushed: {text}"),)
