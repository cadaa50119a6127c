"""What a policy says, read from its syntax tree: the builtins it calls, and rules that refer to themselves.

The tree is the embedded engine's own, so what is checked is what will run, whatever the spelling:
``http["send"](...)`` is found like ``http.send(...)``. Recursion is looked for here because the engine does not:
it overflows the stack and takes the whole process with it. OPA refuses the same policies.
"""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.adapters.policy.builtins import refusal_of
from gateway.adapters.policy.sources import PolicyProblem

_Path = tuple[str, ...]


class _Rule(msgspec.Struct):
    """One rule or function: where it stands, its full path, and its part of the tree."""

    file: str
    line: int
    path: _Path
    tree: Any


class _Module(msgspec.Struct):
    file: str
    package: _Path
    aliases: dict[str, _Path]
    rules: list[_Rule]


def syntax_problems(tree_json: str) -> list[PolicyProblem]:
    """Everything in the parsed modules that no engine may be given."""
    modules = [_module(entry) for entry in json.loads(tree_json)]
    rules = [rule for module in modules for rule in module.rules]
    problems = []
    for module in modules:
        for rule in module.rules:
            problems += _call_problems(rule, module, rules)
            problems += _with_problems(rule)
    return problems + _recursion_problems(modules)


def _module(entry: Any) -> _Module:
    file, tree = entry["source"]["file"], entry["ast"]
    text = entry["source"]["contents"].encode()
    package, _ = _reference(tree["package"]["refr"])
    module = _Module(file, package, {}, [])
    for imported in tree["imports"]:
        path, _ = _reference(imported["refr"])
        name = path[-1]
        if imported.get("as"):
            name = text[imported["as"]["start"] : imported["as"]["end"]].decode()
        if path[0] == "data":
            module.aliases[name] = path[1:]
    for rule in tree["rules"]:
        ((kind, body),) = rule.items()
        if kind == "Default":
            head = body["refr"]
        else:
            ((_, inner),) = body["head"].items()
            head = inner["refr"]
        path, _ = _reference(head)
        module.rules.append(_Rule(file, body["span"]["line"], package + path, body))
    return module


def _reference(node: Any) -> tuple[_Path, bool]:
    """The names of a reference as far as they are fixed, and whether that is all of it."""
    ((kind, body),) = node.items()
    if kind == "Var":
        return (body["value"],), True
    if kind not in ("RefDot", "RefBrack"):
        return (), False
    path, is_whole = _reference(body["refr"])
    if not is_whole:
        return path, False
    if kind == "RefDot":
        return (*path, body["field"][1]), True
    index = body["index"].get("String")
    return ((*path, index["value"]), True) if index else (path, False)


def _nodes(tree: Any, *wanted: str) -> Iterator[tuple[str, Any]]:
    """Every node of the wanted kinds, outermost first. A reference is one node: its inner parts are not."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            for kind, body in node.items():
                if kind in wanted and isinstance(body, dict | list):
                    yield kind, body
                if kind in ("RefDot", "RefBrack") and "refr" in body:
                    stack.extend(_inside(body))
                else:
                    stack.append(body)


def _inside(reference: Any) -> list[Any]:
    """What a reference holds besides names: the expressions in brackets, and a base that is no name."""
    found = []
    while True:
        if "index" in reference:
            found.append(reference["index"])
        ((kind, inner),) = reference["refr"].items()
        if kind not in ("RefDot", "RefBrack"):
            if kind != "Var":
                found.append(reference["refr"])
            return found
        reference = inner


def _call_problems(rule: _Rule, module: _Module, rules: list[_Rule]) -> list[PolicyProblem]:
    problems = []
    for _, call in _nodes(rule.tree, "Call"):
        path, _ = _reference(call["fcn"])
        target = _resolve(path, module)
        if any(target == other.path for other in rules):
            continue
        name = ".".join(path)
        reason = refusal_of(name)
        if reason is not None:
            text = f"{name} may not be called: {reason}"
            problems.append(PolicyProblem(rule.file, text, call["span"]["line"]))
    return problems


def _with_problems(rule: _Rule) -> list[PolicyProblem]:
    text = "`with` may not be used: a policy decides on the document as it is (tests may use it)"
    return [PolicyProblem(rule.file, text, rule.line) for _, mods in _nodes(rule.tree, "with_mods") if mods]


def _resolve(path: _Path, module: _Module) -> _Path:
    """The full path that a reference means, as if every bare name were a rule of its own package."""
    if not path or path[0] == "input":
        return ("input",)
    if path[0] == "data":
        return path[1:]
    if path[0] in module.aliases:
        return module.aliases[path[0]] + path[1:]
    return module.package + path


def _recursion_problems(modules: list[_Module]) -> list[PolicyProblem]:
    """One problem for each rule from which, by way of other rules, one comes back to it.

    A reference with a variable in it may mean any rule below its fixed part, and a local variable counts as the
    rule of its name: both too careful, and both as OPA does it or easily renamed.
    """
    rules = [rule for module in modules for rule in module.rules]
    paths = {rule.path for rule in rules}
    edges: dict[_Path, set[_Path]] = {path: set() for path in paths}
    for module in modules:
        for rule in module.rules:
            targets = _targets(rule, module)
            edges[rule.path] |= {path for path in paths if any(_overlaps(path, target) for target in targets)}
    problems = []
    for rule in rules:
        cycle = _way_back(rule.path, edges)
        if cycle:
            names = " -> ".join(".".join(path) for path in cycle)
            problems.append(PolicyProblem(rule.file, f"refers to itself: {names}", rule.line))
            edges[rule.path] = set()
    return problems


def _overlaps(one: _Path, other: _Path) -> bool:
    """Whether one path is the other or lies below it."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _targets(rule: _Rule, module: _Module) -> set[_Path]:
    """Everything that a rule refers to, its own name in its head aside."""
    if "bodies" in rule.tree:
        tree = [rule.tree["bodies"], _without_name(rule.tree["head"])]
    else:
        tree = [rule.tree["value"]]
    found = set()
    for kind, node in _nodes(tree, "Var", "RefDot", "RefBrack"):
        path, _ = _reference({kind: node})
        if path and path[0] != "input":
            found.add(_resolve(path, module))
    return found


def _without_name(head: Any) -> list[Any]:
    ((_, inner),) = head.items()
    return [part for key, part in inner.items() if key not in ("refr", "args")]


def _way_back(start: _Path, edges: dict[_Path, set[_Path]]) -> list[_Path]:
    """A way from ``start`` to itself, or nothing."""
    stack = [[start]]
    seen: set[_Path] = set()
    while stack:
        way = stack.pop()
        for step in sorted(edges[way[-1]]):
            if step == start:
                return [*way, start]
            if step not in seen:
                seen.add(step)
                stack.append([*way, step])
    return []
