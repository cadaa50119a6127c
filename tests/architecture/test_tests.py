"""Each test says what would break without it: who wants to change or delete one must know what it guards."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
_HEAD = re.compile(r"^ *(?:async )?def (test_\w+)\(", re.MULTILINE)


def undocumented(text: str) -> list[str]:
    """The tests whose first line is no docstring."""
    found = []
    for head in _HEAD.finditer(text):
        body = text.index(":\n", head.end()) + 2
        if not text[body : body + 40].lstrip().startswith('"""'):
            found.append(head[1])
    return found


def test_every_test_has_a_docstring() -> None:
    """Without this, a test that fails after a change would be mended to pass, because nobody knows what it is for."""
    found = {path.name: undocumented(path.read_text(encoding="utf-8")) for path in sorted(TESTS.rglob("test_*.py"))}
    assert {name: tests for name, tests in found.items() if tests} == {}
