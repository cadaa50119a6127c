"""YAML text to nodes: lines kept, traps refused, hostile text bounded. Each with the C and the Python parser."""

import time

import pytest
import yaml

from gateway.adapters.config import yaml_text
from gateway.adapters.config.problems import Problems
from gateway.adapters.config.yaml_text import MAX_BYTES, MAX_DEPTH, Listing, Scalar, Table, compose


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both of PyYAML's parsers: which one runs depends on how it was built."""
    monkeypatch.setattr(yaml_text, "LOADER", getattr(yaml, request.param))
    return str(request.param)


def read(text: str | bytes) -> tuple[Table | None, list[str]]:
    problems = Problems()
    data = text if isinstance(text, bytes) else text.encode()
    return compose("f.yaml", data, problems), [str(problem) for problem in problems.all()]


def test_words_stay_text_and_remember_where_they_stood() -> None:
    """Without it ``NO`` would become False, ``0.1`` a float, ``010`` eight and problems would name no line."""
    root, problems = read("a: NO\nb: [0.1, 010, 1:30]\nc:\n  d: 2024-01-01\n")
    assert problems == []
    assert isinstance(root, Table)
    key, value = root.entries["a"]
    assert (key.line, key.column) == (1, 1)
    assert value == Scalar("NO", False, 1, 4)
    items = root.entries["b"][1]
    assert isinstance(items, Listing)
    assert [item.text for item in items.items if isinstance(item, Scalar)] == ["0.1", "010", "1:30"]
    below = root.entries["c"][1]
    assert isinstance(below, Table)
    assert below.entries["d"][1] == Scalar("2024-01-01", False, 4, 6)


@pytest.mark.parametrize(("text", "is_null"), [("a:", True), ("a: ~", True), ("a: null", True), ('a: ""', False)])
def test_nothing_is_told_from_an_empty_text(text: str, is_null: bool) -> None:
    """Without it a key without a value would be an empty text, and half a line would pass."""
    root, _ = read(text)
    assert root is not None
    value = root.entries["a"][1]
    assert isinstance(value, Scalar)
    assert value.is_null is is_null


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: a is given twice, first in line 1"),
        ("a: &x 1\nb: *x\n", "f.yaml:2:4: must not use an alias (*x) (write the value out)"),
        ("a: !!python/object:os.system 1\n", "f.yaml:1:4: must not use a tag"),
        ("a: ! 1\n", "f.yaml:1:4: must not use a tag (!)"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: must hold one document"),
        ("[1]: 2\n", "f.yaml:1:1: must have a plain word as key"),
        ("- a\n- b\n", "f.yaml:1:1: must hold `key: value` lines at its top level"),
        ("word", "f.yaml:1:1: must hold `key: value` lines at its top level"),
        ("a:\n\tb: 1\n", "indent with spaces, not tabs"),
        ("a: [1\nb: 2\n", "f.yaml:2:2: is not readable YAML"),
        ('a: "x\n', "is not readable YAML"),
        # Not "delete it": a file that was there and is gone is refused too.
        ("", "f.yaml:1:1: is empty (half written? To use the defaults, leave a comment in it)"),
        (" \n\n", "f.yaml:1:1: is empty"),
        (b"a: 1\nb: \xff\n", "f.yaml:2:4: must be UTF-8 text"),
        ("a: 1\nb: x\x00y\n", "f.yaml:2:5: must not hold control characters, was \\x00"),
        (b"a: " + b"x" * MAX_BYTES, f"f.yaml: must be at most {MAX_BYTES} bytes"),
        ("a: " + "[" * 50 + "]" * 50, f"must not be nested deeper than {MAX_DEPTH} levels"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_line(text: str | bytes, expected: str) -> None:
    """Without it a file would be misread, or refused without saying where."""
    _, problems = read(text)
    assert len(problems) == 1
    assert expected in problems[0]


def test_a_byte_order_mark_windows_line_ends_and_comments_are_fine() -> None:
    """Without it files saved by some editors, or wholly commented out, would be refused."""
    assert read(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")[1] == []
    root, problems = read("# only a comment\n")
    assert problems == []
    assert root == Table({}, 1, 1)


_MB = MAX_BYTES - 16
_HOSTILE = {
    "brackets": b"[" * _MB,
    "braces": b"{" * _MB,
    "nested items": b"- " * (_MB // 2),
    "nested questions": b"? " * (_MB // 2),
    "nested blocks": b"".join(b" " * i + b"a:\n" for i in range(1_400)),
    "anchors": b"&a " * (_MB // 3),
    "aliases": b"*a\n" * (_MB // 3),
    "quotes": b'"' * _MB,
    "colons": b": " * (_MB // 2),
    "long key": b"? " + b"k" * 900_000 + b"\n: 1\n",
    "documents": b"---\n" * (_MB // 4),
    "bomb": b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n",
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_hostile_text_is_refused_quickly(name: str) -> None:
    """Without it a megabyte of brackets, or an alias bomb, would hang the gateway or exhaust its stack."""
    began = time.process_time()  # of this process: other work on the machine is not the reader's fault
    read(_HOSTILE[name])
    assert time.process_time() - began < 5


def test_a_file_of_many_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a file within the size limit could still hold half a million values."""
    monkeypatch.setattr(yaml_text, "MAX_NODES", 1_000)
    _, problems = read(b"[" + b"a," * 4_000 + b"]")
    assert problems == ["f.yaml:1:2000: must hold at most 1000 values"]
