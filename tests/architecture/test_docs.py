"""The documents say what the code says: codes, states, files, tests, commands and links."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.adapters.config.tables import FILES
from gateway.app.cli import build_parser
from gateway.core.lifecycle import BY_QTY, ORD_STATUS_TRANSITIONS
from gateway.domain.enums import ExecType, OrdStatus
from gateway.domain.reasons import RejectCode, RouteReason

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "changes").glob("*.md"))]
#: These are checked for the files that they name; the others are checked by tests of their own.
OWN = [README, *(ROOT / "docs" / f"{name}.md" for name in ("architecture", "lifecycle", "reasons", "operations"))]
TOP = ("gateway", "policies", "config", "tests", "infrastructure", "docs", "changes")

_first_cell = re.compile(r"^\| `([A-Z_]+)` \|(.*)\|(.*)\|$", re.MULTILINE)
_code = re.compile(r"`([^`\n]+)`")
_link = re.compile(r"\]\(([^)\s]+)\)")
_test = re.compile(r"(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_reason_is_documented_and_nothing_else() -> None:
    """Without this, someone would be refused with a code that no document knows."""
    refusals, routes = text_of(ROOT / "docs/reasons.md").split("## Why an order went where it went")
    for text, words in ((refusals, RejectCode), (routes, RouteReason)):
        rows = _first_cell.findall(text)
        codes = [code for code, _, _ in rows]
        assert sorted(codes) == sorted(word.value for word in words)
        assert all(meaning.strip() and advice.strip() for _, meaning, advice in rows)


def transitions_diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> pending_new"]
    for status, row in ORD_STATUS_TRANSITIONS.items():
        for exec_type, target in row.items():
            if target is status:
                lines.append(f"    {status.value} --> {status.value}: {exec_type.value} (late)")
            elif target is not BY_QTY:
                lines.append(f"    {status.value} --> {target.value}: {exec_type.value}")
            elif exec_type is ExecType.TRADE:
                if status is not OrdStatus.PARTIALLY_FILLED:
                    lines.append(f"    {status.value} --> partially_filled: trade, part")
                lines.append(f"    {status.value} --> filled: trade, rest")
    return "\n".join(lines)


def test_the_state_diagram_is_that_of_the_table() -> None:
    """Without this, the picture would show transitions that the gateway does not make."""
    text = text_of(ROOT / "docs/lifecycle.md")
    assert f"```mermaid\n{transitions_diagram()}\n```" in text
    assert re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE) == [status.value for status in OrdStatus]


def test_every_invariant_names_a_test_that_guards_it() -> None:
    """Without this, an invariant would be a wish."""
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", text_of(ROOT / "docs/architecture.md"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 14))
    for number, row in rows:
        assert _test.findall(row), f"invariant {number}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_tests_that_are_named_exist(path: Path) -> None:
    """Without this, a document would point at a guard that is gone."""
    for file, name in _test.findall(text_of(path)):
        assert re.search(rf"^(async )?def {name}\(", text_of(ROOT / file), re.MULTILINE), f"{file}::{name}"


@pytest.mark.parametrize("path", OWN, ids=name_of)
def test_files_that_are_named_exist(path: Path) -> None:
    """Without this, 'add a line there' would send the reader to a file that was renamed."""
    for word in _code.findall(text_of(path)):
        if word.partition("/")[0] in TOP and "/" in word and not re.search(r"[ <>*{}A-Z]|NAME", word):
            assert (ROOT / word.partition("::")[0]).exists(), f"{name_of(path)} names {word}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    """Without this, the documents would lose each other."""
    for target in _link.findall(text_of(path)):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        other = path if not file else (path.parent / file).resolve()
        assert other.exists(), f"{name_of(path)} links to {target}"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", text_of(other), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, target


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_targets_of_make_exist(path: Path) -> None:
    """Without this, the first command that a reader copies could be unknown."""
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^|&& )make ([a-z-]+)", text_of(path), re.MULTILINE))
    assert named <= targets


def test_commands_of_the_gateway_are_the_documented_ones() -> None:
    """Without this, a command could be added that nobody can find, or be named that is gone."""
    shown = subprocess.run([sys.executable, "-m", "gateway", "--help"], capture_output=True, text=True, check=True)
    commands = set(re.findall(r"^    ([a-z-]+)", shown.stdout, re.MULTILINE))
    named = {word for path in OWN for word in re.findall(r"\bgateway ([a-z-]+)(?: |`|$)", text_of(path), re.MULTILINE)}
    assert commands <= named, "in no document"


def test_commands_in_the_documents_can_be_typed() -> None:
    """Without this, a line that a person copies at night could be refused for a word that is gone."""
    blocks = [block for path in DOCUMENTS for block in re.findall(r"^```sh$(.+?)^```$", text_of(path), re.M | re.S)]
    lines = [line for block in blocks for line in re.findall(r"^gateway .+$", block, re.MULTILINE)]
    assert len(lines) > 20
    for line in lines:
        words = shlex.split(re.split(r" [<|]", line)[0], comments=True)[1:]
        if words[0] != "demo":  # a client with a parser of its own
            build_parser().parse_args(words)


def test_every_configuration_file_is_in_the_readme() -> None:
    """Without this, a file that changes what the gateway does would be unknown to its reader."""
    for name in FILES:
        assert re.search(rf"^\| `{name}` \|", text_of(README), re.MULTILINE), name
