"""Puts policies onto an OPA server of our own, whole or not at all as far as answers can tell.

OPA has no transaction over several modules. The last module put is therefore ours: it answers with the decision
and the revision together, and it is the first to go when policies change. A server that holds half of a push, the
policies of another gateway, or nothing (it was restarted) cannot answer as if it held these.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.adapters.policy.gate import ApprovedPolicies
from gateway.adapters.policy.sources import PoliciesInvalid, PolicyProblem

#: Where the answer is asked for: package and rule of the module that ``push`` adds.
ANSWER_PACKAGE = "gateway_answer"
ANSWER_RULE = "answer"
#: The same for many documents at once (``{"documents": [...]}``): a list of answers in their order.
ANSWERS_RULE = "answers"

_PREFIX = "gateway/"
_ANSWER_ID = f"{_PREFIX}answer.rego"


def answer_module(revision: str) -> str:
    """A module whose answer is always defined: no decision is an empty list, so it differs from no policies."""
    return (
        f"package {ANSWER_PACKAGE}\n\n"
        f'{ANSWER_RULE} := {{"revision": {json.dumps(revision)}, "decisions": decisions}}\n\n'
        "decisions := [decision | decision := data.trading.decision]\n\n"
        f"{ANSWERS_RULE} := [given |\n"
        "\tsome document in input.documents\n"
        f"\tgiven := {ANSWER_RULE} with input as document\n"
        "]\n"
    )


async def push(client: Any, policies: ApprovedPolicies) -> None:
    """Make the server hold exactly these. Raises ``PoliciesInvalid`` when it refuses them, and otherwise what
    the client raises: the server then holds some part, and answers nothing."""
    held = [name for name in await client.get_policies_list() if name.startswith(_PREFIX)]
    await _each(sorted(held, key=lambda name: name != _ANSWER_ID), client.delete_policy)
    await client.update_or_create_data(policies.sources.data, "")
    modules = policies.sources.modules

    async def put(name: str) -> None:
        await client.update_policy_from_string(modules[name], f"{_PREFIX}{name}", rego_compat=False)

    await _each(list(modules), put)
    await client.update_policy_from_string(answer_module(policies.revision), _ANSWER_ID, rego_compat=False)


async def _each(names: list[str], act: Callable[[str], Awaitable[Any]]) -> None:
    """OPA compiles all it holds at each step, so a module comes after those it uses and goes before them.

    Instead of working out that order: go round for as long as any step succeeds.
    """
    from opa_client.errors import DeletePolicyError, RegoParseError

    while names:
        refused: dict[str, list[PolicyProblem]] = {}
        for name in names:
            try:
                await act(name)
            except (RegoParseError, DeletePolicyError) as error:
                refused[name] = _problems(name, error)
        if len(refused) == len(names):
            raise PoliciesInvalid(tuple(problem for problems in refused.values() for problem in problems))
        names = list(refused)


def _problems(name: str, error: Any) -> list[PolicyProblem]:
    found = []
    for detail in getattr(error, "errors", ()):
        place = detail.get("location", {})
        file = str(place.get("file", name)).removeprefix(_PREFIX)
        found.append(PolicyProblem(file, f"OPA: {detail.get('message', error)}", int(place.get("row", 0))))
    return found or [PolicyProblem(name.removeprefix(_PREFIX), f"OPA: {error}")]
