"""The policy engine inside this process: about 40 us a decision, no I/O, nothing to be unreachable.

A decision that was given before, for a document alike in all that the policies look at (``dependence``), is not worked
out again. What was no decision is never remembered.

The engine underneath is bound to the thread that made it, so build, use and drop this object on the event loop's
thread. ``tests/policy/test_embedded.py`` measures it.
"""

import threading
from typing import Any

import msgspec

from gateway.adapters.policy.documents import (
    Decision,
    failed,
    inexact_input,
    verdict_of,
)
from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.memory import VerdictMemory
from gateway.adapters.policy.runners import UNDEFINED, Runner, describe, is_panic, make_runner
from gateway.domain.events import PolicyVerdict
from gateway.domain.policy_input import PolicyDocument, PolicyInput
from gateway.domain.reasons import RejectCode


class EmbeddedPolicy:
    """Answers ``data.trading.decision`` in process. Without policies every order is denied."""

    def __init__(self, policies: ApprovedPolicies | None = None) -> None:
        self._policies: ApprovedPolicies | None = None
        self._runner: Runner | None = None
        self._memory: VerdictMemory | None = None
        self._thread = threading.get_ident()
        self._revision = ""
        self._allowed = PolicyVerdict(is_allowed=False)
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(Decision).decode
        if policies is not None:
            self._take(policies)

    @property
    def is_immediate(self) -> bool:
        return True

    @property
    def revision(self) -> str:
        return self._revision

    async def activate(self, policies: ApprovedPolicies) -> None:
        """Decide with these from now on. What fails here leaves the former ones in force."""
        self._take(policies)

    def evaluate_now(self, document: PolicyInput) -> PolicyVerdict:
        runner = self._runner
        if runner is None:
            return failed(RejectCode.POLICY_UNAVAILABLE, "no policies are loaded", self._revision)
        if threading.get_ident() != self._thread:
            text = "the embedded policy engine was asked from another thread than its own"
            return failed(RejectCode.POLICY_UNAVAILABLE, text, self._revision)
        try:
            problem = inexact_input(document)
            if problem is not None:
                return failed(RejectCode.POLICY_MALFORMED, problem, self._revision)
            memory = self._memory
            if memory is not None and type(document) is PolicyDocument:
                key = memory.key(document)
                return memory.find(key) or self._work_out(runner, document, memory, key)
            return self._read(runner.decide(self._encode(document).decode()))
        except Exception as error:
            return self._broken(error)
        except BaseException as error:
            if not is_panic(error):
                raise
            return self._recover(error)

    async def evaluate(self, document: PolicyInput) -> PolicyVerdict:
        return self.evaluate_now(document)

    async def tend(self) -> None:
        """Nothing to look after."""

    async def close(self) -> None:
        """Drop the engine here: the garbage collector might do it on another thread, and it may not."""
        self._runner = None

    def _take(self, policies: ApprovedPolicies) -> None:
        sources = policies.sources
        runner = make_runner(sources.modules, sources.data, is_compiled=policies.is_compiled)
        self._policies, self._runner, self._revision = policies, runner, policies.revision
        self._memory = None if policies.dependence is None else VerdictMemory(policies.dependence)
        self._thread = threading.get_ident()
        self._allowed = PolicyVerdict(is_allowed=True, revision=policies.revision)

    def _work_out(
        self, runner: Runner, document: PolicyDocument, memory: VerdictMemory, key: tuple[Any, ...]
    ) -> PolicyVerdict:
        verdict = self._read(runner.decide(self._encode(document).decode()))
        if verdict.failure is None:
            memory.keep(key, verdict)
        return verdict

    def _read(self, answer: str) -> PolicyVerdict:
        try:
            decision = self._decode(answer)
        except (msgspec.DecodeError, RecursionError) as error:
            if answer == UNDEFINED:
                text = "data.trading.decision is undefined for this order"
                return failed(RejectCode.POLICY_UNDEFINED, text, self._revision)
            text = f"the decision is not of its form: {error}"
            return failed(RejectCode.POLICY_MALFORMED, text, self._revision)
        if decision.allow and not decision.deny:
            return self._allowed
        return verdict_of(decision, self._revision)

    def _broken(self, error: BaseException) -> PolicyVerdict:
        text = f"the policy engine failed: {describe(error)[2]}"
        return failed(RejectCode.POLICY_UNAVAILABLE, text, self._revision)

    def _recover(self, error: BaseException) -> PolicyVerdict:
        """After a panic nothing of the old engine is trusted: build it anew, or stay without one."""
        self._runner = None
        if self._policies is not None:
            try:
                self._take(self._policies)
            except Exception:
                self._runner = None
        return self._broken(error)
