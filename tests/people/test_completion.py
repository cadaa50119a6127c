"""Completion, asked in a real shell as its Tab key does."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.app.cli import build_parser
from gateway.app.people.completion import script

BASH = shutil.which("bash")
ASK = """
source {script}
COMP_WORDS=({words}); COMP_CWORD={at}
compopt() {{ :; }}
_gateway; printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(folder: Path, typed: str) -> list[str]:
    """What bash offers for the last word of ``typed``."""
    assert BASH is not None, "these tests need bash"
    file = folder / "gateway.bash"
    file.write_text(script(build_parser(), "bash"))
    words = typed.split(" ")
    quoted = " ".join(shlex.quote(word) for word in words)
    asked = ASK.format(script=shlex.quote(str(file)), words=quoted, at=len(words) - 1)
    done = subprocess.run([BASH, "--norc", "-c", asked], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("gateway pos", ["positions"]),
        ("gateway orders --ro", ["--route"]),
        ("gateway orders --route ", ["shadow", "live", "split"]),
        ("gateway orders --route s", ["shadow", "split"]),
        ("gateway orders --route = l", ["live"]),
        ("gateway orders --symbol ", []),
        ("gateway orders --symbol alerts --wa", ["--watch"]),
        ("gateway alerts a", ["ack"]),
        ("gateway alerts ack id --re", ["--reason"]),
        ("gateway audit verify --d", ["--data"]),
        ("gateway backup --data ", []),
        ("gateway completion ", ["bash", "zsh", "fish", "-h", "--help"]),
    ],
)
def test_bash_offers_what_fits(tmp_path: Path, typed: str, offered: list[str]) -> None:
    """Without this, Tab would offer words that the command then refuses."""
    assert completed(tmp_path, typed) == offered


def test_every_command_is_offered(tmp_path: Path) -> None:
    """Without this, a command added later would be unknown to the shells."""
    offered = completed(tmp_path, "gateway ")
    assert {"serve", "orders", "order", "status", "kill", "flatten", "resume", "completion"} <= set(offered)
    parser = build_parser()
    for shell in ("bash", "zsh", "fish"):
        text = script(parser, shell)
        assert all(word in text for word in offered if not word.startswith("-"))
