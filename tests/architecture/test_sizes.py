"""Nothing grows past what one can read in one sitting, and no number depends on the process that computed it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "gateway").rglob("*.py"))
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 49
MAX_PORT_METHODS = 6


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function with its lines. What documents a field (``#:``) is not counted: it is read like a table, line by
    line, and a limit on it would only be kept by saying less of the fields."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own = lines[node.lineno - 1 : node.end_lineno]
            yield node.name, sum(not line.lstrip().startswith("#:") for line in own)


def test_files_stay_small() -> None:
    """Without this, a file would become the place where everything goes."""
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: length for name, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_functions_stay_small() -> None:
    """Without this, a decision would be spread over more lines than fit on a screen."""
    found = {f"{name_of(path)} {name}": length for path in SOURCES for name, length in functions(path)}
    assert {key: length for key, length in found.items() if length > MAX_FUNCTION_LINES} == {}


def test_ports_stay_narrow() -> None:
    """Without this, a port would grow until only one adapter in the world fits it."""
    for path in sorted((ROOT / "gateway/ports").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Protocol" for base in node.bases):
                methods = [part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
                assert len(methods) <= MAX_PORT_METHODS, f"{node.name} in {name_of(path)}: {methods}"


#: What they hash lives and ends with the process: nothing of it is written, sent or drawn.
MAY_CALL_HASH = {"gateway/adapters/journal/bloom.py"}


@pytest.mark.parametrize("path", [path for path in SOURCES if name_of(path) not in MAY_CALL_HASH], ids=name_of)
def test_nobody_calls_hash(path: Path) -> None:
    """Without this, a draw or a name could differ between two processes: ``hash()`` of a text is salted in each."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if "hash" in text else ():
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        assert not (is_call and node.func.id == "hash"), f"{name_of(path)}:{node.lineno} use hashlib.blake2b"
