"""The policy engine: asked once per order, trusted only when it answers clearly."""

from typing import Protocol

from gateway.domain.events import PolicyVerdict
from gateway.domain.policy_input import PolicyInput


class PolicyEngine(Protocol):
    """Both engines answer ``data.trading.decision`` for the same document with the same verdict.

    Neither method raises: undefined, malformed, late or unreachable is a verdict with ``failure`` set.
    """

    @property
    def is_immediate(self) -> bool:
        """Whether ``evaluate_now`` may be used: the engine runs in this process and does no I/O."""
        ...

    @property
    def revision(self) -> str:
        """Hash of the policies in force."""
        ...

    def evaluate_now(self, document: PolicyInput) -> PolicyVerdict:
        """The verdict, where ``is_immediate``."""
        ...

    async def evaluate(self, document: PolicyInput) -> PolicyVerdict:
        """The verdict of any engine; bounded in time."""
        ...

    async def close(self) -> None: ...
