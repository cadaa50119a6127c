"""A policy folder as plain data: its Rego modules, its data document, its golden cases, and a revision.

Reading never half-succeeds: whatever is wrong with any file is collected, and one problem refuses the folder.
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import yaml

from gateway.adapters.policy.documents import exactness_problem
from gateway.adapters.policy.files import policy_files, stamps_of

MAX_FILE_BYTES = 1_000_000
_MAX_READS = 10
_DATA_FILES = ("data.json", "data.yaml", "data.yml")
_DATA_SUFFIXES = {".json", ".yaml", ".yml"}
_GOLDEN = "golden"


class PolicyProblem(msgspec.Struct, frozen=True):
    """One thing wrong with a policy folder. ``line`` 0 means the whole file; ``case`` names a golden case."""

    file: str
    text: str
    line: int = 0
    case: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: case {self.case!r}: {self.text}" if self.case else f"{where}: {self.text}"


class PoliciesInvalid(Exception):
    """These policies cannot be used; whatever was in force stays in force."""

    def __init__(self, problems: tuple[PolicyProblem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class PolicySources(msgspec.Struct, frozen=True):
    """The texts of a policy folder by relative path; nothing in here has been judged yet except the data.

    ``modules`` are the Rego files without their tests, ``data`` is the parsed document, ``golden`` the texts of
    the golden case files. ``revision`` covers what decides (modules and data), not the cases.
    """

    modules: dict[str, str]
    data: dict[str, Any]
    golden: dict[str, str]
    revision: str


def read_sources(folder: Path) -> PolicySources:
    """Read a policy folder, or raise ``PoliciesInvalid`` with everything that is wrong with it.

    What is replaced meanwhile (mounts swap links) is read again: nobody wrote half of each.
    """
    if not folder.is_dir():
        raise PoliciesInvalid((PolicyProblem(os.path.realpath(folder), "there is no such folder"),))
    for _ in range(_MAX_READS):
        before = stamps_of(folder)
        texts, problems = _read_texts(folder)
        if stamps_of(folder) == before:
            break
    else:
        problems = [PolicyProblem(os.path.realpath(folder), "it changes faster than it can be read")]
    if problems:
        raise PoliciesInvalid(tuple(problems))
    return build_sources(texts)


def _read_texts(folder: Path) -> tuple[dict[str, str], list[PolicyProblem]]:
    texts: dict[str, str] = {}
    problems: list[PolicyProblem] = []
    try:
        for name, path in policy_files(folder):
            if not _is_ours(name):
                continue
            try:
                texts[name] = _read_text(path)
            except (OSError, ValueError) as error:
                problems.append(PolicyProblem(name, f"cannot be read: {error}"))
    except OSError as error:
        problems.append(PolicyProblem(os.path.realpath(folder), f"cannot be looked into: {error}"))
    return texts, problems


def build_sources(texts: Mapping[str, str]) -> PolicySources:
    """The same from texts by relative path (a stored copy, a test)."""
    problems: list[PolicyProblem] = []
    modules = {name: text for name, text in texts.items() if name.endswith(".rego")}
    golden = {name: text for name, text in texts.items() if _is_golden(name)}
    rest = [name for name in texts if name not in modules and name not in golden]
    if not modules:
        problems.append(PolicyProblem(".", "there is no .rego file in this folder"))
    problems += [
        PolicyProblem(name, "OPA would read this file as data and the gateway would not: move it into data.json")
        for name in rest
        if name not in _DATA_FILES
    ]
    data_files = [name for name in rest if name in _DATA_FILES]
    if len(data_files) > 1:
        problems.append(PolicyProblem(data_files[1], f"there is {data_files[0]} too: keep one of them"))
    data: dict[str, Any] = {}
    for name in data_files[:1]:
        parsed = _parse_data(name, texts[name])
        if isinstance(parsed, PolicyProblem):
            problems.append(parsed)
        else:
            data = parsed
    if problems:
        raise PoliciesInvalid(tuple(problems))
    return PolicySources(modules, data, golden, _revision(modules, data))


def source_texts(sources: PolicySources) -> dict[str, str]:
    """The inverse of ``build_sources``, up to the layout of the data file."""
    return {**sources.modules, **sources.golden, "data.json": json.dumps(sources.data, indent=2)}


def _is_ours(name: str) -> bool:
    return (name.endswith(".rego") and not name.endswith("_test.rego")) or PurePosixPath(name).suffix in _DATA_SUFFIXES


def _is_golden(name: str) -> bool:
    return name.startswith(f"{_GOLDEN}/") and name.endswith(".json")


def _read_text(path: Path) -> str:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is no file")
    if found.st_size > MAX_FILE_BYTES:
        raise ValueError(f"it is larger than {MAX_FILE_BYTES} bytes")
    return path.read_text(encoding="utf-8")


def _parse_data(name: str, text: str) -> dict[str, Any] | PolicyProblem:
    try:
        data = _parse_json(text) if name.endswith(".json") else _parse_yaml(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return PolicyProblem(name, f"is not YAML: {error.problem}", line)
    except json.JSONDecodeError as error:
        return PolicyProblem(name, f"is not JSON: {error.msg}", error.lineno)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        return PolicyProblem(name, f"cannot be used: {error}")
    if not isinstance(data, dict):
        return PolicyProblem(name, "must hold an object at its top")
    try:
        problem = exactness_problem(data, "data")
    except RecursionError:
        problem = "it is nested too deeply"
    return PolicyProblem(name, problem) if problem else data


def _parse_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique_keys)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(k for k in keys if keys.count(k) > 1)!r} stands twice in one object")
    return found


class _PlainLoader(yaml.SafeLoader):
    """YAML in which only true and false are booleans, only digits are numbers, and no key stands twice.

    YAML 1.1 reads a bare ``no`` as a boolean and ``10:30`` as 630; YAML 1.2 (OPA from 1.21 on) reads both as
    text: refusing them is the only reading that all agree with. Aliases are refused because a few lines of them
    unfold into more than memory holds.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) may not be used", mark)
        return super().compose_node(parent, index)


def _boolean(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> bool:
    if node.value.lower() not in ("true", "false"):
        raise yaml.constructor.ConstructorError(
            None, None, f"write {node.value!r} in quotes, or as true or false", node.start_mark
        )
    return bool(node.value.lower() == "true")


def _whole_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    if not re.fullmatch(r"-?(0|[1-9][0-9]*)", node.value):
        raise yaml.constructor.ConstructorError(
            None, None, f"write {node.value!r} in quotes, or as plain digits", node.start_mark
        )
    return int(node.value)


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str) or key in found:
            why = "stands twice" if isinstance(key, str) else "must be text: write it in quotes"
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} {why}", key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_PlainLoader.add_constructor("tag:yaml.org,2002:bool", _boolean)
_PlainLoader.add_constructor("tag:yaml.org,2002:int", _whole_number)
_PlainLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _parse_yaml(text: str) -> Any:
    return yaml.load(text, _PlainLoader)


def _revision(modules: Mapping[str, str], data: Mapping[str, Any]) -> str:
    digest = hashlib.sha256()
    for name in sorted(modules):
        digest.update(f"{name}\0{len(modules[name].encode())}\0{modules[name]}\0".encode())
    digest.update(json.dumps(data, sort_keys=True).encode())
    return digest.hexdigest()[:16]
