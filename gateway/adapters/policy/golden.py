"""Golden cases: what the policies must decide, kept beside them and run before they are taken into use.

A file in ``golden/`` maps names of themes to ``{"data": ..., "input": ..., "cases": [...]}``. A case changes the
theme's input with a JSON Patch (add, replace, remove) and states the decision: whether it allows, and the codes
of the reasons if not. ``data`` is the whole data document for the theme; without it the folder's own is used.
"""

import copy
from typing import Any, Literal

import msgspec

from gateway.adapters.policy.sources import PolicyProblem, PolicySources


class PatchStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a JSON Patch (RFC 6902)."""

    op: Literal["add", "replace", "remove"]
    path: str
    value: Any = None


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    allow: bool
    deny: list[str] = []


class _Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    expected: Expected
    patch: list[PatchStep] = []


class _Theme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    input: Any
    cases: list[_Case]
    data: dict[str, Any] | None = None


class GoldenCase(msgspec.Struct, frozen=True):
    """One case, ready to run."""

    file: str
    name: str
    data: dict[str, Any]
    input: Any
    expected: Expected


def golden_cases(sources: PolicySources) -> tuple[list[GoldenCase], list[PolicyProblem]]:
    """Every case of a folder, and what is wrong with those that are none."""
    cases: list[GoldenCase] = []
    problems: list[PolicyProblem] = []
    seen: dict[str, str] = {}
    for file, text in sources.golden.items():
        try:
            themes = msgspec.json.decode(text, type=dict[str, _Theme])
        except (msgspec.DecodeError, RecursionError) as error:
            problems.append(PolicyProblem(file, f"is not a file of golden cases: {error}"))
            continue
        for name, theme in themes.items():
            if name in seen:
                # OPA merges the files of a folder into one object, so the second would be an error there.
                problems.append(PolicyProblem(file, f"the theme {name!r} is in {seen[name]} too"))
            seen[name] = file
            for case in theme.cases:
                label = f"{name}: {case.name}"
                try:
                    document = apply_patch(theme.input, case.patch)
                except ValueError as error:
                    problems.append(PolicyProblem(file, str(error), case=label))
                    continue
                data = sources.data if theme.data is None else theme.data
                cases.append(GoldenCase(file, label, data, document, case.expected))
    return cases, problems


def apply_patch(document: Any, steps: list[PatchStep]) -> Any:
    """A patched copy. Raises ValueError for a step that does not fit the document."""
    holder = {"": copy.deepcopy(document)}
    for step in steps:
        if step.path and not step.path.startswith("/"):
            raise ValueError(f"the path {step.path!r} must be empty or start with /")
        *parents, last = ("", *(part.replace("~1", "/").replace("~0", "~") for part in step.path.split("/")[1:]))
        target: Any = holder
        for part in parents:
            target = target[_key(target, part, step, must_exist=True)]
        key = _key(target, last, step, must_exist=step.op != "add")
        if step.op == "remove":
            del target[key]
        elif step.op == "add" and isinstance(target, list):
            target.insert(key, step.value)
        else:
            target[key] = step.value
    return holder.get("")


def _key(target: Any, part: str, step: PatchStep, *, must_exist: bool) -> Any:
    """The key or index that ``part`` means in ``target``."""
    if isinstance(target, dict) and (part in target or not must_exist):
        return part
    if isinstance(target, list):
        index = len(target) if part == "-" else int(part) if part.isdecimal() else -1
        if 0 <= index < len(target) + (not must_exist):
            return index
    raise ValueError(f"there is nothing at {step.path!r} to {step.op}")
