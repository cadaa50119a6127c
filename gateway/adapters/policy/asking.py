"""Asking an OPA server: the client, and what a failed request or an odd answer means.

opa-python-client is imported when the first request is made, so a gateway with the embedded engine never loads
it. It never retries here: a late answer is a denial, and the order is not asked about twice.
"""

import json
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from gateway.adapters.policy.documents import failed
from gateway.domain.events import PolicyVerdict
from gateway.domain.reasons import RejectCode


class OpaConnection:
    """opa-python-client's asynchronous client, opened on first use.

    With ``https`` the server's certificate is checked against the system's authorities; the client cannot be
    given others.
    """

    def __init__(self, url: str, timeout_s: float, token: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"the URL of the OPA server must be http(s)://host:port, was {url!r}")
        is_tls = parts.scheme == "https"
        self._options = {"host": parts.hostname, "port": parts.port or (443 if is_tls else 8181), "ssl": is_tls}
        self._options |= {"timeout": timeout_s, "token": token, "retries": 0}
        self._client: Any = None

    async def client(self) -> Any:
        if self._client is None:
            from opa_client import AsyncOpaClient

            client = AsyncOpaClient(**self._options)
            await client.__aenter__()
            self._client = client
        return self._client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close_connection()


def not_answered(error: BaseException, revision: str) -> PolicyVerdict:
    """The denial for a request that failed: unreachable and late are UNAVAILABLE, unreadable is MALFORMED."""
    if isinstance(error, TimeoutError):
        return failed(RejectCode.POLICY_UNAVAILABLE, "the OPA server did not answer in time", revision)
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | aiohttp.ContentTypeError):
        return failed(RejectCode.POLICY_MALFORMED, f"the OPA server's answer is not JSON: {error}", revision)
    if isinstance(error, aiohttp.ClientResponseError):
        text = f"the OPA server answered {error.status} {error.message}"
        return failed(RejectCode.POLICY_UNAVAILABLE, text, revision)
    text = f"the OPA server cannot be asked: {type(error).__name__}: {error}"
    return failed(RejectCode.POLICY_UNAVAILABLE, text, revision)


def result_of(answer: Any, revision: str) -> Any | PolicyVerdict:
    """The ``result`` of an answer. OPA leaves it out, with status 200, where the rule has no value."""
    if not isinstance(answer, dict):
        return failed(RejectCode.POLICY_MALFORMED, "the OPA server's answer is not an object", revision)
    if "result" not in answer:
        text = "the OPA server has no decision: the policy is undefined there, or not loaded"
        return failed(RejectCode.POLICY_UNDEFINED, text, revision)
    return answer["result"]


def not_immediate(revision: str) -> PolicyVerdict:
    return failed(RejectCode.POLICY_UNAVAILABLE, "an OPA server can only be asked and awaited", revision)
