"""The machinery that reads a tree of nodes against a description of what may stand where.

A description is made of ``Kind`` (one word), ``Fields`` (a mapping with known keys), ``Names`` (a mapping whose
keys are names), ``Many`` (a list), ``Either`` (a mapping or a list) and ``WordOrNames`` (one word, or a mapping of
names). Reading gives plain dicts and lists that hold only what was given and fits; everything else is a problem.
Defaults are not here but in ``gateway.domain``.

A key with nothing after it is an error: half a line must never switch a limit off.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.adapters.config.kinds import Kind, Unfit
from gateway.adapters.config.problems import Path, Place, Problems, path_text, shown
from gateway.adapters.config.yaml_text import Listing, Node, Scalar, Table


class Fields(msgspec.Struct, frozen=True):
    """A mapping with known keys. ``moved`` gives a hint for keys that people look for here in vain.

    ``struct`` is the type of ``gateway.domain`` that holds the defaults, ``attrs`` the attribute of a key where
    its name differs; both serve the documentation.
    """

    keys: Mapping[str, "Rule"]
    required: tuple[str, ...] = ()
    moved: Mapping[str, str] = {}
    struct: type[msgspec.Struct] | None = None
    attrs: Mapping[str, str] = {}


class Names(msgspec.Struct, frozen=True):
    """A mapping from names to ``item``. ``label`` stands for the name in the documentation; ``is_free`` marks
    names that mean nothing to us, among which a secret may therefore hide."""

    name: Kind
    item: "Rule"
    label: str
    is_free: bool = False


class Many(msgspec.Struct, frozen=True):
    """A list. A bare word is read as ``{shorthand: word}`` where that is given."""

    item: "Rule"
    shorthand: str = ""


class Either(msgspec.Struct, frozen=True):
    mapping: Fields
    listing: Many


class WordOrNames(msgspec.Struct, frozen=True):
    """One word for all, or a word for each name."""

    word: Kind
    names: Names


Rule = Kind | Fields | Names | Many | Either | WordOrNames

MISSING: Any = object()

_SECRET = re.compile(
    r"pass(word|wd|phrase)|secret|token|credential|(api|private|access|auth)[_-]?key|^(key|auth|dsn|pwd|login)$",
    re.IGNORECASE,
)
_SECRET_HINT = "put it in the environment or in `.env`, under the names in docs/configuration.md"


def is_secret_name(key: str) -> bool:
    """Whether a key sounds like it holds a secret."""
    return _SECRET.search(key) is not None


class Reader:
    """Reads one file. ``marks`` remembers the line and column of every value, for rules that look at several."""

    def __init__(self, file: str, problems: Problems, known_elsewhere: Mapping[str, str]) -> None:
        self._file = file
        self._problems = problems
        self._known_elsewhere = known_elsewhere
        self.marks: dict[Path, tuple[int, int]] = {}

    def read(self, rule: Rule, node: Node, path: Path = ()) -> Any:
        """What ``node`` says, as far as it fits ``rule``; ``MISSING`` when nothing of it does."""
        self.marks[path] = (node.line, node.column)
        if isinstance(rule, WordOrNames):
            rule = rule.names if isinstance(node, Table) else rule.word
        if isinstance(rule, Kind):
            return self._read_word(rule, node, path)
        if isinstance(node, Scalar) and node.is_null:
            empty = {Many: "[]", Either: "[]"}.get(type(rule), "{}")
            hint = f"remove the line, or write {empty} for none"
            self._problems.add(self._place(node, path), "has nothing after it", hint=hint)
            return MISSING
        if isinstance(rule, Either):
            rule = rule.listing if isinstance(node, Listing) else rule.mapping
        if isinstance(rule, Many):
            return self._read_many(rule, node, path)
        if not isinstance(node, Table):
            return self._wrong(node, path, "must be a mapping (`key: value` lines)")
        return self._read_names(rule, node, path) if isinstance(rule, Names) else self._read_fields(rule, node, path)

    def _place(self, node: Scalar | Listing | Table, path: Path) -> Place:
        return Place(self._file, node.line, node.column, path_text(path))

    def _wrong(self, node: Node, path: Path, rule: str) -> Any:
        was = "a list" if isinstance(node, Listing) else "a mapping" if isinstance(node, Table) else "one word"
        self._problems.add(self._place(node, path), rule, was)
        return MISSING

    def _read_word(self, kind: Kind, node: Node, path: Path) -> Any:
        if not isinstance(node, Scalar):
            return self._wrong(node, path, f"must be one value ({kind.name})")
        if node.is_null:
            hint = "remove the line to leave it out; quote a word that YAML reads as nothing"
            self._problems.add(self._place(node, path), f"has no value; it takes: {kind.name}", hint=hint)
            return MISSING
        return self._fit(kind, node, path)

    def _fit(self, kind: Kind, word: Scalar, path: Path) -> Any:
        try:
            return kind.read(word.text)
        except Unfit as unfit:
            value = "" if kind.is_private else shown(word.text) or '""'
            hint = unfit.hint or self._problems.did_you_mean(word.text, unfit.known)
            self._problems.add(self._place(word, path), unfit.rule, value, hint)
            return MISSING

    def _read_many(self, rule: Many, node: Node, path: Path) -> Any:
        if not isinstance(node, Listing):
            return self._wrong(node, path, "must be a list (`- item` lines)")
        values = []
        for index, item in enumerate(node.items):
            at = (*path, index)
            if rule.shorthand and isinstance(item, Scalar) and not item.is_null:
                key = Scalar(rule.shorthand, False, item.line, item.column)
                item = Table({rule.shorthand: (key, item)}, item.line, item.column)
            value = self.read(rule.item, item, at)
            if value is MISSING and not isinstance(rule.item, Kind):
                value = {}  # keeps the positions of the items after it
            if value is not MISSING:
                values.append(value)
        return values

    def _read_names(self, rule: Names, node: Table, path: Path) -> Any:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for text, (key, child) in node.entries.items():
            if rule.is_free and is_secret_name(text):
                self._secret(key, (*path, text))
                continue
            name = self._fit(rule.name, key, (*path, text))
            if name is MISSING:
                continue
            at = (*path, name)
            if name in values:
                rule_text = f"is given twice, first in line {lines[name]}"
                self._problems.add(self._place(key, at), rule_text, hint="upper and lower case are the same here")
                continue
            value = self.read(rule.item, child, at)
            self.marks[at] = (key.line, key.column)
            lines[name] = key.line
            if value is MISSING and not isinstance(rule.item, Kind):
                value = {}  # the name was given, with nothing usable below it
            if value is not MISSING:
                values[name] = value
        return values

    def _read_fields(self, rule: Fields, node: Table, path: Path) -> Any:
        values: dict[str, Any] = {}
        for text, (key, child) in node.entries.items():
            field = rule.keys.get(text)
            if field is None:
                self._unknown(rule, key, path)
                continue
            value = self.read(field, child, (*path, text))
            if value is not MISSING:
                values[text] = value
        for name in rule.required:
            if name not in node.entries:
                self._problems.add(self._place(node, (*path, name)), "is missing")
        return values

    def _secret(self, key: Scalar, path: Path) -> None:
        rule = "looks like a secret, and secrets are never read from YAML"
        self._problems.add(self._place(key, path), rule, hint=_SECRET_HINT)

    def _unknown(self, rule: Fields, key: Scalar, path: Path) -> None:
        place = self._place(key, (*path, key.text))
        if key.text in rule.moved:
            self._problems.add(place, "is not a known key here", hint=rule.moved[key.text])
        elif is_secret_name(key.text):
            self._secret(key, (*path, key.text))
        else:
            elsewhere = self._known_elsewhere.get(key.text)
            hint = self._problems.did_you_mean(key.text, rule.keys)
            if elsewhere not in (None, self._file) and "did you mean" not in hint:
                hint = f"`{key.text}` belongs in {elsewhere}"
            self._problems.add(place, "is not a known key", hint=hint)
