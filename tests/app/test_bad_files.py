"""The command line with files that are none, or may not be read: one readable paragraph, and a status that is not 0."""

import os
import shutil
from pathlib import Path

import pytest

from gateway.app import backups, checks, demo, doctor, notify_test, whatif
from gateway.app.cli import main

#: Loaded before another user runs them, who may not look into the folder of this interpreter.
_COMMANDS = (backups, checks, demo, doctor, notify_test, whatif)
_CONFIG = Path(__file__).parents[2] / "config"


def said_of(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Status and stderr."""
    status = main(words)
    return status, capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[" * 100_000, "it is nested too deep to be an order"),
        (b"a: " + b"[" * 20_000, "it is nested too deep to be an order"),
        (b"\x93NUMPY", "is no UTF-8 text (byte 1)"),
        (b"", "there must be one order"),
    ],
)
def test_a_file_that_is_no_order_is_said_to_be_none(
    content: bytes, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, some are tracebacks, and a picture that was named by mistake is told as a codec's trouble."""
    (tmp_path / "order").write_bytes(content)
    status, said = said_of(capsys, "check-order", str(tmp_path / "order"), "--config", str(_CONFIG))
    assert (status, said.startswith("cannot be checked: "), said.count("\n")) == (1, True, 1)
    assert expected in said


@pytest.mark.parametrize("command", ["whatif --policies {0}", "restore {0} --data {0}2", "backup {0} --data {0}"])
def test_links_in_a_circle_are_refused_in_words(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, they are tracebacks."""
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    (tmp_path / "data").mkdir()
    assert said_of(capsys, *command.format("loop").split())[0] == 1


def test_a_folder_that_is_a_file_is_one_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, the one that matters stands between six that follow from it, or is told as `File exists`."""
    (tmp_path / "file").touch()
    file = str(tmp_path / "file")
    assert said_of(capsys, "check-config", file) == (1, f"{file}: is not a directory\nrefused: 1 problem(s)\n")
    status, said = said_of(capsys, "serve", "--config", str(_CONFIG), "--data", file)
    assert (status, said) == (
        2,
        f"the folders cannot be used: {file} is not a folder: --data names the one of the journal\n",
    )


def test_a_mistyped_data_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, the verdict is that on another gateway, and looks like the one that was asked for."""
    main(["check-config", str(_CONFIG), "--data", str(tmp_path / "nothere")])
    assert "there is no journal in" in capsys.readouterr().out


def test_a_file_of_variables_counts_in_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, `check-config` says yes to what the next start refuses, or reads another `paper_only` than it."""
    shutil.copytree(_CONFIG, tmp_path / "config")
    (tmp_path / "config" / ".env").write_text("IB_PORT=none\n")
    status, said = said_of(capsys, "check-config", str(tmp_path / "config"))
    assert (status, said.splitlines()[0].startswith("environment: IB_PORT")) == (1, True)


@pytest.mark.parametrize(
    "command",
    [
        "backup {0}/copy --data {0}/closed",
        "check-config {0}/closed",
        "notify test --config {0}/closed",
        "demo --seconds 1 --config {0}/closed",
        "whatif --config {0}/closed --data {0}/closed",
        "doctor --config {0}/closed --data {0}/closed",
        "audit verify --data {0}/closed",
    ],
)
def test_what_may_not_be_looked_into_is_named(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, most commands of another user are tracebacks."""
    shutil.copytree(_CONFIG, tmp_path / "closed")
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(0o755)
    (tmp_path / "closed").chmod(0)
    is_root = os.geteuid() == 0
    if is_root:  # to whom no permission applies
        os.seteuid(65534)
    try:
        status, said = said_of(capsys, *command.format(tmp_path).split())
    finally:
        if is_root:
            os.seteuid(0)
        (tmp_path / "closed").chmod(0o755)
    assert status != 0
    assert str(tmp_path / "closed") in said or "Permission denied" in said


def test_a_host_without_keys_is_refused_as_a_start_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, who checks before a restart is told `ok`, and the gateway does not start."""
    shutil.copytree(_CONFIG, tmp_path / "config")
    shutil.copytree(_CONFIG.parent / "policies", tmp_path / "policies")
    file, config = tmp_path / "config" / "gateway.yaml", str(tmp_path / "config")
    before = file.read_text()
    said = 'server:\n  host: "127.0.0.1"'
    assert said in before
    file.write_text(before.replace(said, 'server:\n  host: "0.0.0.0"'))
    checked, started = (
        said_of(capsys, "check-config", config),
        said_of(capsys, "serve", "--config", config, "--port", "0", "--data", str(tmp_path / "data")),
    )
    words = "server.host is 0.0.0.0, but no API key is configured"
    assert (checked[0], started[0]) == (1, 1)
    assert words in checked[1]
    assert words in started[1]
    keys = tmp_path / "config" / "principals.yaml"
    keys.write_text(f"principals:\n  - {{name: rita, role: risk, key_sha256: {'0' * 64}}}\n")
    assert said_of(capsys, "check-config", config)[0] == 0
