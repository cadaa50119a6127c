"""The rollout policy: ``data.rollout.decision`` of the policies in force, asked when an edit raises a venue.

Always in this process, also where orders are decided by a server: it is asked a few times a month, and what was not
judged with the rest of the folder must not decide.
"""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.adapters.policy.documents import Decision, exactness_problem, failed, verdict_of
from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.loader import PolicyLoader
from gateway.adapters.policy.runners import UNDEFINED, InterpretedRunner, describe, is_panic
from gateway.adapters.policy.sources import PoliciesInvalid
from gateway.domain.events import PolicyVerdict
from gateway.domain.reasons import RejectCode

PROMOTION = "data.rollout.decision"


def judge_promotion(policies: ApprovedPolicies | None, document: Mapping[str, Any]) -> PolicyVerdict:
    """The verdict of ``policies`` on one promotion. Never raises: without a clear answer it is a no that says why."""
    if policies is None:
        return failed(RejectCode.POLICY_UNAVAILABLE, "no policies are loaded", "")
    revision = policies.revision
    problem = exactness_problem(document, "input")
    if problem is not None:
        return failed(RejectCode.POLICY_MALFORMED, problem, revision)
    try:
        answer = InterpretedRunner(policies.sources.modules, policies.sources.data, PROMOTION).decide(
            json.dumps(document)
        )
    except RuntimeError as error:
        if "not a valid rule path" in str(error):
            return failed(RejectCode.POLICY_UNDEFINED, f"{PROMOTION} is in no file of the policy folder", revision)
        return failed(RejectCode.POLICY_UNAVAILABLE, f"the policy engine failed: {describe(error)[2]}", revision)
    except BaseException as error:
        if not is_panic(error):
            raise
        return failed(RejectCode.POLICY_UNAVAILABLE, f"the policy engine failed: {describe(error)[2]}", revision)
    if answer == UNDEFINED:
        return failed(RejectCode.POLICY_UNDEFINED, f"{PROMOTION} is undefined for this promotion", revision)
    try:
        return verdict_of(msgspec.json.decode(answer, type=Decision), revision)
    except (msgspec.DecodeError, RecursionError) as error:
        return failed(RejectCode.POLICY_MALFORMED, f"the decision is not of its form: {error}", revision)


def judge_by_folder(loader: PolicyLoader, document: Mapping[str, Any]) -> PolicyVerdict:
    """The same by what a start would put in force: the folder's policies, else the last good ones. Blocks."""
    try:
        policies: ApprovedPolicies | None = loader.load()
    except PoliciesInvalid:
        policies = loader.load_last_good()
    return judge_promotion(policies, document)
