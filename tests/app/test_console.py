"""The command line where output goes astray, and where what was given is none."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from gateway.app.cli import main
from gateway.app.console import CUT_SHORT, run_on_console
from gateway.app.people.client import Refused, address_of, headers_of
from gateway.app.people.terminal import Terminal
from gateway.app.whatif import CandidateRefused, since_of

_LINES = "import sys; from gateway.app.console import run_on_console; sys.exit(run_on_console(lambda: print({}) or 0))"
_ROOT = Path(__file__).parents[2]


async def _piped_to_nobody(words: str, **environ: str) -> tuple[int | None, str]:
    """Status and stderr of a program whose reader has gone before it speaks."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _LINES.format(words)),
            stdout=writing,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(_ROOT), **environ},
        )
    finally:
        os.close(writing)
    _, said = await program.communicate()
    return program.returncode, said.decode()


@pytest.mark.parametrize("unbuffered", ["", "1"])
async def test_a_reader_that_goes_away_ends_a_command_quietly_and_not_well(unbuffered: str) -> None:
    """Without this, `gateway check-order FILE | head -1` and `gateway flatten | grep -q halted` succeed in a container,
    where output is not buffered, whatever came of them; elsewhere they end in a traceback."""
    assert await _piped_to_nobody("'denied'", PYTHONUNBUFFERED=unbuffered) == (CUT_SHORT, "")


async def test_help_that_nobody_reads_is_quiet_too() -> None:
    """Without this, `gateway --help | head -1` ends in a traceback."""
    said = await _piped_to_nobody("'help') or sys.exit(0")
    assert said == (CUT_SHORT, "")


def test_a_terminal_that_lacks_a_letter_shows_the_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without this, `gateway status` is a traceback wherever the locale is not UTF-8, in the hour when it is needed."""
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert run_on_console(lambda: print("weight – 5") or 0) == 0  # type: ignore[func-returns-value]
    assert (tmp_path / "out").read_text() == "weight ? 5\n"


def test_without_a_standard_output_a_command_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a schedule that closes standard output (`>&-`) gets a traceback instead of an exit status."""
    monkeypatch.setattr(sys, "stdout", None)
    assert run_on_console(lambda: int(Terminal.of({}).is_watched)) == 0


def test_a_name_that_no_key_may_have_is_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, `gateway make-key "John Doe"` is a traceback."""
    assert main(["make-key", "John Doe"]) == 2
    assert capsys.readouterr().err.startswith("'John Doe' must be a name of letters, digits")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["--help", "--version", "make-key desk", "check-config config"])
async def test_a_full_disk_ends_a_command_in_one_line(command: str, unbuffered: str) -> None:
    """Without this, `gateway check-order FILE > verdict.json` ends in a traceback, and help that was not written in a
    success."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", *command.split()),
            stdout=full,
            stderr=asyncio.subprocess.PIPE,
            cwd=_ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    finally:
        os.close(full)
    _, said = await program.communicate()
    assert program.returncode == 1
    assert [line.partition(":")[0] for line in said.decode().splitlines()] == ["standard output cannot be written"]


def test_trouble_with_another_file_is_not_laid_on_the_output() -> None:
    """Without this, a broken pipe to a venue or a worker passes for a reader who went away: silent, with status 141."""

    def fails() -> int:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run_on_console(fails)


@pytest.mark.parametrize(
    ("command", "allowed"),
    [
        ("events --after ²", "a whole number from 0 on"),
        ("events --records 99999999999999999999", "a whole number from 0 on"),
        (f"events --after {'9' * 5000}", "a whole number from 0 on"),
        ("orders --limit 0", "a whole number from 1 to 500"),
        ("orders --limit 501", "a whole number from 1 to 500"),
        ("rollout record ibkr --since-ns=-1", "a whole number from 0 on"),
        ("serve --port 65536", "a whole number from 0 (any free port) to 65535"),
        ("flatten --wait nan", "a number from 0 to 86400 seconds"),
        ("flatten --wait inf", "a number from 0 to 86400 seconds"),
        ("flatten --wait=-1", "a number from 0 to 86400 seconds"),
        ("flatten --limit-bps nan", "a number from 0.01 to 9999 basis points"),
        ("flatten --limit-bps 0", "a number from 0.01 to 9999 basis points"),
        ("flatten --limit-bps 10000", "a number from 0.01 to 9999 basis points"),
        ("demo --speed nan", "a number from 0.01 to 1000"),
        ("demo --seconds abc", "a number from 0.1 to 86400"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_with_what_is_allowed(
    command: str, allowed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, `flatten --wait nan` halts trading and then waits for ever, and others are tracebacks, or named
    after a function of ours."""
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {command.split('=')[0].split()[-1 if '=' in command else -2]}: must be {allowed}, was" in said


@pytest.mark.parametrize(("since", "expected_ns"), [("999999w", 0), ("0001-01-01", 0), ("1970-01-02", 86_400 * 10**9)])
def test_before_the_first_record_is_from_the_beginning(since: str, expected_ns: int) -> None:
    """Without this, `whatif --since 0001-01-01` is a traceback of the database."""
    assert since_of(since, 10**18) == expected_ns


def test_what_lies_ahead_is_not_decided_again() -> None:
    """Without this, a mistyped year judges no order and says that nothing would differ."""
    with pytest.raises(CandidateRefused, match="lies in the future"):
        since_of("2099-01-01", 10**18)


@pytest.mark.parametrize("key", ["first-half\nsecond-half", "half\x00", "schlüssel"])
def test_a_key_that_cannot_be_one_is_not_shown(key: str) -> None:
    """Without this, a key that was pasted with a line break is printed whole, into the log of whatever runs it."""
    with pytest.raises(Refused, match="GATEWAY_KEY holds a line break") as refused:
        headers_of({"GATEWAY_KEY": key})
    assert key[:4] not in str(refused.value)


@pytest.mark.parametrize("url", ["http://[", "http://127.0.0.1:port", "127.0.0.1:8000", "http://", "http://a:99999"])
def test_an_address_that_is_none_is_refused_in_words(url: str) -> None:
    """Without this, some of them are tracebacks, and others are said not to answer."""
    with pytest.raises(Refused, match="GATEWAY_URL must be an address such as"):
        address_of({"GATEWAY_URL": url})


def test_a_password_in_the_address_is_not_shown() -> None:
    """Without this, every refusal prints it."""
    with pytest.raises(Refused) as refused:
        address_of({"GATEWAY_URL": "http://desk:hunter2@127.0.0.1:8000"})
    assert "hunter2" not in str(refused.value)
