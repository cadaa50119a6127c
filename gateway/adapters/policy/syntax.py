"""What a policy says, read from its syntax tree: the builtins it calls, and rules that refer to themselves.

The tree is the embedded engine's own, so what is checked is what will run, whatever the spelling:
``http["send"](...)`` is found like ``http.send(...)``. Recursion is looked for here because the engine does not:
it overflows the stack and takes the whole process with it. OPA refuses the same policies.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.adapters.policy.builtins import refusal_of
from gateway.adapters.policy.sources import PolicyProblem

Path = tuple[str, ...]


class Rule(msgspec.Struct):
    """One rule or function: where it stands, its full path, and its part of the tree."""

    file: str
    line: int
    path: Path
    tree: Any


class Module(msgspec.Struct):
    """One file. ``imports`` as they are written, ``aliases`` what a name of them means below ``data``."""

    file: str
    package: Path
    imports: list[Path]
    aliases: dict[str, Path]
    rules: list[Rule]


def read_modules(tree_json: str) -> list[Module]:
    """The parsed modules."""
    return [_module(entry) for entry in msgspec.json.decode(tree_json)]


def syntax_problems(tree_json: str) -> list[PolicyProblem]:
    """Everything in the parsed modules that no engine may be given."""
    modules = read_modules(tree_json)
    rules = [rule for module in modules for rule in module.rules]
    problems = []
    for module in modules:
        for rule in module.rules:
            problems += _call_problems(rule, module, rules)
            problems += _with_problems(rule)
    return problems + _recursion_problems(modules)


def _module(entry: Any) -> Module:
    file, tree = entry["source"]["file"], entry["ast"]
    text = entry["source"]["contents"].encode()
    package, _ = reference(tree["package"]["refr"])
    module = Module(file, package, [], {}, [])
    for imported in tree["imports"]:
        path, _ = reference(imported["refr"])
        module.imports.append(path)
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
        path, _ = reference(head)
        module.rules.append(Rule(file, body["span"]["line"], package + path, body))
    return module


def reference(node: Any) -> tuple[Path, bool]:
    """The names of a reference as far as they are fixed, and whether that is all of it."""
    ((kind, body),) = node.items()
    if kind == "Var":
        return (body["value"],), True
    if kind not in ("RefDot", "RefBrack"):
        return (), False
    path, is_whole = reference(body["refr"])
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
                    stack.extend(inside(body))
                else:
                    stack.append(body)


def inside(reference: Any) -> list[Any]:
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


def _call_problems(rule: Rule, module: Module, rules: list[Rule]) -> list[PolicyProblem]:
    problems = []
    for _, call in _nodes(rule.tree, "Call"):
        path, _ = reference(call["fcn"])
        target = resolved(path, module)
        if any(target == other.path for other in rules):
            continue
        name = ".".join(path)
        reason = refusal_of(name)
        if reason is not None:
            text = f"{name} may not be called: {reason}"
            problems.append(PolicyProblem(rule.file, text, call["span"]["line"]))
    return problems


def _with_problems(rule: Rule) -> list[PolicyProblem]:
    text = "`with` may not be used: a policy decides on the document as it is (tests may use it)"
    return [PolicyProblem(rule.file, text, rule.line) for _, mods in _nodes(rule.tree, "with_mods") if mods]


def resolved(path: Path, module: Module) -> Path:
    """The full path that a reference means, as if every bare name were a rule of its own package."""
    if not path or path[0] == "input":
        return ("input",)
    if path[0] == "data":
        return path[1:]
    if path[0] in module.aliases:
        return module.aliases[path[0]] + path[1:]
    return module.package + path


def _recursion_problems(modules: list[Module]) -> list[PolicyProblem]:
    """One problem for each rule from which, by way of other rules, one comes back to it.

    A reference with a variable in it may mean any rule below its fixed part, and a local variable counts as the
    rule of its name: both too careful, and both as OPA does it or easily renamed.
    """
    edges = _edges(modules)
    problems = []
    for rule in [rule for module in modules for rule in module.rules]:
        cycle = _way_back(rule.path, edges)
        if cycle:
            names = " -> ".join(".".join(path) for path in cycle)
            problems.append(PolicyProblem(rule.file, f"refers to itself: {names}", rule.line))
            edges[rule.path] = set()
    return problems


def reachable(modules: list[Module], start: Path) -> set[Path]:
    """The rules that ``start`` may refer to, also by way of others, and itself."""
    edges = _edges(modules)
    found, left = set(), [path for path in edges if _overlaps(path, start)]
    while left:
        path = left.pop()
        if path not in found:
            found.add(path)
            left.extend(edges[path])
    return found


def _edges(modules: list[Module]) -> dict[Path, set[Path]]:
    """By rule, the rules that it may refer to."""
    paths = {rule.path for module in modules for rule in module.rules}
    edges: dict[Path, set[Path]] = {path: set() for path in paths}
    for module in modules:
        for rule in module.rules:
            targets = _targets(rule, module)
            edges[rule.path] |= {path for path in paths if any(_overlaps(path, target) for target in targets)}
    return edges


def _overlaps(one: Path, other: Path) -> bool:
    """Whether one path is the other or lies below it."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _targets(rule: Rule, module: Module) -> set[Path]:
    """Everything that a rule refers to, its own name in its head aside."""
    if "bodies" in rule.tree:
        tree = [rule.tree["bodies"], _without_name(rule.tree["head"])]
    else:
        tree = [rule.tree["value"]]
    found = set()
    for kind, node in _nodes(tree, "Var", "RefDot", "RefBrack"):
        path, _ = reference({kind: node})
        if path and path[0] != "input":
            found.add(resolved(path, module))
    return found


def _without_name(head: Any) -> list[Any]:
    ((_, inner),) = head.items()
    return [part for key, part in inner.items() if key not in ("refr", "args")]


def _way_back(start: Path, edges: dict[Path, set[Path]]) -> list[Path]:
    """A way from ``start`` to itself, or nothing."""
    stack = [[start]]
    seen: set[Path] = set()
    while stack:
        way = stack.pop()
        for step in sorted(edges[way[-1]]):
            if step == start:
                return [*way, start]
            if step not in seen:
                seen.add(step)
                stack.append([*way, step])
    return []
