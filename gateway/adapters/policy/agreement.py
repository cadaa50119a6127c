"""Whether the compiled form of a policy may decide: only where it says what the interpreter says.

Golden cases alone are too kind a test, so the first input is also broken in every field: taken out, set to null, to
another type, to a neighbouring value and to the largest. All of it with the folder's own data, which is what the
compiled form will run with: other data makes another form, judged when its time comes. Where the two disagree on any
of them the policies still load, and the interpreter decides (slower by about 0.1 ms an order).
"""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from gateway.adapters.policy.documents import MAX_EXACT, Decision
from gateway.adapters.policy.golden import GoldenCase
from gateway.adapters.policy.runners import UNDEFINED, CompiledRunner, InterpretedRunner, Runner, describe, is_panic
from gateway.adapters.policy.sources import PolicySources

_MAX_PROBES = 1_200
_Outcome = tuple[bool, tuple[str, ...]]


def compiled_doubts(sources: PolicySources, tree_json: str, cases: list[GoldenCase]) -> Iterator[str]:
    """Why the compiled form is not to be trusted with these policies; nothing when it is."""
    if '"is_else":true' in tree_json.replace(" ", "").replace("\n", ""):
        yield "`else` is used, which the compiled form is known to get wrong"
        return
    if _has_default_function(msgspec.json.decode(tree_json)):
        yield "a default function is used, which the compiled form is known to get wrong"
        return
    try:
        compiled: Runner = CompiledRunner(sources.modules, sources.data)
    except RuntimeError as error:
        yield f"it cannot be compiled: {describe(error)[2]}"
        return
    interpreted = InterpretedRunner(sources.modules, sources.data)
    for document in islice(_documents(cases), _MAX_PROBES):
        text = json.dumps(document)
        fast, slow = _outcome(compiled, text), _outcome(interpreted, text)
        if fast != slow:
            yield f"compiled says {fast}, interpreted {slow}, for the input {text}"
            return


def _has_default_function(modules: Any) -> bool:
    rules = [rule for module in modules for rule in module["ast"]["rules"]]
    return any(rule["Default"]["args"] for rule in rules if "Default" in rule)


def _documents(cases: list[GoldenCase]) -> Iterator[Any]:
    """Nothing at all, the inputs of all cases, and the first of them broken."""
    inputs = [case.input for case in cases]
    yield from ({}, None, *inputs)
    whole = [document for document in inputs if isinstance(document, dict) and document]
    for document in whole[:1]:
        yield from broken_documents(document)


def broken_documents(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The document with one field at a time taken out or made something else."""
    for key, value in document.items():
        yield {name: part for name, part in document.items() if name != key}
        for other in _alternatives(value):
            yield {**document, key: other}
        if isinstance(value, dict):
            for inner in broken_documents(value):
                yield {**document, key: inner}


def _alternatives(value: Any) -> list[Any]:
    others: list[Any] = [None, "x", 0, -1, MAX_EXACT, True, False, []]
    if type(value) is int:
        others += [value + 1, value - 1, str(value)]
    return [other for other in others if type(other) is not type(value) or other != value]


def _outcome(runner: Runner, document: str) -> _Outcome:
    """What became of it as far as an order is concerned: allowed or not, and the codes.

    An error, an undefined and a malformed decision are all denials, and the two forms differ in which it is.
    """
    try:
        answer = runner.decide(document)
        if answer == UNDEFINED:
            return False, ("no decision",)
        decision = msgspec.json.decode(answer, type=Decision)
    except (RuntimeError, msgspec.DecodeError):
        return False, ("no decision",)
    except BaseException as error:
        if not is_panic(error):
            raise
        return False, ("no decision",)
    return decision.allow and not decision.deny, tuple(sorted({refusal.code for refusal in decision.deny}))
