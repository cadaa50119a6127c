"""Standard output as commands find it: a pipe without a reader, a full disk, a terminal without some letters,
nothing."""

import argparse
import io
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO, cast

#: What a shell reports of a program whose reader went away: 128 and SIGPIPE.
CUT_SHORT = 141
INTERRUPTED = 130


class OutputLost(Exception):
    """Standard output took it no more; the cause is the OSError. No OSError itself: what else a command was about is
    not to blame for it."""


class _Output:
    """Standard output, which tells its own failures from all others."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        try:
            return self._out.write(text)
        except OSError as error:
            raise OutputLost from error

    def flush(self) -> None:
        try:
            self._out.flush()
        except OSError as error:
            raise OutputLost from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


class Parser(argparse.ArgumentParser):
    """argparse takes a help text that reached nobody for a success."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if message and file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)


def run_on_console(command: Callable[[], int]) -> int:
    """The exit status of ``command``. One whose words reached nobody has not succeeded, whatever it came to."""
    before = sys.stdout
    nowhere = _make_ready()
    try:
        try:
            return command()
        finally:
            sys.stdout.flush()  # here, where it can still be told: at exit it is a traceback
    except KeyboardInterrupt:
        return INTERRUPTED
    except OutputLost as lost:
        # What is left in the buffer goes nowhere, instead of failing again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(lost.__cause__, BrokenPipeError):
            return CUT_SHORT
        print(f"standard output cannot be written: {lost.__cause__}; what is there is not whole", file=sys.stderr)
        return 1
    finally:
        sys.stdout = before
        if nowhere is not None:
            nowhere.close()


def _make_ready() -> TextIO | None:
    """What was opened to stand for a standard output that there is not."""
    if sys.stderr is None:  # else what goes wrong is printed among the answers
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    nowhere = open(os.devnull, "w", encoding="utf-8") if sys.stdout is None else None
    out = nowhere or sys.stdout
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="replace")
    sys.stdout = cast("TextIO", _Output(out))
    return nowhere
