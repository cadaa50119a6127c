"""The policy engine that the gateway holds: it stays, while the policies inside it are replaced.

What cannot be used never replaces what works: a broken folder, a policy that its golden cases contradict, a
server that refuses. The former policies stay in force, also across a restart.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.loader import PolicyLoader
from gateway.adapters.policy.promotion import judge_promotion
from gateway.adapters.policy.sources import PoliciesInvalid, PolicyProblem
from gateway.domain.events import PolicyVerdict
from gateway.domain.policy_input import PolicyInput
from gateway.ports.policy import PolicyEngine


class SwappableEngine(PolicyEngine, Protocol):
    """An engine whose policies can be replaced: all of them or, with ``PoliciesInvalid``, none."""

    async def activate(self, policies: ApprovedPolicies) -> None: ...

    async def tend(self) -> None:
        """Look after what the engine has outside, for as long as the gateway runs."""
        ...


class PolicyReload(msgspec.Struct, frozen=True):
    """How a load ended. ``revision`` is what is in force now; ``notes`` are worth a line in the log.

    Problems mean: what is in the folder is not what is in force.
    """

    is_applied: bool
    revision: str
    problems: tuple[PolicyProblem, ...] = ()
    notes: tuple[str, ...] = ()


class LivePolicies:
    """A ``PolicyEngine`` over an engine and the loader that feeds it. One reload runs at a time."""

    def __init__(self, engine: SwappableEngine, loader: PolicyLoader) -> None:
        self._engine = engine
        self._loader = loader
        self._loading = asyncio.Lock()
        #: What is in force; None while nothing is.
        self.approved: ApprovedPolicies | None = None
        #: Why policies with another revision than those in force may not follow them; none: they may.
        self.objections: Callable[[str], tuple[str, ...]] = lambda revision: ()
        #: The revision that was last objected to; empty when it was not.
        self.refused = ""

    @property
    def is_immediate(self) -> bool:
        return self._engine.is_immediate

    @property
    def revision(self) -> str:
        return self._engine.revision

    def evaluate_now(self, document: PolicyInput) -> PolicyVerdict:
        return self._engine.evaluate_now(document)

    async def evaluate(self, document: PolicyInput) -> PolicyVerdict:
        return await self._engine.evaluate(document)

    def judge_promotion(self, document: Mapping[str, Any]) -> PolicyVerdict:
        """What the rollout policy in force says of raising a venue."""
        return judge_promotion(self.approved, document)

    async def close(self) -> None:
        await self._engine.close()

    async def tend(self) -> None:
        """To be run beside everything else: an OPA server that was restarted gets its policies back."""
        await self._engine.tend()

    async def start(self) -> PolicyReload:
        """Load the folder, or else the last good policies; with neither, every order is denied until a reload.

        Never raises ``PoliciesInvalid``: its problems are in the answer.
        """
        result = await self.reload()
        if result.is_applied or self.revision:
            return result
        async with self._loading:
            former = await asyncio.to_thread(self._loader.load_last_good)
            if former is None:
                return result
            try:
                await self._activate(former)
            except PoliciesInvalid as error:
                return PolicyReload(False, self.revision, result.problems + error.problems)
            note = f"the last good policies are in force, not those in {self._loader.folder.resolve()}"
            return PolicyReload(False, self.revision, result.problems, (note, *_doubts(former)))

    async def reload(self) -> PolicyReload:
        """Read, judge and take into use what is in the folder now. The former policies decide meanwhile."""
        async with self._loading:
            try:
                policies = await asyncio.to_thread(self._loader.load)
                await self._check_may_follow(policies.revision)
                notes = await self._take(policies)
            except PoliciesInvalid as error:
                return PolicyReload(False, self.revision, error.problems)
            return PolicyReload(True, self.revision, (), notes)

    async def _check_may_follow(self, revision: str) -> None:
        """Raises PoliciesInvalid. What follows nothing may always; a start follows what was last in force."""
        former = self.revision or await asyncio.to_thread(self._loader.last_good_revision)
        found = self.objections(revision) if former and revision != former else ()
        self.refused = revision if found else ""
        if found:
            raise PoliciesInvalid(tuple(PolicyProblem(str(self._loader.folder.resolve()), text) for text in found))

    async def _take(self, policies: ApprovedPolicies) -> tuple[str, ...]:
        """Kept before they decide the first order: else a crash in between would start with the ones before them."""
        notes = _doubts(policies)
        take_back: Callable[[], None] | None = None
        try:
            take_back = await asyncio.to_thread(self._loader.keep, policies)
        except OSError as error:
            notes = (*notes, f"they could not be kept for the next start: {error}")
        try:
            await self._activate(policies)
        except PoliciesInvalid:
            if take_back is not None:
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(take_back)
            raise
        return notes

    async def _activate(self, policies: ApprovedPolicies) -> None:
        await self._engine.activate(policies)
        self.approved = policies


def _doubts(policies: ApprovedPolicies) -> tuple[str, ...]:
    """For the embedded engine: why it interprets instead of running the compiled form."""
    return tuple(f"interpreted, about 0.1 ms slower an order: {doubt}" for doubt in policies.doubts)
