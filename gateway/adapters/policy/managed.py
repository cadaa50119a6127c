"""The policy engine on an OPA server whose policies somebody else deploys, by bundles say.

The gateway only asks there: what is loaded, judged and rolled back is the business of whoever manages the server.
"""

import asyncio
from typing import Any

from msgspec import to_builtins

from gateway.adapters.policy.asking import OpaConnection, not_answered, not_immediate, result_of
from gateway.adapters.policy.documents import failed, inexact_input, read_decision
from gateway.domain.events import PolicyVerdict
from gateway.domain.policy_input import PolicyInput
from gateway.domain.reasons import RejectCode


class ManagedOpaPolicy:
    """Asks a server that others manage. The revision of a verdict is that of the server's bundles, ``managed``
    where it has none."""

    def __init__(self, url: str, timeout_s: float, token: str | None = None) -> None:
        self._timeout_s = timeout_s
        self._connection = OpaConnection(url, timeout_s, token)
        self._revision = ""

    @property
    def is_immediate(self) -> bool:
        return False

    @property
    def revision(self) -> str:
        """As of the last answer."""
        return self._revision

    def evaluate_now(self, document: PolicyInput) -> PolicyVerdict:
        return not_immediate(self._revision)

    async def evaluate(self, document: PolicyInput) -> PolicyVerdict:
        try:
            problem = inexact_input(document)
            if problem is not None:
                return failed(RejectCode.POLICY_MALFORMED, problem, self._revision)
            async with asyncio.timeout(self._timeout_s):
                client = await self._connection.client()
                question = to_builtins(document)
                answer = await client.query_rule(question, "trading", "decision", query_params={"provenance": "true"})
            self._revision = _bundle_revisions(answer)
            result = result_of(answer, self._revision)
            return result if isinstance(result, PolicyVerdict) else read_decision(result, self._revision)
        except Exception as error:
            return not_answered(error, self._revision)

    async def close(self) -> None:
        await self._connection.close()


def _bundle_revisions(answer: Any) -> str:
    provenance = answer.get("provenance") if isinstance(answer, dict) else None
    bundles = provenance.get("bundles") if isinstance(provenance, dict) else None
    if not isinstance(bundles, dict):
        return "managed"
    found = [f"{name}={bundle.get('revision', '')}" for name, bundle in sorted(bundles.items())]
    return ",".join(found) or "managed"
