"""YAML text to a tree of nodes that remember their line: mappings, lists and words, nothing else.

House rules. No value gets a meaning here: every scalar stays the text that was written, so ``NO`` stays a symbol,
``0.1`` stays exact and ``010`` is nobody's octal; the schema says what a text means. Anchors may stand, but
aliases, tags, duplicate keys and second documents are refused. The text is read as a stream of events into an
explicit stack, so no nesting exhausts Python's, and every size is bounded before it can cost time.
"""

import re
from collections.abc import Iterator

import msgspec
import yaml

from gateway.adapters.config.problems import Place, Problems, shown

MAX_BYTES = 1_048_576
MAX_NODES = 250_000
MAX_DEPTH = 24

#: The C parser is some twenty times faster; the Python one is there where PyYAML was built without it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Scalar(msgspec.Struct, frozen=True, gc=False):
    """A word as written. ``is_null`` marks a plain ``null``, ``~`` or nothing at all."""

    text: str
    is_null: bool
    line: int
    column: int


class Listing(msgspec.Struct, frozen=True):
    items: list["Node"]
    line: int
    column: int


class Table(msgspec.Struct, frozen=True):
    """``entries`` maps each key's text to the key (for its place) and its value."""

    entries: dict[str, tuple[Scalar, "Node"]]
    line: int
    column: int


Node = Scalar | Listing | Table


class _Unreadable(Exception):
    """The rest of the file cannot be read; why has been reported."""


def compose(file: str, data: bytes, problems: Problems) -> Table | None:
    """Read one file. None when it cannot be used, with the reasons in ``problems``.

    A file with nothing but comments is an empty mapping; one without a single character is refused, because
    that is what a file looks like while an editor is writing it.
    """
    text = _decode(file, data, problems)
    if text is None:
        return None
    try:
        root = _Composer(file, problems).compose(text)
    except _Unreadable:
        return None
    except yaml.MarkedYAMLError as error:
        _report_syntax(file, text, error, problems)
        return None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problems.add(Place(file), f"is not readable YAML: {shown(str(error))}")
        return None
    if isinstance(root, Scalar) and root.is_null:
        return Table({}, 1, 1)
    if not isinstance(root, Table):
        problems.add(Place(file, root.line, root.column), "must hold `key: value` lines at its top level")
        return None
    return root


def _decode(file: str, data: bytes, problems: Problems) -> str | None:
    if len(data) > MAX_BYTES:
        problems.add(Place(file), f"must be at most {MAX_BYTES} bytes", hint="no more of it was read")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        problems.add(Place(file, line, column), "must be UTF-8 text", hint="save the file as UTF-8")
        return None
    if not text.strip():
        problems.add(Place(file, 1, 1), "is empty", hint="half written? To use the defaults, leave a comment in it")
        return None
    if (found := _CONTROL.search(text)) is not None:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        problems.add(Place(file, line, column), "must not hold control characters", shown(found.group()))
        return None
    return text


def _report_syntax(file: str, text: str, error: yaml.MarkedYAMLError, problems: Problems) -> None:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
    what = " ".join(str(part) for part in (error.context, error.problem) if part)
    lines = text.split("\n")
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    is_tab = "\t" in written[: column + 1]
    hint = "indent with spaces, not tabs" if is_tab else "check indentation, quotes and brackets near here"
    problems.add(Place(file, line, column), f"is not readable YAML: {shown(what, 160)}", hint=hint)


class _Frame:
    """A collection whose end has not come yet, and in a mapping the key that waits for its value."""

    def __init__(self, node: Listing | Table) -> None:
        self.node = node
        self.key: Scalar | None = None


class _Composer:
    def __init__(self, file: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._stack: list[_Frame] = []
        self._root: Node = Scalar("", True, 1, 1)
        self._nodes = 0
        self._documents = 0

    def compose(self, text: str) -> Node:
        for event in _events(text):
            mark = event.start_mark
            line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
            if isinstance(event, yaml.NodeEvent):
                self._node(event, line, column)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._stack.pop()
            elif isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    self._stop(line, column, "must hold one document", "remove the `---` line")
        return self._root

    def _stop(self, line: int, column: int, rule: str, hint: str = "") -> None:
        self._problems.add(Place(self._file, line, column), rule, hint=hint)
        raise _Unreadable

    def _node(self, event: yaml.NodeEvent, line: int, column: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(line, column, f"must hold at most {MAX_NODES} values")
        if isinstance(event, yaml.AliasEvent):
            self._stop(line, column, f"must not use an alias (*{shown(event.anchor or '')})", "write the value out")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._stop(line, column, f"must not use a tag ({shown(tag)})", "remove it; quote what must stay text")
        if isinstance(event, yaml.ScalarEvent):
            is_null = not event.style and event.value in _NULLS  # the C parser's plain style is "", not None
            self._scalar(Scalar(event.value, is_null, line, column))
            return
        is_list = isinstance(event, yaml.SequenceStartEvent)
        node = Listing([], line, column) if is_list else Table({}, line, column)
        if self._waits_for_key():
            self._stop(line, column, "must have a plain word as key", "quote it if it begins with [ or {")
        self._attach(node)
        if len(self._stack) >= MAX_DEPTH:
            self._stop(line, column, f"must not be nested deeper than {MAX_DEPTH} levels")
        self._stack.append(_Frame(node))

    def _waits_for_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].node, Table) and self._stack[-1].key is None

    def _scalar(self, scalar: Scalar) -> None:
        if not self._waits_for_key():
            self._attach(scalar)
            return
        frame = self._stack[-1]
        assert isinstance(frame.node, Table)
        first = frame.node.entries.get(scalar.text)
        if first is not None:
            place = Place(self._file, scalar.line, scalar.column, shown(scalar.text))
            self._problems.add(place, f"is given twice, first in line {first[0].line}", hint="keep one of them")
        frame.key = scalar

    def _attach(self, node: Node) -> None:
        if not self._stack:
            self._root = node
            return
        frame = self._stack[-1]
        if isinstance(frame.node, Listing):
            frame.node.items.append(node)
        elif frame.key is not None:
            frame.node.entries.setdefault(frame.key.text, (frame.key, node))
            frame.key = None


def _events(text: str) -> Iterator[yaml.Event]:
    loader = LOADER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()
