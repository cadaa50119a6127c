"""What of the document a decision depends on, read from the syntax tree when policies are loaded.

A policy looks at the value of some fields (a symbol, a size, a role), and asks of others only what type they have or on
which side of a fixed number they are. Two documents that agree in that get the same decision: builtins depend on their
arguments alone (``builtins``), and the data stays as it is between loads. Whatever is not plainly one of the few
harmless ways to look at a field counts as looking at its value.
"""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.adapters.policy.syntax import Module, Path, Rule, inside, reachable, read_modules, reference, resolved
from gateway.domain.policy_input import PolicyDocument

_DECISION = ("trading", "decision")
_TYPE_TESTS = frozenset(
    ("type_name", *(f"is_{kind}" for kind in ("string", "number", "boolean", "array", "object", "null", "set")))
)
#: Never the same for two orders: a decision that looks at them is worth no memory.
_UNIQUE = frozenset({"order.id", "time_ns"})


class Dependence(msgspec.Struct, frozen=True):
    """Fields by dotted name. ``values`` decide by what they are, ``nulls`` by whether they are null, and ``sides`` by
    where they lie beside some whole numbers."""

    values: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()
    sides: tuple[tuple[str, tuple[int, ...]], ...] = ()


def dependence_of(tree_json: str) -> Dependence | None:
    """What ``data.trading.decision`` depends on; None when that is no less than everything."""
    modules = read_modules(tree_json)
    if any(path[:1] == ("input",) for module in modules for path in module.imports):
        return None
    reads = _Reads()
    functions = {rule.path for module in modules for rule in module.rules}
    rules = reachable(modules, _DECISION)
    for module in modules:
        for rule in module.rules:
            if rule.path in rules:
                _RuleWalk(module, rule, functions, reads).walk(rule.tree)
    return reads.summary()


def _leaves(kind: Any, path: Path = ()) -> Iterator[tuple[str, Any]]:
    """Dotted names and types of the fields of a document."""
    for field in msgspec.structs.fields(kind):
        inner = (*path, field.name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _leaves(field.type, inner)
        else:
            yield ".".join(inner), field.type


_FIELDS = dict(_leaves(PolicyDocument))
_NUMBERS = frozenset(name for name, kind in _FIELDS.items() if kind in (int, int | None))
_NULLABLE = frozenset(name for name, kind in _FIELDS.items() if not isinstance(kind, type))


class _Reads:
    """What was found so far."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._typed: set[str] = set()
        self._sides: dict[str, set[int]] = {}

    def value(self, path: Path) -> None:
        self._values.update(_below(path))

    def type(self, path: Path) -> None:
        self._typed.update(_below(path))

    def side(self, path: Path, number: int) -> None:
        name = ".".join(path)
        if name in _NUMBERS:
            self._sides.setdefault(name, set()).add(number)
        else:
            self.value(path)

    def summary(self) -> Dependence | None:
        if self._values & _UNIQUE:
            return None
        sides = {name: numbers for name, numbers in self._sides.items() if name not in self._values}
        return Dependence(
            values=tuple(sorted(self._values)),
            nulls=tuple(sorted((self._typed | sides.keys()) & _NULLABLE - self._values)),
            sides=tuple((name, tuple(sorted(numbers))) for name, numbers in sorted(sides.items())),
        )


def _below(path: Path) -> list[str]:
    """The fields at or below a path, and the one that it goes into. None for a path that no document has: it is
    undefined in all of them."""
    name = "".join(f"{part}." for part in path)
    return [one for one in _FIELDS if f"{one}.".startswith(name) or name.startswith(f"{one}.")]


class _RuleWalk:
    """One rule: how it looks at the input, also under the names that it gives to parts of it."""

    def __init__(self, module: Module, rule: Rule, functions: set[Path], reads: _Reads) -> None:
        self._module = module
        self._functions = functions
        self._reads = reads
        self._names: dict[str, set[Path]] = {"input": {()}}
        self._find_names(rule.tree)

    def _find_names(self, node: Any) -> None:
        """``order := input.order``: until nothing new is found, because names are given to parts of names."""
        known = -1
        while known != (known := sum(map(len, self._names.values()))):
            for assignment in _assignments(node):
                paths = self._whole(assignment["rhs"])
                if paths:
                    self._names.setdefault(assignment["lhs"]["Var"]["value"], set()).update(paths)

    def walk(self, node: Any) -> None:
        """Note every look at the input in this part of the tree."""
        if isinstance(node, list):
            for part in node:
                self.walk(part)
        elif isinstance(node, dict):
            for kind, body in node.items():
                self._walk_one(kind, body)

    def _walk_one(self, kind: str, body: Any) -> None:
        if kind == "AssignExpr" and _is_naming(body) and self._whole(body["rhs"]):
            return  # each use of the name is found by itself
        if kind == "BoolExpr" and self._is_comparison(body):
            return
        if kind == "Call" and self._is_type_test(body):
            return
        paths = self._fixed({kind: body}) if kind in ("Var", "RefDot", "RefBrack", "Call") else set()
        for path in paths:
            self._reads.value(path)
        if kind in ("RefDot", "RefBrack"):
            self.walk(inside(body))
        elif not (paths and kind == "Call"):
            self.walk(body)

    def _is_comparison(self, body: Any) -> bool:
        for one, other in (("lhs", "rhs"), ("rhs", "lhs")):
            number = body[other].get("Number", {}).get("value")
            paths = self._whole(body[one])
            if type(number) is int and paths:
                for path in paths:
                    self._reads.side(path, number)
                return True
        return False

    def _is_type_test(self, call: Any) -> bool:
        paths = self._whole(call["params"][0]) if len(call["params"]) == 1 else set()
        if self._builtin(call) not in _TYPE_TESTS or not paths:
            return False
        for path in paths:
            self._reads.type(path)
        return True

    def _builtin(self, call: Any) -> str:
        """The name of the builtin that is called; of a function of the policies, nothing."""
        path, is_whole = reference(call["fcn"])
        is_builtin = is_whole and resolved(path, self._module) not in self._functions and path not in self._functions
        return ".".join(path) if is_builtin else ""

    def _whole(self, node: Any) -> set[Path]:
        """The places of the input that an expression is; empty for anything else, also for a part of a place that is
        not fixed."""
        ((kind, body),) = node.items()
        if kind == "Call":
            return self._got(body)
        if kind not in ("Var", "RefDot", "RefBrack"):
            return set()
        path, is_whole = reference(node)
        return {(*base, *path[1:]) for base in self._names.get(path[0], ())} if path and is_whole else set()

    def _fixed(self, node: Any) -> set[Path]:
        """The same as far as the place is fixed."""
        if "Call" in node:
            return self._got(node["Call"])
        path, _ = reference(node)
        return {(*base, *path[1:]) for base in self._names.get(path[0], ())} if path else set()

    def _got(self, call: Any) -> set[Path]:
        """``object.get(input.order, ["limits", "size"], 0)`` with nothing but literals behind the first argument."""
        if self._builtin(call) != "object.get" or len(call["params"]) != 3:
            return set()
        source, key, default = call["params"]
        names = _literal_path(key)
        if names is None or not _is_literal(default):
            return set()
        return {(*base, *names) for base in self._whole(source)}


def _assignments(node: Any) -> Iterator[Any]:
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack.extend(part)
        elif isinstance(part, dict):
            if _is_naming(part.get("AssignExpr")):
                yield part["AssignExpr"]
            stack.extend(part.values())


def _is_naming(body: Any) -> bool:
    return isinstance(body, dict) and body.get("op") == "ColEq" and "Var" in body["lhs"]


def _literal_path(node: Any) -> Path | None:
    """A name, or a list of names, that is written out."""
    items = node["Array"]["items"] if "Array" in node else [node]
    if all("String" in item for item in items):
        return tuple(item["String"]["value"] for item in items)
    return None


def _is_literal(node: Any) -> bool:
    return not any(f'"{kind}"' in json.dumps(node) for kind in ("Var", "Call", "RefDot", "RefBrack"))
